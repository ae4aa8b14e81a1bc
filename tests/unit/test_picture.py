# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._topology import (
    Attachment,
    Container,
    Network,
    Topology,
    parse,
)
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture import draw_svg
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_layout import lay_out
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_shapes import Box
from ansible_collections.dockernet.lab.plugins.plugin_utils._text_width import ELLIPSIS, shorten, text_width, wrap

SVG = "{http://www.w3.org/2000/svg}"
STORE = "consul://192.168.99.100:8500"
CONSUL = {"name": "swl-consul", "address": "192.168.99.100", "roles": ["Consul"]}
DEMO0 = {"name": "swl-demo0", "address": "192.168.99.101", "roles": ["Swarm manager", "Swarm agent"]}
DEMO1 = {"name": "swl-demo1", "address": "192.168.99.102", "roles": ["Swarm agent"]}
LINUX = {"name": "linux", "driver": "overlay"}
UBUNTU1 = {"name": "ubuntu1", "node": "swl-demo0", "networks": ["linux"]}
UBUNTU2 = {"name": "ubuntu2", "node": "swl-demo1", "networks": ["linux"]}


def swarm(networks=(LINUX,), containers=(UBUNTU1, UBUNTU2)):
    return parse(list(networks), list(containers), ["swl-demo0", "swl-demo1"], "classic")


def cluster(nodes, containers_each, networks, bridges=0, length=0):
    """A topology of that many nodes; names are filled up to `length` characters."""

    def name(kind, number):
        return f"{kind}-{number}".ljust(length, "m")

    names = [name("node", number) for number in range(nodes)]
    declared = [
        {"name": name("overlay", number), "driver": "overlay", "internal": number == 2, "subnet": f"10.{number}.0.0/16"}
        for number in range(networks)
    ]
    declared += [{"name": name("bridge", number)} for number in range(bridges)]
    containers = [
        {
            "name": name("container", number),
            "node": names[number % nodes],
            "networks": [network["name"] for place, network in enumerate(declared) if place % (number % 3 + 1) == 0],
        }
        for number in range(nodes * containers_each)
    ]
    topology = parse(declared, containers, names)
    roles = ["Swarm manager", "engine 20.10.5"]
    machines = [{"name": each, "address": "192.168.199.201", "roles": roles} for each in names]
    addresses = {
        container.name: {attachment.network: "10.255.255.254" for attachment in container.attachments}
        for container in topology.containers
    }
    return topology, [CONSUL, *machines], addresses


def overlap(one, other):
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


def overlaps(boxes):
    """Pairs that overlap; found by going down, since all pairs would be millions."""
    boxes = sorted(boxes, key=lambda box: box.y)
    for place, box in enumerate(boxes):
        for other in boxes[place + 1 :]:
            if other.y >= box.bottom:
                break
            if overlap(box, other):
                yield box, other


def segments(picture):
    """Each straight part of each line, as a thin box."""
    lines = [link.points for link in (*picture.trunks, *picture.taps)] + picture.wires
    for start, end in {pair for line in lines for pair in itertools.pairwise(line)}:
        x, y = min(start.x, end.x), min(start.y, end.y)
        yield Box(x - 1, y - 1, abs(start.x - end.x) + 2, abs(start.y - end.y) + 2)


def inside(inner, outer):
    return outer.x <= inner.x and inner.right <= outer.right and outer.y <= inner.y and inner.bottom <= outer.bottom


def words(svg):
    return {"".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")}  # noqa: S314


def classes(svg):
    root = ElementTree.fromstring(svg)  # noqa: S314
    return [element.get("class", "").split() for element in root.iter()]


# nodes, containers on each, overlays, bridges, least length of names
SIZES = [
    (1, 5, 1, 2, 0),
    (1, 40, 6, 2, 30),
    (3, 2, 8, 0, 0),
    (3, 6, 3, 1, 30),
    (3, 40, 3, 1, 0),
    (10, 6, 3, 0, 0),
    (10, 2, 6, 2, 30),
    (20, 1, 1, 1, 30),
    (20, 3, 3, 0, 0),
]


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: "-".join(map(str, size)))
def large(request):
    topology, machines, addresses = cluster(*request.param)
    return lay_out(topology, machines, "A lab " * 30, STORE, {}, addresses, "48 cells: 48 correct " * 20)


