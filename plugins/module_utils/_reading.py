# SPDX-License-Identifier: GPL-3.0-or-later
"""What the observations say about one cell: pure, and the same on a node, which asks again, and on the controller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils import _hosts_file
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import (
    ALLOWED,
    DENIED,
    OWN_LINE,
    Cell,
    Membership,
)
from ansible_collections.dockernet.lab.plugins.module_utils._observation import (
    ContainerObservation,
    NodeObservation,
    SourceObservation,
)
from ansible_collections.dockernet.lab.plugins.module_utils._resolver import Resolution, resolve
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology

BLOCKED = "blocked"
FAILED = "failed"  # the probe could not run
UNKNOWN = "unknown"  # nobody looked


class Reading(NamedTuple):
    observed: str
    evidence: str


class World:
    """All observations of one run, with the questions that reports and probes have about them."""

    def __init__(
        self,
        topology: Topology,
        nodes: Mapping[str, NodeObservation],
        sources: Mapping[str, SourceObservation] | None = None,
    ) -> None:
        self.topology = topology
        self.nodes = nodes
        self.sources = dict(sources or {})
        self._found = {container.name: self._find(container.name) for container in topology.containers}
        self.places = {name: self._found[name][0] for name in self._found if self._found[name][0]}
        self.membership = Membership(topology, self.places)
        self._hosts: dict[str, list[_hosts_file.Line]] = {}

    def _find(self, name: str) -> tuple[str, ContainerObservation | None]:
        """Where a container is: on its declared node, else where it is up, else where it is at all."""
        holders = self.everywhere(name)
        declared = self.topology.container(name).node

        def rank(node: str) -> tuple[bool, bool]:
            return node != declared, not holders[node].is_up

        node = min(holders, key=rank, default="")
        return node, holders.get(node)

    def everywhere(self, name: str) -> dict[str, ContainerObservation]:
        """All containers of that name, by node."""
        return {node: c for node, seen in self.nodes.items() for c in seen.containers if c.name == name}

    def seen(self, name: str) -> ContainerObservation | None:
        """The container as its engine knows it; None where no engine that was looked at has it."""
        return self._found[name][1]

    def place(self, name: str) -> str:
        """The node where the container is, else the one where it should be; '' where neither is known."""
        return self.places.get(name) or self.topology.container(name).node or ""

    def blind_spot(self, name: str) -> str:
        """Why nobody can tell where a container is: '' where it was found, or is definitely not there."""
        if self.seen(name):
            return ""
        declared = self.topology.container(name).node
        for node in [declared] if declared else list(self.nodes):
            error = self.nodes[node].error if node in self.nodes else f"{node} was not to be looked at"
            if error:
                return error
        return ""

    def hosts(self, name: str) -> list[_hosts_file.Line]:
        """The lines of a source's hosts file."""
        if name not in self._hosts:
            self._hosts[name] = _hosts_file.parse(self.sources[name].hosts)
        return self._hosts[name]

    def resolution(self, source: str, subject: str) -> Resolution:
        """What became of a name that `source` asked for."""
        seen = self.sources[source]
        return resolve(subject, self.hosts(source), seen.answers, seen.server)


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
    blind = world.blind_spot(cell.source)
    if blind:
        return Reading(UNKNOWN, blind)
    source = world.seen(cell.source)
    if source is None or not source.is_up:
        return Reading(FAILED, f"{cell.source} is not running, so nobody could ask from it")
    if cell.source not in world.sources:
        return Reading(UNKNOWN, f"{world.place(cell.source)} has sent no probes from {cell.source}")
    if world.sources[cell.source].error:
        return Reading(FAILED, world.sources[cell.source].error)
    return _OF_SOURCE[cell.facet](cell, world)


def _placement(cell: Cell, world: World) -> Reading:
    blind = world.blind_spot(cell.source)
    if blind:
        return Reading(UNKNOWN, blind)
    container = world.seen(cell.source)
    if container is None:
        return Reading(BLOCKED, f"no container of that name {f'on {cell.subject}' if cell.subject else 'on any node'}")
    place = world.place(cell.source)
    if cell.subject and place != cell.subject:
        return Reading(BLOCKED, f"it is on {place}")
    others = [node for node in world.everywhere(cell.source) if node != place]
    if others:
        return Reading(BLOCKED, f"it is on {place}, and {', '.join(others)} has another of that name")
    running = container.state == "running"
    return Reading(ALLOWED if running else BLOCKED, f"{state_of(container)}, on {place}")


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
    if not endpoint.own_address or endpoint.own_address != endpoint.engine_address:
        own = endpoint.own_address or "none"
        return Reading(BLOCKED, f"the engine says {endpoint.engine_address or 'none'}, its own namespace {own}")
    attachment = world.topology.container(cell.source).attachment(cell.subject)
    if attachment and attachment.address not in (None, endpoint.own_address):
        return Reading(BLOCKED, f"its address is {endpoint.own_address}, and should be {attachment.address}")
    return Reading(ALLOWED, f"address {endpoint.own_address}")


