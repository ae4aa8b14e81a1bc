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
| `attachment` | (A, A)   | `none`, `host`      | A has no address at all, or shares the node's own         |
| `hosts_file` | (A, A)   | `localhost`, an extra host, `own:NETWORK` | A's hosts file has that line        |
| `hosts_file` | (A, B)   | a name of B         | A's hosts file has it (engines below 1.10 only)           |
| `name`       | (A, B)   | a name of B         | A resolves it; A and B may be one                         |
| `address`    | (A, B)   | a name of B         | what it resolves to is B's own address                    |
| `ping`       | (A, B)   | network             | B's address there answers A                               |
| `mtu`        | (A, B)   | network             | so does it where the packet is as large as A's MTU        |
| `tcp`        | (A, B)   | network:port        | A can connect to a port that B `listens` on, there        |

Where a network carries IPv6 too, there is a second cell for that, whose network is `NETWORK/6`, and whose name is
`NAME/6`, by which an AAAA record is asked for (see `_sides`).

On the engines' own networks no resolver answers, so all names of and to their containers are denied. On `bridge` they
reach each other by address. Of who is on `host` no path is promised: it goes, and is reached, where its node is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._hosts_file import lists_peers, release
from ansible_collections.dockernet.lab.plugins.module_utils._sides import bare, is_six, six
from ansible_collections.dockernet.lab.plugins.module_utils._topology import HOST, Container, Network, Topology

ALLOWED = "allowed"
DENIED = "denied"
FACETS = ("network", "placement", "attachment", "hosts_file", "name", "address", "ping", "mtu", "tcp")
OWN_LINE = "own:"
SAME_NODE = "same node"
SHORT_ID = 12  # characters of an ID that make a name

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
        """The network, or its IPv6 side, that an `attachment`, a `ping`, a `mtu` or a `tcp` cell is about."""
        return self.subject.partition(":")[0]

    @property
    def port(self) -> str:
        """The port that a `tcp` cell is about."""
        return self.subject.partition(":")[2]


class Segment(NamedTuple):
    """What containers really share: an overlay network, or one node's instance of a local one; of either, each side."""

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
    return list(cells_of(Membership(topology, found or {}, engines, flavour), nodes))


def cells_of(
    membership: Membership,
    nodes: Iterable[str],
    pairs: Iterable[tuple[str, str, str]] | None = None,
    full_size: bool = False,
    sources: Collection[str] | None = None,
) -> Iterator[Cell]:
    """The cells of `expect`, of some pairs of containers alone where these are given.

    pairs: source, target and '', or a network where a ping there is all that is asked; grouped by source.
    full_size: whether each ping that is allowed is to come through with packets of full size too.
    sources: of containers' cells, only those of these sources; None for all.
    """
    topology = membership.topology
    yield from _network_cells(membership, list(nodes))
    some: dict[str, list[tuple[str, str]]] = {}
    for name, other, network in pairs or ():
        some.setdefault(name, []).append((other, network))
    for source in topology.containers:
        if sources is not None and source.name not in sources:
            continue
        yield from _own_cells(membership, source)
        if pairs is None:
            targets = [(target.name, "") for target in topology.containers if target is not source]
        else:
            targets = some.get(source.name, [])
        shadowed = _names_in_own_file(source)
        for name, network in targets:
            if network:
                yield Cell(source.name, name, "ping", network, ALLOWED)
                if full_size:
                    yield Cell(source.name, name, "mtu", network, ALLOWED)
            else:
                yield from _pair_cells(membership, source, membership.container(name), shadowed, full_size)


