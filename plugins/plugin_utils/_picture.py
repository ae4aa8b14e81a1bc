# SPDX-License-Identifier: GPL-3.0-or-later
"""A topology as a picture: one SVG that needs nothing else, light or dark as its reader's system is.

What a colour says is said by a shape too: a wrong link is red, dashed and crossed out, one without a value is grey,
dotted and hollow. Only plain class rules are used, so that librsvg draws the same (it always draws light).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_cut import (
    Addresses,
    States,
)
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_layout import describe, lay_out
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_shapes import (
    CORRECT,
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
)

SANS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Noto Sans','DejaVu Sans',sans-serif"
MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',monospace"

# A network's colour and that of the text on it, light and dark, in the order of declaration. Neighbours differ in
# lightness as well as in hue, so that they are told apart with any colour vision and in print.
NETWORK_COLOURS = (
    (("#0F6CBD", "#FFFFFF"), ("#5AA5F5", "#0D1117")),
    (("#E08A00", "#1B1000"), ("#F2A93B", "#0D1117")),
    (("#00845E", "#FFFFFF"), ("#27B890", "#0D1117")),
    (("#5E2390", "#FFFFFF"), ("#8A5CF0", "#FFFFFF")),
    (("#45AEE0", "#06141C"), ("#B5E3FF", "#0D1117")),
    (("#7A4A00", "#FFFFFF"), ("#A87B2E", "#0D1117")),
    (("#E27BB8", "#22061A"), ("#F5A3D0", "#0D1117")),
    (("#25303D", "#FFFFFF"), ("#DDE3EA", "#0D1117")),
)

# rule -> light, dark
SURFACES = {
    ".canvas{fill:%s}": ("#F5F7FA", "#0D1117"),
    ".shade{fill:%s}": ("#E4E8EE", "#06090D"),
    ".node{fill:%s}": ("#FFFFFF", "#161B22"),
    ".node,.rule{stroke:%s}": ("#D5DBE3", "#30363D"),
    ".card{fill:%s}": ("#F5F7FA", "#21262D"),
    ".card{stroke:%s}": ("#C3CBD6", "#3D444D"),
    ".halo{stroke:%s}": ("#FFFFFF", "#161B22"),
    ".edge{stroke:%s}": ("#F5F7FA", "#0D1117"),
    ".pill{fill:%s}": ("#EDF1F6", "#262C36"),
    "text{fill:%s}": ("#1B2430", "#E6EDF3"),
    ".t-summary,.t-address,.t-pill,.t-card-network,.t-card-address,.t-note,.t-key{fill:%s}": ("#505C6C", "#9DA9B7"),
    ".wire,.icon{stroke:%s}": ("#7B8797", "#7D8896"),
    ".tip,.foot{fill:%s}": ("#7B8797", "#7D8896"),
    ".wrong{stroke:%s}": ("#CF222E", "#FF6B63"),
    ".wrong-fill{fill:%s}": ("#CF222E", "#FF6B63"),
    ".no_value{stroke:%s}": ("#7B8797", "#8B949E"),
    ".hollow{fill:%s}": ("#FFFFFF", "#161B22"),
    ".cross{stroke:%s}": ("#FFFFFF", "#161B22"),
    ".good{fill:%s}": ("#1A7F4B", "#3FB950"),
    ".doubt{fill:%s}": ("#7B8797", "#8B949E"),
}

SHAPES = """
text{white-space:pre}
.node,.card,.rule{stroke-width:1}
.unplaced{stroke-dasharray:6 4}
.link,.spine,.wire,.halo,.icon{fill:none;stroke-linecap:round;stroke-linejoin:round}
.link{stroke-width:2.5}
.spine{stroke-width:5}
.halo{stroke-width:7;stroke-linecap:butt}
.edge{fill:none;stroke-width:9}
.wire,.icon{stroke-width:1.5}
.wrong.link{stroke-dasharray:7 5;stroke-linecap:butt}
.no_value.link{stroke-dasharray:0.1 6}
.wrong.card{stroke-width:2}
.cross{fill:none;stroke-width:1.8;stroke-linecap:round}
.port{stroke-width:2}
.tick{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
"""


def draw_svg(
    topology: Topology,
    nodes: Sequence[Mapping[str, Any]],
    title: str,
    store: str | None = None,
    links: States = None,
    addresses: Addresses = None,
    summary: str | None = None,
) -> str:
    """Draw `topology` as an SVG document; the same input gives the same bytes.

    nodes: `{name, address or None, roles: [str]}`. One whose role is the store's kind ("Consul") and that has no
        containers is drawn as the store's home. Nodes that only containers name are drawn after these.
    store: URL of the cluster store, like "consul://192.168.99.100:8500"; None where there is none.
    links: container -> network -> "correct", "wrong", "not_asked" or "no_value" (which a missing one is); None where
        nothing was verified.
    addresses: container -> network -> address.
    summary: a line below the title, like "48 cells: 48 correct, 0 wrong, 0 no value".
    """
    picture = lay_out(topology, nodes, title, store, links, addresses, summary)
    width, height = _number(picture.width), _number(picture.height)
    body = [
        _element("title", escape(printable(title))),
        _element("desc", escape(printable(_description(topology, nodes, store, addresses, summary)))),
        _element("style", _stylesheet(len(topology.networks))),
        _element("rect", width=width, height=height, rx="16", class_="canvas"),
        *_drawn(picture, _mood(links, summary)),
    ]
    return (
        _element(
            "svg",
            "\n" + "\n".join(body) + "\n",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {width} {height}",
            width=width,
            height=height,
            role="img",
            aria_label=printable(title),
            class_="dockernet",
        )
        + "\n"
    )


def _drawn(picture: Picture, mood: str | None) -> Iterable[str]:
    """All shapes, from the back to the front."""
    yield from (_line(wire, "wire", bend=8) for wire in picture.wires)
    for spine in reversed(picture.spines):  # the outermost crosses the others
        yield from _spine(spine)
    yield from map(_node, picture.nodes)
    if picture.store:
        yield _store(picture.store, picture.wires)
    yield from (_foot(wire[0]) for wire in picture.wires)
    yield from map(_link, picture.trunks)
    yield from map(_halo, picture.taps)
    yield from map(_link, picture.taps)
    yield from map(_bar, picture.bars)
    yield from map(_joint, picture.joints)
    yield from map(_card, picture.cards)
    yield from map(_port, picture.ports)
    yield from map(_text, picture.texts)
    if mood:
        yield _badge(mood, next(text.at for text in picture.texts if text.style == "summary"))
    yield from map(_key, picture.keys)


# Words


def _description(
    topology: Topology, nodes: Sequence[Mapping[str, Any]], store: str | None, addresses: Addresses, summary: str | None
) -> str:
    """The picture in words, for those who cannot see it."""
    networks = ", ".join(f"{network.name} ({network.driver})" for network in topology.networks)
    places = [
        f"{describe(container, addresses)}, node {container.node or 'chosen by the Swarm'}"
        for container in topology.containers
    ]
    sentences = [
        summary,
        f"Nodes: {', '.join(str(node['name']) for node in nodes)}" if nodes else None,
        f"Networks: {networks}" if networks else None,
        *places,
        f"Cluster store: {store}" if store else None,
    ]
    return ". ".join(sentence for sentence in sentences if sentence) + "."


def _mood(links: States, summary: str | None) -> str | None:
    """What the badge beside the summary says, from the links and the summary's own counts; None for no badge."""
    if links is None or not summary:
        return None
    states = {state for each in links.values() for state in each.values()}
    if WRONG in states or re.search(r"\b[1-9]\d* wrong", summary):
        return WRONG
    if NO_VALUE in states or re.search(r"\b[1-9]\d* no value", summary):
        return NO_VALUE
    return CORRECT


# Colours


def _stylesheet(networks: int) -> str:
    """Class rules for light, then what differs in the dark; all below one class, so that a page can hold the SVG."""
    fonts = [f".t-{name}{{{_font(name)}}}" for name in STYLES]
    used = range(min(networks, len(NETWORK_COLOURS)))
    light, dark = ([*_colours(side), *_network_colours(used, side)] for side in (0, 1))
    return (
        "\n"
        + "\n".join(_scoped([f"text{{font-family:{SANS}}}", *fonts, *SHAPES.split("\n"), *light]))
        + "\n@media screen and (prefers-color-scheme:dark){\n"
        + "\n".join(_scoped(dark))
        + "\n}\n@media print{.dockernet .canvas{fill:#FFFFFF}}\n"
    )


def _scoped(rules: Iterable[str]) -> list[str]:
    """Each selector of each rule, below the picture's own class."""
    scoped = []
    for rule in filter(None, rules):
        selectors, _, body = rule.partition("{")
        scoped.append(",".join(f".dockernet {selector}" for selector in selectors.split(",")) + "{" + body)
    return scoped


def _font(style: str) -> str:
    size, bold, mono = STYLES[style]
    rules = [f"font-size:{size}px", "font-weight:600" if bold else "", f"font-family:{MONO}" if mono else ""]
    return ";".join(filter(None, rules))


def _colours(side: int) -> list[str]:
    return [rule % colours[side] for rule, colours in SURFACES.items()]


def _network_colours(used: Iterable[int], side: int) -> list[str]:
    rules = []
    for index in used:
        colour, ink = NETWORK_COLOURS[index][side]
        rules += [
            f".n{index}{{stroke:{colour}}}",
            f".n{index}-fill{{fill:{colour}}}",
            f"text.n{index}-ink{{fill:{ink}}}",
            f".n{index}-lock{{stroke:{ink}}}",
        ]
    return rules


def _colour(network: int) -> str:
    """The class of a network's colour. Colours repeat from the ninth network on; the bars still say the names."""
    return f"n{network % len(NETWORK_COLOURS)}"


# Shapes


def _bar(bar: Bar) -> str:
    colour = _colour(bar.network)
    parts = [_title(bar.title), _box(bar.box, 9, f"{colour}-fill")]
    parts += [_text(text, f"{colour}-ink") for text in bar.texts]
    parts += [_lock(bar.lock, f"{colour}-lock")] if bar.lock else []
    return _group(parts)


def _node(node: Node) -> str:
    shade = Box(node.box.x, node.box.y + 2, node.box.width, node.box.height)
    left, right = node.box.x + 1, node.box.right - 1
    parts = [_title(node.title)]
    parts += [_box(shade, 14, "shade")] if node.placed else []
    parts += [_box(node.box, 14, "node" if node.placed else "node unplaced")]
    parts += [_line([Point(left, node.rule), Point(right, node.rule)], "rule"), _server(node.icon)]
    return _group([*parts, *map(_text, node.texts), *map(_pill, node.pills)])


def _card(card: Card) -> str:
    box = _box(card.box, 8, "card wrong" if card.state == WRONG else "card")
    return _group([_title(card.title), box, *map(_text, card.texts), *map(_bullet, card.bullets)])


def _store(store: Store, wires: Sequence[Sequence[Point]]) -> str:
    shade = Box(store.box.x, store.box.y + 2, store.box.width, store.box.height)
    parts = [_title("Cluster store"), _box(shade, 14, "shade"), _box(store.box, 14, "node"), _cylinder(store.icon)]
    parts += [*map(_server, store.homes), *map(_text, store.texts), *map(_pill, store.pills)]
    if wires:
        x, y = wires[0][-1]
        parts.append(_element("path", d=f"M{_number(x - 5)} {_number(y - 8)}h10l-5 8z", class_="tip"))
    return _group(parts)


def _pill(pill: Pill) -> str:
    return _box(pill.box, pill.box.height / 2, "pill") + _text(pill.text)


def _foot(at: Point) -> str:
    """Where an engine's line to the store begins."""
    return _element("circle", cx=_number(at.x), cy=_number(at.y), r="3.5", class_="foot")


def _spine(spine: Link) -> list[str]:
    """What ties the bars of a network together; it interrupts what it crosses, but not what it branches from."""
    first, *rest = spine.points
    edge = [first, *rest] if len(rest) > 1 else [Point(first.x + 5, first.y), *rest]
    return [_line(edge, "edge", bend=8), _line(spine.points, f"spine {_colour(spine.network)}", bend=8)]


def _link(link: Link) -> str:
    return _line(link.points, f"link {_state_class(link.state, link.network)}", bend=8)


def _halo(tap: Link) -> str:
    """A gap in the rails that a tap crosses."""
    corner, end = tap.points[1], tap.points[2]
    return _line([Point(corner.x + 6, corner.y), end], "halo") if end.x - corner.x > 16 else ""


def _bullet(bullet: Port) -> str:
    """Beside an address: which network's it is."""
    classes = f"{_colour(bullet.network)}-fill"
    return _element("circle", cx=_number(bullet.at.x), cy=_number(bullet.at.y), r="3.5", class_=classes)


def _joint(joint: Port) -> str:
    """Where a link leaves its bar."""
    classes = f"port hollow {_state_class(joint.state, joint.network)}"
    return _element("circle", cx=_number(joint.at.x), cy=_number(joint.at.y), r="4", class_=classes)


def _port(port: Port) -> str:
    """Where a link meets its container."""
    x, y = _number(port.at.x), _number(port.at.y)
    if port.state == WRONG:
        return _cross(port.at)
    if port.state in (NO_VALUE, NOT_ASKED):
        return _element("circle", cx=x, cy=y, r="4.5", class_="port hollow no_value")
    return _element("circle", cx=x, cy=y, r="5", class_=f"{_colour(port.network)}-fill")


def _cross(at: Point) -> str:
    disc = _element("circle", cx=_number(at.x), cy=_number(at.y), r="7.5", class_="wrong-fill")
    strokes = f"M{_number(at.x - 3)} {_number(at.y - 3)}l6 6m0 -6l-6 6"
    return disc + _element("path", d=strokes, class_="cross")


def _badge(mood: str, beside: Point) -> str:
    """The picture's verdict, left of the summary."""
    at = Point(beside.x - 15, beside.y - 5)
    if mood == WRONG:
        return _cross(at)
    disc = _element(
        "circle", cx=_number(at.x), cy=_number(at.y), r="7.5", class_="good" if mood == CORRECT else "doubt"
    )
    sign = "m-3.2 0.2l2.3 2.4l4.2 -4.6" if mood == CORRECT else "m-3.2 0h6.4"
    return disc + _element("path", d=f"M{_number(at.x)} {_number(at.y)}{sign}", class_="cross")


def _key(key: Key) -> str:
    x, y = key.sample
    end = Point(x + 24, y)
    if key.kind == "internal":
        return _lock(Point(x, y), "icon") + _text(key.text)
    line = _line([key.sample, end], f"link {_state_class(key.kind, 0)}")
    return line + _port(Port(end, 0, key.kind)) + _text(key.text)


def _state_class(state: str, network: int) -> str:
    if state in (PLAIN, CORRECT):
        return _colour(network)
    return NO_VALUE if state == NOT_ASKED else state


def _lock(at: Point, colour: str) -> str:
    x, y = at
    path = f"M{_number(x + 1)} {_number(y)}h10v6.5h-10zM{_number(x + 3)} {_number(y)}v-2.5a3 3 0 0 1 6 0v2.5"
    return _element("path", d=path, class_=f"tick {colour}")


def _server(at: Point) -> str:
    y = at.y + 2
    path = "".join(
        f"M{_number(at.x + 1.5)} {_number(y + top)}h13a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1 -1.5 1.5h-13"
        f"a1.5 1.5 0 0 1 -1.5 -1.5v-4a1.5 1.5 0 0 1 1.5 -1.5zm2.5 3.5h.1"
        for top in (1, 10)
    )
    return _element("path", d=path, class_="icon")


def _cylinder(at: Point) -> str:
    x, y = _number(at.x), _number(at.y + 7)
    path = f"M{x} {y}a16 6 0 0 1 32 0v26a16 6 0 0 1 -32 0zm0 0a16 6 0 0 0 32 0m-32 13a16 6 0 0 0 32 0"
    return _element("path", d=path, class_="icon")


def _box(box: Box, radius: float, classes: str) -> str:
    x, y, width, height = map(_number, box)
    return _element("rect", x=x, y=y, width=width, height=height, rx=_number(radius), class_=classes)


def _line(points: Sequence[Point], classes: str, bend: float = 0) -> str:
    """A line through `points` with corners rounded to a radius of `bend`."""
    path = [f"M{_number(points[0].x)} {_number(points[0].y)}"]
    for before, corner, after in zip(points, points[1:], points[2:]):
        start, end = _towards(corner, before, bend), _towards(corner, after, bend)
        path.append(f"L{_at(start)}Q{_at(corner)} {_at(end)}")
    path.append(f"L{_at(points[-1])}")
    return _element("path", d="".join(path), class_=classes)


def _towards(corner: Point, other: Point, bend: float) -> Point:
    """The point `bend` from `corner` on the way to `other`, at most half-way."""
    length = abs(other.x - corner.x) + abs(other.y - corner.y)
    part = min(bend, length / 2) / length if length else 0
    return Point(corner.x + (other.x - corner.x) * part, corner.y + (other.y - corner.y) * part)


def _text(text: Text, colour: str = "") -> str:
    content = (_title(text.full) if text.full else "") + escape(printable(text.content))
    anchor = None if text.anchor == "start" else text.anchor
    classes = f"t-{text.style} {colour}".rstrip()
    return _element("text", content, x=_number(text.at.x), y=_number(text.at.y), text_anchor=anchor, class_=classes)


def _title(words: str) -> str:
    return _element("title", escape(printable(words)))


def _group(parts: Iterable[str]) -> str:
    return _element("g", "".join(parts))


# XML


def _element(name: str, content: str | None = None, **attributes: str | None) -> str:
    """An element. `class_` is the attribute `class`, an underscore within a name is a hyphen; None is left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(value)}"
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}/>" if content is None else f"<{name}{written}>{content}</{name}>"


def printable(text: str) -> str:
    """`text` without the characters that XML cannot carry, not even escaped."""
    return "".join(character for character in text if character in "\t\n\r" or _is_xml(ord(character)))


def _is_xml(code: int) -> bool:
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _at(point: Point) -> str:
    return f"{_number(point.x)} {_number(point.y)}"


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