def _hosts_line(cell: Cell, world: World) -> Reading:
    lines = world.hosts(cell.source)
    if cell.source == cell.target and cell.subject.startswith(OWN_LINE):
        return _own_line(cell, world)
    found = _hosts_file.addresses(lines, cell.subject)
    wanted = _wanted_in_file(cell, world)
    if not found:
        return Reading(BLOCKED, f"none of {len(lines)} lines has it")
    if cell.expected == DENIED or wanted in found:
        return Reading(ALLOWED, f"{_list(found)} {cell.subject}")
    return Reading(BLOCKED, f"the file has {_list(found)}, not {wanted or 'its address'}")


def _wanted_in_file(cell: Cell, world: World) -> str:
    if cell.source == cell.target:
        return world.topology.container(cell.source).extra_hosts.get(cell.subject, "127.0.0.1")
    target = world.seen(cell.target)
    holders = world.membership.holders(cell.source, cell.subject)
    return next((target.address(network) for network in holders), "") if target else ""


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
    target = world.seen(cell.target)
    if target and target.addresses & set(resolution.addresses):
        return Reading(ALLOWED, evidence)
    return Reading(BLOCKED, f"{evidence}, which is not {cell.target}'s")


def _address(cell: Cell, world: World) -> Reading:
    resolution = world.resolution(cell.source, cell.subject)
    if not resolution.addresses:
        return Reading(FAILED, "there is no address to compare: the name does not resolve")
    if world.blind_spot(cell.target):
        return Reading(UNKNOWN, world.blind_spot(cell.target))
    answered = set(resolution.addresses)
    holders = world.membership.holders(cell.source, cell.subject)
    for network, names in holders.items():
        held = {name: _address_of(world, name, network) for name in names}
        # A name on two networks is answered from one of them; all its holders there are answered.
        if answered <= set(held.values()) and held.get(cell.target, next(iter(answered))) in answered:
            return Reading(ALLOWED, f"{_list(resolution.addresses)} on {network}")
    own = [f"{_address_of(world, cell.target, network) or 'no address'} on {network}" for network in holders]
    return Reading(BLOCKED, f"{_list(resolution.addresses)} from {resolution.said}; {cell.target} has {_list(own)}")


def _address_of(world: World, name: str, network: str) -> str:
    container = world.seen(name)
    return container.address(network) if container else ""


def _ping(cell: Cell, world: World) -> Reading:
    if world.blind_spot(cell.target):
        return Reading(UNKNOWN, world.blind_spot(cell.target))
    address = _address_of(world, cell.target, cell.subject)
    if not address:
        return Reading(BLOCKED, f"{cell.target} has no address on {cell.subject}")
    pong = world.sources[cell.source].pings.get(address, "never sent")
    if isinstance(pong, str):
        return Reading(FAILED if pong == "never sent" else BLOCKED, f"{address}: {pong}")
    namesake = _nearer_holder(cell, world, address) if cell.expected == DENIED else ""
    if namesake:
        return Reading(BLOCKED, f"{address} is {namesake}'s for {cell.source}, and that is who answered")
    return Reading(ALLOWED, f"{address} answered in {pong:.1f} ms")


def _nearer_holder(cell: Cell, world: World, address: str) -> str:
    """Who else has that address on a network of the source's: local networks of two nodes may use the same."""
    for container in world.topology.containers:
        for attachment in container.attachments:
            near = world.membership.shares(cell.source, container.name, attachment.network)
            if (
                near
                and container.name != cell.target
                and _address_of(world, container.name, attachment.network) == address
            ):
                return container.name
    return ""


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)


_OF_ENGINE: dict[str, Callable[[Cell, World], Reading]] = {"placement": _placement, "attachment": _attachment}
_OF_SOURCE: dict[str, Callable[[Cell, World], Reading]] = {
    "hosts_file": _hosts_line,
    "name": _name,
    "address": _address,
    "ping": _ping,
}
