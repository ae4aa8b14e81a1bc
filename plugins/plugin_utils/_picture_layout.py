# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything of a topology's picture goes: numbers only, no colours, no SVG.

Overlay networks are bars above the nodes that they reach, bridges are bars inside their node. A container hangs
from its bars: straight from above where the containers of its node stand side by side, and from rails to their
left where they stand in several rows. Nodes that do not fit beside each other go into further rows; the bars
are repeated there, and spines in the left margin tie the repetitions together. The cluster store stands below.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._topology import Container, Topology
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_cut import (
    BAR_DROP,
    BAR_GAP,
    BAR_HEIGHT,
    BEND,
    BULLET,
    CARD_GAP,
    CARD_MAX,
    CARD_PADDING,
    CARD_STRETCH,
    CONTENT_MAX,
    CONTENT_MIN,
    ICON,
    LOCAL_BAR_HEIGHT,
    MARGIN,
    NAME_LINE,
    NODE_GAP,
    NODE_PADDING,
    NODE_TOP,
    PILL_GAP,
    PILL_HEIGHT,
    PILL_PADDING,
    RAIL_FIRST,
    RAIL_GAP,
    ROW_GAP,
    ROW_LINE,
    SPINE_GAP,
    WIRE_DROP,
    Addresses,
    CardRow,
    Cut,
    Facts,
    Machine,
    States,
    card_rows,
    choose_cut,
    full_width,
    grid_of,
    gutter_of,
    into_rows,
    is_home,
    machines_of,
    mode_of,
    natural_width,
    stretched,
)
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_shapes import (
    CORRECT,
    NAME_LINES,
    NO_VALUE,
    NOT_ASKED,
    PLAIN,
    STYLES,
    WRONG,
    Bar,
    Box,
    Card,
    Key,
    Link,
    Node,
    Picture,
    Pill,
    Point,
    Port,
    Store,
    Text,
    line,
    lines,
    moved,
    moved_pill,
    width_of,
)
from ansible_collections.dockernet.lab.plugins.plugin_utils._text_width import wrap


def lay_out(
    topology: Topology,
    nodes: Sequence[Mapping[str, Any]],
    title: str,
    store: str | None = None,
    links: States = None,
    addresses: Addresses = None,
    summary: str | None = None,
) -> Picture:
    """Return the picture of `topology` on `nodes`. The arguments are those of `_picture.draw_svg`."""
    facts = Facts(topology, links, addresses or {})
    homes = [node for node in nodes if store and is_home(node, store, topology)]
    machines = machines_of(topology, [node for node in nodes if node not in homes])
    cut = choose_cut(machines, facts)
    rows = into_rows(machines, facts, cut)
    widths = [natural_width(machine, facts, cut) for machine in machines]
    content = max(CONTENT_MIN, sum(widths) + NODE_GAP * (len(widths) - 1)) if len(rows) < 2 else CONTENT_MAX
    return _Painter(facts, cut, rows, content, store, homes).paint(title, summary)


# Putting things in their places, from the top down


class _Footer(NamedTuple):
    """Who a node is: laid out from its own upper left corner."""

    texts: tuple[Text, ...]
    pills: tuple[Pill, ...]
    height: float


def _footer(machine: Machine, width: float) -> _Footer:
    """Name, address (beside the name where there is room) and roles of a node."""
    left, room = ICON, width - ICON
    names = lines(Point(left, 16), machine.name, "node", room, NAME_LINE)
    texts, bottom = list(names), 16 + NAME_LINE * (len(names) - 1)
    if machine.address:
        beside = len(names) == 1 and names[0].width + 12 + width_of(machine.address, "address") <= room
        bottom += 0 if beside else NAME_LINE
        at = Point(width if beside else left, bottom)
        texts.append(line(at, machine.address, "address", room, "end" if beside else "start"))
    pills = _pills(machine.roles, Point(0, bottom + 12), width)
    return _Footer(tuple(texts), pills, pills[-1].box.bottom if pills else bottom + 4)


def _pills(roles: Iterable[str], at: Point, width: float) -> tuple[Pill, ...]:
    """Roles side by side, in as many lines as they need."""
    pills: list[Pill] = []
    x, y = at
    for role in roles:
        text = line(Point(0, 0), str(role), "pill", width - 2 * PILL_PADDING)
        box = Box(x, y, text.width + 2 * PILL_PADDING, PILL_HEIGHT)
        if box.right > at.x + width and x > at.x:
            y += PILL_HEIGHT + PILL_GAP
            box = Box(at.x, y, box.width, PILL_HEIGHT)
        middle = Point(box.middle.x, box.y + 15)
        pills.append(Pill(box, Text(middle, text.content, "pill", "middle", text.full)))
        x = box.right + PILL_GAP
    return tuple(pills)


