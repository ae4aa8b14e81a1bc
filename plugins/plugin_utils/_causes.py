# SPDX-License-Identifier: GPL-3.0-or-later
"""Likely causes, on evidence: a table of questions, of which the first with an answer wins."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ansible_collections.dockernet.lab.plugins.module_utils import _hosts_file
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, DENIED, SAME_NODE, Cell
from ansible_collections.dockernet.lab.plugins.module_utils._observation import REFUSED
from ansible_collections.dockernet.lab.plugins.module_utils._reading import BLOCKED, World, state_of
from ansible_collections.dockernet.lab.plugins.module_utils._resolver import (
    ENGINES_RESOLVER,
    IN_FILE,
    has_answered,
)
from ansible_collections.dockernet.lab.plugins.module_utils._sides import bare, is_six
from ansible_collections.dockernet.lab.plugins.plugin_utils._path_causes import clocks, on_the_way
from ansible_collections.dockernet.lab.plugins.plugin_utils._paths import Paths


def likely_cause(cell: Cell, observed: str, world: World, paths: Paths) -> str:
    """Why a cell is not correct, as a sentence without its full stop; '' where nothing is known."""
    if cell.facet == "network":
        cause = _of_network(cell, world)
        return clocks(cause, world, cell.subject) if cause else ""
    for ask in _OF_THE_ENDS:
        if cause := ask(cell, observed, world):
            return cause
    if cause := on_the_way(cell, observed, world, paths):
        return cause
    return next((cause for ask in _OF_THE_WAY if (cause := ask(cell, observed, world))), "")


def _of_network(cell: Cell, world: World) -> str:
    network, node = world.topology.network(cell.source), cell.subject
    if world.blind_node(node):
        return world.blind_node(node)
    here = world.networks_on(node, network.name)
    if len(here) > 1:
        return f"several networks on {node} are called {network.name}: remove all but one with 'docker network rm ID'"
    holders = [name for name in world.nodes if world.networks_on(name, network.name)]
    if here:
        if not network.is_local and len(world.network_ids(network.name)) > 1:
            return f"{', '.join(holders)} do not have one network {network.name} but several: do they share one store"
        return f"{network.name} on {node} is not as declared, and no engine changes a network that is there"
    if network.is_local:
        return f"{network.name} is missing on {node}: nobody has made it, or somebody has removed it"
    if world.flavour != "mode" and (proof := _has_lost_its_store(node, network.name, world)):
        return f"{proof}: its engine does not get to the cluster store, which is down or cannot be reached"
    if world.flavour == "mode":
        return f"{network.name} is missing on {node}: no container there has joined it"
    if holders:
        return f"{node} does not see {network.name}, which {', '.join(holders)} has: has it lost the cluster store"
    return f"{network.name} is missing everywhere: nobody has made it, or somebody has removed it"


def _has_lost_its_store(node: str, network: str, world: World) -> str:
    """Why an engine cannot see what its store has: it does not list a network that is in use there; '' where it may."""
    for name in sorted((each.name for each in world.topology.networks if not each.is_local), key=network.__ne__):
        user = "" if world.networks_on(node, name) else _user_of(name, node, world)
        if user:
            beside = "" if name == network else f", nor {name}"
            return f"{node} does not list {network}{beside}, though {user} is on {'it' if name == network else name}"
    return ""


def _user_of(network: str, node: str, world: World) -> str:
    """A running container of a node that its engine has on a network."""
    for container in world.nodes[node].containers:
        endpoint = container.endpoint(network)
        if container.is_up and endpoint and endpoint.own_address:
            return container.name
    return ""


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


def _placed_otherwise(cell: Cell, observed: str, world: World) -> str:
    if cell.subject != SAME_NODE or observed not in (ALLOWED, BLOCKED):
        return ""
    if world.declared(cell.target).node == world.place(cell.target):
        return f"{cell.source} was placed without its affinity to {cell.target}, which counts only when it is created"
    return f"{cell.source} was placed without its affinity to {cell.target}, or {cell.target} has moved since"


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
        declared, nodes = world.declared(name).node, list(world.everywhere(name))
        if declared and nodes and nodes != [declared]:
            return f"{name} is on {', '.join(nodes)}, and should be on {declared} alone"
    return ""


def _several(cell: Cell, _observed: str, world: World) -> str:
    """Of a container that names no node, two run: of swarm mode's, at most one is the service's task."""
    for name in _ends(cell):
        nodes = [node for node, container in world.everywhere(name).items() if container.is_up]
        if world.declared(name).node is None and len(nodes) > 1:
            return f"{name} runs on {' and on '.join(nodes)}, and its name is answered with the addresses of all"
    return ""


def _not_attached(cell: Cell, observed: str, world: World) -> str:
    if cell.expected == DENIED and observed == ALLOWED:
        return ""
    for name in _ends(cell):
        container = world.seen(name)
        declared = world.declared(name)
        for network in [each.network for each in declared.attachments] or [declared.network_mode or ""]:
            # What is denied lacks its proof where an end is not attached to any one of its networks.
            concerned = cell.source == cell.target or cell.expected == DENIED
            concerned = concerned or world.membership.shares(cell.source, cell.target, network)
            if container and concerned and not container.endpoint(network):
                return f"{name} is not attached to {network}"
    return ""


def _attached_too_much(cell: Cell, observed: str, world: World) -> str:
    answered: set[str] | None = None
    if cell.facet == "address" and observed == BLOCKED:
        answered = set(world.resolution(cell.source, cell.subject).addresses)
    elif cell.expected != DENIED or observed != ALLOWED:
        return ""
    declared_networks = {network.name for network in world.topology.networks}
    for name in _ends(cell):
        container, declared = world.seen(name), world.declared(name)
        for endpoint in container.endpoints if container else ():
            if endpoint.network not in declared_networks or declared.attachment(endpoint.network):
                continue
            if answered is None or world.end(cell.target, endpoint.network) in answered:
                return f"{name} is attached to {endpoint.network}, which the topology does not say"
    return ""


def _address_taken(cell: Cell, _observed: str, world: World) -> str:
    if cell.facet not in ("attachment", "address", "ping", "mtu", "tcp"):
        return ""
    for name in _ends(cell):
        container = world.seen(name)
        for endpoint in container.endpoints if container else ():
            for holder, network in world.holders_near(name, endpoint.own_address) if endpoint.own_address else ():
                if holder != name:
                    return f"{name} and {holder} both have {endpoint.own_address} on {network}"
    return ""


def _address_changed(cell: Cell, _observed: str, world: World) -> str:
    """An engine learns nothing of what is done to an interface inside a container, nor do the others' engines."""
    for name in _ends(cell):
        container = world.seen(name)
        for endpoint in container.endpoints if container and container.is_up and not container.problem else ():
            gave, has = endpoint.engine_address, endpoint.own_address
            if gave and gave != has and cell.facet in ("attachment", "address", "ping", "mtu", "tcp"):
                return f"{name} has {has or 'no address'} on {endpoint.network} where its engine gave it {gave}"
    return ""


