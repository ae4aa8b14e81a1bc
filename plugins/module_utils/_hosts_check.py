# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge that judges the hosts files of a node's containers: reads them, and puts the rules to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from . import _hosts_rules
from ._container_files import Look, look
from ._engine import EngineError
from ._hosts_file import Line
from ._hosts_rules import NOT_READ, Finding
from ._inspection import look as look_at_node
from ._observation import NodeObservation, SourceObservation
from ._reading import World
from ._topology import Topology

_KEYS = ("present", "absent")
_NAMELESS = ("host", "none")  # networks on which nobody has an address of its own


class Wanted(NamedTuple):
    """What one file is to have. present: addresses by name, none where any will do."""

    present: Mapping[str, tuple[str, ...]]
    absent: tuple[str, ...]


def parse(files: Mapping[str, Any]) -> dict[str, Wanted]:
    """Read what a user wants of files, by container. Raises ValueError with a sentence for each thing that is wrong."""
    problems = []
    found = {}
    for container, entry in files.items():
        entry = {} if entry is None else entry
        if not isinstance(entry, Mapping) or set(entry) - set(_KEYS):
            problems.append(f"files: '{container}' is to have 'present' (names with addresses) and 'absent' (names).")
            continue
        present, absent = entry.get("present") or {}, entry.get("absent") or []
        if not isinstance(present, Mapping) or not isinstance(absent, list):
            problems.append(f"files: '{container}': 'present' is a mapping of names to addresses, 'absent' a list.")
            continue
        found[container] = Wanted(
            {str(name): _addresses(value) for name, value in present.items()}, tuple(str(name) for name in absent)
        )
    if problems:
        raise ValueError("\n".join(problems))
    return found


def _addresses(value: Any) -> tuple[str, ...]:
    each = value if isinstance(value, list) else [value] if value else []
    return tuple(str(address) for address in each)


def check(docker_host: str, files: Mapping[str, Wanted], with_stale: bool) -> list[Finding]:
    """What is wrong with the files of the containers in `files`. Raises EngineError."""
    seen = look(docker_host, list(files))
    return [finding for each in seen.containers for finding in _of_one(each, files[each["asked"]], seen, with_stale)]


def _of_one(container: Mapping[str, Any], wanted: Wanted, seen: Look, with_stale: bool) -> Iterable[Finding]:
    name = str(container["asked"])
    if container["hosts"] is None:
        yield Finding(name, NOT_READ, "", (), container["problem"])
        return
    lines = _lines(container)
    for host, addresses in wanted.present.items():
        yield from _hosts_rules.present(name, lines, host, addresses)
    for host in wanted.absent:
        yield from _hosts_rules.absent(name, lines, host)
    if with_stale:
        held = {address for ends in seen.listed.values() for address in ends.values()} - {""}
        judged = (*wanted.present, *wanted.absent)
        yield from _hosts_rules.stale(name, lines, _own(container), _peers(container, seen), held, judged)


def check_topology(
    node: tuple[str, str], topology: Topology, flavour: str, others: Mapping[str, NodeObservation], with_stale: bool
) -> tuple[list[Finding], list[str]]:
    """What is wrong with the files of a topology's containers on one node, and which containers these are.

    node: its name, and where its engine listens. others: what was seen of further nodes. Raises EngineError.
    """
    here = look_at_node(*node, topology, flavour, 0)
    if here.error:
        raise EngineError(here.error)
    called = {each.name: each.task or each.name for each in here.containers}
    by_name = {each["asked"]: each for each in look(node[1], list(called.values())).containers}
    found = {name: by_name[own] for name, own in called.items()}
    sources = {
        name: SourceObservation(
            name, error=each["problem"] if each["hosts"] is None else "", hosts=each["hosts_file"] or ""
        )
        for name, each in found.items()
    }
    world = World(topology, {**others, node[0]: here}, sources, flavour)
    names = [name for name in world.membership.names if world.place(name) == node[0]]
    findings = list(_hosts_rules.of_topology(world, names))
    if with_stale:
        held = {address for seen in world.nodes.values() for each in seen.containers for address in each.addresses}
        for name in names:
            if world.unheard(name) is None:
                judged = {"localhost", *world.declared(name).extra_hosts}
                judged |= {each.name for each in findings if each.container == name}
                findings += _hosts_rules.stale(
                    name, world.hosts(name), _own(found[name]), _hosts_rules.peers_of(world, name), held, judged
                )
    return findings, names


def _lines(container: Mapping[str, Any]) -> list[Line]:
    return [Line(line["address"], tuple(line["names"])) for line in container["hosts"]]


def _own(container: Mapping[str, Any]) -> tuple[str, set[str]]:
    """Its hostname, and all addresses that it has: as its namespace says, whatever the engine does."""
    found = {address.partition("/")[0] for each in container["interfaces"] for address in each["addresses"]}
    return container["hostname"], found - {"127.0.0.1", "::1"}


def _peers(container: Mapping[str, Any], seen: Look) -> dict[str, set[str]]:
    """The addresses of those who share a network with a container on its engine, by name and name.network."""
    found: dict[str, set[str]] = {}
    for other, ends in seen.listed.items():
        for network in _shared(container, other, ends):
            for name in (other, f"{other}.{network}"):
                found.setdefault(name.lower(), set()).update({ends[network]} - {""})
    return found


def _shared(container: Mapping[str, Any], other: str, ends: Mapping[str, str]) -> Sequence[str]:
    if other == container["name"]:
        return ()
    return [network for network in ends if network in container["networks"] and network not in _NAMELESS]