def _row_texts(row: CardRow, at: Point, room: float, anchor: str) -> list[Text]:
    """A network's name, its address, or the one at the left and the other at the right end of `room`."""
    if not row.name:
        return [line(at, row.address or "", "card-address", room, anchor)]
    if not row.address:
        return [line(at, row.name, "card-network", room, anchor)]
    address = line(Point(at.x + room, at.y), row.address, "card-address", room, "end")
    return [line(at, row.name, "card-network", room - address.width - 12), address]


class _Painter:
    """Fills a picture from its title down to its legend. `y` is how far it has come."""

    def __init__(
        self,
        facts: Facts,
        cut: Cut,
        rows: list[list[Machine]],
        content: float,
        store: str | None,
        homes: list[Mapping[str, Any]],
    ) -> None:
        self.facts = facts
        self.cut = cut
        self.rows = rows
        self.store = store
        self.homes = homes
        self.spines = self._spines()
        self.left = MARGIN + (SPINE_GAP * len(self.spines) + 8 if self.spines else 0)
        self.content = content
        self.right = self.left + content
        self.picture = Picture(width=self.right + MARGIN + (18 if store and len(rows) > 1 else 0))
        self.y: float = MARGIN

    def paint(self, title: str, summary: str | None) -> Picture:
        self._header(title, summary)
        tops: dict[int, list[float]] = {index: [] for index in self.spines}
        buses: list[tuple[list[Point], float]] = []
        for number, row in enumerate(self.rows):
            for index, y in self._row(number, row).items():
                if index in tops:
                    tops[index].append(y)
            feet = [
                Point(node.box.middle.x, node.box.bottom) for node in self.picture.nodes[-len(row) :] if node.placed
            ]
            buses.append((feet, self.y + WIRE_DROP))
            self.y += ROW_GAP if number + 1 < len(self.rows) else 0
        self._tie(tops)
        if self.store:
            self._store(self.store, buses)
        self._legend()
        self.picture.height = self.y + MARGIN
        return self.picture

    def _header(self, title: str, summary: str | None) -> None:
        at = Point(MARGIN, self.y + 22)
        room = self.picture.width - 2 * MARGIN
        for text in lines(at, title, "title", room, 30):
            self.picture.texts.append(text)
        self.y = self.picture.texts[-1].at.y + 10
        if summary:
            indent = 24 if self.facts.links is not None else 0
            for text in lines(Point(MARGIN + indent, self.y + 17), summary, "summary", room - indent, 20):
                self.picture.texts.append(text)
            self.y = self.picture.texts[-1].at.y + 8
        self.y += 18

    # Networks

    def _spines(self) -> list[int]:
        """Overlay networks that reach nodes of more than one row."""
        reached = [index for row in self.rows for index in self._reach(row)]
        return sorted({index for index in reached if reached.count(index) > 1})

    def _reach(self, row: list[Machine]) -> list[int]:
        """Overlay networks that the nodes of a row are on."""
        return sorted({index for machine in row for index in machine.networks(self.facts, local=False)})

    def _idle(self) -> list[int]:
        """Networks that no container is on."""
        used = {index for container in self.facts.topology.containers for index in self.facts.of(container)}
        return [index for index in range(len(self.facts.topology.networks)) if index not in used]

    def _bar(self, box: Box, index: int, note: str | None = None) -> None:
        network = self.facts.network(index)
        kind = "the engine's own" if network.is_predefined else network.driver
        more = note or " · ".join(filter(None, (kind, network.subnet, "internal" if network.internal else None)))
        baseline = box.y + box.height / 2 + 5
        lock = Point(box.x + 12, box.middle.y) if network.internal else None
        left = box.x + (32 if lock else 14)
        name = line(Point(left, baseline), network.name, "bar", box.right - 14 - left)
        room = box.right - 14 - name.box.right - 16
        texts = [name]
        for words in (more, note or kind):
            if width_of(words, "bar-more") <= room:
                texts.append(Text(Point(box.right - 14, baseline), words, "bar-more", "end"))
                break
        title = f"{network.name}: {network.driver} network" + (f", {network.subnet}" if network.subnet else "")
        self.picture.bars.append(
            Bar(box, index, tuple(texts), lock, title + (", internal" if network.internal else ""))
        )

    def _tie(self, tops: Mapping[int, list[float]]) -> None:
        """Draw the spines that tie the bars of one network together."""
        for place, (index, ys) in enumerate(tops.items()):
            x = self.left - 8 - SPINE_GAP * (len(tops) - 1 - place)
            ends = [y + BAR_HEIGHT / 2 for y in ys]
            inside = self.left + 12
            outline = (Point(inside, ends[0]), Point(x, ends[0]), Point(x, ends[-1]), Point(inside, ends[-1]))
            self.picture.spines += [Link((Point(x, y), Point(inside, y)), index, PLAIN) for y in ends[1:-1]]
            self.picture.spines.append(Link(outline, index, PLAIN))

    # Nodes

    def _row(self, number: int, row: list[Machine]) -> dict[int, float]:
        """Put a row of nodes and the bars above it. Returns where each overlay's bar is."""
        boxes = self._columns(row)
        lanes = self._reach(row)
        tops: dict[int, float] = {}
        for index in sorted([*lanes, *(self._idle() if number == 0 else [])]):
            tops[index] = self.y
            if index in lanes:
                reached = [
                    box for machine, box in zip(row, boxes) if index in machine.networks(self.facts, local=False)
                ]
                left = self.left if index in self.spines else reached[0].x
                again = "continued" if any(bar.network == index for bar in self.picture.bars) else None
                self._bar(Box(left, self.y, reached[-1].right - left, BAR_HEIGHT), index, again)
            else:
                kind = self.facts.network(index).driver
                self._bar(Box(self.left, self.y, self.content, BAR_HEIGHT), index, f"{kind} · no containers")
            self.y += BAR_HEIGHT + BAR_GAP
        self.y += BAR_DROP - BAR_GAP if tops else 0
        footers = [_footer(machine, box.width - 2 * NODE_PADDING) for machine, box in zip(row, boxes)]
        below = max(footer.height for footer in footers) + NODE_PADDING + 10
        body = max(self._body_height(machine, box.width) for machine, box in zip(row, boxes))
        for machine, box, footer in zip(row, boxes, footers):
            self._node(machine, Box(box.x, self.y, box.width, body + below), footer, self.y + body, tops)
        self.y += body + below
        return tops

    def _columns(self, row: list[Machine]) -> list[Box]:
        naturals = [natural_width(machine, self.facts, self.cut) for machine in row]
        cell = None
        most = max(len(each) for each in self.rows)
        if all(len(each) == most for each in self.rows[:-1]):  # a last row that is not full keeps to the columns above
            cell = (self.content - NODE_GAP * (most - 1)) / most
        boxes: list[Box] = []
        x: float = self.left
        for width in stretched(naturals, self.content, cell):
            boxes.append(Box(x, 0, width, 0))
            x += width + NODE_GAP
        return boxes

    def _bars_height(self, machine: Machine) -> float:
        count = len(machine.networks(self.facts, local=True))
        return count * (LOCAL_BAR_HEIGHT + BAR_GAP) + BAR_DROP - BAR_GAP if count else 6

    def _body_height(self, machine: Machine, width: float) -> float:
        heights = self._card_heights(machine, self._card_room(machine, width))
        cards = sum(heights) + CARD_GAP * (len(heights) - 1) if heights else 24
        return NODE_TOP + self._bars_height(machine) + cards + NODE_TOP

    def _card_room(self, machine: Machine, width: float) -> float:
        """The width of each of a node's cards."""
        grid = grid_of(machine, self.cut)
        gutter = gutter_of(machine, self.facts) if grid.rows > 1 else 0
        wish = max(
            [CARD_STRETCH, *(min(CARD_MAX, full_width(each, self.facts, self.cut)) for each in machine.containers)]
        )
        return min(wish, (width - 2 * NODE_PADDING + CARD_GAP) / grid.columns - CARD_GAP - gutter)

    def _card_heights(self, machine: Machine, width: float) -> list[float]:
        """The height of each row of a node's cards."""
        grid = grid_of(machine, self.cut)
        heights = [0.0] * grid.rows
        for place, container in enumerate(machine.containers):
            size, bold, _mono = STYLES["card"]
            names = len(wrap(container.name, width - 2 * CARD_PADDING, size, NAME_LINES, bold))
            height = 14 + NAME_LINE * names + ROW_LINE * max(1, len(container.attachments)) + 8
            heights[place % grid.rows] = max(heights[place % grid.rows], height)
        return heights

    def _node(self, machine: Machine, box: Box, footer: _Footer, rule: float, tops: Mapping[int, float]) -> None:
        corner = Point(box.x + NODE_PADDING, rule + 10)
        texts = [moved(text, corner) for text in footer.texts]
        if not machine.containers:
            middle = Point(box.middle.x, (box.y + rule) / 2 + 4)
            texts.append(line(middle, "no containers", "note", box.width - 2 * NODE_PADDING, "middle"))
        pills = tuple(moved_pill(pill, corner) for pill in footer.pills)
        title = ", ".join(filter(None, (machine.name, machine.address, *machine.roles)))
        self.picture.nodes.append(Node(box, corner, rule, tuple(texts), pills, title, machine.placed))
        starts = {index: y + BAR_HEIGHT for index, y in tops.items()}
        y = box.y + NODE_TOP
        for index in machine.networks(self.facts, local=True):
            self._bar(Box(box.x + NODE_PADDING, y, box.width - 2 * NODE_PADDING, LOCAL_BAR_HEIGHT), index)
            starts[index] = y + LOCAL_BAR_HEIGHT
            y += LOCAL_BAR_HEIGHT + BAR_GAP
        if machine.containers:
            self._cards(
                machine,
                Box(
                    box.x + NODE_PADDING, box.y + NODE_TOP + self._bars_height(machine), box.width - 2 * NODE_PADDING, 0
                ),
                starts,
            )

    # Containers

    def _cards(self, machine: Machine, area: Box, starts: Mapping[int, float]) -> None:
        """Put a node's containers, column by column, and link them."""
        grid = grid_of(machine, self.cut)
        gutter = gutter_of(machine, self.facts) if grid.rows > 1 else 0
        width = self._card_room(machine, area.width + 2 * NODE_PADDING)
        heights = self._card_heights(machine, width)
        pitch = (area.width + CARD_GAP) / grid.columns
        for column in range(grid.columns):
            x = area.x + pitch * column + (pitch - CARD_GAP - gutter - width) / 2 + gutter
            members = machine.containers[column * grid.rows : (column + 1) * grid.rows]
            tops = [area.y + sum(heights[:row]) + CARD_GAP * row for row in range(len(members))]
            boxes = [Box(x, top, width, height) for top, height in zip(tops, heights)]
            if grid.rows > 1:
                self._hang_beside(members, boxes, starts)
            else:
                self._hang_below(members[0], boxes[0], starts)

    def _hang_below(self, container: Container, box: Box, starts: Mapping[int, float]) -> None:
        """A card that hangs straight from its networks."""
        self._card(container, box, hanging=True)
        indexes = self.facts.of(container)
        for place, index in enumerate(indexes, 1):
            x = box.x + box.width * place / (len(indexes) + 1)
            state = self.facts.state(container.name, self.facts.network(index).name)
            ends = Point(x, starts[index]), Point(x, box.y)
            self.picture.trunks.append(Link(ends, index, state))
            self.picture.joints.append(Port(ends[0], index, state))
            self.picture.ports.append(Port(ends[1], index, state))

    def _hang_beside(self, members: Sequence[Container], boxes: list[Box], starts: Mapping[int, float]) -> None:
        """A column of cards that hang from rails to their left, the first network's rail next to them."""
        taps: dict[int, list[Port]] = {}
        for container, box in zip(members, boxes):
            for index, y in self._card(container, box, hanging=False).items():
                state = self.facts.state(container.name, self.facts.network(index).name)
                taps.setdefault(index, []).append(Port(Point(box.x, y), index, state))
        for place, (index, ports) in enumerate(sorted(taps.items())):
            x = boxes[0].x - RAIL_FIRST - RAIL_GAP * place
            states = {port.state for port in ports}
            state = states.pop() if len(states) == 1 else PLAIN
            ends = Point(x, starts[index]), Point(x, ports[-1].at.y - BEND)
            self.picture.trunks.append(Link(ends, index, state))
            self.picture.joints.append(Port(ends[0], index, state))
            for port in ports:
                bend = Point(x, port.at.y - BEND), Point(x, port.at.y), port.at
                self.picture.taps.append(Link(bend, index, port.state))
            self.picture.ports += ports

    def _card(self, container: Container, box: Box, hanging: bool) -> dict[int, float]:
        """Put a card. Returns the height at which it shows each of its networks.

        A hanging one is centred, and has bullets to tell its networks apart where there are several.
        """
        middle, left = Point(box.middle.x, box.y + 22), Point(box.x + CARD_PADDING, box.y + 22)
        room = box.width - 2 * CARD_PADDING
        at, anchor = (middle, "middle") if hanging else (left, "start")
        texts = lines(at, container.name, "card", room, NAME_LINE, anchor)
        bullets: list[Port] = []
        heights: dict[int, float] = {}
        rows = card_rows(container, self.facts, self.cut)
        for row, y in zip(rows, itertools.count(texts[-1].at.y + ROW_LINE, ROW_LINE)):
            heights[row.network] = y - 4
            if hanging and len(rows) > 1:
                bullets.append(Port(Point(left.x + 3, y - 4), row.network, PLAIN))
                texts += _row_texts(row, Point(left.x + BULLET, y), room - BULLET, "start")
            else:
                texts += _row_texts(row, Point(at.x, y), room, anchor)
        if not rows:
            mode = mode_of(container)
            texts.append(line(Point(at.x, texts[-1].at.y + ROW_LINE), mode, "card-network", room, anchor))
        states = [self.facts.state(container.name, attachment.network) for attachment in container.attachments]
        state = WRONG if WRONG in states else PLAIN
        title = describe(container, self.facts.addresses)
        self.picture.cards.append(Card(box, tuple(texts), tuple(bullets), title, state))
        return heights

    # Below the nodes

    def _store(self, url: str, buses: list[tuple[list[Point], float]]) -> None:
        middle = self.left + self.content / 2
        self.y += WIRE_DROP + 34 if buses else 0
        box = self._store_box(url, middle)
        last = buses[-1][1] if buses else 0
        turn = self.right + 18
        for feet, bus in buses:
            way = [Point(turn, bus), Point(turn, last)] if bus != last else []
            for foot in feet:
                end = [Point(middle, last), Point(middle, box.y)]
                self.picture.wires.append((foot, Point(foot.x, bus), *way, *end))
        self.y = box.bottom

    def _store_box(self, url: str, middle: float) -> Box:
        """Put the store's box, with a line for each node that is its home."""
        inset = NODE_PADDING + 48
        room = self.content - inset - NODE_PADDING
        x, y = 0.0, self.y + 28
        texts = [line(Point(x, y), "Cluster store", "note", room), line(Point(x, y + 21), url, "store", room)]
        pills: list[Pill] = []
        homes: list[Point] = []
        y += 21
        for home in self.homes:
            y += 30
            name = line(Point(ICON, y), str(home["name"]), "node", room / 2)
            entry = [name]
            if home.get("address"):
                entry.append(line(Point(name.box.right + 12, y), str(home["address"]), "address", room / 4))
            start = Point(entry[-1].box.right + 12, y - 15.5)
            pills += _pills([" · ".join(map(str, home["roles"]))], start, max(80, room - start.x))
            texts += entry
            homes.append(Point(0, y - 16))
        width = (
            max([260, *(text.box.right for text in texts), *(pill.box.right for pill in pills)]) + inset + NODE_PADDING
        )
        box = Box(middle - width / 2, self.y, width, y + 18 - self.y)
        by = Point(box.x + inset, 0)
        self.picture.store = Store(
            box,
            Point(box.x + NODE_PADDING + 2, box.y + 16),
            tuple(Point(at.x + by.x, at.y) for at in homes),
            tuple(moved(text, by) for text in texts),
            tuple(moved_pill(pill, by) for pill in pills),
        )
        return box

    def _legend(self) -> None:
        """Explain what marks the picture uses."""
        words: list[tuple[str, str]] = []
        seen = {port.state for port in self.picture.ports}
        if seen & {WRONG, NO_VALUE, NOT_ASKED}:
            words += [(state, word) for state, word in _STATE_WORDS.items() if state in seen]
        if any(bar.lock for bar in self.picture.bars):
            words.append(("internal", "internal: no way out"))
        if not words:
            return
        self.y += 44
        x: float = MARGIN
        for kind, word in words:
            indent = 24 if kind == "internal" else 36
            width = indent + width_of(word, "key")
            if x > MARGIN and x + width > self.picture.width - MARGIN:
                x, self.y = MARGIN, self.y + 22
            self.picture.keys.append(Key(kind, Point(x, self.y - 4), Text(Point(x + indent, self.y), word, "key")))
            x += width + 28


_STATE_WORDS = {
    CORRECT: "as expected",
    WRONG: "wrong",
    NO_VALUE: "no value: could not be judged",
    NOT_ASKED: "not asked in this run",
}


def describe(container: Container, addresses: Addresses) -> str:
    """One sentence on a container: its name, its image, and where it is on which network."""
    known = (addresses or {}).get(container.name, {})
    places = [
        each.network + (f" ({known[each.network]})" if each.network in known else "") for each in container.attachments
    ]
    return f"{container.name} ({container.image}) on {', '.join(places) or mode_of(container) or 'no network'}"
