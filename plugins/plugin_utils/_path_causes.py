# SPDX-License-Identifier: GPL-3.0-or-later
"""Likely causes of what is lost on the way, told from what else came through between the same nodes and others."""

from __future__ import annotations

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, Cell
from ansible_collections.dockernet.lab.plugins.module_utils._reading import BLOCKED, World
from ansible_collections.dockernet.lab.plugins.plugin_utils._paths import Paths

CLOCKS_DIFFER = 10.0  # seconds; less may be the time that a task takes to start

_REACHING = ("ping", "mtu", "tcp")


def on_the_way(cell: Cell, observed: str, world: World, paths: Paths) -> str:
    """Why a name that should be known, or a packet that should pass, is not, where both containers are there."""
    if cell.expected != ALLOWED or observed != BLOCKED or cell.source == cell.target:
        return ""
    here, there = sorted((world.place(cell.source), world.place(cell.target)))
    if cell.facet == "name":
        return _names(cell, world, paths, here, there) or _missed_by_an_engine(cell, world)
    if cell.facet not in _REACHING:
        return ""
    if cell.facet == "mtu" and isinstance(
        world.sources[cell.source].pings.get(world.end(cell.target, cell.network)), float
    ):
        return _large_ones(cell, here, there)
    network = world.topology.network(cell.network)
    if network.is_local:
        return _inside(paths, here)
    if here == there:
        return ""
    if _is_encrypted(network.options) and paths.crossing(network.name).is_closed:
        return (
            f"{network.name} is encrypted, and nothing of it passes between nodes: their kernels need ESP "
            "('modprobe esp4'), and IP protocol 50 must be open between them"
        )
    return _between(world, paths, here, there)


def _large_ones(cell: Cell, here: str, there: str) -> str:
    between = f"on {here}" if here == there else f"between {here} and {there}"
    return (
        f"small packets pass and those of full size do not: {cell.network} has a larger MTU than something {between} "
        "lets through (network option 'com.docker.network.driver.mtu')"
    )


def _inside(paths: Paths, node: str) -> str:
    if not paths.inside[node].is_closed or paths.inside[node].lost < 2:
        return ""
    return (
        f"nothing passes between containers of {node} in any bridge network: {node} drops what it forwards "
        "(iptables, chains FORWARD and DOCKER-USER)"
    )


def _between(world: World, paths: Paths, here: str, there: str) -> str:
    nodes = frozenset((here, there))
    # Without others that come through, it may be either node as well as the way between them.
    if not paths.pings[nodes].is_closed or not all(paths.at[node].came for node in nodes):
        return ""
    ports = "UDP 4789 is"
    if paths.names[nodes].is_closed and world.flavour == "mode":
        ports = "UDP 4789, and TCP and UDP 7946, are"
    return clocks(
        f"nothing passes between {here} and {there} in any overlay network, while others pass: {ports} closed "
        "between them",
        world,
        here,
        there,
    )


def _names(cell: Cell, world: World, paths: Paths, here: str, there: str) -> str:
    nodes = frozenset((here, there))
    if here == there or not paths.names[nodes].is_closed or world.membership.reads_peers(cell.source):
        return ""
    if not all(paths.names[frozenset((node,))].came for node in nodes) and not paths.pings[nodes].came:
        return ""
    if not paths.pings[nodes].came:
        said = f"{here} and {there} know no name of each other's containers, nor does anything pass between them"
    else:
        said = f"{here} and {there} reach each other's containers and know none of their names"
    carries = "TCP and UDP 7946 must be open between them"
    if world.flavour != "mode":
        carries = "names come through the cluster store, and one of them has lost it"
    return clocks(f"{said}: {carries}", world, here, there)


def _missed_by_an_engine(cell: Cell, world: World) -> str:
    """Of those who should know a name, all on the source's node do not, and one elsewhere does."""
    here, target = world.place(cell.source), world.seen(cell.target)
    addresses = target.addresses if target else set()
    if not addresses or world.membership.reads_peers(cell.source):
        return ""
    knowing = {
        world.place(name)
        for name in world.sources
        if cell.target in {each for names in world.membership.holders(name, cell.subject).values() for each in names}
        and addresses.intersection(world.resolution(name, cell.subject).addresses)
    } - {world.place(cell.target)}
    if not knowing or here in knowing or here == world.place(cell.target):
        return ""
    news = "gossip" if world.flavour == "mode" else "its cluster store"
    return (
        f"the engine of {here} does not know {cell.target}, and that of {min(knowing)} does: it has missed news of "
        f"{news} ('systemctl restart docker' on {here} has it ask for all again)"
    )


def clocks(cause: str, world: World, *nodes: str) -> str:
    """A cause, with what is wrong with the clock of one of its nodes."""
    offsets = sorted(seen.clock for seen in world.nodes.values() if not seen.error)
    if len(offsets) < 2:
        return cause
    usual = offsets[(len(offsets) - 1) // 2]
    for node in nodes:
        off = world.nodes[node].clock - usual if node in world.nodes else 0.0
        if abs(off) > CLOCKS_DIFFER:
            return f"{cause} (the clock of {node} is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the others)"
    return cause


def _is_encrypted(options: object) -> bool:
    return isinstance(options, dict) and str(options.get("encrypted", "false")).lower() != "false"