class Membership:
    """Who is with whom, and who answers to which name for whom."""

    def __init__(
        self,
        topology: Topology,
        found: Mapping[str, str],
        engines: Mapping[str, str] | None = None,
        flavour: str = "none",
        ids: Mapping[str, str] | None = None,
    ) -> None:
        self.topology = topology
        self._networks = {side: network for network in topology.networks for side in network.sides}
        self._dual = {network.name for network in topology.networks if network.subnet6}
        self._containers = {container.name: container for container in topology.containers}
        self._found = found
        self._engines = engines or {}
        self.flavour = flavour
        self._ids = ids or {}
        self._reads_peers = {c.name: lists_peers(self.engine(c)) for c in topology.containers}
        self._segments = {container.name: self._segments_of(container) for container in topology.containers}
        self.groups = {name: frozenset(segments.values()) for name, segments in self._segments.items()}
        # Whoever is on the same networks, in the same order, is answered the same.
        kinds: dict[tuple[Segment, ...], int] = {}
        self._kind = {name: kinds.setdefault(tuple(s.values()), len(kinds)) for name, s in self._segments.items()}
        self._answers: dict[tuple[int, str], dict[str, list[str]]] = {}
        self.members: dict[Segment, list[str]] = {}
        self._subjects: dict[tuple[str, bool], list[str]] = {}
        # segment -> name, in lower case as DNS compares it -> containers that hold it
        self._holders: dict[Segment, dict[str, list[str]]] = {}
        for container in topology.containers:
            for network, segment in self._segments[container.name].items():
                self.members.setdefault(segment, []).append(container.name)
                if is_six(network) or self._networks[network].is_predefined:
                    continue  # the names are those of the other side, or nobody answers
                names = self._holders.setdefault(segment, {})
                for name in dict.fromkeys(text.lower() for text in self.names_on(container, network)):
                    names.setdefault(name, []).append(container.name)

    @property
    def names(self) -> list[str]:
        """All containers, in their order."""
        return list(self._containers)

    def container(self, name: str) -> Container:
        """A container as declared. Raises KeyError."""
        return self._containers[name]

    def segments(self, name: str) -> Mapping[str, Segment]:
        """What a container is on, by the side of a network."""
        return self._segments[name]

    def place(self, name: str) -> str:
        """The node of a container, '' where it is not known."""
        return self.node(self._containers[name]) or ""

    def lets_through(self, network: str) -> bool:
        """Whether containers on a network may talk to each other."""
        return _lets_through(self._networks[network])

    def answers_names(self, network: str) -> bool:
        """Whether the containers on a network can resolve each other."""
        return not self._networks[network].is_predefined

    def engine(self, container: Container) -> str:
        """The version of the engine that runs a container, '' where it is not known."""
        return self._engines.get(self.node(container) or "", "")

    def names_on(self, container: Container, network: str) -> list[str]:
        """The names that a container has on one network.

        Below 1.10 its own alone. Later its aliases there; from 1.12 on its short ID; from 20.10 on its hostname.
        """
        names = [container.name]
        engine = self.engine(container)
        if lists_peers(engine):
            return names
        attachment = container.attachment(network)
        names += attachment.aliases if attachment else ()
        if container.hostname and not self._is_service(container) and release(engine) >= (20, 10):
            names.append(container.hostname)
        if container.name in self._ids and release(engine) >= (1, 12):
            names.append(self._ids[container.name][:SHORT_ID])
        return names

    def subjects(self, container: Container, of_file: bool = False) -> list[str]:
        """All names by which anybody could ask for a container: bare ones first, then name.network.

        Those that its engine is too old to answer are among them, to be denied. A hostname is not where the
        engine's version is not known, nor where a Swarm has it: no source says what becomes of it then.
        of_file: those alone that engines below 1.10 write into hosts files.
        """
        names: list[str] = []
        qualified: list[str] = []
        for network in [attachment.network for attachment in container.attachments] or [""]:
            here = [container.name] if of_file else self.names_on(container, network)
            names.extend(here)
            qualified.extend(f"{name}.{network}" for name in here if network)
        if container.hostname and not of_file and (0, 0) < release(self.engine(container)) < (20, 10):
            names.append(container.hostname)
        return list(dict.fromkeys(names + qualified))

    def subjects6(self, container: Container) -> list[str]:
        """The same, by which anybody could ask for its IPv6 addresses: engines answer that from 1.11 on."""
        if not self._dual or (0, 0) < release(self.engine(container)) < (1, 11):
            return []
        dual = [a.network for a in container.attachments if a.network in self._dual]
        names = {network: self.names_on(container, network) for network in dual}
        qualified = [f"{name}.{network}" for network in dual for name in names[network]]
        return [six(name) for name in dict.fromkeys([name for each in names.values() for name in each] + qualified)]

    def _is_service(self, container: Container) -> bool:
        return self.flavour == "mode" and container.node is None

    def node(self, container: Container) -> str | None:
        """The node that a container is declared for, else the one where it was found."""
        return container.node or self._found.get(container.name)

    def shares(self, one: str, other: str, network: str) -> bool:
        """Whether two containers are both on `network`, or its side, and on the same instance of it."""
        segment = self._segments[one].get(network)
        return segment is not None and segment == self._segments[other].get(network)

    def reaches(self, one: str, other: str, network: str) -> bool:
        """Whether they share it, and it lets its containers talk to each other."""
        return self.shares(one, other, network) and self.lets_through(network)

    def holders(self, asker: str, subject: str) -> dict[str, list[str]]:
        """Who answers when `asker` resolves `subject`: containers by network, empty where nobody does.

        As the engine's resolver does it: the whole name on each of the asker's networks, then
        split at each dot from the right as name.network (libnetwork, sandbox.go ResolveName). A name that is known
        has no IPv6 address where its network has none, whatever a shorter one would have.
        """
        if is_six(subject):
            found = self.holders(asker, bare(subject))
            return {six(network): names for network, names in found.items() if network in self._dual}
        subject = subject.lower()
        if self.reads_peers(asker):
            return self._listed(asker, subject)
        key = (self._kind[asker], subject)
        if key not in self._answers:
            self._answers[key] = self._answered(self._segments[asker], subject)
        return self._answers[key]

    def _answered(self, segments: Mapping[str, Segment], subject: str) -> dict[str, list[str]]:
        found = {network: self._held(segment, subject) for network, segment in segments.items()}
        found = {network: holders for network, holders in found.items() if holders}
        dot = len(subject)
        while not found and (dot := subject.rfind(".", 0, dot)) > 0:
            for network, segment in segments.items():
                if network.lower() == subject[dot + 1 :] and (holders := self._held(segment, subject[:dot])):
                    found[network] = holders
        return found

    def reads_peers(self, asker: str) -> bool:
        """Whether a container's engine names its peers in its hosts file, and nowhere else."""
        return self._reads_peers[asker]

    def _listed(self, asker: str, subject: str) -> dict[str, list[str]]:
        """Whose lines in the hosts file of `asker` have `subject`: every one that fits, and never its own."""
        found: dict[str, list[str]] = {}
        for network, segment in self._segments[asker].items():
            name, dot, _ = subject.rpartition(f".{network.lower()}")
            holders = self._held(segment, subject) + (
                self._held(segment, name) if dot and name + dot == subject else []
            )
            if others := [holder for holder in holders if holder != asker]:
                found[network] = others
        return found

    def _held(self, segment: Segment, name: str) -> list[str]:
        return self._holders[segment].get(name, []) if segment in self._holders else []

    def _segments_of(self, container: Container) -> dict[str, Segment]:
        # A container that nobody has found shares a local network with nobody.
        place = self.node(container) or f"?{container.name}"
        return {
            side: Segment(side, place if network.is_local else "")
            for network in (self._networks[attachment.network] for attachment in container.attachments)
            for side in network.sides
        }


