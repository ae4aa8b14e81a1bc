# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of a topology: what of it is asked, and that nothing is said of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import Scope, choose
from ansible_collections.dockernet.lab.plugins.module_utils._selection import unknown_names
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils._reports import reports
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Run
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import CORRECT, NO_VALUE, WRONG, judge, summarize
from simulation import Cluster

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.yml"))
CASES = [path for path in GOLDEN if "error" not in yaml.safe_load(path.read_text())]

# Two networks on two nodes, and a container on both. The last one names no node.
NETWORKS = [{"name": "front", "driver": "overlay"}, {"name": "back", "driver": "overlay"}]
CONTAINERS = [
    {"name": "web", "node": "x", "networks": ["front"], "listens": [80]},
    {"name": "api", "node": "y", "networks": [{"name": "front", "aliases": ["svc"]}, "back"]},
    {"name": "db", "node": "x", "networks": ["back"], "listens": [5432]},
    {"name": "log", "networks": [{"name": "front", "aliases": ["svc"]}]},
]


def shop(place="y"):
    topology = parse(NETWORKS, CONTAINERS, ["x", "y"], "classic")
    return Cluster(topology, {"x": "20.10.5", "y": "20.10.5"}, "classic", {"log": place})


def golden(path):
    case = yaml.safe_load(path.read_text())
    engines = {node: str(version) for node, version in case.get("engines", {"x": "28.0.1", "y": "28.0.1"}).items()}
    flavour = case.get("flavour", "none")
    topology = parse(case["networks"], case["containers"], engines, flavour)
    return Cluster(topology, engines, flavour, case.get("found"), case.get("ids"))


def part(cluster, mode="full", **selected):
    """The world of a run of a part: of nodes that are left out, nothing is known."""
    networks, containers, nodes = (tuple(selected.get(part, ())) for part in ("networks", "containers", "nodes"))
    scope = Scope(mode, networks=networks, containers=containers, nodes=nodes)
    if scope.nodes:
        cluster.errors.update({node: "left out" for node in cluster.engines if node not in scope.nodes})
    return cluster.world(scope=scope)


def cells(world):
    return {cell[:4] for cell in world.cells()}


def drawn(membership, scope, left_out=frozenset()):
    return choose(membership, scope, left_out) or []


def bad(verdicts, verdict=None):
    return [each for each in verdicts if each.verdict != CORRECT and verdict in (None, each.verdict)]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_each_part_of_a_sound_cluster_is_correct(path):
    """Whatever rule a topology is about, to leave out a part makes no false alarm, and no cell without a value."""
    topology = golden(path).topology
    parts = [{"nodes": [node]} for node in golden(path).engines if len(golden(path).engines) > 1]
    parts += [{"networks": [network.name]} for network in topology.networks]
    parts += [{"containers": [container.name]} for container in topology.containers]
    for mode in ("full", "mesh"):
        for selected in parts:
            assert bad(judge(part(golden(path), mode, **selected))) == [], (mode, selected)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_parts_make_the_whole(path):
    topology, whole = golden(path).topology, cells(part(golden(path)))
    by_network = [cells(part(golden(path), networks=[network.name])) for network in topology.networks]
    by_container = [cells(part(golden(path), containers=[each.name])) for each in topology.containers]
    # Who is on none of them, as the host's network is none, is part of no network's.
    elsewhere = [of_one for of_one, each in zip(by_container, topology.containers) if not each.attachments]
    assert set().union(*by_network, *elsewhere) == whole
    assert set().union(*by_container) == {cell for cell in whole if cell[2] != "network"}


def test_one_network_is_what_is_about_it_and_about_the_containers_on_it():
    world = part(shop(), networks=["back"])
    assert {cell.network for cell in world.cells() if cell.facet in ("attachment", "ping", "tcp")} == {"back"}
    assert {cell.source for cell in world.cells() if cell.facet == "network"} == {"back"}
    assert {cell.source for cell in world.cells() if cell.facet == "placement"} == {"api", "db"}
    # Who is not on it must not get in.
    assert ("web", "db", "ping", "back") in cells(world)
    assert ("db", "web", "ping", "front") not in cells(world)
    assert {cell.subject for cell in world.cells() if cell[:3] == ("web", "api", "name")} == {"api.back"}
    assert ("db", "api", "name", "api.front") not in cells(world)


