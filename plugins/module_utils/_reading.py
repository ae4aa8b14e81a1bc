# SPDX-License-Identifier: GPL-3.0-or-later
"""What the observations say about one cell: pure, and the same on a node, which asks again, and on the controller."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils import _hosts_file
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import (
    Coverage,
    Scope,
    choose,
    coverage,
    rings,
)
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import (
    ALLOWED,
    DENIED,
    OWN_LINE,
    SAME_NODE,
    Cell,
    Membership,
    Segment,
    cells_of,
)
from ansible_collections.dockernet.lab.plugins.module_utils._observation import (
    NOT_SENT,
    ContainerObservation,
    NetworkObservation,
    NodeObservation,
    Pong,
    SourceObservation,
)
from ansible_collections.dockernet.lab.plugins.module_utils._resolver import ENGINES_RESOLVER, Resolution, resolve
from ansible_collections.dockernet.lab.plugins.module_utils._routes import Table
from ansible_collections.dockernet.lab.plugins.module_utils._selection import Selection
from ansible_collections.dockernet.lab.plugins.module_utils._sides import bare, is_ipv6, is_six, with_port
from ansible_collections.dockernet.lab.plugins.module_utils._topology import HOST, NONE, Container, Network, Topology

BLOCKED = "blocked"
FAILED = "failed"  # the probe could not run
UNKNOWN = "unknown"  # nobody looked


class Reading(NamedTuple):
    observed: str
    evidence: str


class Way(NamedTuple):
    """How packets leave a container. network: '' where the engine has named none for that interface, as for
    docker_gwbridge. interface: '' where there is no route. gateway: '' for what is on the link itself.
    """

    network: str
    interface: str
    gateway: str = ""
    is_known: bool = True

    def __str__(self) -> str:
        if not self.interface:
            return "no route"
        named = f"{self.network} ({self.interface})" if self.network else self.interface
        return f"{named} and its gateway {self.gateway}" if self.gateway else named


class World:
    """All observations of one run, with the questions that reports and probes have about them."""

    def __init__(
        self,
        topology: Topology,
        nodes: Mapping[str, NodeObservation],
        sources: Mapping[str, SourceObservation] | None = None,
        flavour: str = "none",
        scope: Scope | None = None,
    ) -> None:
        self.topology = topology
        self.nodes = nodes
        self.sources = dict(sources or {})
        self.flavour = flavour
        self.scope = scope or Scope()
        self._declared = {container.name: container for container in topology.containers}
        self._everywhere: dict[str, dict[str, ContainerObservation]] = {name: {} for name in self._declared}
        for node, observed in nodes.items():
            for container in observed.containers:
                self._everywhere.setdefault(container.name, {})[node] = container
        self._found = {container.name: self._find(container.name) for container in topology.containers}
        self.places = {name: self._found[name][0] for name in self._found if self._found[name][0]}
        engines = {name: seen.engine for name, seen in nodes.items()}
        found = [seen for _, seen in self._found.values() if seen and seen.id and not seen.task]
        ids = {seen.name: seen.id for seen in found} if self.scope.short_ids else {}
        self.membership = Membership(topology, self.places, engines, flavour, ids)
        self._networks: dict[str, dict[str, list[NetworkObservation]]] = {}
        for node, observed in nodes.items():
            for seen in observed.networks:
                self._networks.setdefault(seen.name, {}).setdefault(node, []).append(seen)
        self._ids = {
            name: {seen.id for each in on_nodes.values() for seen in each if seen.scope != "local"}
            for name, on_nodes in self._networks.items()
        }
        self._heard: set[str] = set()
        self._hosts: dict[str, list[_hosts_file.Line]] = {}
        self._in_file: dict[str, set[str]] = {}
        self._tables: dict[str, Table] = {}
        self._ends = {name: self._ends_of(name) for name in self._declared}
        self._at: dict[tuple[Segment, str], list[str]] = {}
        for name, ends in self._ends.items():
            for network, segment in self.membership.segments(name).items():
                self._at.setdefault((segment, ends.get(network, "")), []).append(name)

    def cells(self, sources: Collection[str] | None = None) -> list[Cell]:
        """All that the topology promises and the scope asks about.

        sources: of containers' cells, only those of these sources; None for all.
        """
        return [cell for cell in self._wanted(sources) if not self.scope.nodes or self._selection.can_be_told(cell)]

    def _wanted(self, sources: Collection[str] | None = None) -> Iterator[Cell]:
        """The cells of the scope, be there a node in the run that could tell them or not."""
        pairs = choose(self.membership, self.scope, self.left_out)
        for cell in cells_of(self.membership, self.nodes, pairs, self.scope.full_size, sources):
            if not self.scope.is_part or self._selection.is_about(cell):
                yield cell

    def coverage(self, cells: Iterable[Cell]) -> Coverage:
        """What of all that is promised `cells`, which are all that were asked, are about."""
        if not self.scope.nodes:
            return coverage(self.membership, self.scope, cells)
        asked = list(cells)
        return coverage(self.membership, self.scope, asked, sum(1 for _ in self._wanted()) - len(asked))

    @cached_property
    def _selection(self) -> Selection:
        return Selection(self.membership, self.scope, self.left_out)

    def is_left_out(self, node: str) -> bool:
        """Whether a node takes no part in the run, as the scope has it."""
        return bool(self.scope.nodes) and node not in self.scope.nodes

    @cached_property
    def left_out(self) -> frozenset[str]:
        """The containers that are where no node of the run is, or may be there."""
        if not self.scope.nodes:
            return frozenset()
        unseen = [container for container in self.topology.containers if not self.seen(container.name)]
        return frozenset(each.name for each in unseen if each.node is None or self.is_left_out(each.node))

    def witnesses(self) -> Iterator[tuple[str, str, str]]:
        """Who asks whom beyond what cells are about, where not all ask all: source, target, network.

        What is denied needs the proof that both ends worked with somebody. So each one that is up asks and is asked by
        both its neighbours, since what is between it and one of them may be what is broken.
        """
        if self.scope.is_whole:
            return
        concerned = self.concerned()
        idle = {name for name, (_, seen) in self._found.items() if seen is None or not seen.is_up}
        for source, target, network in rings(self.membership, idle):
            if source in concerned or target in concerned:
                yield source, target, network
                yield target, source, network

    def concerned(self) -> set[str]:
        """The containers that cells are about."""
        if not self.scope.is_part:
            return set(self._declared)
        return {name for cell in self.cells() if cell.facet != "network" for name in cell[:2]}

    def _find(self, name: str) -> tuple[str, ContainerObservation | None]:
        """Where a container is: on its declared node, else where it is up, else where it was last."""
        holders = self.everywhere(name)
        declared = self.declared(name).node

        def rank(node: str) -> tuple[bool, bool, int]:
            return node != declared, not holders[node].is_up, holders[node].since

        node = min(holders, key=rank, default="")
        return node, holders.get(node)

    def declared(self, name: str) -> Container:
        """The container as the topology has it. Raises KeyError where it has none of that name."""
        return self._declared[name]

    def everywhere(self, name: str) -> dict[str, ContainerObservation]:
        """All containers of that name, by node."""
        return self._everywhere[name]

    def seen(self, name: str) -> ContainerObservation | None:
        """The container as its engine knows it; None where no engine that was looked at has it."""
        return self._found[name][1]

    def place(self, name: str) -> str:
        """The node where the container is, else the one where it should be; '' where neither is known."""
        return self.places.get(name) or self.declared(name).node or ""

    def _ends_of(self, name: str) -> dict[str, str]:
        container = self.seen(name)
        return {e.network: e.own_address or e.engine_address for e in container.endpoints} if container else {}

    def end(self, name: str, network: str, port: str = "") -> str:
        """Where others reach a container on a network, at one of its ports where one is given; '' for nowhere."""
        address = self._ends[name].get(network, "")
        return with_port(address, port) if address and port else address

    def listening_ends(self, name: str) -> list[str]:
        """Where a container is declared to listen."""
        networks, ports = self.membership.segments(name), self.declared(name).listens
        ends = [self.end(name, network, str(port)) for network in networks for port in ports]
        return [end for end in ends if end]

    def nearer_holder(self, cell: Cell, address: str) -> str:
        """Who else has an address of the target's, on a network of the source's; '' where nobody has.

        Local networks of two nodes may use the same addresses.
        """
        for segment in self.membership.segments(cell.source).values():
            for name in self._at.get((segment, address), ()):
                if name != cell.target:
                    return name
        return ""

    def holders_near(self, name: str, address: str) -> Iterator[tuple[str, str]]:
        """Who has an address on one of the networks that `name` is on: container and network."""
        for network, segment in self.membership.segments(name).items():
            yield from ((holder, network) for holder in self._at.get((segment, address), ()))

    def networks_on(self, node: str, name: str) -> list[NetworkObservation]:
        """The networks of that name that a node's engine lists."""
        return self._networks.get(name, {}).get(node, [])

    def network_ids(self, name: str) -> set[str]:
        """The IDs of all networks of that name that nodes share."""
        return self._ids.get(name, set())

    @cached_property
    def _taken(self) -> set[str]:
        return {address for ends in self._ends.values() for address in ends.values()}

    def blind_spot(self, name: str) -> str:
        """Why nobody can tell where a container is: '' where it was found, or is definitely not there."""
        if self.seen(name):
            return ""
        declared = self.declared(name).node
        candidates = [declared] if declared else self.nodes
        return next((blind for node in candidates if (blind := self.blind_node(node))), "")

    def blind_node(self, node: str) -> str:
        """Why nobody has seen what a node has; '' where somebody has."""
        return self.nodes[node].error if node in self.nodes else f"{node} was not to be looked at"

    def unheard(self, name: str) -> Reading | None:
        """What all cells of a source read that could not be asked; None where it could."""
        if name in self._heard:
            return None
        blind = self.blind_spot(name)
        if blind:
            return Reading(UNKNOWN, blind)
        container = self.seen(name)
        if container is None or not container.is_up:
            return Reading(FAILED, f"{name} is not running, so nobody could ask from it")
        if name not in self.sources:
            return Reading(UNKNOWN, f"{self.place(name)} has sent no probes from {name}")
        if self.sources[name].error:
            return Reading(FAILED, self.sources[name].error)
        self._heard.add(name)
        return None

    def hosts(self, name: str) -> list[_hosts_file.Line]:
        """The lines of a source's hosts file."""
        if name not in self._hosts:
            self._hosts[name] = _hosts_file.parse(self.sources[name].hosts)
            self._in_file[name] = {known.lower() for line in self._hosts[name] for known in line.names}
        return self._hosts[name]

    def way(self, source: str, address: str) -> Way:
        """Which way packets of a source take to an address."""
        seen = self.sources[source]
        if not seen.routes:
            return Way("", "", is_known=False)
        if source not in self._tables:
            self._tables[source] = Table(seen.routes)
        route = self._tables[source].way(address)
        if route is None:
            return Way("", "")
        container = self.seen(source)
        networks = (e.network for e in (container.endpoints if container else ()) if e.interface == route.interface)
        of_family = (network for network in networks if is_six(network) == is_ipv6(address))
        return Way(next(of_family, ""), route.interface, route.gateway)

    def nobodys(self, target: str, network: str) -> str:
        """An address beside the target's on a network, which no container of the topology has; '' where there is none.

        Whoever answers there answers in everybody's name.
        """
        address = self.end(target, network)
        name = bare(network)
        seen = [network for on_node in self._networks.get(name, {}).values() for network in on_node]
        subnets = [text for each in seen for text in each.subnets]
        subnets.append(f"{address}/{120 if ':' in address else 24}")  # where no engine lists the network any more
        for subnet in (ipaddress.ip_network(text, strict=False) for text in subnets if address):
            if ipaddress.ip_address(address) in subnet:
                last = range(2, min(subnet.num_addresses, 256))  # the very last one is for broadcasts
                return next((each for n in last if (each := str(subnet[-n])) not in self._taken), "")
        return ""

    def has_no_resolver(self, name: str) -> bool:
        """Whether no engine's resolver can answer a source, which is on one of the engines' own networks.

        That shows from inside, so no answer is needed to prove that it resolves nobody.
        """
        container = self.seen(name)
        if self.declared(name).network_mode is None or container is None:
            return False
        # A node that is a container itself may have such a resolver, which is not its own engine's.
        is_without = any(endpoint.network in (HOST, NONE) for endpoint in container.endpoints)
        return is_without or self.sources[name].server != ENGINES_RESOLVER

    def resolution(self, source: str, subject: str) -> Resolution:
        """What became of a name that `source` asked for."""
        seen, lines = self.sources[source], self.hosts(source)
        # Most names are in no file.
        is_in_file = bare(subject).lower() in self._in_file[source]
        return resolve(subject, lines if is_in_file else [], seen.answers, seen.server)


