# SPDX-License-Identifier: GPL-3.0-or-later
"""What a topology promises, cell by cell: a pure function, which no engine has a say in.

A cell is one promise: what `source` may do to `target` in one facet, by one subject. Both are containers, and in the
facet `network` both are the network: one of the name of a container clashes with nothing.

| facet        | who      | subject             | allowed means                                             |
|--------------|----------|---------------------|-----------------------------------------------------------|
| `network`    | (N, N)   | node                | that engine has it: driver, internal flag, subnet         |
| `placement`  | (A, A)   | node, '' where free | A runs, and on that node                                  |
| `placement`  | (A, B)   | `same node`         | A and B are on one node (where A has an affinity for B)   |
| `attachment` | (A, A)   | network             | A has an address there, the fixed one where one is asked  |
| `hosts_file` | (A, A)   | `localhost`, an extra host, `own:NETWORK` | A's hosts file has that line        |
| `hosts_file` | (A, B)   | a name of B         | A's hosts file has it (engines below 1.10 only)           |
| `name`       | (A, B)   | a name of B         | A resolves it                                             |
| `address`    | (A, B)   | a name of B         | what it resolves to is B's own address                    |
| `ping`       | (A, B)   | network             | B's address there answers A                               |
| `tcp`        | (A, B)   | network:port        | A can connect to a port that B `listens` on, there        |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._hosts_file import lists_peers
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Container, Network, Topology

ALLOWED = "allowed"
DENIED = "denied"
FACETS = ("network", "placement", "attachment", "hosts_file", "name", "address", "ping", "tcp")
OWN_LINE = "own:"
SAME_NODE = "same node"

_ICC = "com.docker.network.bridge.enable_icc"


class Cell(NamedTuple):
    """One promise of a topology."""

    source: str
    target: str
    facet: str
    subject: str
    expected: str

    @property
    def network(self) -> str:
        """The network that an `attachment`, a `ping` or a `tcp` cell is about."""
        return self.subject.partition(":")[0]

    @property
    def port(self) -> str:
        """The port that a `tcp` cell is about."""
        return self.subject.partition(":")[2]


class Segment(NamedTuple):
    """What containers really share: an overlay network, or one node's instance of a local one."""

    network: str
    place: str  # '' for an overlay network


def expect(
    topology: Topology,
    found: Mapping[str, str] | None = None,
    engines: Mapping[str, str] | None = None,
    nodes: Iterable[str] = (),
    flavour: str = "none",
) -> list[Cell]:
    """Return all cells of `topology`: its networks', then its containers', grouped by source.

    found: the node of each container, by name; read only for those that name none (a Swarm chose).
    engines: the engine's version, by node; where it is not known, 1.10 or later is taken.
    nodes: all nodes that have an engine of this cluster.
    flavour: as of `_topology.parse`.
    """
    membership = Membership(topology, found or {})
    cells = list(_network_cells(membership, topology, list(nodes), flavour))
    for source in topology.containers:
        engine = (engines or {}).get(membership.node(source) or "", "")
        cells.extend(_own_cells(source, engine))
        for target in topology.containers:
            if target is not source:
                cells.extend(_pair_cells(membership, source, target, engine))
    return cells


class Membership:
    """Who is with whom, and who answers to which name for whom."""

    def __init__(self, topology: Topology, found: Mapping[str, str]) -> None:
        self._networks = {network.name: network for network in topology.networks}
        self._found = found
        self._segments = {container.name: self._segments_of(container) for container in topology.containers}
        # segment -> name, in lower case as DNS compares it -> containers that hold it
        self._holders: dict[Segment, dict[str, list[str]]] = {}
        for container in topology.containers:
            for network, segment in self._segments[container.name].items():
                names = self._holders.setdefault(segment, {})
                for name in dict.fromkeys(text.lower() for text in names_on(container, network)):
                    names.setdefault(name, []).append(container.name)

    def node(self, container: Container) -> str | None:
        """The node that a container is declared for, else the one where it was found."""
        return container.node or self._found.get(container.name)

    def shares(self, one: str, other: str, network: str) -> bool:
        """Whether two containers are both on `network`, and on the same instance of it."""
        segment = self._segments[one].get(network)
        return segment is not None and segment == self._segments[other].get(network)

    def reaches(self, one: str, other: str, network: str) -> bool:
        """Whether they share it, and it lets its containers talk to each other."""
        return self.shares(one, other, network) and _lets_through(self._networks[network])

    def holders(self, asker: str, subject: str) -> dict[str, list[str]]:
        """Who answers when `asker` resolves `subject`: containers by network, empty where nobody does.

        As the engine's resolver does it: the whole name on each of the asker's networks, then
        split at each dot from the right as name.network (libnetwork, sandbox.go ResolveName).
        """
        subject = subject.lower()
        segments = self._segments[asker]
        found = {network: self._held(segment, subject) for network, segment in segments.items()}
        found = {network: holders for network, holders in found.items() if holders}
        dot = len(subject)
        while not found and (dot := subject.rfind(".", 0, dot)) > 0:
            for network, segment in segments.items():
                if network.lower() == subject[dot + 1 :] and (holders := self._held(segment, subject[:dot])):
                    found[network] = holders
        return found

    def _held(self, segment: Segment, name: str) -> list[str]:
        return self._holders[segment].get(name, [])

    def _segments_of(self, container: Container) -> dict[str, Segment]:
        # A container that nobody has found shares a local network with nobody.
        place = self.node(container) or f"?{container.name}"
        return {
            attachment.network: Segment(attachment.network, place if self._is_local(attachment.network) else "")
            for attachment in container.attachments
        }

    def _is_local(self, network: str) -> bool:
        return self._networks[network].is_local