def test_one_container_is_what_it_asks_and_what_it_is_asked_for():
    world = part(shop(), containers=["db"])
    assert all("db" in cell[:2] and cell.facet != "network" for cell in world.cells())
    assert {cell.source for cell in world.cells()} == {"web", "api", "db", "log"}
    assert cells(part(shop(), containers=["db"], networks=["front"])) < cells(world)


def test_a_network_called_like_a_selected_container_is_none():
    networks = [{"name": "db", "driver": "overlay"}]
    topology = parse(networks, [{"name": "db", "node": "x", "networks": ["db"]}], ["x"])
    world = part(Cluster(topology, {"x": "28.0.1"}), containers=["db"])
    assert "network" not in {cell.facet for cell in world.cells()}


@pytest.mark.parametrize("selected", [{"containers": ["log"]}, {"containers": ["db"]}, {"networks": ["back"]}])
@pytest.mark.parametrize("deed", ["deaf", "lost", "stopped", "disconnected"])
def test_what_a_part_says_of_a_broken_cluster_is_what_the_whole_says(deed, selected):
    def broken():
        cluster = shop()
        if deed == "deaf":  # nobody but db itself knows its name, which proves nothing of who does not
            cluster.deaf.add(frozenset(("x", "y")))
        elif deed == "lost":
            cluster.lost.add(frozenset(("x", "y")))
        elif deed == "stopped":
            cluster.stop("log")
        else:
            cluster.disconnect("api", "back")
        return cluster

    whole = {each.cell: each.verdict for each in judge(part(broken()))}
    some = {each.cell: each.verdict for each in judge(part(broken(), **selected))}
    assert some == {cell: whole[cell] for cell in some}


def test_a_port_that_a_stranger_may_not_reach_is_proven_by_one_who_may():
    cluster = shop()
    (cell,) = [each for each in judge(part(cluster, containers=["web"])) if each.cell[:3] == ("web", "db", "tcp")]
    assert (cell.cell.expected, cell.verdict) == ("denied", CORRECT)
    cluster.lost.add(frozenset(("api", "db")))  # nobody has reached it, so silence says nothing
    verdicts = judge(part(cluster, containers=["web"]))
    pairs = (("web", "db"), ("db", "web"))  # nor has db reached anybody
    assert {each.cell[:3] for each in bad(verdicts)} == {(*pair, facet) for pair in pairs for facet in ("ping", "tcp")}
    assert {each.verdict for each in bad(verdicts)} == {NO_VALUE}


def test_nothing_is_said_of_a_node_that_is_left_out():
    cluster = shop()
    cluster.stop("log")
    cluster.disconnect("api", "back")
    verdicts = judge(part(cluster, nodes=["x"]))
    assert {each.cell.source for each in verdicts if each.cell.facet != "network"} == {"web", "db"}
    assert {each.cell.subject for each in verdicts if each.cell.facet == "network"} == {"x"}
    # What can be asked is asked: their names no longer resolve.
    assert {(each.cell.target, each.cell.facet) for each in bad(verdicts, WRONG)} == {("log", "name"), ("api", "name")}
    assert {each.cause for each in bad(verdicts)} == {"left out"}
    assert bad(verdicts, NO_VALUE) == []


def test_of_containers_on_other_nodes_only_promised_names_are_asked():
    found = {cell for cell in part(shop(), nodes=["x"]).cells() if cell.target in ("api", "log")}
    assert {(cell.facet, cell.expected) for cell in found} == {("name", "allowed"), ("hosts_file", "denied")}


def test_a_name_that_somebody_unseen_shares_has_no_address_to_compare():
    world = part(shop(place="x"), nodes=["x"])  # svc is log's, which is seen, and api's, which is not
    assert ("web", "log", "address", "log") in cells(world)
    assert ("web", "log", "name", "svc") in cells(world)
    assert ("web", "log", "address", "svc") not in cells(world)