def state_of(container: ContainerObservation) -> str:
    """A container's state as words: 'exited 137, 12 s ago'."""
    words = container.state
    if container.state == "exited":
        words += f" {container.exit_code}" + (f", {container.since} s ago" if container.since >= 0 else "")
    if container.state == "running" and container.since >= 0:
        words += f" for {container.since} s"
    return f"{words}: {container.problem}" if container.problem else words


def read(cell: Cell, world: World) -> Reading:
    """Return what was observed of `cell`, and the evidence for it as words."""
    if cell.facet in _OF_ENGINE:
        return _OF_ENGINE[cell.facet](cell, world)
    return world.unheard(cell.source) or _OF_SOURCE[cell.facet](cell, world)


def _network(cell: Cell, world: World) -> Reading:
    blind = world.blind_node(cell.subject)
    if blind:
        return Reading(UNKNOWN, blind)
    found = world.networks_on(cell.subject, cell.source)
    if not found:
        return Reading(BLOCKED, "the engine has no network of that name")
    if len(found) > 1:
        return Reading(BLOCKED, f"{len(found)} networks have that name: {'; '.join(map(str, found))}")
    declared = world.topology.network(cell.source)
    problems = _differences(declared, found[0])
    if not declared.is_local and len(world.network_ids(cell.source)) > 1:
        problems += [
            f"{node} has another one, id {network.id[:12]}"
            for node in world.nodes
            for network in world.networks_on(node, cell.source)
            if network.id != found[0].id and network.scope != "local"
        ]
    return Reading(BLOCKED if problems else ALLOWED, "; ".join([str(found[0]), *problems]))


