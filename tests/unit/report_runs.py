# SPDX-License-Identifier: GPL-3.0-or-later
"""Judged runs of clusters that are not there, for tests of reports."""

from __future__ import annotations

from typing import Any

from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Run
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import judge
from simulation import Cluster

TIME = "2026-11-25T14:03:00+00:00"
STORE = "consul://192.168.99.100:8500"
NAMES = ("web", "api", "db", "cache", "worker", "queue", "cron", "proxy")


def cluster(containers: int, nodes: int = 2, networks: int = 2) -> Cluster:
    """All well: containers in turns on nodes and, one after the other, on networks; every ninth one on two of these."""
    machines = [f"swl-demo{number}" for number in range(nodes)]
    nets = [{"name": f"net{number}", "driver": "overlay"} for number in range(networks)]
    declared: list[dict[str, Any]] = []
    for number in range(containers):
        place = number * networks // containers
        on = [nets[place]["name"]] + ([nets[(place + 1) % networks]["name"]] if number % 9 == 4 else [])
        entry: dict[str, Any] = {"name": f"{NAMES[place % 8]}{number}", "node": machines[number % nodes]}
        declared.append(
            {**entry, "networks": list(dict.fromkeys(on)), **({"listens": [80]} if number % 7 == 0 else {})}
        )
    topology = parse(nets, declared, machines, "classic")
    return Cluster(topology, dict.fromkeys(machines, "20.10.5"), "classic")


def run(of: Cluster, lab: str = "swarm") -> Run:
    """Judge a cluster as it is."""
    world = of.world()
    machines: list[dict[str, Any]] = [{"name": "swl-consul", "address": "192.168.99.100", "roles": ["Consul"]}]
    machines += [{"name": name, "address": None, "roles": ["Swarm agent"]} for name in of.engines]
    return Run(lab, "classic", TIME, world, judge(world), list(machines), STORE)


def broken(containers: int, nodes: int = 2, networks: int = 2) -> Run:
    """The same, where the last container has left its networks."""
    found = cluster(containers, nodes, networks)
    last = found.topology.containers[-1]
    for attachment in last.attachments:
        found.disconnect(last.name, attachment.network)
    return run(found)
