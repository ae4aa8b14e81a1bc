# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to the docker contexts of this machine's user: whose they are, which is in use, and where they lead."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PATIENCE = 2.0  # seconds that an engine may take to accept a connection


class LabContext(NamedTuple):
    """A context that this collection has made."""

    name: str
    lab: str


def description(lab: str) -> str:
    """What tells the contexts of `lab` from everybody else's."""
    return f"Lab {lab} of dockernet.lab"


def in_use() -> LabContext | None:
    """The context that the docker command line is using, where it leads into a lab; None where it does not.

    Reads the command line's own files (docker/cli, cli/context/store): the Docker SDK keeps no description.
    """
    if os.environ.get("DOCKER_HOST"):
        return None  # goes before any context
    directory = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        name = os.environ.get("DOCKER_CONTEXT") or str(_read(directory / "config.json")["currentContext"])
        digest = hashlib.sha256(name.encode()).hexdigest()
        metadata = _read(directory / "contexts" / "meta" / digest / "meta.json").get("Metadata") or {}
    except (OSError, ValueError, KeyError):
        return None  # no context but the default
    match = re.fullmatch(re.escape(description("LAB")).replace("LAB", "(.+)"), metadata.get("Description", ""))
    return LabContext(name, match[1]) if match else None


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def unreachable(addresses: Iterable[str]) -> set[str]:
    """Those of the addresses (`tcp://HOST:PORT`) where nobody accepts a connection from this machine.

    All are tried at once, so this takes as long as the slowest, PATIENCE seconds at most.
    """
    asked = sorted({address for address in addresses if address.startswith("tcp://")})
    if not asked:
        return set()
    with ThreadPoolExecutor(max_workers=len(asked)) as pool:
        return {address for address, accepts in zip(asked, pool.map(_accepts, asked)) if not accepts}


def _accepts(address: str) -> bool:
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), PATIENCE).close()
    except OSError:
        return False
    return True