def _differences(declared: Network, found: NetworkObservation) -> list[str]:
    wanted = []
    if found.driver != declared.driver:
        wanted.append(f"driver {declared.driver}")
    if found.internal != declared.internal:
        wanted.append("internal" if declared.internal else "not internal")
    subnets = [*map(_canonical, found.subnets), None]
    wanted += [f"subnet {subnet}" for subnet in (declared.subnet, declared.subnet6) if subnet not in subnets]
    return [f"declared is {_list(wanted)}"] if wanted else []


def _canonical(subnet: str) -> str:
    try:
        return str(ipaddress.ip_network(subnet, strict=False))
    except ValueError:
        return subnet


def _placement(cell: Cell, world: World) -> Reading:
    if cell.subject == SAME_NODE:
        return _same_node(cell, world)
    blind = world.blind_spot(cell.source)
    if blind:
        return Reading(UNKNOWN, blind)
    container = world.seen(cell.source)
    if container is None:
        return Reading(BLOCKED, f"no container of that name {f'on {cell.subject}' if cell.subject else 'on any node'}")
    place = world.place(cell.source)
    if cell.subject and place != cell.subject:
        return Reading(BLOCKED, f"it is on {place}")
    # Engines keep some of a service's tasks that have ended, be it to start again on another node.
    others = [node for node, c in world.everywhere(cell.source).items() if node != place and (c.is_up or not c.task)]
    if others:
        return Reading(BLOCKED, f"it is on {place}, and {', '.join(others)} has another of that name")
    running = container.state == "running"
    called = f" as {container.task}" if container.task else ""
    return Reading(ALLOWED if running else BLOCKED, f"{state_of(container)}, on {place}{called}")


