# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs of the measurements' own, and what all measurements do around them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class BenchError(Exception):
    """A run failed. The text says which, and ends in what it printed last."""


def run(words: list[str], environment: Mapping[str, str] | None = None) -> tuple[float, str]:
    """Run a command. Returns the seconds that it took, and what it printed. Raises BenchError where it fails."""
    started = time.monotonic()
    with subprocess.Popen(
        words,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            text = process.communicate()[0]
        except KeyboardInterrupt:
            # All of its children too: none may go on making what is being removed.
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        tail = "\n".join(text.splitlines()[-40:])
        command = " ".join(word if len(word) < 200 else f"{word[:40]}..." for word in words)
        raise BenchError(f"{command} ended with {process.returncode}:\n{tail}")
    return time.monotonic() - started, text


class Lab:
    """The lab of the inventory `swarm`, with a name, nodes, a subnet and a topology of its own."""

    def __init__(self, directory: Path, name: str, subnet: str, flavour: str, containers: list[dict[str, Any]]) -> None:
        beside = Path(sys.executable).with_name("ansible-playbook")
        self.inventory = directory / "inventory"
        self.reports = directory / "reports"
        variables = {"lab_name": name, "topology_containers": containers, "verify_reports": str(self.reports)}
        self.words = [
            str(beside) if beside.exists() else "ansible-playbook",
            f"--inventory={self.inventory}",
            f"--extra-vars={json.dumps(variables)}",
        ]
        self.environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "LAB_SUBNET": subnet,
            "SWARM_FLAVOUR": flavour,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",  # its recap says what changed
            "ANSIBLE_NOCOLOR": "1",
        }
        shutil.copytree(ROOT / "inventory/swarm", self.inventory)
        for path in self.inventory.rglob("*.yml"):
            path.write_text(path.read_text().replace("swl-", f"{name}-"))

    def play(self, playbook: str, more: Mapping[str, str] | None = None) -> tuple[float, str]:
        """Run one of the playbooks. Returns its seconds and what it printed. more: environment."""
        return run([*self.words, str(ROOT / "playbooks" / playbook)], {**self.environment, **(more or {})})


def machine() -> str:
    """What the times were measured on."""
    engine = run(["docker", "version", "--format", "{{.Server.Version}}"])[1].strip()
    others = len(run(["docker", "ps", "--quiet"])[1].split())
    busy = f", {others} other containers running" if others else ""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, docker {engine}{busy}"


def obstacle(images: Iterable[str], flavour: str) -> str:
    """Why nothing can be measured here; empty where nothing speaks against it."""
    try:
        answer = subprocess.run(["docker", "version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "There is no docker here: run make swarm first, which installs it."
    if answer.returncode != 0:
        return f"The engine does not answer: {answer.stderr.strip()}"
    for image in images:
        words = ["docker", "image", "inspect", image]
        if subprocess.run(words, capture_output=True, check=False).returncode != 0:
            cure = "pull or load it" if image.startswith("swarm:") else f"run SWARM_FLAVOUR={flavour} make swarm first"
            return f"The image {image} is not on this engine, so the lab cannot be measured: {cure}."
    return ""


def lock() -> socket.socket | None:
    """What keeps other measurements off this machine as long as it is held; None where one runs already."""
    held = socket.socket(socket.AF_UNIX)
    try:
        # A name in the kernel's own room holds for all checkouts, and is free again when this process ends.
        held.bind("\0dockernet-bench")
    except OSError:
        print("Another measurement runs on this machine; both would use the same nodes.", file=sys.stderr)
        return None
    return held


def end_in_order() -> None:
    """End on SIGTERM as on Ctrl-C, so that the labs are removed."""
    signal.signal(signal.SIGTERM, _stop)


def finish_undisturbed() -> None:
    """From now on nothing ends this process but itself: a second Ctrl-C must not leave half a lab."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
