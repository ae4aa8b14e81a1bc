# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that is not there: what its nodes and containers would see, where all is well or something is broken.

Its rules are the engines', written down once more and the slow way, from containers' addresses and names and not from
groups. Where it and the core disagree, one of them is wrong.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import Cell
from ansible_collections.dockernet.lab.plugins.module_utils._hosts_file import release
from ansible_collections.dockernet.lab.plugins.module_utils._observation import (
    ContainerObservation,
    EndpointObservation,
    NetworkObservation,
    NodeObservation,
    Pong,
    SourceObservation,
)
from ansible_collections.dockernet.lab.plugins.module_utils._reading import World
from ansible_collections.dockernet.lab.plugins.module_utils._sides import bare, is_six, six, without_port
from ansible_collections.dockernet.lab.plugins.module_utils._topology import (
    PREDEFINED_NETWORKS,
    Container,
    Network,
    Topology,
)

RESOLVER = "127.0.0.11"
UPSTREAM = "9.9.9.9"  # what containers on the engines' own networks have instead; it cannot be reached


class Cluster:
    """Change what it has (`containers`, `lost`, ...) before `world` looks at it.

    lost: pairs of ends between which packets vanish, in either direction: containers' names, or nodes' for what travels
    between these. narrow: pairs of nodes between which nothing large passes. closed: networks that pass nothing
    between nodes. deaf: pairs of nodes that do not tell each other their names. clocks: seconds, by node. unfiltered:
    nodes that forward IPv6 between all their networks. doubles: undeclared containers of declared names, by node.
    """

    def __init__(
        self,
        topology: Topology,
        engines: dict[str, str],
        flavour: str = "none",
        found: dict[str, str] | None = None,
        ids: dict[str, str] | None = None,
    ) -> None:
        self.topology = topology
        self.engines = engines
        self.flavour = flavour
        self.places = {c.name: c.node or (found or {})[c.name] for c in topology.containers}
        self._used = {(a.network, self.places[c.name]) for c in topology.containers for a in c.attachments}
        self.ids = ids or {}
        self.lost: set[frozenset[str]] = set()
        self.closed: set[str] = set()
        self.clocks: dict[str, float] = {}
        self.narrow: set[frozenset[str]] = set()
        self.deaf: set[frozenset[str]] = set()
        self.unfiltered: set[str] = set()
        self.doubles: dict[str, list[ContainerObservation]] = {}
        self.hosts: dict[str, str] = {}  # of containers whose file is not as their engine wrote it
        self.server: dict[str, str] = {}
        self.silent_resolvers: set[str] = set()
        self.errors: dict[str, str] = {}
        self._on: dict[str, list[str]] = {}  # containers by node
        self.networks = {node: self._networks_of(node) for node in engines}
        self._declared = {c.name: c for c in topology.containers}
        self._network = {side: network for network in topology.networks for side in network.sides}
        self._assigned = self._assign()
        self.containers = {c.name: self._container(c) for c in topology.containers}

    # What there is

    def _networks_of(self, node: str) -> list[NetworkObservation]:
        found = []
        for network in self.topology.networks:
            used = node in network.nodes or (network.name, node) in self._used
            if used or (not network.is_local and self.flavour != "mode"):
                scope = "local" if network.is_local else "global"
                subnets = tuple(filter(None, (network.subnet, network.subnet6)))
                ident = f"{network.name}-{node if network.is_local else ''}"
                found.append(NetworkObservation(network.name, ident, network.driver, scope, network.internal, subnets))
        return found

    def _assign(self) -> dict[tuple[str, str], str]:
        """An address for each attachment; local networks of several nodes have the same ones."""
        addresses: dict[tuple[str, str], str] = {}
        for number, network in enumerate(self.topology.networks):
            self._assign_on(addresses, network, network.name, network.subnet or f"10.{number}.0.0/16")
            if network.subnet6:
                self._assign_on(addresses, network, six(network.name), network.subnet6)
        return addresses

    def _assign_on(self, addresses: dict[tuple[str, str], str], network: Network, side: str, pool: str) -> None:
        subnet = ipaddress.ip_network(pool)
        members = [(c, a) for c in self.topology.containers for a in c.attachments if a.network == network.name]
        asked = {fixed for _, a in members if (fixed := a.fixed(side))}
        free: dict[str, int] = {}
        for container, attachment in members:
            place = self.places[container.name] if network.is_local else ""
            address = attachment.fixed(side)
            while address is None or (address in asked and not attachment.fixed(side)):
                free[place] = free.get(place, 1) + 1
                address = str(subnet[free[place]])
            addresses[container.name, side] = address

    def _container(self, declared: Container) -> ContainerObservation:
        ident = self.ids.get(declared.name, "")
        endpoints = tuple(
            EndpointObservation(side, address, address)
            for a in declared.attachments
            for side in self._network[a.network].sides
            if (address := self._assigned[declared.name, side])
        )
        if declared.network_mode in ("host", "none"):
            endpoints = (EndpointObservation(declared.network_mode),)
        hostname = declared.hostname or ident[:12] or f"id-{declared.name}"
        return ContainerObservation(
            declared.name, "running", 4711, since=60, hostname=hostname, endpoints=endpoints, id=ident
        )

    # What can be broken

    def stop(self, name: str) -> None:
        """It has no process, and so no address."""
        gone = tuple(EndpointObservation(e.network) for e in self.containers[name].endpoints if not is_six(e.network))
        self.containers[name] = replace(
            self.containers[name], state="exited", pid=0, exit_code=137, since=12, endpoints=gone
        )

    def double(self, name: str, node: str, network: str, address: str) -> None:
        """Another container of that name on another node, as swarm mode allows: the network answers for both."""
        endpoints = (EndpointObservation(network, address, address),)
        self.doubles.setdefault(node, []).append(replace(self.containers[name], endpoints=endpoints, since=5))

    def disconnect(self, name: str, network: str) -> None:
        """Take it off a network."""
        left = tuple(e for e in self.containers[name].endpoints if bare(e.network) != network)
        self.containers[name] = replace(self.containers[name], endpoints=left)

    def connect(self, name: str, network: str, address: str) -> None:
        """Put it on a network, be it declared or not."""
        more = EndpointObservation(network, address, address)
        self.containers[name] = replace(self.containers[name], endpoints=(*self.containers[name].endpoints, more))

    def readdress(self, name: str, network: str, address: str) -> None:
        """Give it another address, as nobody but a process inside it can."""
        changed = tuple(
            replace(e, own_address=address) if e.network == network else e for e in self.containers[name].endpoints
        )
        self.containers[name] = replace(self.containers[name], endpoints=changed)

    # What is seen

    def world(self, **options: object) -> World:
        """All observations that a run would make of it. options: of `World`."""
        nodes = {node: self._node(node) for node in self.engines}
        self._known: dict[tuple[str, str], dict[str, list[str]]] = {}
        self._members: dict[str, list[str]] = {}
        self._at: dict[str, list[tuple[str, str]]] = {}
        for name, seen in self.containers.items():
            for endpoint in seen.endpoints:
                self._members.setdefault(endpoint.network, []).append(name)
                if endpoint.own_address and seen.is_up:
                    self._at.setdefault(endpoint.own_address, []).append((name, endpoint.network))
        world = World(self.topology, nodes, flavour=self.flavour, **options)  # type: ignore[arg-type]
        for name, container in self.containers.items():
            if container.is_up and self.places[name] not in self.errors:
                server = self.server.get(name, UPSTREAM if self._declared[name].network_mode else RESOLVER)
                world.sources[name] = SourceObservation(name, "", self.hosts.get(name, self._hosts_file(name)), server)
        self._ask(world)
        return world

    def _node(self, node: str) -> NodeObservation:
        if node in self.errors:
            return NodeObservation(node, error=self.errors[node])
        if not self._on:
            for name, place in self.places.items():
                self._on.setdefault(place, []).append(name)
        containers = (*(self.containers[name] for name in self._on.get(node, ())), *self.doubles.get(node, ()))
        return NodeObservation(
            node, self.engines[node], "", containers, tuple(self.networks[node]), self.clocks.get(node, 0.0)
        )

    def _ask(self, world: World) -> None:
        """Answer each question that a cell, or the proof of one, needs."""
        for facet, name, subject in dict.fromkeys(self._questions(world)):
            seen = world.sources.get(name)
            if seen is None or not subject:
                continue
            if facet == "name":
                seen.answers[subject] = self.answer(name, subject)
            elif facet == "mtu":
                seen.full_pings[subject] = self.pong(name, subject, full_size=True)
            elif facet == "ping":
                seen.pings[subject] = self.pong(name, subject)
            else:
                address, port = without_port(subject)
                seen.connects[subject] = self.pong(name, address, port)

    def _questions(self, world: World) -> Iterator[tuple[str, str, str]]:
        """Facet, who asks, and what for."""
        for name in world.sources:
            yield "name", name, name
            yield "name", name, six(name)
            yield from (("ping", name, address) for address in sorted(self.containers[name].addresses))
            yield from (("tcp", name, end) for end in world.listening_ends(name))
        for cell in world.cells():
            if cell.facet == "name":
                yield "name", cell.source, cell.subject
            elif cell.facet in ("ping", "mtu", "tcp"):
                yield cell.facet, cell.source, world.end(cell.target, cell.network, cell.port)
        for source, target, network in world.witnesses():
            yield "name", source, six(target) if is_six(network) else target
            yield "ping", source, world.end(target, network)
            for port in world.declared(target).listens:
                yield "tcp", source, world.end(target, network, str(port))

    # The rules of engines, once more

    def _hosts_file(self, name: str) -> str:
        """As facts of each version have it; from 1.10 on no peer is ever in it."""
        engine, container = self.engines[self.places[name]], self.containers[name]
        if self._declared[name].network_mode == "host" and not self._declared[name].extra_hosts:
            # Its node's, which may have anything, and need not have anything.
            return f"127.0.0.1\t{self.places[name]}\n10.0.0.77\t{' '.join(self.containers)}\n"
        own = [f"{e.own_address}\t{container.hostname}" for e in container.endpoints if e.own_address]
        fixed = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
        extra = [f"{address}\t{host}" for host, address in self._declared[name].extra_hosts.items()]
        if _release(engine) >= (1, 10):
            return "\n".join([*fixed, *extra, *own, ""])
        peers = [
            f"{e.own_address}\t{other}{suffix}"
            for other, seen in self.containers.items()
            for e in seen.endpoints
            if not is_six(e.network) and e.network not in PREDEFINED_NETWORKS
            for suffix in ("", f".{e.network}")
            if other != name and e.own_address and self._meet(name, other, e.network)
        ]
        return "\n".join([*own[:1], *fixed, *extra, *peers, ""])

    def answer(self, name: str, subject: str) -> list[str] | str:
        """What the resolver says to a container."""
        if name in self.silent_resolvers or self.server.get(name, RESOLVER) != RESOLVER:
            return "time-out"
        if _release(self.engines[self.places[name]]) < (1, 10):
            return "NXDOMAIN"
        if self._declared[name].network_mode:
            return "network is unreachable" if self._declared[name].network_mode == "none" else "time-out"
        words = bare(subject).lower().split(".")
        networks = [e.network for e in self.containers[name].endpoints if not is_six(e.network)]
        for count in range(len(words), 0, -1):
            head, tail = ".".join(words[:count]), ".".join(words[count:])
            known = [network for network in networks if tail in ("", network.lower())]
            known = [network for network in known if head in self._records(name, network)]
            for network in known:
                side = six(network) if is_six(subject) else network
                if side in self._network and (found := self._records(name, side).get(head)):
                    return found
            if known:
                return []  # it has no address of that family
        return "NXDOMAIN"

    def _records(self, name: str, network: str) -> dict[str, list[str]]:
        """The names that are known to a container on one of its networks."""
        # All on one instance of a network know the same, where no nodes are deaf.
        is_local = self._network[network].is_local or self.deaf
        key = (network, self.places[name] if is_local else "")
        if key not in self._known:
            self._known[key] = self._records_for(name, network)
        return self._known[key]

    def _records_for(self, name: str, network: str) -> dict[str, list[str]]:
        records: dict[str, list[str]] = {}
        for other in self._members.get(network, ()):
            seen = self.containers[other]
            endpoint = seen.endpoint(network)
            if endpoint is None or not endpoint.own_address or not self._meet(name, other, network):
                continue
            if frozenset((self.places[name], self.places[other])) in self.deaf:
                continue
            declared, version = self._declared[other], _release(self.engines[self.places[other]])
            attachment = declared.attachment(bare(network))
            names = {other}
            if version >= (1, 10) and attachment:
                names |= set(attachment.aliases)
            if version >= (1, 12) and seen.id:
                names.add(seen.id[:12])
            if version >= (20, 10) and declared.hostname:
                names.add(declared.hostname)
            doubles = [each for on_node in self.doubles.values() for each in on_node if each.name == other]
            found = [endpoint.own_address, *(double.address(network) for double in doubles)]
            for each in {each.lower() for each in names}:
                records.setdefault(each, []).extend(filter(None, found))
        return records

    def pong(self, name: str, address: str, port: str = "", full_size: bool = False) -> Pong:
        """What becomes of a ping, or of a connect to a port."""
        for other, network in self._at.get(address, ()):
            if full_size and frozenset((self.places[name], self.places[other])) in self.narrow:
                return "no reply"
            if other == name or self._passes(name, other, network):
                is_open = not port or int(port) in self._declared[other].listens
                return 0.4 if is_open else "connection refused"
        return "no reply"

    def _meet(self, one: str, other: str, network: str) -> bool:
        """Whether both are on a network, and that is one."""
        both = all(self.containers[name].endpoint(network) for name in (one, other))
        return both and (not self._network[network].is_local or self.places[one] == self.places[other])

    def _passes(self, one: str, other: str, network: str) -> bool:
        if is_six(network) and self.places[one] == self.places[other] and self.places[one] in self.unfiltered:
            return any(is_six(endpoint.network) for endpoint in self.containers[one].endpoints)
        if not self._meet(one, other, network) or frozenset((one, other)) in self.lost:
            return False
        places = frozenset((self.places[one], self.places[other]))
        icc = _option(self._network[network], "com.docker.network.bridge.enable_icc")
        if network in self.closed and len(places) > 1:
            return False
        return places not in self.lost and not (self._network[network].driver == "bridge" and icc == "false")


def _release(engine: str) -> tuple[int, int]:
    """An unknown version behaves as the newest."""
    return release(engine) if engine else (99, 0)


def _option(network: Network, key: str) -> str:
    return str(network.options.get(key, "")).lower()


def matrix(cells: Iterable[Cell]) -> str:
    """Cells as people read them: a line for each pair and facet, + for what is allowed, and - for what is denied.

    `address` has no line: it is promised for each name with a +.
    """
    lines: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        who = cell.source if cell.source == cell.target else f"{cell.source} -> {cell.target}"
        sign = "+" if cell.expected == "allowed" else "-"
        if cell.facet != "address":
            subject = cell.subject or "any"
            lines.setdefault((who, cell.facet), []).append(sign + (f"'{subject}'" if " " in subject else subject))
        elif lines[who, "name"][-1] != f"+{cell.subject}":
            raise AssertionError(f"{cell} is promised, and its name is not")
    width = max((len(who) for who, _ in lines), default=0)
    return "".join(f"{pair:{width}}  {facet:10}  {' '.join(subjects)}\n" for (pair, facet), subjects in lines.items())
