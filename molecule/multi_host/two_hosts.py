# SPDX-License-Identifier: GPL-3.0-or-later
"""What the second opinions of the scenarios with a cluster store ask of its two engines, whichever store it is."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "shared"))
from second_opinion import Node


class TwoHosts:
    """Two engines of a lab, called PREFIX-demo0 and PREFIX-demo1 at .101 and .102 of its subnet."""

    def __init__(self, prefix: str, subnet: str) -> None:
        self.nodes = [Node(f"{prefix}-demo{number}") for number in (0, 1)]
        self.advertised = [f"{subnet}.{address}:2375" for address in (101, 102)]

    def check_store(self, url: str) -> None:
        """Both engines use the store at `url`, under addresses of their own."""
        for node, advertised in zip(self.nodes, self.advertised, strict=True):
            assert node.run("docker info --format '{{.ClusterStore}} {{.ClusterAdvertise}}'") == f"{url} {advertised}"

    def check_one_network(self, name: str) -> None:
        """Both engines know the network, and it is the same."""
        seen = [node.inspect("network", name) for node in self.nodes]
        assert seen[0]["Id"] == seen[1]["Id"]
        assert {(network["Driver"], network["Scope"]) for network in seen} == {("overlay", "global")}

    def check_made_at_once(self) -> None:
        """A network that one engine makes is on the other at once."""
        made = self.nodes[0].run("docker network create --driver overlay at-once")
        assert self.nodes[1].inspect("network", "at-once")["Id"] == made

    def check_removed_at_once(self) -> None:
        """That network, removed by the other engine, is gone from the first at once."""
        self.nodes[1].run("docker network rm at-once")
        assert "at-once" not in self.nodes[0].run("docker network ls --format '{{.Name}}'").split()

    def check_containers(self) -> None:
        """ubuntu1 on the one and ubuntu2 on the other find and reach each other by name and name.linux."""
        one, other = self.nodes
        assert (one.containers(), other.containers()) == ({"ubuntu1"}, {"ubuntu2"})
        for node, source, target, there in ((one, "ubuntu1", "ubuntu2", other), (other, "ubuntu2", "ubuntu1", one)):
            address = there.inspect("container", target)["NetworkSettings"]["Networks"]["linux"]["IPAddress"]
            for name in (target, f"{target}.linux"):
                assert node.resolves(source, name) == {address}
                assert node.pings(source, name)
