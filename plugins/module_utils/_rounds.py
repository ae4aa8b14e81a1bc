# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks from all containers of one node until everything is as the topology says, or time is up."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ansible_collections.dockernet.lab.plugins.module_utils import _namespace
from ansible_collections.dockernet.lab.plugins.module_utils._exchange import run_round
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, Cell
from ansible_collections.dockernet.lab.plugins.module_utils._observation import REFUSED, SourceObservation
from ansible_collections.dockernet.lab.plugins.module_utils._probes import Probe, Source
from ansible_collections.dockernet.lab.plugins.module_utils._reading import World, read
from ansible_collections.dockernet.lab.plugins.module_utils._sides import is_six, six, with_port

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0  # seconds between rounds
_KIND = {"name": "name", "address": "name", "ping": "ping", "mtu": "full", "tcp": "tcp"}
_REACHING = ("ping", "mtu", "tcp")


def probe_node(world: World, node: str, wait: float) -> list[SourceObservation]:
    """Probe from every container that is up on `node`; fills `world.sources` and returns them.

    wait: seconds for which what is not as expected is asked again (gossip takes a moment).
    """
    deadline = time.monotonic() + wait
    refused = _namespace.neighbours_refused()
    up = [name for name, place in world.places.items() if place == node and _is_up(world, name)]
    sources = {name: Source.enter(name, _pid(world, name)) for name in up}
    world.sources.update({name: source.seen for name, source in sources.items()})
    concerned = world.concerned()
    listeners = [source for name, source in sources.items() if name in concerned]
    live = {name for name, source in sources.items() if source.sockets}
    cells = [cell for cell in world.cells(live) if cell.facet in _KIND]
    try:
        probes = _plan(cells, world, sources) + _controls(world, sources.values()) + _witnessing(world, sources)
        pause = _FIRST_PAUSE
        while True:
            run_round(probes + _own_ports(world, listeners))
            cells = [cell for cell in cells if not _is_settled(cell, world)]
            if decoys := _decoys(cells, world, sources):
                run_round(decoys)
                cells = [cell for cell in cells if not _is_settled(cell, world)]
            if not (cells or _own_ports(world, listeners)) or time.monotonic() > deadline:
                break
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            probes = _plan(cells, world, sources)
    finally:
        for source in sources.values():
            source.close()
            source.seen.neighbours_full = _namespace.neighbours_refused() > refused
    return [source.seen for source in sources.values()]


def _plan(cells: Iterable[Cell], world: World, sources: dict[str, Source]) -> list[Probe]:
    """The probes that `cells` need, each once."""
    planned: dict[tuple[str, str, str], Probe] = {}
    for cell in cells:
        subject = cell.subject
        if cell.facet in _REACHING:
            subject = world.end(cell.target, cell.network, cell.port)
            if not subject:
                continue
        key = (cell.source, _KIND[cell.facet], subject)
        should_answer = cell.expected == ALLOWED and not _is_hopeless(cell, world)
        probe = planned.setdefault(key, Probe(sources[cell.source], key[1], subject, should_answer))
        probe.should_answer |= should_answer
    return list(planned.values())


def _controls(world: World, sources: Iterable[Source]) -> list[Probe]:
    """Each container's questions to itself: they prove that its resolver answers and that it can ping at all."""
    probes = []
    for source in sources:
        container = world.seen(source.seen.name)
        addresses = sorted(container.addresses) if container else []
        if source.sockets and addresses:
            has_name = world.declared(source.seen.name).network_mode is None
            probes.append(Probe(source, "name", source.seen.name, has_name))
            if has_name and any(map(is_six, world.membership.segments(source.seen.name))):
                probes.append(Probe(source, "name", six(source.seen.name), True))
            probes.extend(Probe(source, "ping", address, True) for address in addresses)
    return probes


def _witnessing(world: World, sources: dict[str, Source]) -> list[Probe]:
    """What proves that containers work, where the cells themselves are too few for that."""
    probes = []
    for name, other, network in world.witnesses():
        source, is_up = sources.get(name), _is_up(world, other)
        if source and source.sockets:
            if world.membership.answers_names(network):
                probes.append(Probe(source, "name", six(other) if is_six(network) else other, is_up))
            if end := world.end(other, network):
                answers = is_up and world.membership.lets_through(network)
                probes.append(Probe(source, "ping", end, answers))
                ends = [world.end(other, network, str(port)) for port in world.declared(other).listens]
                probes.extend(Probe(source, "tcp", end, answers) for end in ends)
    return probes


def _decoys(cells: Iterable[Cell], world: World, sources: dict[str, Source]) -> list[Probe]:
    """Beside each target that answers though it should not, from behind a gateway, an address that nobody has.

    They are waited for, since one that answers too proves that the target has not.
    """
    planned = {
        (cell.source, _KIND[cell.facet], with_port(nobodys, cell.port) if cell.port else nobodys)
        for cell in cells
        if cell.expected != ALLOWED and cell.facet in _REACHING and read(cell, world).observed == ALLOWED
        if world.way(cell.source, world.end(cell.target, cell.network)).gateway
        if (nobodys := world.nobodys(cell.target, cell.network))
    }
    return [Probe(sources[source], kind, subject, True) for source, kind, subject in sorted(planned)]


def _own_ports(world: World, sources: Iterable[Source]) -> list[Probe]:
    """Each container's connects to its own ports, as long as they fail: who does not listen proves nothing."""
    return [
        Probe(source, "tcp", end, True)
        for source in sources
        for end in world.listening_ends(source.seen.name)
        if source.sockets and not isinstance(source.seen.connects.get(end), float)
    ]


def _is_settled(cell: Cell, world: World) -> bool:
    """Whether asking again could change nothing: it is as expected, or cannot come to be."""
    is_allowed = read(cell, world).observed == ALLOWED
    if cell.expected == ALLOWED:
        return is_allowed or _is_hopeless(cell, world)
    return not is_allowed and not _is_refused_by_the_target(cell, world)


def _is_refused_by_the_target(cell: Cell, world: World) -> bool:
    """Whether a connect that is denied was refused by a target which can be reached: it may be about to listen."""
    seen = world.sources[cell.source]
    address = world.end(cell.target, cell.network)
    refused = cell.facet == "tcp" and seen.connects.get(with_port(address, cell.port)) == REFUSED
    return refused and isinstance(seen.pings.get(address), float) and not world.nearer_holder(cell, address)


def _is_hopeless(cell: Cell, world: World) -> bool:
    """Whether what should be allowed cannot come to be, since an engine said that the target is not there."""
    if cell.expected != ALLOWED or cell.target in world.left_out:
        return False
    target = world.seen(cell.target)
    if target is None or not target.is_up:
        return True
    if cell.facet in _REACHING:
        return not world.end(cell.target, cell.network)
    networks = world.membership.holders(cell.source, cell.subject)
    return not any(world.end(cell.target, network) for network in networks)


def _is_up(world: World, name: str) -> bool:
    container = world.seen(name)
    return container is not None and container.is_up


def _pid(world: World, name: str) -> int:
    container = world.seen(name)
    return container.pid if container else 0
