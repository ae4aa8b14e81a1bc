# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine of the tests' own: small, beside the machine's, with nothing of anybody's on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

docker = pytest.importorskip("docker")

SIZE = "100m"  # of its disk


@dataclass(frozen=True)
class PrivateEngine:
    """A second dockerd, whose disk is a small tmpfs.

    url: its socket. forbidden_url: a socket that only user 65534 (nobody) may use.
    """

    directory: Path
    url: str
    forbidden_url: str

    def client(self) -> Any:
        """A connected client of it."""
        return docker.APIClient(base_url=self.url, version="auto")


@contextmanager
def private_engine() -> Iterator[PrivateEngine]:
    """Run one. Skips the test where this machine cannot."""
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        pytest.skip("a private engine needs root and dockerd")
    with ExitStack() as undo:
        # Not pytest's directory: the path of a socket has 108 characters at most.
        directory = Path(tempfile.mkdtemp(prefix="engine-"))
        undo.callback(shutil.rmtree, directory, ignore_errors=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", directory], check=True)
        undo.callback(lambda: subprocess.run(["umount", "--lazy", directory], check=True))
        engine = PrivateEngine(directory, f"unix://{directory}/engine.sock", f"unix://{directory}/forbidden.sock")
        daemon = _start(engine)
        undo.callback(daemon.wait, 30)
        undo.callback(daemon.terminate)
        _await(engine, daemon)
        other = directory / "forbidden.sock"
        other.chmod(0o600)
        os.chown(other, 65534, 65534)
        yield engine


def _start(engine: PrivateEngine) -> subprocess.Popen[bytes]:
    """Start it so that it leaves the machine's firewall, bridge and engine alone."""
    options = [
        *(f"--host={url}" for url in (engine.url, engine.forbidden_url)),
        f"--data-root={engine.directory}/data",
        f"--exec-root={engine.directory}/run",
        f"--pidfile={engine.directory}/pid",
        f"--config-file={engine.directory}/daemon.json",
        "--storage-driver=vfs",
        "--bridge=none",
        "--iptables=false",
    ]
    (engine.directory / "daemon.json").write_text("{}")
    with (engine.directory / "log").open("wb") as log:
        # In a network namespace of its own: with --bridge=none dockerd removes the docker0 that it finds.
        return subprocess.Popen(
            ["unshare", "--net", "dockerd", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def _await(engine: PrivateEngine, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and daemon.poll() is None:
        try:
            engine.client().ping()
        except docker.errors.DockerException:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the private engine does not start:\n{(engine.directory / 'log').read_text()[-2000:]}")