def _same_node(cell: Cell, world: World) -> Reading:
    ends = (cell.source, cell.target)
    for name in ends:
        if world.blind_spot(name):
            return Reading(UNKNOWN, world.blind_spot(name))
        if world.seen(name) is None:
            return Reading(FAILED, f"{name} is on no node")
    places = [world.place(name) for name in ends]
    evidence = _list(f"{name} is on {place}" for name, place in zip(ends, places))
    return Reading(ALLOWED if places[0] == places[1] else BLOCKED, evidence)


def _attachment(cell: Cell, world: World) -> Reading:
    blind = world.blind_spot(cell.source)
    if blind:
        return Reading(UNKNOWN, blind)
    container = world.seen(cell.source)
    endpoint = container.endpoint(cell.subject) if container else None
    if container is None or not container.is_up:
        return Reading(FAILED, f"{cell.source} is not running, so it is on no network")
    if endpoint is None:
        return Reading(BLOCKED, f"the engine has it on {_list(e.network for e in container.endpoints) or 'no network'}")
    if container.problem:
        return Reading(FAILED, container.problem)
    if cell.subject == HOST:
        return Reading(ALLOWED, "the network namespace of its node")
    if cell.subject == NONE:
        own = f"it has {endpoint.own_address} on {endpoint.interface}" if endpoint.own_address else ""
        return Reading(BLOCKED if own else ALLOWED, own or "no address but that of its loopback interface")
    if not endpoint.own_address or endpoint.own_address != endpoint.engine_address:
        own = endpoint.own_address or "none"
        return Reading(BLOCKED, f"the engine says {endpoint.engine_address or 'none'}, its own namespace {own}")
    attachment = world.declared(cell.source).attachment(bare(cell.subject))
    fixed = attachment.fixed(cell.subject) if attachment else None
    if fixed not in (None, endpoint.own_address):
        return Reading(BLOCKED, f"its address is {endpoint.own_address}, and should be {fixed}")
    return Reading(ALLOWED, f"address {endpoint.own_address}")