def _address_not_as_declared(cell: Cell, observed: str, world: World) -> str:
    if cell.facet != "attachment" or observed != BLOCKED:
        return ""
    attachment = world.declared(cell.source).attachment(bare(cell.subject))
    if attachment is None or not attachment.fixed(cell.subject):
        return ""
    return f"{cell.source} was connected to {bare(cell.subject)} without the address that is declared for it there"


def _unfiltered_ipv6(cell: Cell, observed: str, world: World) -> str:
    reaches = cell.facet in ("ping", "tcp") and is_six(cell.network) and observed == ALLOWED
    node = world.place(cell.target)
    if cell.expected != DENIED or not reaches or world.place(cell.source) != node:
        return ""
    engine = world.nodes[node].engine
    options = "'ip6tables'" if _hosts_file.release(engine) >= (27, 0) else "'experimental' and 'ip6tables'"
    return (
        f"{node} lets IPv6 pass between containers that its engine ({engine}) should keep apart: it does so only with "
        f"{options} true in daemon.json (docker_engine_options)"
    )


def _file_edited(cell: Cell, observed: str, world: World) -> str:
    if cell.source not in world.sources or world.membership.reads_peers(cell.source):
        return ""
    if cell.facet == "hosts_file" and cell.expected == ALLOWED and observed == BLOCKED:
        return f"the hosts file of {cell.source} lacks a line that its engine has written: somebody has edited it"
    shown = cell.facet == "hosts_file" and observed == ALLOWED
    if cell.facet in ("name", "address"):
        shown = world.resolution(cell.source, cell.subject).said == IN_FILE
    if not shown:
        return ""
    found = ", ".join(_hosts_file.addresses(world.hosts(cell.source), cell.subject))
    return f"the hosts file of {cell.source} has a line of somebody's own for {cell.subject} ({found})"


def _silent_resolver(cell: Cell, observed: str, world: World) -> str:
    seen = world.sources.get(cell.source)
    if cell.facet != "name" or observed != BLOCKED or seen is None or world.has_no_resolver(cell.source):
        return ""
    if seen.server != ENGINES_RESOLVER and not world.membership.reads_peers(cell.source):
        return f"resolv.conf of {cell.source} names {seen.server}, and not its engine's resolver, {ENGINES_RESOLVER}"
    if has_answered(seen.answers):
        return ""
    said = f"the resolver of {cell.source}, {seen.server}, answers nothing"
    neighbours = [
        name for name in world.sources if name != cell.source and world.place(name) == world.place(cell.source)
    ]
    if any(has_answered(world.sources[name].answers) for name in neighbours):
        return (
            f"{said}, and its engine answers others: the NAT rules in its namespace that lead there were flushed "
            f"('docker restart {cell.source}' brings them back)"
        )
    return said


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