def _network_cells(membership: Membership, nodes: list[str]) -> Iterator[Cell]:
    users: dict[str, list[str]] = {}
    for container in membership.topology.containers:
        for attachment in container.attachments:
            users.setdefault(attachment.network, []).append(membership.place(container.name))
    for network in membership.topology.networks:
        needed = [*network.nodes, *users.get(network.name, ())]
        # Engines with a cluster store all know it; in swarm mode it comes with the first container that joins.
        if not network.is_local and membership.flavour != "mode":
            needed = nodes
        for node in dict.fromkeys(needed):
            if node:
                yield Cell(network.name, network.name, "network", node, ALLOWED)


def _own_cells(membership: Membership, container: Container) -> Iterator[Cell]:
    name = container.name
    yield Cell(name, name, "placement", container.node or "", ALLOWED)
    for other, together in container.affinities:
        yield Cell(name, other, "placement", SAME_NODE, ALLOWED if together else DENIED)
    for network in membership.segments(name) or (container.network_mode or "",):
        yield Cell(name, name, "attachment", network, ALLOWED)
    # With the node's network goes the node's own file, unless the engine has something to add to it.
    if container.network_mode != HOST or container.extra_hosts:
        yield Cell(name, name, "hosts_file", "localhost", ALLOWED)
    for host in container.extra_hosts:
        yield Cell(name, name, "hosts_file", host, ALLOWED)
    if container.network_mode != HOST:
        yield from _own_names(membership, container)


