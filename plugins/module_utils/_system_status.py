# SPDX-License-Identifier: GPL-3.0-or-later
"""What a classic Swarm says of itself (`SystemStatus` of `GET /info`) as data.

Pairs of a key and a value, meant to be printed: settings, then for each node a pair of its name and address, with its
properties behind it, whose keys have a branch (docker/swarm, cluster/swarm/cluster.go). Three generations differ:
1.0 has keys with a backspace in front and neither status nor ID, 1.1 no ID and `Error: (none)`, 1.2 all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_BRANCH = "\u2514"
_UNITS: dict[str, int] = {unit: 1024**power for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB"))}
_CONTAINERS = re.compile(r"(\d+)(?: \((\d+) Running, (\d+) Paused, (\d+) Stopped\))?")
# A value may hold commas (`operatingsystem=... master : 16e4a2a - Tue Nov  3, ...`): a label starts at its key.
_BETWEEN_LABELS = re.compile(r", (?=[^\s,=]+=)")


def parse(pairs: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return {role, primary, strategy, filters, nodes}.

    role: `primary`, `replica`, or '' where the Swarm is too old to tell. primary: address of the primary as a replica
    tells it, else ''. nodes: see `_node`.
    """
    settings: dict[str, str] = {}
    nodes: list[tuple[str, str, dict[str, str]]] = []
    for key, value in pairs:
        word = key.strip(" \b" + _BRANCH)
        if _BRANCH in key:
            if nodes:
                nodes[-1][2][word] = value
        elif "Nodes" in settings:
            nodes.append((word, value, {}))
        else:
            settings[word] = value
    return {
        "role": settings.get("Role", ""),
        "primary": settings.get("Primary", ""),
        "strategy": settings.get("Strategy", ""),
        "filters": [name.strip() for name in settings.get("Filters", "").split(",") if name.strip()],
        "nodes": [_node(*node) for node in nodes],
    }


def _node(name: str, address: str, properties: dict[str, str]) -> dict[str, Any]:
    """A node; what this Swarm does not tell is '' or None. cpus: a number; memory: bytes, as exact as they are told."""
    cpus, memory = (_halves(properties.get(f"Reserved {what}", "")) for what in ("CPUs", "Memory"))
    error = properties.get("Error", "")
    return {
        "name": "" if name == "(unknown)" else name,
        "address": address,
        "id": properties.get("ID", "").partition("|")[0],  # from 1.2.7 on with the address behind it
        "status": properties.get("Status", ""),
        "containers": _containers(properties.get("Containers", "")),
        "cpus": {"reserved": _whole(cpus[0]), "total": _whole(cpus[1])},
        "memory": {"reserved": _bytes(memory[0]), "total": _bytes(memory[1])},
        "labels": _labels(properties.get("Labels", "")),
        "error": "" if error == "(none)" else error,
        "updated_at": properties.get("UpdatedAt", ""),
        "server_version": properties.get("ServerVersion", ""),
    }


def _containers(text: str) -> dict[str, int | None]:
    """`5 (3 Running, 0 Paused, 2 Stopped)`; a number alone where the node is not healthy, and before 1.2."""
    found = _CONTAINERS.match(text)
    numbers = found.groups() if found else (None,) * 4
    return {key: _whole(number or "") for key, number in zip(("total", "running", "paused", "stopped"), numbers)}


def _halves(text: str) -> tuple[str, str]:
    reserved, _, total = text.partition(" / ")
    return reserved, total


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _bytes(text: str) -> int | None:
    """`24.72 GiB`: go-units rounds to four digits."""
    number, _, unit = text.strip().partition(" ")
    try:
        return round(float(number) * _UNITS[unit])
    except (ValueError, KeyError):
        return None


def _labels(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in _BETWEEN_LABELS.split(text) if part)
    return {key: value for key, _, value in pairs}