def test_every_text_is_inside_the_picture(large):
    whole = Box(0, 0, large.width, large.height)
    assert [text.content for text in large.all_texts() if not inside(text.box, whole)] == []


def test_no_two_texts_overlap(large):
    assert list(overlaps(text.box for text in large.all_texts())) == []


def test_no_line_strikes_a_text_out(large):
    bars = {id(text) for bar in large.bars for text in bar.texts}  # bars are drawn over the lines
    texts = {text.box: text.content for text in large.all_texts() if id(text) not in bars}
    lines = set(segments(large))
    struck = [pair for pair in overlaps([*texts, *lines]) if len(lines & {*pair}) == 1]
    assert [texts.get(one) or texts[other] for one, other in struck] == []


def test_every_box_is_inside_what_holds_it(large):
    assert all(any(inside(card.box, node.box) for node in large.nodes) for card in large.cards)
    assert all(inside(text.box, card.box) for card in large.cards for text in card.texts)
    assert all(inside(pill.box, node.box) for node in large.nodes for pill in node.pills)
    assert all(inside(node.box, Box(0, 0, large.width, large.height)) for node in large.nodes)


def test_no_two_boxes_of_a_kind_overlap(large):
    for kind in (large.nodes, large.cards, large.bars):
        assert list(overlaps(each.box for each in kind)) == []


def test_a_container_hangs_from_each_of_its_networks():
    topology, machines, _ = cluster(10, 6, 3, 1)
    picture = lay_out(topology, machines, "A lab")
    assert len(picture.ports) == sum(len(container.attachments) for container in topology.containers)


def test_what_was_asked_for_is_in_the_picture():
    addresses = {"ubuntu1": {"linux": "10.0.0.2"}, "ubuntu2": {"linux": "10.0.0.3"}}
    svg = draw_svg(swarm(), [CONSUL, DEMO0, DEMO1], "The lab", STORE, None, addresses, "24 cells: 24 correct")
    assert {"The lab", "24 cells: 24 correct", "linux", "ubuntu1", "ubuntu2", "10.0.0.2", "10.0.0.3"} <= words(svg)
    assert {"swl-consul", "192.168.99.100", "Consul", STORE, "swl-demo0", "Swarm manager", "swl-demo1"} <= words(svg)


def test_the_same_input_gives_the_same_bytes():
    topology, machines, addresses = cluster(10, 6, 3)
    links = {name: dict.fromkeys(networks, "correct") for name, networks in addresses.items()}
    backwards = dict(reversed(list(links.items())))
    one = draw_svg(topology, machines, "A lab", STORE, links, addresses)
    assert one == draw_svg(topology, machines, "A lab", STORE, backwards, dict(reversed(list(addresses.items()))))


def test_names_from_users_are_text_and_never_markup():
    bad = "<script>alert('&\"')</script>\x00\x1b]]>"
    topology = Topology((Network(bad, internal=True),), (Container(bad, bad, (Attachment(bad),)),))
    svg = draw_svg(topology, [{"name": bad, "address": bad, "roles": [bad]}], bad, bad, None, None, bad)
    root = ElementTree.fromstring(svg)  # noqa: S314
    assert not list(root.iter(f"{SVG}script"))
    assert root.get("aria-label") == "<script>alert('&\"')</script>]]>"


def test_what_is_shortened_is_not_lost(large):
    assert [text.content for text in large.all_texts() if ELLIPSIS in text.content and not text.full] == []


def test_a_shortened_name_is_whole_in_its_title():
    long = "container-of-a-name-that-has-sixty-three-characters-in-all-0000"
    svg = draw_svg(swarm(containers=[{**UBUNTU1, "name": long}]), [DEMO0], "A lab")
    titles = [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}title")]  # noqa: S314
    assert any(title.startswith(long) for title in titles)


