# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a container's hosts file: lines that should be there, that must not be, and stale ones. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from ._expectation import ALLOWED, OWN_LINE, Cell
from ._hosts_file import Line, addresses
from ._reading import BLOCKED, World, read
from ._topology import HOST

MISSING, ADDRESS, UNWANTED, STALE, NOT_READ = "missing", "address", "unwanted", "stale", "not_read"


class Finding(NamedTuple):
    """One thing that is wrong with a container's file, or (`not_read`) that nobody could tell."""

    container: str
    kind: str
    name: str
    addresses: tuple[str, ...]
    sentence: str


def present(container: str, lines: list[Line], name: str, wanted: Collection[str]) -> Iterator[Finding]:
    """What is wrong with a name that the file should give `wanted`; any address will do where that is empty.

    An address of the same family beside them is wrong too: most resolvers take the first alone.
    """
    found = tuple(addresses(lines, name))
    families = {_family(address) for address in wanted}
    others = [address for address in found if wanted and _family(address) in families and address not in wanted]
    lacking = [address for address in wanted if address not in found]
    if not found:
        should = f"{name}, with {_list(wanted)}" if wanted else name
        yield Finding(container, MISSING, name, (), f"{container}: its hosts file has no line for {should}.")
    elif others or lacking:
        instead = f"{_list(found)}, and should give it {_list(wanted)}"
        yield Finding(container, ADDRESS, name, found, f"{container}: its hosts file gives {name} {instead}.")


def absent(container: str, lines: list[Line], name: str) -> Iterator[Finding]:
    """What is wrong with a name that the file must not have."""
    if found := tuple(addresses(lines, name)):
        sentence = f"{container}: its hosts file gives {name} {_list(found)}, and must not have that name."
        yield Finding(container, UNWANTED, name, found, sentence)


def stale(
    container: str,
    lines: list[Line],
    own: tuple[str, Collection[str]],
    peers: Mapping[str, Collection[str]],
    held: Collection[str],
    judged: Collection[str] = (),
) -> Iterator[Finding]:
    """Lines that were right once: the container's name with an address that is not its own, or a peer's.

    own: its hostname, and all addresses that it has. peers: the addresses of others by their names, in lower case.
    held: all addresses that anybody has. A loopback address is everybody's own. judged: names of which all is said.
    """
    hostname, mine = own
    done = {name.lower() for name in judged}
    its_names = {hostname.lower(), hostname.lower().partition(".")[0]} - {""}
    for line in lines:
        text = f"{line.address} {' '.join(line.names)}"
        for name in line.names:
            if name.lower() in done:
                continue
            if name.lower() in its_names:
                if line.address not in mine and not _is_loopback(line.address):
                    why = (
                        f"is stale: {name} is its own name, and it has no such address (it has {_list(mine) or 'none'})"
                    )
                    yield _stale(container, name, line, f"{container}: the line '{text}' of its hosts file {why}.")
                break  # a fully qualified hostname and its short form stand on one line
            if name.lower() in peers and line.address not in peers[name.lower()]:
                nobody = "" if line.address in held else ", which nobody has"
                why = f"is stale: {name} has {_list(peers[name.lower()]) or 'no address'}, not {line.address}{nobody}"
                yield _stale(container, name, line, f"{container}: the line '{text}' of its hosts file {why}.")


def _stale(container: str, name: str, line: Line, sentence: str) -> Finding:
    return Finding(container, STALE, name, (line.address,), sentence)


def of_topology(world: World, names: Iterable[str]) -> Iterator[Finding]:
    """What is wrong with the files of the containers `names`, as their topology and their engines have it."""
    read_ones = set()
    for name in names:
        unheard = world.unheard(name)
        if unheard:
            yield Finding(name, NOT_READ, "", (), f"{unheard.evidence.rstrip('.')}.")
        else:
            read_ones.add(name)
            declared = world.declared(name)
            # With the network of its node it has that one's file, unless the engine has something to add to it.
            own = {} if declared.network_mode == HOST and not declared.extra_hosts else {"localhost": "127.0.0.1"}
            for host, address in {**own, **declared.extra_hosts}.items():
                yield from present(name, world.hosts(name), host, (address,))
    for cell in world.cells():
        if cell.facet == "hosts_file" and cell.source in read_ones and not _is_declared(cell, world):
            yield from _of_cell(cell, world)


def peers_of(world: World, name: str) -> dict[str, set[str]]:
    """The addresses of those who share a network with a container, by each name that these have there.

    Names that its own file answers are not among them, nor those of whoever has not been seen.
    """
    own = {host.lower() for host in ("localhost", *world.declared(name).extra_hosts)}
    found: dict[str, set[str]] = {}
    for other in world.topology.containers:
        shared = [a.network for a in other.attachments if world.membership.shares(name, other.name, a.network)]
        if other.name == name or world.blind_spot(other.name):
            continue
        for network in shared:
            for bare in world.membership.names_on(other, network):
                for subject in (bare.lower(), f"{bare}.{network}".lower()):
                    if subject not in own:
                        found.setdefault(subject, set()).update({world.end(other.name, network)} - {""})
    return found


def _is_declared(cell: Cell, world: World) -> bool:
    """Whether a cell is of a line that has a fixed address, which `present` judges."""
    return cell.source == cell.target and cell.subject in ("localhost", *world.declared(cell.source).extra_hosts)


def _of_cell(cell: Cell, world: World) -> Iterator[Finding]:
    observed, evidence = read(cell, world)
    subject = cell.subject
    if subject.startswith(OWN_LINE):
        subject = f"its own line on network {subject[len(OWN_LINE) :]}"
    blind = cell.expected == ALLOWED and world.blind_spot(cell.target)
    if observed not in (ALLOWED, BLOCKED) or blind:
        yield Finding(
            cell.source, NOT_READ, cell.subject, (), f"{cell.source}: {subject}: {(blind or evidence).rstrip('.')}."
        )
    elif cell.expected == ALLOWED and observed == BLOCKED:
        found = tuple(addresses(world.hosts(cell.source), cell.subject))
        sentence = f"{cell.source}: its hosts file should have {subject}: {evidence}."
        yield Finding(cell.source, ADDRESS if found else MISSING, cell.subject, found, sentence)
    elif cell.expected != ALLOWED and observed == ALLOWED:
        yield from absent(cell.source, world.hosts(cell.source), cell.subject)


def _family(address: str) -> int:
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return 0


def _is_loopback(address: str) -> bool:
    return bool(_family(address)) and ipaddress.ip_address(address).is_loopback


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