def names_on(container: Container, network: str) -> list[str]:
    """The names that a container has on one network: its own and its aliases there."""
    attachment = container.attachment(network)
    return [container.name, *(attachment.aliases if attachment else ())]


def _network_cells(membership: Membership, topology: Topology, nodes: list[str], flavour: str) -> Iterator[Cell]:
    for network in topology.networks:
        users = [membership.node(c) for c in topology.containers if c.attachment(network.name)]
        needed: list[str | None] = [*network.nodes, *users]
        # Engines with a cluster store all know it; in swarm mode it comes with the first container that joins.
        if not network.is_local and flavour != "mode":
            needed = [*nodes]
        for node in dict.fromkeys(needed):
            if node:
                yield Cell(network.name, network.name, "network", node, ALLOWED)


def _own_cells(container: Container, engine: str) -> Iterator[Cell]:
    name = container.name
    yield Cell(name, name, "placement", container.node or "", ALLOWED)
    for other, together in container.affinities:
        yield Cell(name, other, "placement", SAME_NODE, ALLOWED if together else DENIED)
    for attachment in container.attachments:
        yield Cell(name, name, "attachment", attachment.network, ALLOWED)
    yield Cell(name, name, "hosts_file", "localhost", ALLOWED)
    for host in container.extra_hosts:
        yield Cell(name, name, "hosts_file", host, ALLOWED)
    if not lists_peers(engine):
        for attachment in container.attachments:
            yield Cell(name, name, "hosts_file", OWN_LINE + attachment.network, ALLOWED)


def _pair_cells(membership: Membership, source: Container, target: Container, engine: str) -> Iterator[Cell]:
    pair = (source.name, target.name)
    shadowed = _names_in_own_file(source)
    subjects = [
        name for name in _subjects(target, with_aliases=not lists_peers(engine)) if name.lower() not in shadowed
    ]
    in_file = subjects if lists_peers(engine) else [name for name in subjects if name == target.name]
    for subject in in_file:
        listed = lists_peers(engine) and _answers(membership, source, target, subject)
        yield Cell(*pair, "hosts_file", subject, ALLOWED if listed else DENIED)
    for subject in subjects:
        resolves = _answers(membership, source, target, subject)
        yield Cell(*pair, "name", subject, ALLOWED if resolves else DENIED)
        if resolves:
            yield Cell(*pair, "address", subject, ALLOWED)
    for attachment in target.attachments:
        expected = ALLOWED if membership.reaches(*pair, attachment.network) else DENIED
        yield Cell(*pair, "ping", attachment.network, expected)
        for port in target.listens:
            yield Cell(*pair, "tcp", f"{attachment.network}:{port}", expected)


def _subjects(target: Container, with_aliases: bool) -> list[str]:
    """All names by which anybody could ask for `target`: bare ones first, then name.network."""
    bare: list[str] = []
    qualified: list[str] = []
    for attachment in target.attachments:
        names = names_on(target, attachment.network) if with_aliases else [target.name]
        bare.extend(names)
        qualified.extend(f"{name}.{attachment.network}" for name in names)
    return list(dict.fromkeys(bare + qualified))


def _names_in_own_file(container: Container) -> set[str]:
    """Names that a container's own hosts file answers, whoever else holds them."""
    names = {"localhost", *container.extra_hosts}
    if container.hostname:
        names |= {container.hostname, container.hostname.split(".")[0]}
    return {name.lower() for name in names}


def _answers(membership: Membership, source: Container, target: Container, subject: str) -> bool:
    return any(target.name in holders for holders in membership.holders(source.name, subject).values())


def _lets_through(network: Network) -> bool:
    return str(network.options.get(_ICC, "true")).lower() != "false"