def _hosts_line(cell: Cell, world: World) -> Reading:
    lines = world.hosts(cell.source)
    if cell.source == cell.target and cell.subject.startswith(OWN_LINE):
        return _own_line(cell, world)
    found = _hosts_file.addresses(lines, cell.subject)
    wanted = _wanted_in_file(cell, world)
    if not found:
        return Reading(BLOCKED, f"none of {len(lines)} lines has it")
    is_anothers = cell.expected == DENIED and world.membership.holders(cell.source, cell.subject)
    if is_anothers and world.membership.reads_peers(cell.source) and not _names_the_target(cell, found, world):
        return Reading(BLOCKED, f"{_list(found)} {cell.subject}, which is not {cell.target}'s")
    if cell.expected == DENIED or wanted in found:
        return Reading(ALLOWED, f"{_list(found)} {cell.subject}")
    return Reading(BLOCKED, f"the file has {_list(found)}, not {wanted or 'its address'}")


def _wanted_in_file(cell: Cell, world: World) -> str:
    if cell.source == cell.target:
        return world.declared(cell.source).extra_hosts.get(cell.subject, "127.0.0.1")
    holders = world.membership.holders(cell.source, cell.subject)
    return next((world.end(cell.target, network) for network, names in holders.items() if cell.target in names), "")


def _own_line(cell: Cell, world: World) -> Reading:
    container = world.seen(cell.source)
    if container is None:
        return Reading(UNKNOWN, "nobody has seen it")
    address, hostname = container.address(cell.subject[len(OWN_LINE) :]), container.hostname
    if not address:
        return Reading(FAILED, f"{cell.source} has no address on {cell.subject[len(OWN_LINE) :]}")
    if address in _hosts_file.addresses(world.hosts(cell.source), hostname):
        return Reading(ALLOWED, f"{address} {hostname}")
    engine = world.nodes[world.place(cell.source)].engine
    if not _hosts_file.keeps_own_lines(engine):
        return Reading(ALLOWED, f"no line {address} {hostname}, as engine {engine} leaves it after a disconnect")
    return Reading(BLOCKED, f"no line {address} {hostname}")


def _name(cell: Cell, world: World) -> Reading:
    resolution = world.resolution(cell.source, cell.subject)
    if not resolution.addresses:
        return Reading(BLOCKED, f"does not resolve: {resolution.said}")
    evidence = f"{_list(resolution.addresses)} from {resolution.said}"
    if cell.expected == ALLOWED:
        return Reading(ALLOWED, evidence)
    if world.blind_spot(cell.target):
        return Reading(UNKNOWN, world.blind_spot(cell.target))
    if _names_the_target(cell, resolution.addresses, world):
        return Reading(ALLOWED, evidence)
    return Reading(BLOCKED, f"{evidence}, which is not {cell.target}'s")


