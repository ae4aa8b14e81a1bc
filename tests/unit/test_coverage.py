# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked where all pairs are too many, and whether what is said of that is true."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import Scope
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils import _report_json, _report_text
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import CORRECT, WRONG, judge
from simulation import Cluster

NODES = [f"n{number}" for number in range(6)]


def build(containers=40, driver="overlay"):
    """Containers in turns on six nodes, and on three networks; every fifth on two."""
    networks = [{"name": f"net{number}", "driver": driver} for number in range(3)]
    entries = [
        {
            "name": f"c{number:02}",
            "node": NODES[number % 5 if number % 7 else 5],
            "networks": [f"net{number % 3}"] + ([f"net{(number + 1) % 3}"] if number % 5 == 0 else []),
        }
        for number in range(containers)
    ]
    return Cluster(parse(networks, entries, NODES), dict.fromkeys(NODES, "28.0.1"))


def asked(world, facet, expected="allowed"):
    return {c for c in world.cells() if (c.facet, c.expected) == (facet, expected) and c.source != c.target}


@pytest.mark.parametrize("driver", ["overlay", "bridge"])
@pytest.mark.parametrize("scope", [Scope("mesh"), Scope("sample", sample=100), Scope("sample", sample=3)])
def test_a_sound_cluster_is_correct_in_each_mode(driver, scope):
    verdicts = judge(build(driver=driver).world(scope=scope))
    assert [each for each in verdicts if each.verdict != CORRECT] == []


@pytest.mark.parametrize(
    "scope",
    [Scope("mesh"), Scope("sample", sample=20), Scope(networks=("bridge",)), Scope(containers=("c2", "c4")), Scope()],
)
def test_the_engines_own_networks_are_judged_in_each_mode_and_no_name_there_is_called_uncovered(scope):
    places: list[dict[str, Any]] = [{"networks": ["net"]}]
    places += [{"network_mode": mode} for mode in ("bridge", "host", "none")]
    entries = [{"name": f"c{n}", "node": NODES[n % 2], **places[n // 2 % 4]} for n in range(24)]
    world = Cluster(parse([{"name": "net"}], entries, NODES), dict.fromkeys(NODES, "28.0.1")).world(scope=scope)
    verdicts = judge(world)
    assert [each for each in verdicts if each.verdict != CORRECT] == []
    covered = world.coverage(each.cell for each in verdicts)
    assert covered.names == 6
    if scope.mode in ("mesh", "full") and not (scope.networks or scope.containers):
        assert (covered.names_covered, covered.paths_covered) == (6, covered.paths)


def test_a_mesh_has_each_name_and_each_two_nodes_on_each_network():
    cluster = build()
    world = cluster.world(scope=Scope("mesh"))
    assert {cell.target for cell in asked(world, "name")} == set(cluster.containers)
    pinged = {
        (cell.network, frozenset((world.place(cell.source), world.place(cell.target)))) for cell in asked(world, "ping")
    }
    for network in world.topology.networks:
        members = [c.name for c in world.topology.containers if c.attachment(network.name)]
        for one, other in combinations(members, 2):
            assert (network.name, frozenset((world.place(one), world.place(other)))) in pinged
    apart = {
        frozenset((one.network, other.network))
        for cell in asked(world, "ping", "denied")
        for one in world.declared(cell.source).attachments
        for other in world.declared(cell.target).attachments
    }
    assert apart >= {frozenset(pair) for pair in combinations(("net0", "net1", "net2"), 2)}
    assert len(world.cells()) < len(build().world().cells()) / 4


@pytest.mark.parametrize("mode", ["mesh", "sample", "full"])
def test_all_that_concerns_one_container_alone_is_asked_in_each_mode(mode):
    own = {cell for cell in build().world().cells() if cell.source == cell.target}
    assert own <= set(build().world(scope=Scope(mode, sample=5)).cells())


def test_fewer_pairs_promise_nothing_that_all_do_not():
    everything = set(build().world().cells())
    for scope in Scope("mesh"), Scope("sample", sample=50):
        assert set(build().world(scope=scope).cells()) <= everything


def test_a_sample_is_as_large_as_asked_and_the_same_for_the_same_seed():
    def pairs(scope):
        return {(c.source, c.target) for c in build().world(scope=scope).cells() if c.source != c.target}

    assert len(pairs(Scope("sample", sample=77))) == 77
    assert pairs(Scope("sample", sample=77)) == pairs(Scope("sample", sample=77))
    assert pairs(Scope("sample", sample=77)) != pairs(Scope("sample", sample=77, seed=1))
    assert len(pairs(Scope("sample", sample=10**6))) == 40 * 39


def test_a_mesh_finds_a_closed_path_between_two_nodes():
    cluster = build()
    cluster.lost.add(frozenset(("n0", "n1")))
    wrong = [each for each in judge(cluster.world(scope=Scope("mesh"))) if each.verdict == WRONG]
    assert {each.cell.network for each in wrong} == {"net0", "net1", "net2"}
    assert {each.cause for each in wrong} == {
        "nothing passes between n0 and n1 in any overlay network, while others pass: UDP 4789 is closed between them"
    }


def test_what_was_covered_is_counted_from_what_was_asked():
    world = build().world(scope=Scope("mesh"))
    full = world.coverage(world.cells())
    paths = {
        (a.network, frozenset((one.node, other.node)))
        for one, other in combinations(world.topology.containers, 2)
        for a in one.attachments
        if other.attachment(a.network)
    }
    assert (full.names_covered, full.paths_covered) == (full.names, full.paths) == (40, len(paths))
    assert full.pairs == 40 * 39 > full.pairs_covered
    without = [cell for cell in world.cells() if cell.target != "c07" or cell.facet == "ping"]
    assert world.coverage(without).names_covered == 39
    assert world.coverage([]).paths_covered == 0


def test_reports_say_what_was_left_out():
    world = build().world(scope=Scope("mesh"))
    verdicts = judge(world)
    covered = world.coverage(each.cell for each in verdicts)
    (line,) = _report_text.lines(verdicts, "report.json", str(covered))
    assert line.endswith(
        f" 0 no value (mesh: {covered.pairs_covered} of 1560 pairs, 40 of 40 names, 61 of 61 paths between nodes)"
    )
    report = _report_json.report(verdicts, world.nodes, "lab", "none", "", covered._asdict())
    assert report["coverage"]["mode"] == "mesh"
    assert report["coverage"]["pairs_covered"] == covered.pairs_covered