def test_a_container_that_a_swarm_may_have_put_elsewhere_is_not_missing():
    assert ("log", "log", "placement", "") not in cells(part(shop(), nodes=["x"]))
    assert ("log", "log", "placement", "") in cells(part(shop(), nodes=["y"]))


def test_each_cell_is_asked_or_counted_as_not_asked():
    world = part(shop(), nodes=["x"])
    covered = world.coverage(world.cells())
    # As the same names are promised, wherever a node that is not looked at has put log.
    assert len(world.cells()) + covered.not_asked == len(shop().world().cells())
    assert 0 < covered.not_asked < len(shop().world().cells())


def test_a_sample_is_drawn_from_the_part():
    entries = [
        {"name": f"c{n:02}", "node": "xy"[n % 2], "networks": [("front", "back")[n % 3 == 0]]} for n in range(60)
    ]
    cluster = Cluster(parse(NETWORKS, entries, ["x", "y"]), {"x": "28.0.1", "y": "28.0.1"})
    world = cluster.world(scope=Scope("sample", sample=50, containers=("c07",)))
    pairs = drawn(world.membership, world.scope)
    assert len(pairs) == 50
    assert all("c07" in pair for pair in pairs)
    assert bad(judge(world)) == []
    pairs = drawn(world.membership, Scope("sample", sample=50, networks=("back",)))
    assert {int(pair.target[1:]) % 3 for pair in pairs} == {0}
    pairs = drawn(world.membership, Scope("sample", sample=50, nodes=("x",)), {f"c{n:02}" for n in range(1, 60, 2)})
    assert {int(pair.source[1:]) % 2 for pair in pairs} == {0}
    assert len(pairs) == 50


@pytest.mark.parametrize(
    ("selected", "sentence"),
    [
        ({"networks": ("frnt",)}, "There is no network 'frnt' in the topology, so nothing was asked; it has "
         "'front', 'back'."),
        ({"containers": ("web", "dbb", "x")}, "There are no containers 'dbb', 'x' in the topology, so nothing was "
         "asked; it has 'web', 'api', 'db', 'log'."),
        ({"networks": ("front",), "containers": ("log",), "nodes": ("y",)}, ""),
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused_with_those_that_are_known(selected, sentence):
    assert unknown_names(Scope(**selected), shop().topology, ["x", "y"]) == sentence


@pytest.mark.parametrize(
    ("mode", "selected", "told"),
    [
        ("full", {"networks": ["back"]}, "full, only network back: 6 of 12 pairs, 2 of 4 names, "
         "1 of 3 paths between nodes"),
        ("mesh", {"containers": ["web", "db"]}, "mesh, only containers web, db: 5 of 12 pairs, 3 of 4 names, "
         "2 of 3 paths between nodes"),
        ("full", {"nodes": ["x"]}, "full, only node x: 6 of 12 pairs, 2 of 4 names, 0 of 2 paths between nodes; "
         "94 cells not asked, for want of other nodes"),
    ],
)  # fmt: skip
def test_every_report_says_what_was_selected(mode, selected, told):
    world = part(shop(), mode, **selected)
    verdicts = judge(world)
    run = Run("shop", "classic", "2026-11-25T14:03:00+00:00", world, verdicts, coverage=world.coverage(world.cells()))
    assert str(run.coverage) == told
    written = dict(reports(run))
    about = told.partition(":")[0]
    for name in ("junit.xml", "report.md", "report.html", "topology.svg", "topology.dot"):
        assert about in written[name].replace("\\", ""), name
    assert '"only_' in written["report.json"]


def test_a_picture_marks_what_was_not_asked_as_that():
    world = part(shop(), nodes=["x"])
    run = Run("shop", "classic", "2026-11-25T14:03:00+00:00", world, judge(world), coverage=world.coverage([]))
    written = dict(reports(run))
    assert summarize(run.verdicts).no_value == 0
    assert "not asked in this run" in written["topology.svg"]
    assert "no value" not in written["topology.mmd"]
    assert "-. not asked .-" in written["topology.mmd"]