def _is_lost(cell: Cell, observed: str) -> bool:
    """Whether something sent should have come through, and did not."""
    return cell.facet in ("ping", "mtu", "tcp") and cell.expected == ALLOWED and observed == BLOCKED


def _between(cell: Cell, world: World) -> str:
    """Where a cell's packets go, as words: on one node, or between two."""
    here, there = sorted((world.place(cell.source), world.place(cell.target)))
    return f"on {here}" if here == there else f"between {here} and {there}"


def _not_listening(cell: Cell, _observed: str, world: World) -> str:
    if cell.facet != "tcp":
        return ""
    end = world.end(cell.target, cell.network, cell.port)
    target = world.sources.get(cell.target)
    # It has connected to itself too: no network could refuse that.
    if end and target and target.connects.get(end) == REFUSED:
        return f"nothing listens on port {cell.port} in {cell.target}"
    return ""


def _icmp_alone_is_lost(cell: Cell, observed: str, world: World) -> str:
    if cell.facet not in ("ping", "mtu") or cell.expected != ALLOWED or observed != BLOCKED:
        return ""
    connects = world.sources[cell.source].connects
    ends = (world.end(cell.target, cell.network, str(port)) for port in world.declared(cell.target).listens)
    if not any(isinstance(connects.get(end), float) for end in ends):
        return ""
    return f"connections come through, but pings do not: something {_between(cell, world)} filters ICMP"


def _tcp_alone_is_lost(cell: Cell, observed: str, world: World) -> str:
    if cell.facet != "tcp" or cell.expected != ALLOWED or observed != BLOCKED:
        return ""
    seen = world.sources[cell.source]
    between = _between(cell, world)
    if seen.connects.get(world.end(cell.target, cell.network, cell.port)) == REFUSED:
        return f"{cell.target} listens on port {cell.port}, but something {between} refuses connections to it"
    if not isinstance(seen.pings.get(world.end(cell.target, cell.network)), float):
        return ""
    cause = f"pings come through, but connections do not: something {between} filters TCP"
    # moby#41775: virtual network cards compute the checksums of what is inside a VXLAN packet wrongly.
    offload = "or checksum offload spoils it (try 'ethtool -K INTERFACE tx-checksum-ip-generic off')"
    return cause if world.place(cell.source) == world.place(cell.target) else f"{cause}, {offload}"


def _neighbours_full(cell: Cell, observed: str, world: World) -> str:
    if not _is_lost(cell, observed):
        return ""
    if not world.sources[cell.source].neighbours_full:
        return ""
    return (
        f"the neighbour table of {world.place(cell.source)} was full, so packets vanished: it has too many containers "
        "for its limit (sysctl net.ipv4.neigh.default.gc_thresh3)"
    )


def _no_route(cell: Cell, observed: str, world: World) -> str:
    if not _is_lost(cell, observed):
        return ""
    for name, other in ((cell.source, cell.target), (cell.target, cell.source)):
        address = world.end(other, cell.network)
        way = world.way(name, address) if address and name in world.sources else None
        if way and way.is_known and way.network != cell.network:
            taken = f": packets to {address} take {way}" if way.interface else ""
            return f"{name} has no route to {cell.network}{taken}"
    return ""


def _lost_on_the_way(cell: Cell, observed: str, world: World) -> str:
    if not _is_lost(cell, observed):
        return ""
    here, there = sorted((world.place(cell.source), world.place(cell.target)))
    if here == there:
        return f"both are there, but no reply comes back: something on {here} filters between containers"
    return (
        f"both are there, but no reply comes back: something filters between {here} and {there} "
        "(an overlay needs UDP 4789, and TCP and UDP 7946)"
    )


_OF_THE_ENDS: tuple[Callable[[Cell, str, World], str], ...] = (
    _nobody_looked,
    _missing,
    _placed_otherwise,
    _not_running,
    _elsewhere,
    _several,
    _not_attached,
    _address_taken,
    _address_changed,
    _address_not_as_declared,
    _attached_too_much,
    _unfiltered_ipv6,
    _file_edited,
    _silent_resolver,
    _stale_address,
    _not_listening,
    _no_route,
    _neighbours_full,
)
_OF_THE_WAY: tuple[Callable[[Cell, str, World], str], ...] = (
    _icmp_alone_is_lost,
    _tcp_alone_is_lost,
    _lost_on_the_way,
)
