# SPDX-License-Identifier: GPL-3.0-or-later
"""How a topology is cut for its picture: nodes into rows, their containers into columns, and how wide all is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

from ansible_collections.dockernet.lab.plugins.module_utils._topology import HOST, NONE, Container, Network, Topology
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_shapes import NO_VALUE, PLAIN, width_of

UNPLACED = "any node"  # stands for the node that a Swarm chooses
# What a card says in the place of its networks, where it has none.
MODES = {HOST: "the node's network", NONE: "no network"}

States = Optional[Mapping[str, Mapping[str, str]]]
Addresses = Optional[Mapping[str, Mapping[str, str]]]

# Lengths are pixels of a picture that is shown at its own size.
MARGIN = 28
CONTENT_MIN = 744  # 800 with both margins: as wide as a README
CONTENT_MAX = 960
CONTAINERS_BELOW_EACH_OTHER = 8
COLUMNS_MAX = 6

BAR_HEIGHT, LOCAL_BAR_HEIGHT, BAR_GAP, BAR_DROP = 32, 28, 10, 30
NODE_GAP, NODE_PADDING, NODE_TOP, ROW_GAP = 20, 16, 18, 36
CARD_GAP, CARD_PADDING, CARD_ROOM_MIN, CARD_ROOM_MAX, CARD_STRETCH, CARD_MAX = 14, 12, 76, 150, 176, 300
NAME_LINE, ROW_LINE = 19, 19
RAIL_GAP, RAIL_FIRST, BEND, BULLET = 10, 14, 8, 12
ICON = 24
NODE_ROOM_MIN, NODE_ROOM_MAX = 132, 220
BAR_INSETS = 46  # a lock before the name, and the padding
PILL_HEIGHT, PILL_PADDING, PILL_GAP = 22, 9, 6
SPINE_GAP, WIRE_DROP = 12, 16


# What there is to show


@dataclass(frozen=True)
class Facts:
    """What is known of networks, links and addresses."""

    topology: Topology
    links: States
    addresses: Mapping[str, Mapping[str, str]]

    def index(self, network: str) -> int:
        return next(i for i, each in enumerate(self.topology.networks) if each.name == network)

    def state(self, container: str, network: str) -> str:
        if self.links is None:
            return PLAIN
        return self.links.get(container, {}).get(network, NO_VALUE)

    def address(self, container: str, network: str) -> str | None:
        return self.addresses.get(container, {}).get(network)

    def of(self, container: Container) -> list[int]:
        """The networks that `container` is on, in the order of their declaration."""
        return sorted(self.index(attachment.network) for attachment in container.attachments)

    def network(self, index: int) -> Network:
        return self.topology.networks[index]


@dataclass(frozen=True)
class Machine:
    """A node to be drawn, with its containers."""

    name: str
    address: str | None
    roles: tuple[str, ...]
    containers: tuple[Container, ...]
    placed: bool = True

    def networks(self, facts: Facts, local: bool) -> list[int]:
        found = {index for container in self.containers for index in facts.of(container)}
        return sorted(index for index in found if facts.network(index).is_local is local)


def machines_of(topology: Topology, nodes: Sequence[Mapping[str, Any]]) -> list[Machine]:
    """The nodes as given; then those that only a container names; then the one that stands for a Swarm's choice."""
    known = {str(node["name"]): node for node in nodes}
    for container in topology.containers:
        if container.node is not None:
            known.setdefault(container.node, {})
    found = [_machine(topology, name, node) for name, node in known.items()]
    free = tuple(container for container in topology.containers if container.node is None)
    if free:
        found.append(Machine(UNPLACED, None, ("chosen by the Swarm",), free, placed=False))
    return found


def _machine(topology: Topology, name: str, node: Mapping[str, Any]) -> Machine:
    containers = tuple(container for container in topology.containers if container.node == name)
    return Machine(name, node.get("address"), tuple(map(str, node.get("roles") or ())), containers)


def is_home(node: Mapping[str, Any], store: str, topology: Topology) -> bool:
    """True for a node that serves the store and does nothing else (a client of the store is no home of it)."""
    scheme = store.partition("://")[0].lower()
    kind = {"zk": "zookeeper"}.get(scheme, scheme)
    serves = any(str(role).lower() in (kind, f"{kind} server") for role in node.get("roles") or ())
    return serves and not any(container.node == node["name"] for container in topology.containers)


# How wide things are, and how they are cut into columns and rows


class Cut(NamedTuple):
    """How the containers of all nodes are cut: in columns; with or without the network's name beside an address."""

    columns: int
    detailed: bool


def choose_cut(machines: list[Machine], facts: Facts) -> Cut:
    """The widest cut that has all nodes side by side, else one with few rows of nodes and short nodes."""
    most = max([1, *(len(machine.containers) for machine in machines)])
    cuts = [Cut(columns, detailed) for columns in range(min(most, COLUMNS_MAX), 0, -1) for detailed in (True, False)]
    for cut in cuts:
        if _fit_side_by_side(machines, facts, cut):
            return cut
    columns = min(COLUMNS_MAX, math.ceil(most / CONTAINERS_BELOW_EACH_OTHER))
    while columns > 1 and widest(machines, facts, Cut(columns, False)) > CONTENT_MAX:
        columns -= 1
    detailed, terse = Cut(columns, True), Cut(columns, False)
    return min((detailed, terse), key=lambda cut: len(into_rows(machines, facts, cut)))


