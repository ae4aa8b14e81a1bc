# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of the scenario high_availability, what it lacks to be whole, and containers of it that ping each other."""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "mutation"))
from lab import ROOT, Cell, Lab, LabError

NODES = {"mha-demo0": "192.168.70.101", "mha-demo1": "192.168.70.102", "mha-demo2": "192.168.70.103"}
MANAGERS = ("mha-demo0", "mha-demo1")
CONTAINERS = {"mha-demo0": "ubuntu0", "mha-demo1": "ubuntu1", "mha-demo2": "ubuntu2"}
NETWORK = "linux"
_POLL = 0.2  # seconds between two looks
_PINGER = (Path(__file__).parent / "pinger.py").read_text()


class Pings(NamedTuple):
    """What became of a pair's pings. gap: the longest time without an answer, in seconds."""

    source: str
    target: str
    sent: int
    lost: int
    gap: float


class FaultLab(Lab):
    """Three engines, each beside its Consul server, and two managers of a classic Swarm."""

    def __init__(self) -> None:
        found = subprocess.run(["docker", "image", "inspect", "swarm:1.2.9"], capture_output=True, check=False)
        super().__init__("none" if found.returncode else "classic")
        atexit.register(shutil.rmtree, self.reports, ignore_errors=True)
        self.inventory = ROOT / "molecule/high_availability/inventory"
        self._places = {container: node for node, container in CONTAINERS.items()}

    def verify(self, wait: float, variables: dict[str, Any]) -> list[Cell]:
        """Prove it. Returns all cells."""
        return super().verify(wait, {"swarm_flavour": self.flavour, **variables})

    def output(self, node: str, command: str) -> str:
        """What a command says on a node, be it well or not."""
        return self.do(node, f"{{ {command}; }} 2>&1 || true")

    # What there is
    def leader(self) -> str:
        """The node whose Consul server is the leader, as a majority says; '' where there is none."""
        named = Counter(str(_ask(f"{address}:8500/v1/status/leader")) for address in NODES.values())
        name, votes = named.most_common(1)[0]
        return next((node for node, address in NODES.items() if votes > 1 and name == f"{address}:8300"), "")

    def answers(self, node: str) -> bool:
        """Whether the server on a node answers with what the leader confirms."""
        return _ask(f"{NODES[node]}:8500/v1/kv/docker/?keys&consistent") is not None

    def engine_answers(self, node: str) -> bool:
        """Whether the engine of a node answers."""
        return _ask(f"{NODES[node]}:2375/version") is not None

    def stopped(self, container: str) -> bool:
        """Whether a container's engine answers, and says that it does not run."""
        found = _ask(f"{NODES[self._places[container]]}:2375/containers/{container}/json")
        return found is not None and not found["State"]["Running"]

    def manager(self, role: str) -> str:
        """The node of the manager that says of itself that it is primary, or a replica; '' where none does."""
        return next((node for node in MANAGERS if self._status(node).get("Role") == role), "")

    def healthy(self, manager: str) -> int:
        """How many healthy nodes the manager on a node sees."""
        info = _ask(f"{NODES[manager]}:3375/info") or {}
        return sum(value == "Healthy" for _key, value in info.get("SystemStatus") or [])

    def _status(self, manager: str) -> dict[str, str]:
        info = _ask(f"{NODES[manager]}:3375/info") or {}
        return dict((info.get("SystemStatus") or [])[:2])

    # What it lacks
    def lacks(self) -> list[str]:
        """What it lacks to be whole, in words. Ends at the first part that lacks something."""
        return list(self._store_lacks()) or list(self._engines_lack()) or list(self._swarm_lacks())

    def _store_lacks(self) -> Iterator[str]:
        leader = self.leader()
        if not leader:
            yield "Consul has no leader"
            return
        for node, address in NODES.items():
            if _ask(f"{address}:8500/v1/status/leader") != f"{NODES[leader]}:8300":
                yield f"the server on {node} does not name {leader} as the leader"
        peers = (_ask(f"{NODES[leader]}:8500/v1/operator/raft/configuration") or {}).get("Servers", [])
        if sorted(peer["Node"] for peer in peers if peer["Voter"]) != sorted(NODES):
            yield "not all servers have a vote"
        members = _ask(f"{NODES[leader]}:8500/v1/agent/members") or []
        yield from (f"{leader} sees {each['Name']} fail" for each in members if each["Status"] != 1)

    def _engines_lack(self) -> Iterator[str]:
        for node, address in NODES.items():
            if not _ask(f"{address}:2375/networks/{NETWORK}"):
                yield f"the engine of {node} does not know {NETWORK}"
            state = (_ask(f"{address}:2375/containers/{CONTAINERS[node]}/json") or {}).get("State", {})
            if not state.get("Running"):
                yield f"{CONTAINERS[node]} does not run on {node}"
        for address in NODES.values():
            keys = _ask(f"{address}:8500/v1/kv/docker/nodes/?keys") or []
            if len(keys) != len(NODES):
                yield f"Consul on {address} knows {len(keys)} engines"

    def _swarm_lacks(self) -> Iterator[str]:
        if self.flavour != "classic":
            return
        primary, replica = self.manager("primary"), self.manager("replica")
        if not primary or not replica:
            yield "there are not one primary and one replica among the managers"
        elif self._status(replica).get("Primary") != f"{NODES[primary]}:3375":
            yield "the replica does not know the primary"
        yield from (f"the manager on {node} has fewer nodes" for node in MANAGERS if self.healthy(node) != len(NODES))

    def wait(self, what: str, condition: Callable[[], object], limit: float = 120) -> float:
        """Wait until a condition holds. Returns the seconds. Raises LabError after the limit."""
        started = time.monotonic()
        while not condition():
            if time.monotonic() - started > limit:
                raise LabError(f"After {limit:.0f} s: not {what}; {', '.join(self.lacks()) or 'it is whole'}.")
            time.sleep(_POLL)
        return time.monotonic() - started

    def ping(self, source: str, target: str) -> Pinger:
        """Have a container ping another one from now on. source, target: their nodes."""
        return Pinger(self, CONTAINERS[source], CONTAINERS[target])


class Pinger:
    """A container that pings another one's address until it is asked what became of it."""

    def __init__(self, lab: FaultLab, source: str, target: str) -> None:
        self.source, self.target = source, target
        node = lab._places[source]
        pid = lab.do(node, f"docker inspect --format '{{{{.State.Pid}}}}' {source}").strip()
        words = ["docker", "exec", "--interactive", node, "nsenter", f"--net=/proc/{pid}/ns/net"]
        words += ["python3", "-c", _PINGER, lab.address(target, NETWORK)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self._process.stdout.readline()  # it has begun

    def stop(self) -> Pings:
        """End it. Returns what became of its pings."""
        said, _ = self._process.communicate(timeout=20)
        if self._process.returncode:
            raise LabError(f"The pings from {self.source} to {self.target} came to an end of their own.")
        return Pings(self.source, self.target, **json.loads(said))


def _ask(url: str) -> Any:
    """What a server answers as JSON; None where it does not, in two seconds, or says that it cannot."""
    try:
        with urllib.request.urlopen(f"http://{url}", timeout=2) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None