def test_a_wrong_link_is_marked_without_relying_on_colour():
    links = {"ubuntu1": {"linux": "correct"}, "ubuntu2": {"linux": "wrong"}}
    svg = draw_svg(swarm(), [DEMO0, DEMO1], "A lab", None, links, None, "24 cells: 20 correct, 4 wrong, 0 no value")
    picture = lay_out(swarm(), [DEMO0, DEMO1], "A lab", None, links)
    assert [link.state for link in picture.trunks] == ["correct", "wrong"]
    assert ["link", "wrong"] in classes(svg)
    assert ["cross"] in classes(svg)
    assert re.search(r"\.wrong\.link\{stroke-dasharray:7 5", svg)
    assert "wrong" in words(svg)


def test_a_link_that_nobody_judged_has_no_value():
    picture = lay_out(swarm(), [DEMO0, DEMO1], "A lab", None, {"ubuntu1": {"linux": "correct"}})
    assert [link.state for link in picture.trunks] == ["correct", "no_value"]


def test_a_wrong_link_among_sound_ones_leaves_their_rail_alone():
    containers = [{**UBUNTU1, "name": f"ubuntu{number}"} for number in range(9)]
    links = {f"ubuntu{number}": {"linux": "correct"} for number in range(9)}
    links["ubuntu3"]["linux"] = "wrong"
    others = [{**DEMO1, "name": f"other{number}"} for number in range(8)]
    picture = lay_out(swarm(containers=containers), [DEMO0, *others], "A lab", None, links)
    assert [link.state for link in picture.taps].count("wrong") == 1
    assert "wrong" not in {link.state for link in picture.trunks}


@pytest.mark.parametrize(
    ("summary", "badge"),
    [
        ("24 cells: 24 correct, 0 wrong, 0 no value", "good"),
        ("24 cells: 20 correct, 4 wrong, 0 no value", "wrong-fill"),
        ("24 cells: 20 correct, 0 wrong, 4 no value", "doubt"),
    ],
)
def test_the_badge_never_contradicts_the_summary(summary, badge):
    links = {name: {"linux": "correct"} for name in ("ubuntu1", "ubuntu2")}
    found = classes(draw_svg(swarm(), [DEMO0, DEMO1], "A lab", None, links, None, summary))
    assert [each for each in ("good", "wrong-fill", "doubt") if [each] in found] == [badge]


def test_nothing_is_judged_where_no_links_are_given():
    found = classes(draw_svg(swarm(), [DEMO0, DEMO1], "A lab", None, None, None, "not verified"))
    assert not any(each in found for each in (["good"], ["wrong-fill"], ["doubt"]))


def test_only_a_server_of_the_store_is_its_home():
    client = {**DEMO1, "roles": ["Consul client", "Swarm agent"]}
    picture = lay_out(swarm(containers=[UBUNTU1]), [CONSUL, DEMO0, client], "A lab", STORE)
    assert [node.title.split(",")[0] for node in picture.nodes] == ["swl-demo0", "swl-demo1"]
    assert len(picture.wires) == 2


def test_without_a_store_every_node_is_a_node():
    picture = lay_out(swarm(), [CONSUL, DEMO0, DEMO1], "A lab")
    assert len(picture.nodes) == 3
    assert picture.wires == []


def test_containers_of_unknown_and_unchosen_nodes_are_drawn():
    anywhere = {"name": "anywhere", "networks": ["linux"]}
    svg = draw_svg(swarm(containers=[UBUNTU1, anywhere]), [], "A lab")
    assert {"swl-demo0", "ubuntu1", "any node", "anywhere"} <= words(svg)


