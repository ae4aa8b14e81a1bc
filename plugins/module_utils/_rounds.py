# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks from all containers of one node until everything is as the topology says, or time is up."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ansible_collections.dockernet.lab.plugins.module_utils import _probes
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, Cell, expect
from ansible_collections.dockernet.lab.plugins.module_utils._observation import SourceObservation
from ansible_collections.dockernet.lab.plugins.module_utils._reading import World, read

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0  # seconds between rounds
_KIND = {"name": "name", "address": "name", "ping": "ping"}


def probe_node(world: World, node: str, wait: float) -> list[SourceObservation]:
    """Probe from every container that is up on `node`; fills `world.sources` and returns them.

    wait: seconds for which what is not as expected is asked again (gossip takes a moment).
    """
    deadline = time.monotonic() + wait
    up = [name for name, place in world.places.items() if place == node and _is_up(world, name)]
    sources = {name: _probes.Source.enter(name, _pid(world, name)) for name in up}
    world.sources.update({name: source.seen for name, source in sources.items()})
    cells = [
        cell
        for cell in expect(world.topology, world.places, {name: seen.engine for name, seen in world.nodes.items()})
        if cell.facet in _KIND and cell.source in sources and sources[cell.source].sockets
    ]
    try:
        _probes.run_round(_plan(cells, world, sources) + _controls(world, sources.values()))
        pause = _FIRST_PAUSE
        while (cells := [cell for cell in cells if not _is_settled(cell, world)]) and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            _probes.run_round(_plan(cells, world, sources))
    finally:
        _probes.close(sources.values())
    return [source.seen for source in sources.values()]


def _plan(cells: Iterable[Cell], world: World, sources: dict[str, _probes.Source]) -> list[_probes.Probe]:
    """The probes that `cells` need, each once."""
    planned: dict[tuple[str, str, str], _probes.Probe] = {}
    for cell in cells:
        subject = cell.subject
        if cell.facet == "ping":
            target = world.seen(cell.target)
            subject = target.address(cell.subject) if target else ""
            if not subject:
                continue
        key = (cell.source, _KIND[cell.facet], subject)
        should_answer = cell.expected == ALLOWED and not _is_hopeless(cell, world)
        probe = planned.setdefault(key, _probes.Probe(sources[cell.source], key[1], subject, should_answer))
        probe.should_answer |= should_answer
    return list(planned.values())


def _controls(world: World, sources: Iterable[_probes.Source]) -> list[_probes.Probe]:
    """Each container's questions to itself: they prove that its resolver answers and that it can ping at all."""
    probes = []
    for source in sources:
        container = world.seen(source.seen.name)
        addresses = sorted(container.addresses) if container else []
        if source.sockets and addresses:
            probes.append(_probes.Probe(source, "name", source.seen.name, True))
            probes.extend(_probes.Probe(source, "ping", address, True) for address in addresses)
    return probes


def _is_settled(cell: Cell, world: World) -> bool:
    """Whether asking again could change nothing: it is as expected, or cannot come to be."""
    return _is_hopeless(cell, world) or (read(cell, world).observed == ALLOWED) == (cell.expected == ALLOWED)


def _is_hopeless(cell: Cell, world: World) -> bool:
    """Whether what should be allowed cannot come to be, since an engine said that the target is not there."""
    if cell.expected != ALLOWED:
        return False
    target = world.seen(cell.target)
    if target is None or not target.is_up:
        return True
    networks = [cell.subject] if cell.facet == "ping" else world.membership.holders(cell.source, cell.subject)
    return not any(target.address(network) for network in networks)


def _is_up(world: World, name: str) -> bool:
    container = world.seen(name)
    return container is not None and container.is_up


def _pid(world: World, name: str) -> int:
    container = world.seen(name)
    return container.pid if container else 0
