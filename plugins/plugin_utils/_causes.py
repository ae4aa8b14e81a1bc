# SPDX-License-Identifier: GPL-3.0-or-later
"""Likely causes, on evidence: a table of questions, of which the first with an answer wins."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, DENIED, Cell
from ansible_collections.dockernet.lab.plugins.module_utils._reading import BLOCKED, World, state_of
from ansible_collections.dockernet.lab.plugins.module_utils._resolver import has_answered


def likely_cause(cell: Cell, observed: str, world: World) -> str:
    """Why a cell is not correct, as a sentence without its full stop; '' where nothing is known."""
    return next((cause for ask in _QUESTIONS if (cause := ask(cell, observed, world))), "")


def _ends(cell: Cell) -> Iterator[str]:
    """Both containers, the one that is asked about first."""
    yield from dict.fromkeys((cell.target, cell.source))


def _nobody_looked(cell: Cell, _observed: str, world: World) -> str:
    return next((blind for name in _ends(cell) if (blind := world.blind_spot(name))), "")


def _missing(cell: Cell, _observed: str, world: World) -> str:
    for name in _ends(cell):
        if world.seen(name) is None and not world.blind_spot(name):
            return f"{name} is missing: no engine has a container of that name"
    return ""


def _not_running(cell: Cell, _observed: str, world: World) -> str:
    for name in _ends(cell):
        container = world.seen(name)
        if container and container.state == "paused":
            return f"{name} is paused"
        if container and container.state != "running":
            return f"{name} is not running ({state_of(container)})"
    return ""


def _elsewhere(cell: Cell, _observed: str, world: World) -> str:
    for name in _ends(cell):
        declared, nodes = world.topology.container(name).node, list(world.everywhere(name))
        if declared and nodes and nodes != [declared]:
            return f"{name} is on {', '.join(nodes)}, and should be on {declared} alone"
    return ""


def _not_attached(cell: Cell, observed: str, world: World) -> str:
    if cell.expected == DENIED and observed == ALLOWED:
        return ""
    for name in _ends(cell):
        container = world.seen(name)
        for attachment in world.topology.container(name).attachments:
            # What is denied lacks its proof where an end is not attached to any one of its networks.
            concerned = cell.source == cell.target or cell.expected == DENIED
            concerned = concerned or world.membership.shares(cell.source, cell.target, attachment.network)
            if container and concerned and not container.endpoint(attachment.network):
                return f"{name} is not attached to {attachment.network}"
    return ""


def _attached_too_much(cell: Cell, observed: str, world: World) -> str:
    if cell.expected != DENIED or observed != ALLOWED:
        return ""
    declared_networks = {network.name for network in world.topology.networks}
    for name in _ends(cell):
        container, declared = world.seen(name), world.topology.container(name)
        for endpoint in container.endpoints if container else ():
            if endpoint.network in declared_networks and not declared.attachment(endpoint.network):
                return f"{name} is attached to {endpoint.network}, which the topology does not say"
    return ""


def _silent_resolver(cell: Cell, observed: str, world: World) -> str:
    seen = world.sources.get(cell.source)
    if cell.facet != "name" or observed != BLOCKED or seen is None or has_answered(seen.answers):
        return ""
    return f"the resolver of {cell.source}, {seen.server}, answers nothing"


def _stale_address(cell: Cell, observed: str, world: World) -> str:
    if cell.facet != "address" or observed != BLOCKED:
        return ""
    target = world.seen(cell.target)
    strange = set(world.resolution(cell.source, cell.subject).addresses) - (target.addresses if target else set())
    for container in world.topology.containers:
        seen = world.seen(container.name)
        if seen and strange & seen.addresses:
            return f"the name '{cell.subject}' is answered with the address of {container.name}"
    return f"the name '{cell.subject}' resolves to a stale address, which no container of the topology has"


def _lost_on_the_way(cell: Cell, observed: str, world: World) -> str:
    if cell.facet != "ping" or cell.expected != ALLOWED or observed != BLOCKED:
        return ""
    here, there = sorted((world.place(cell.source), world.place(cell.target)))
    if here == there:
        return f"both are there, but no reply comes back: something on {here} filters between containers"
    return (
        f"both are there, but no reply comes back: something filters between {here} and {there} "
        "(an overlay needs UDP 4789, and TCP and UDP 7946)"
    )


_QUESTIONS: tuple[Callable[[Cell, str, World], str], ...] = (
    _nobody_looked,
    _missing,
    _not_running,
    _elsewhere,
    _not_attached,
    _attached_too_much,
    _silent_resolver,
    _stale_address,
    _lost_on_the_way,
)