def test_a_bridge_is_inside_each_node_that_needs_it_and_an_overlay_is_above():
    networks = [LINUX, {"name": "local"}]
    containers = [{**each, "networks": ["linux", "local"]} for each in (UBUNTU1, UBUNTU2)]
    picture = lay_out(swarm(networks, containers), [DEMO0, DEMO1], "A lab")
    overlay, *bridges = picture.bars
    assert [bar.network for bar in bridges] == [1, 1]
    assert all(node.box.x < bar.box.x and bar.box.right < node.box.right for node, bar in zip(picture.nodes, bridges))
    assert overlay.box.bottom < min(node.box.y for node in picture.nodes)


def test_containers_on_the_engines_own_networks_hang_from_a_bridge_of_their_node_or_from_nothing():
    modes = ["bridge", "host", "none", None, "bridge"]
    containers = [
        {"name": f"box{number}", "node": f"swl-demo{number % 2}", "network_mode": mode}
        if (mode := modes[number % 5])
        else {**UBUNTU1, "name": f"ubuntu{number}"}
        for number in range(30)
    ]
    for count in (6, 30):
        topology = swarm(containers=containers[:count])
        picture = lay_out(topology, [DEMO0, DEMO1], "A lab", None, {})
        assert [bar.network for bar in picture.bars] == [0, 1, 1]
        assert len(picture.ports) == sum(len(container.attachments) for container in topology.containers)
        assert list(overlaps(text.box for text in picture.all_texts())) == []
        assert all(inside(text.box, card.box) for card in picture.cards for text in card.texts)
        svg = draw_svg(topology, [DEMO0, DEMO1], "A lab")
        assert {"bridge", "the engine's own", "the node's network", "no network"} <= words(svg)


def test_an_overlay_continues_above_each_row_of_nodes():
    topology, machines, _ = cluster(20, 3, 1)
    picture = lay_out(topology, machines, "A lab")
    rows = {node.box.y for node in picture.nodes}
    assert len(picture.bars) == len(rows) > 1
    assert picture.spines


def test_a_network_without_containers_is_said_to_have_none():
    svg = draw_svg(swarm([LINUX, {"name": "idle"}]), [DEMO0, DEMO1], "A lab")
    assert {"idle", "bridge · no containers"} <= words(svg)


def test_an_internal_network_has_a_lock_and_the_legend_explains_it():
    svg = draw_svg(swarm([{**LINUX, "internal": True}]), [DEMO0, DEMO1], "A lab")
    assert {"overlay · internal", "internal: no way out"} <= words(svg)


def test_the_picture_needs_nothing_from_elsewhere():
    topology, machines, _ = cluster(3, 3, 3)
    svg = draw_svg(topology, machines, "A lab", STORE)
    assert re.findall(r"\w+:[^;}\"\s]*//[^\s\"<]*", svg.replace(STORE, "")) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in svg
    assert "@import" not in svg


def test_the_picture_is_told_in_words_to_those_who_cannot_see_it():
    root = ElementTree.fromstring(draw_svg(swarm(), [DEMO0, DEMO1], "The lab"))  # noqa: S314
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "The lab"
    assert "ubuntu1 (box) on linux, node swl-demo0" in (root.findtext(f"{SVG}desc") or "")


def test_styles_stay_inside_the_picture():
    """A page that holds the picture keeps its own styles."""
    style = ElementTree.fromstring(draw_svg(swarm(), [DEMO0], "A")).findtext(f"{SVG}style") or ""  # noqa: S314
    selectors = [selector for rule in re.findall(r"([^{}]+)\{[^{}]*\}", style) for selector in rule.split(",")]
    assert [each for each in selectors if not each.strip().startswith((".dockernet ", "@media"))] == []


def test_nothing_at_all_can_be_drawn():
    ElementTree.fromstring(draw_svg(Topology((), ()), [], "An empty lab"))  # noqa: S314


def test_a_shortened_text_fits_its_room():
    for room in range(20, 200, 7):
        assert text_width(shorten("production-frontend-webserver", room, 14, bold=True), 14, bold=True) <= room


def test_a_wrapped_name_breaks_at_its_joints():
    assert wrap("production-frontend-webserver", 185, 14, 3) == ("production-frontend-", "webserver")


def test_wide_characters_are_measured_wide():
    assert text_width("網路", 10) > 2 * 10