def _names_the_target(cell: Cell, addresses: Iterable[str], world: World) -> bool:
    """Whether one of `addresses` is the target's, and not that of somebody nearer to the source."""
    target = world.seen(cell.target)
    common = target.addresses & set(addresses) if target else ()
    return any(not world.nearer_holder(cell, address) for address in common)


def _address(cell: Cell, world: World) -> Reading:
    resolution = world.resolution(cell.source, cell.subject)
    if not resolution.addresses:
        return Reading(FAILED, "there is no address to compare: the name does not resolve")
    if world.blind_spot(cell.target):
        return Reading(UNKNOWN, world.blind_spot(cell.target))
    answered = set(resolution.addresses)
    holders = world.membership.holders(cell.source, cell.subject)
    ends = {network: [(name, world.end(name, network)) for name in names] for network, names in holders.items()}
    if world.membership.reads_peers(cell.source):
        # A hosts file has all lines, of all networks.
        ends = {"its networks": [end for each in ends.values() for end in each]}
    for network, held in ends.items():
        # A name on two networks is answered from one of them; all its holders there are answered.
        own = {end for name, end in held if name == cell.target} or answered
        if answered <= {end for _, end in held} and own & answered:
            return Reading(ALLOWED, f"{_list(resolution.addresses)} on {network}")
    real = [f"{world.end(cell.target, network) or 'no address'} on {network}" for network in holders]
    return Reading(BLOCKED, f"{_list(resolution.addresses)} from {resolution.said}; {cell.target} has {_list(real)}")


def _ping(cell: Cell, world: World) -> Reading:
    return _reach(cell, world, world.sources[cell.source].pings, "answered")


def _mtu(cell: Cell, world: World) -> Reading:
    return _reach(cell, world, world.sources[cell.source].full_pings, "answered a packet of full size")


def _tcp(cell: Cell, world: World) -> Reading:
    return _reach(cell, world, world.sources[cell.source].connects, "connected")


def _reach(cell: Cell, world: World, brought: Mapping[str, Pong], verb: str) -> Reading:
    if world.blind_spot(cell.target):
        return Reading(UNKNOWN, world.blind_spot(cell.target))
    end = world.end(cell.target, cell.network, cell.port)
    if not end:
        return Reading(BLOCKED, f"{cell.target} has no address on {cell.network}")
    pong = brought.get(end)
    if pong is None:
        return Reading(FAILED, f"{end}: never sent")
    if isinstance(pong, str):
        return Reading(FAILED if pong.startswith(NOT_SENT) else BLOCKED, f"{end}: {pong}")
    twin = world.nearer_holder(cell, world.end(cell.target, cell.network))
    if twin and cell.expected == ALLOWED:
        return Reading(FAILED, f"{end} {verb}, but {twin} has that address too")
    somebody_else = f"for {cell.source} that is {twin}'s" if twin else _not_the_target(cell, world, brought)
    if somebody_else:
        return Reading(BLOCKED, f"{end} {verb}, but {somebody_else}")
    return Reading(ALLOWED, f"{end} {verb} in {pong:.1f} ms")


def _not_the_target(cell: Cell, world: World, brought: Mapping[str, Pong]) -> str:
    """Why what answers at the target's address is not the target; '' where it is."""
    address = world.end(cell.target, cell.network)
    way = world.way(cell.source, address)
    is_apart = world.topology.network(cell.network).is_local and world.place(cell.source) != world.place(cell.target)
    if not way.is_known or (way.network == cell.network and not is_apart):
        return ""
    if cell.expected == ALLOWED:
        return f"through {way}, and not through {cell.network}"
    if not way.gateway:
        return f"for {cell.source} that lies in {way}, where {cell.target} is not"
    nobodys = world.nobodys(cell.target, cell.network)
    end = with_port(nobodys, cell.port) if cell.port else nobodys
    if isinstance(brought.get(end), float):
        return f"so does {end}, which nobody has: something behind {way} answers for everybody"
    return ""


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)


_OF_ENGINE: dict[str, Callable[[Cell, World], Reading]] = {
    "network": _network,
    "placement": _placement,
    "attachment": _attachment,
}
_OF_SOURCE: dict[str, Callable[[Cell, World], Reading]] = {
    "hosts_file": _hosts_line,
    "name": _name,
    "address": _address,
    "ping": _ping,
    "mtu": _mtu,
    "tcp": _tcp,
}
