# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of a topology's picture: where each is and what it says, in pixels; no colours, no SVG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.plugin_utils._text_width import shorten, text_width, wrap

PLAIN, CORRECT, WRONG, NO_VALUE, NOT_ASKED = "plain", "correct", "wrong", "no_value", "not_asked"

NAME_LINES = 3


class Style(NamedTuple):
    """How a kind of text is set: size in pixels, and whether bold or monospaced."""

    size: float
    bold: bool = False
    mono: bool = False


STYLES = {
    "title": Style(24, bold=True),
    "summary": Style(14),
    "bar": Style(14.5, bold=True),
    "bar-more": Style(12.5),
    "node": Style(15.5, bold=True),
    "address": Style(12.5, mono=True),
    "pill": Style(11.5),
    "card": Style(14, bold=True),
    "card-network": Style(12),
    "card-address": Style(12.5, mono=True),
    "note": Style(12.5),
    "store": Style(14, mono=True),
    "key": Style(12.5),
}


class Point(NamedTuple):
    """A place in the picture."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> Point:
        return Point(self.x + self.width / 2, self.y + self.height / 2)


@dataclass(frozen=True)
class Text:
    """A line of text. `at` is on its baseline; `full` is what it says where it had to be shortened."""

    at: Point
    content: str
    style: str
    anchor: str = "start"
    full: str | None = None

    @property
    def width(self) -> float:
        return width_of(self.content, self.style)

    @property
    def box(self) -> Box:
        """What the text covers at most, whatever font it is drawn in."""
        size = STYLES[self.style].size
        left = {"start": 0.0, "middle": self.width / 2, "end": self.width}[self.anchor]
        return Box(self.at.x - left, self.at.y - 0.8 * size, self.width, size)


@dataclass(frozen=True)
class Bar:
    """A network, or the part of it that is in one row of nodes. `lock` is where an internal one has its lock."""

    box: Box
    network: int
    texts: tuple[Text, ...]
    lock: Point | None
    title: str


@dataclass(frozen=True)
class Pill:
    """A role of a node."""

    box: Box
    text: Text


@dataclass(frozen=True)
class Card:
    """A container."""

    box: Box
    texts: tuple[Text, ...]
    bullets: tuple[Port, ...]
    title: str
    state: str


@dataclass(frozen=True)
class Node:
    """A node: its bridges and containers, and below them who it is."""

    box: Box
    icon: Point
    rule: float
    texts: tuple[Text, ...]
    pills: tuple[Pill, ...]
    title: str
    placed: bool = True


@dataclass(frozen=True)
class Link:
    """A line, or a part of one, from a network to a container."""

    points: tuple[Point, ...]
    network: int
    state: str


@dataclass(frozen=True)
class Port:
    """Where a link ends."""

    at: Point
    network: int
    state: str


@dataclass(frozen=True)
class Store:
    """The cluster store and the nodes that are its home."""

    box: Box
    icon: Point
    homes: tuple[Point, ...]
    texts: tuple[Text, ...]
    pills: tuple[Pill, ...]


@dataclass(frozen=True)
class Key:
    """An entry of the legend."""

    kind: str
    sample: Point
    text: Text


@dataclass
class Picture:
    """All that is to be drawn."""

    width: float = 0
    height: float = 0
    texts: list[Text] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    trunks: list[Link] = field(default_factory=list)
    taps: list[Link] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    joints: list[Port] = field(default_factory=list)
    spines: list[Link] = field(default_factory=list)
    wires: list[tuple[Point, ...]] = field(default_factory=list)
    store: Store | None = None
    keys: list[Key] = field(default_factory=list)

    def all_texts(self) -> Iterator[Text]:
        """Every line of text in the picture."""
        holders: list[Bar | Node | Card | Store] = [*self.bars, *self.nodes, *self.cards, *self._stores()]
        yield from self.texts
        for holder in holders:
            yield from holder.texts
        for pill in self.all_pills():
            yield pill.text
        for key in self.keys:
            yield key.text

    def all_pills(self) -> Iterator[Pill]:
        """Every role in the picture."""
        holders: list[Node | Store] = [*self.nodes, *self._stores()]
        for holder in holders:
            yield from holder.pills

    def _stores(self) -> list[Store]:
        return [self.store] if self.store else []


def width_of(text: str, style: str) -> float:
    return text_width(text, *STYLES[style])


def line(at: Point, content: str, style: str, room: float, anchor: str = "start") -> Text:
    """A line of text, shortened to `room` pixels."""
    shown = shorten(content, room, *STYLES[style])
    return Text(at, shown, style, anchor, None if shown == content else content)


def lines(at: Point, content: str, style: str, room: float, step: float, anchor: str = "start") -> list[Text]:
    """Text in as many lines as it needs, up to NAME_LINES, `step` pixels apart."""
    size, bold, _mono = STYLES[style]
    lines = wrap(content, room, size, NAME_LINES, bold)
    full = content if len(lines) > 1 or lines[0] != content else None
    return [Text(Point(at.x, at.y + step * i), line, style, anchor, full) for i, line in enumerate(lines)]


def moved(text: Text, by: Point) -> Text:
    return Text(Point(text.at.x + by.x, text.at.y + by.y), text.content, text.style, text.anchor, text.full)


def moved_pill(pill: Pill, by: Point) -> Pill:
    box = Box(pill.box.x + by.x, pill.box.y + by.y, pill.box.width, pill.box.height)
    return Pill(box, moved(pill.text, by))