def _fit_side_by_side(machines: list[Machine], facts: Facts, cut: Cut) -> bool:
    widths = [natural_width(machine, facts, cut) for machine in machines]
    return sum(widths) + NODE_GAP * (len(widths) - 1) <= CONTENT_MAX


def into_rows(machines: list[Machine], facts: Facts, cut: Cut) -> list[list[Machine]]:
    """Nodes in rows of equal count where they are of a like width, else as many in each row as it holds."""
    if _fit_side_by_side(machines, facts, cut):
        return [machines] if machines else []
    fit = max(1, int((CONTENT_MAX + NODE_GAP) / (widest(machines, facts, cut) + NODE_GAP)))
    count = math.ceil(len(machines) / fit)
    each = math.ceil(len(machines) / count)
    even = [machines[i : i + each] for i in range(0, len(machines), each)]
    flowing: list[list[Machine]] = [[]]
    for machine in machines:
        if not _fit_side_by_side([*flowing[-1], machine], facts, cut) and flowing[-1]:
            flowing.append([])
        flowing[-1].append(machine)
    return flowing if len(flowing) < len(even) else even


def widest(machines: list[Machine], facts: Facts, cut: Cut) -> float:
    return max(natural_width(machine, facts, cut) for machine in machines)


def natural_width(machine: Machine, facts: Facts, cut: Cut) -> float:
    """The least width of a node: of what says who it is, of its bridges, or of its columns of containers."""
    grid = grid_of(machine, cut)
    card = max((card_width(container, facts, cut) for container in machine.containers), default=0.0)
    gutter = gutter_of(machine, facts) if grid.rows > 1 else 0
    columns = grid.columns * (card + gutter + CARD_GAP) - CARD_GAP
    return max(NODE_ROOM_MIN, columns, *_wishes(machine, facts)) + 2 * NODE_PADDING


def _wishes(machine: Machine, facts: Facts) -> list[float]:
    """What a node's texts would like to have, within reason."""
    networks = [facts.network(index) for index in machine.networks(facts, local=True)]
    wishes = [
        min(width_of(machine.name, "node"), CARD_ROOM_MAX) + ICON,
        width_of(machine.address or "", "address") + ICON,
        *(width_of(role, "pill") + 2 * PILL_PADDING for role in machine.roles),
        *(width_of(network.name, "bar") + BAR_INSETS for network in networks),
    ]
    return [min(wish, NODE_ROOM_MAX) for wish in wishes]


class Grid(NamedTuple):
    """The columns and rows of a node's containers."""

    columns: int
    rows: int


def grid_of(machine: Machine, cut: Cut) -> Grid:
    count = len(machine.containers)
    if count == 0:
        return Grid(1, 0)
    rows = math.ceil(count / cut.columns)
    return Grid(math.ceil(count / rows), rows)


def gutter_of(machine: Machine, facts: Facts) -> float:
    """The room for rails beside each column of containers."""
    count = len({index for container in machine.containers for index in facts.of(container)})
    return RAIL_FIRST + RAIL_GAP * count - 8


def card_width(container: Container, facts: Facts, cut: Cut) -> float:
    name = min(width_of(container.name, "card"), CARD_ROOM_MAX)
    rows = max((_row_width(row) for row in card_rows(container, facts, cut)), default=0)
    bullet = BULLET if len(container.attachments) > 1 else 0
    return max(CARD_ROOM_MIN, name, rows + bullet, width_of(mode_of(container), "card-network")) + 2 * CARD_PADDING


def mode_of(container: Container) -> str:
    """What is said of a container that hangs from no bar."""
    return MODES.get(container.network_mode or "", "")


def full_width(container: Container, facts: Facts, cut: Cut) -> float:
    """The width of a card on which nothing is broken or shortened."""
    rows = [
        width_of(row.name or "", "card-network") + 12 + width_of(row.address or "", "card-address")
        for row in card_rows(container, facts, cut)
    ]
    return max([width_of(container.name, "card"), *rows]) + 2 * CARD_PADDING + BULLET


class CardRow(NamedTuple):
    """A container's place on a network, as its card shows it: one of the two texts at least."""

    network: int
    name: str | None
    address: str | None


def card_rows(container: Container, facts: Facts, cut: Cut) -> list[CardRow]:
    rows = []
    indexes = facts.of(container)
    for index in indexes:
        name = facts.network(index).name
        address = facts.address(container.name, name)
        named = address is None or (cut.detailed and len(indexes) > 1)
        rows.append(CardRow(index, name if named else None, address))
    return rows


def _row_width(row: CardRow) -> float:
    name = min(width_of(row.name, "card-network"), CARD_ROOM_MAX) if row.name else 0
    address = width_of(row.address, "card-address") if row.address else 0
    return name + address + (12 if row.name and row.address else 0)


def stretched(naturals: list[float], room: float, cell: float | None) -> list[float]:
    """Widths of a row's nodes: `cell` or equal shares of `room` where all fit, else what each needs and some more."""
    share = cell or (room - NODE_GAP * (len(naturals) - 1)) / len(naturals)
    if max(naturals) <= share:
        return [share] * len(naturals)
    spare = (room - sum(naturals) - NODE_GAP * (len(naturals) - 1)) / len(naturals)
    return [natural + max(0, spare) for natural in naturals]
