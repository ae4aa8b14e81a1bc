# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the cells that a topology promises a run is about, where it is about a part alone.

| selected   | a cell is asked where                                                                                |
|------------|------------------------------------------------------------------------------------------------------|
| networks   | it is about one of them, or about a container on one of them alone (its placement, its hosts file)   |
| containers | its source or its target is one of them                                                              |
| nodes      | what is needed to judge it was seen on one of them                                                   |

What is not on the nodes of the run was not seen, so nobody knows its addresses. Where its names are promised, they can
be asked for all the same: they resolve or do not. Whether what they resolve to is right, and what may not resolve or be
reached, nobody can tell.
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import (
    ALLOWED,
    DENIED,
    OWN_LINE,
    Cell,
    Membership,
)
from ansible_collections.dockernet.lab.plugins.module_utils._sides import bare
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology

if TYPE_CHECKING:
    from ansible_collections.dockernet.lab.plugins.module_utils._coverage import Scope


def unknown_names(scope: Scope, topology: Topology, nodes: list[str]) -> str:
    """Why a selection cannot be asked about: one sentence; '' where all of it is known."""
    known = {
        "network": (scope.networks, [network.name for network in topology.networks]),
        "container": (scope.containers, [container.name for container in topology.containers]),
        "node": (scope.nodes, nodes),
    }
    for thing, (asked, names) in known.items():
        if unknown := [name for name in asked if name not in names]:
            there = f"There is no {thing}" if len(unknown) == 1 else f"There are no {thing}s"
            return f"{there} {_list(unknown)} in the topology, so nothing was asked; it has {_list(names) or 'none'}."
    return ""


def _list(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


class Selection:
    """left_out: containers of which nobody in the run can tell where they are."""

    def __init__(self, membership: Membership, scope: Scope, left_out: Set[str]) -> None:
        self._membership = membership
        self._networks = frozenset(scope.networks)
        self._containers = frozenset(scope.containers)
        self._nodes = frozenset(scope.nodes)
        self._left_out = left_out

    def is_about(self, cell: Cell) -> bool:
        """Whether a cell is about what was selected."""
        if self._containers and (cell.facet == "network" or self._containers.isdisjoint(cell[:2])):
            return False
        return not self._networks or not self._networks.isdisjoint(self._networks_of(cell))

    def can_be_told(self, cell: Cell) -> bool:
        """Whether the nodes of the run are enough to judge a cell."""
        source, target = cell.source, cell.target
        if cell.facet == "network":
            return not self._nodes or cell.subject in self._nodes
        if source in self._left_out:
            return False
        if cell.facet == "address":  # all who hold the name are answered
            holders = self._membership.holders(source, cell.subject).values()
            return not any(name in self._left_out for names in holders for name in names)
        if target not in self._left_out:
            return True
        if cell.facet == "name":
            return cell.expected == ALLOWED
        # What a hosts file must not have needs no address to be missing there.
        return cell.facet == "hosts_file" and cell.expected == DENIED

    def _networks_of(self, cell: Cell) -> Set[str]:
        """The networks that a cell is about; all of a container's where it is about that alone."""
        if cell.facet == "network":
            return {cell.source}
        if cell.facet in ("attachment", "ping", "mtu", "tcp"):
            return {bare(cell.network)}
        declared = self._membership.container(cell.source if cell.facet == "placement" else cell.target)
        networks = [attachment.network for attachment in declared.attachments]
        if cell.facet == "placement":
            return set(networks)
        if cell.facet == "hosts_file" and cell.source == cell.target:
            if cell.subject.startswith(OWN_LINE):
                return {bare(cell.subject[len(OWN_LINE) :])}
            if cell.subject == "localhost" or cell.subject in declared.extra_hosts:
                return set(networks)
        if cell.expected == ALLOWED:
            holders = self._membership.holders(cell.source, cell.subject)
            return {bare(network) for network, names in holders.items() if cell.target in names}
        return {network for network in networks if bare(cell.subject).endswith(f".{network}")} or set(networks)
