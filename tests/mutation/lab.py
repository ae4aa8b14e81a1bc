# SPDX-License-Identifier: GPL-3.0-or-later
"""A running lab that is broken and repaired by commands, and proven by the playbook that a user runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_ADDRESS = re.compile(r"<(\w[\w.-]*) (\w[\w.-]*)>")


class LabError(Exception):
    """A command of the lab failed. The text says which, and ends in what it printed last."""


class Cell(NamedTuple):
    """A cell of report.json. about: 'source -> target facet subject'."""

    source: str
    target: str
    facet: str
    subject: str
    expected: str
    observed: str
    verdict: str
    evidence: str
    cause: str

    @property
    def about(self) -> str:
        who = self.source if self.source == self.target else f"{self.source} -> {self.target}"
        return f"{who} {self.facet} {self.subject}"


class Lab:
    """A lab of one of the inventories beside this file."""

    def __init__(self, flavour: str) -> None:
        self.flavour = flavour
        self.inventory = Path(__file__).parent / flavour
        self.reports = Path(tempfile.mkdtemp(prefix="dockernet-mutation-"))
        self._places: dict[str, str] = {}

    def build(self) -> None:
        """Build and prove it."""
        self._play("cluster.yml", verify_reports=str(self.reports))
        nodes = self._run(["docker", "ps", "--format={{.Names}}", f"--filter=label=org.dockernet.lab={self.name}"])
        for node in nodes.split():
            listed = self._run(["docker", "exec", node, "sh", "-c", _LIST]).split()
            self._places.update(dict.fromkeys(listed, node))

    @property
    def name(self) -> str:
        text = (self.inventory / "group_vars/all/lab.yml").read_text()
        return str(re.findall(r"^lab_name: (\S+)$", text, re.MULTILINE)[0])

    def remove(self) -> None:
        """Remove it, and its reports."""
        self._play("down.yml")
        shutil.rmtree(self.reports)

    def do(self, where: str, command: str) -> str:
        """Run a shell command. Returns what it printed. Raises LabError.

        where: 'here' for this machine, a node, or a container: then with its node's tools, in its network namespace.
        command: '<web backend>' in it stands for the address of web on backend.
        """
        command = _ADDRESS.sub(lambda match: self.address(*match.groups()), command)
        if where == "here":
            return self._run(["sh", "-ec", command])
        node = self._places.get(where, where)
        words = ["docker", "exec", "--interactive", node]
        if where in self._places:
            pid = self._run([*words, "docker", "inspect", "--format={{.State.Pid}}", where]).strip()
            words += ["nsenter", f"--net=/proc/{pid}/ns/net"]
        return self._run([*words, "sh", "-ec", command])

    def address(self, container: str, network: str) -> str:
        """The address that the engine gave a container."""
        text = self._run(["docker", "exec", self._places[container], "docker", "inspect", container])
        return str(json.loads(text)[0]["NetworkSettings"]["Networks"][network]["IPAddress"])

    def verify(self, wait: float, variables: dict[str, Any]) -> list[Cell]:
        """Prove it. Returns all cells. wait: seconds for which what is not as expected is asked again."""
        report = self.reports / "report.json"
        report.unlink(missing_ok=True)
        self._play("prove.yml", verify_wait=wait, verify_fail=False, verify_reports=str(self.reports), **variables)
        if not report.exists():
            raise LabError("The verification wrote no report.")
        return list(_cells(json.loads(report.read_text())))

    def _play(self, playbook: str, **variables: Any) -> None:
        self._run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                f"--inventory={self.inventory}",
                f"--extra-vars={json.dumps(variables)}",
                str(ROOT / "playbooks" / playbook),
            ]
        )

    def _run(self, words: list[str]) -> str:
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        done = subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            raise LabError(f"{' '.join(words)} ended with {done.returncode}:\n{tail}")
        return done.stdout


_LIST = "command -v docker >/dev/null && docker ps --all --format '{{.Names}}' || true"


def _cells(report: dict[str, Any]) -> Iterable[Cell]:
    for entry in report["cells"]:
        yield Cell(**{name: entry.get(name) or "" for name in Cell._fields})