def _own_names(membership: Membership, container: Container) -> Iterator[Cell]:
    """What a container's own hosts file has of it, and how it resolves itself."""
    name = container.name
    own_names = [name, *(f"{name}.{attachment.network}" for attachment in container.attachments)]
    own_names += [subject for subject in membership.subjects6(container) if bare(subject) in own_names]
    own_names = [subject for subject in own_names if bare(subject).lower() not in _names_in_own_file(container)]
    if membership.reads_peers(name):
        # It names the others alone, and nothing else answers.
        for subject in own_names:
            if not membership.holders(name, subject):  # nor is it a peer's
                yield Cell(name, name, "hosts_file", subject, DENIED)
        return
    for network in membership.segments(name):
        yield Cell(name, name, "hosts_file", OWN_LINE + network, ALLOWED)
    for subject in own_names:
        if _answers(membership, container, container, subject):  # and no other's name that is longer
            yield Cell(name, name, "name", subject, ALLOWED)
            yield Cell(name, name, "address", subject, ALLOWED)


def _pair_cells(
    membership: Membership, source: Container, target: Container, shadowed: set[str], full_size: bool
) -> Iterator[Cell]:
    one, other = source.name, target.name
    listed = membership.reads_peers(one)
    subjects = [name for name in membership.subjects(target, of_file=listed) if name.lower() not in shadowed]
    in_file = subjects if listed else [name for name in subjects if name == other]
    for subject in in_file if source.network_mode != HOST else ():  # there, the file is the node's own affair
        expected = listed and _answers(membership, source, target, subject)
        yield Cell(one, other, "hosts_file", subject, ALLOWED if expected else DENIED)
    if not listed:
        subjects += [name for name in membership.subjects6(target) if bare(name).lower() not in shadowed]
    for subject in subjects:
        if _answers(membership, source, target, subject):
            yield Cell(one, other, "name", subject, ALLOWED)
            yield Cell(one, other, "address", subject, ALLOWED)
        else:
            yield Cell(one, other, "name", subject, DENIED)
    for network in membership.segments(other) if source.attachments else ():
        expected = membership.reaches(one, other, network)
        yield Cell(one, other, "ping", network, ALLOWED if expected else DENIED)
        if full_size and expected:
            yield Cell(one, other, "mtu", network, ALLOWED)
        for port in target.listens:
            yield Cell(one, other, "tcp", f"{network}:{port}", ALLOWED if expected else DENIED)


def _names_in_own_file(container: Container) -> set[str]:
    """Names that a container's own hosts file answers, whoever else holds them."""
    names = {"localhost", *container.extra_hosts}
    if container.hostname:
        names |= {container.hostname, container.hostname.split(".")[0]}
    return {name.lower() for name in names}


def _answers(membership: Membership, source: Container, target: Container, subject: str) -> bool:
    return any(target.name in holders for holders in membership.holders(source.name, subject).values())


def _lets_through(network: Network) -> bool:
    """Whether containers on a network may talk to each other. An overlay network's driver knows no such option."""
    return not network.is_local or str(network.options.get(_ICC, "true")).lower() != "false"
