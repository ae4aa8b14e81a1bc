# SPDX-License-Identifier: GPL-3.0-or-later
"""What came through between nodes, all cells together: the evidence for causes that no cell shows by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, Cell
from ansible_collections.dockernet.lab.plugins.module_utils._reading import BLOCKED, World

Nodes = frozenset  # of one node or two


@dataclass
class Tally:
    """How many that should have come through did, and how many did not."""

    came: int = 0
    lost: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether something was tried, and nothing at all came through."""
        return self.lost > 0 and self.came == 0


class Paths:
    """Tallies of what was to pass between different containers that are both up and attached.

    pings, names: of overlay networks, by the nodes of both ends. of_network: pings, by network too. inside: pings in
    local networks, by node. at: all pings, by the node of either end.
    """

    def __init__(self, world: World, readings: Iterable[tuple[Cell, str]]) -> None:
        self.pings: dict[Nodes[str], Tally] = defaultdict(Tally)
        self.names: dict[Nodes[str], Tally] = defaultdict(Tally)
        self.of_network: dict[tuple[str, Nodes[str]], Tally] = defaultdict(Tally)
        self.inside: dict[str, Tally] = defaultdict(Tally)
        self.at: dict[str, Tally] = defaultdict(Tally)
        local = {side for network in world.topology.networks if network.is_local for side in network.sides}
        for cell, observed in readings:
            if cell.expected != ALLOWED or cell.source == cell.target or observed not in (ALLOWED, BLOCKED):
                continue
            nodes = frozenset((world.place(cell.source), world.place(cell.target)))
            if cell.facet == "ping" and world.end(cell.target, cell.network) and _is_up(world, cell.target):
                tallies = [self.at[node] for node in nodes]
                if cell.network in local:
                    tallies += [self.inside[node] for node in nodes]
                else:
                    tallies += [self.pings[nodes], self.of_network[cell.network, nodes]]
            elif cell.facet == "name" and _is_up(world, cell.target):
                tallies = [self.names[nodes]]
            else:
                continue
            for tally in tallies:
                tally.came += observed == ALLOWED
                tally.lost += observed == BLOCKED

    def crossing(self, network: str) -> Tally:
        """Pings in an overlay network between different nodes, all together."""
        total = Tally()
        for (name, nodes), tally in self.of_network.items():
            if name == network and len(nodes) > 1:
                total.came += tally.came
                total.lost += tally.lost
        return total


def _is_up(world: World, name: str) -> bool:
    container = world.seen(name)
    return container is not None and container.state == "running"
