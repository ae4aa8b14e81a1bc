# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every topology, tried on many that nobody would think of."""

from __future__ import annotations

import os
from collections import Counter

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import Membership, cells_of, expect
from ansible_collections.dockernet.lab.plugins.module_utils._sides import bare
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import CORRECT, NO_VALUE, WRONG, judge
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from simulation import Cluster

NODES = ["x", "y", "z"]
# Dots make them ambiguous with name.network, as engines allow.
NAMES = ["aa", "bb", "cc", "aa.front", "bb.back", "aa.front.back", "BB"]
NETWORKS = ["front", "back", "front.back"]
WORDS = [*NAMES, "www", "front"]
VERSIONS = ["1.9.1", "1.10.3", "1.12.6", "19.03.15", "20.10.24+dfsg1", "28.0.1"]

# The same examples in each run, so that no commit fails by chance; EXAMPLES=2000 tries as many others.
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
settings.register_profile("tests", max_examples=EXAMPLES or 80, derandomize=not EXAMPLES, deadline=None, database=None)
settings.load_profile("tests")


def networks():
    option = st.sampled_from([{}, {}, {"com.docker.network.bridge.enable_icc": "false"}])
    driver = st.sampled_from(["overlay", "bridge"])
    one = st.fixed_dictionaries({"driver": driver, "options": option, "internal": st.booleans()})
    pair = st.tuples(one, st.booleans())

    def entry(number, declared, is_dual):
        """Some bridge networks carry IPv6 too."""
        more = {"subnet6": f"fd00:{number}::/64"} if is_dual and declared["driver"] == "bridge" else {}
        return {"name": NETWORKS[number], **declared, **more}

    return st.lists(pair, min_size=1, max_size=3).map(
        lambda pairs: [entry(number, *declared) for number, declared in enumerate(pairs)]
    )


@st.composite
def topologies(draw, versions=VERSIONS):
    """A topology with the engines of its nodes."""
    declared = draw(networks())
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique_by=str.lower))
    containers = []
    for name in names:
        joined = draw(st.lists(st.sampled_from([n["name"] for n in declared]), min_size=1, unique=True))
        aliases = st.lists(st.sampled_from(WORDS), max_size=2)
        container = {
            "name": name,
            "node": draw(st.sampled_from(NODES)),
            "networks": [{"name": network, "aliases": draw(aliases)} for network in joined],
            "listens": draw(st.lists(st.sampled_from([80, 443]), max_size=2, unique=True)),
            "extra_hosts": dict.fromkeys(draw(st.lists(st.sampled_from(WORDS), max_size=1)), "10.200.0.1"),
        }
        hostname = draw(st.sampled_from([None, None, *WORDS]))
        mode = draw(st.sampled_from([None, None, None, None, "bridge", "host", "none"]))
        if mode:
            container = {key: value for key, value in container.items() if key != "networks"}
        containers.append({**container, "hostname": hostname, "network_mode": mode})
    engines = {node: draw(st.sampled_from(versions)) for node in NODES}
    return parse(declared, containers, NODES), engines, (declared, containers)


def modern():
    """Of one version, where names and hosts files follow one rule."""
    return topologies(versions=["28.0.1"])


def promised(topology, engines, **more):
    return expect(topology, {}, engines, NODES, **more)


@given(topologies())
def test_who_reaches_is_reached(example):
    topology, engines, _ = example
    membership = Membership(topology, {}, engines)
    for one in topology.containers:
        for other in topology.containers:
            for side in (side for network in topology.networks for side in network.sides):
                there = membership.reaches(one.name, other.name, side)
                assert there == membership.reaches(other.name, one.name, side)


@given(topologies())
def test_pings_are_promised_both_ways_on_a_shared_network(example):
    topology, engines, _ = example
    pings = {
        (c.source, c.target, c.subject)
        for c in promised(topology, engines)
        if c.facet == "ping" and c.expected == "allowed"
    }
    assert pings == {(target, source, subject) for source, target, subject in pings}


@given(topologies())
def test_no_two_promises_are_about_the_same(example):
    topology, engines, _ = example
    cells = Counter(cell[:4] for cell in promised(topology, engines))
    assert not [cell for cell, count in cells.items() if count > 1]


@given(topologies())
def test_the_cells_of_some_sources_are_theirs_of_all(example):
    topology, engines, _ = example
    membership = Membership(topology, {}, engines)
    whole = [cell for cell in cells_of(membership, NODES) if cell.facet != "network"]
    for sources in ({container.name} for container in topology.containers):
        some = [cell for cell in cells_of(membership, NODES, sources=sources) if cell.facet != "network"]
        assert some == [cell for cell in whole if cell.source in sources]


@given(topologies())
def test_a_sound_cluster_is_correct_in_every_cell(example):
    topology, engines, _ = example
    # Engines do not mix across 1.10: no cluster's gossip speaks to both.
    assume(len({engine.startswith("1.9") for engine in engines.values()}) == 1)
    world = Cluster(topology, engines).world()
    verdicts = judge(world)
    assert [each.cell for each in verdicts] == world.cells()
    assert [each for each in verdicts if each.verdict != CORRECT] == []


@given(topologies(), st.data())
def test_every_cell_has_a_verdict_whatever_is_broken(example, data):
    topology, engines, _ = example
    cluster = Cluster(topology, engines)
    names = [container.name for container in topology.containers]
    for name in data.draw(st.lists(st.sampled_from(names), max_size=2)):
        cluster.stop(name)
    cluster.silent_resolvers |= set(data.draw(st.lists(st.sampled_from(names), max_size=2)))
    cluster.lost |= {
        frozenset(pair) for pair in data.draw(st.lists(st.tuples(*[st.sampled_from(NODES)] * 2), max_size=2))
    }
    for node in data.draw(st.lists(st.sampled_from(NODES), max_size=1)):
        cluster.errors[node] = f"{node} is unreachable"
    world = cluster.world()
    verdicts = judge(world)
    assert [each.cell for each in verdicts] == world.cells()
    assert all(each.verdict in (CORRECT, WRONG, NO_VALUE) and each.evidence for each in verdicts)
    assert all(each.cause for each in verdicts if each.verdict == NO_VALUE and each.observed == "blocked")


@given(topologies(), st.sampled_from(["overlay", "bridge"]))
def test_an_unrelated_network_and_its_container_change_no_other_cell(example, driver):
    topology, engines, (declared, containers) = example
    more = parse(
        [*declared, {"name": "elsewhere", "driver": driver}],
        [*containers, {"name": "stranger", "node": "z", "networks": ["elsewhere"]}],
        NODES,
    )
    strange = {"elsewhere", "stranger"}
    kept = [cell for cell in promised(more, engines) if not strange & {cell.source, cell.target}]
    assert kept == promised(topology, engines)
    between = [
        c for c in promised(more, engines) if len({c.source, c.target} & {"stranger"}) == 1 and c.source != c.target
    ]
    assert {cell.expected for cell in between} <= {"denied"}


@given(modern(), st.data())
def test_a_lost_path_makes_its_own_pings_and_connects_wrong_and_nothing_else(example, data):
    topology, engines, _ = example
    assume(len(topology.containers) > 1)
    pair = data.draw(
        st.lists(st.sampled_from([c.name for c in topology.containers]), min_size=2, max_size=2, unique=True)
    )
    cluster = Cluster(topology, engines)
    cluster.lost.add(frozenset(pair))
    world = cluster.world()
    predicted = {
        cell
        for cell in world.cells()
        if {cell.source, cell.target} == set(pair) and cell.facet in ("ping", "tcp") and cell.expected == "allowed"
    }
    assert {each.cell for each in judge(world) if each.verdict == WRONG} == predicted


@given(modern(), st.data())
def test_a_silent_resolver_makes_its_own_names_wrong_and_nothing_else(example, data):
    topology, engines, _ = example
    name = data.draw(st.sampled_from([c.name for c in topology.containers]))
    cluster = Cluster(topology, engines)
    cluster.silent_resolvers.add(name)
    world = cluster.world()
    predicted = {
        cell
        for cell in world.cells()
        if cell.source == name and cell.facet == "name" and cell.expected == "allowed"
        if not world.resolution(name, cell.subject).addresses  # its own file still answers
    }
    assert {each.cell for each in judge(world) if each.verdict == WRONG} == predicted


@given(modern(), st.data())
def test_a_disconnected_container_is_wrong_in_its_attachment_and_to_its_peers(example, data):
    topology, engines, _ = example
    attached = [container for container in topology.containers if container.attachments]
    assume(attached)
    container = data.draw(st.sampled_from(attached))
    network = data.draw(st.sampled_from([a.network for a in container.attachments]))
    cluster = Cluster(topology, engines)
    cluster.disconnect(container.name, network)
    world = cluster.world()
    wrong = {each.cell for each in judge(world) if each.verdict == WRONG}
    assert (container.name, container.name, "attachment", network) in {cell[:4] for cell in wrong}
    membership = world.membership
    for cell in wrong:
        assert container.name in (cell.source, cell.target) or cell.facet in ("name", "address"), cell
        if cell.facet in ("ping", "tcp"):
            assert bare(cell.network) == network
    pings = {cell[:4] for cell in wrong if cell.facet == "ping"}
    for other in topology.containers:
        for side in topology.network(network).sides:
            if other.name != container.name and membership.reaches(other.name, container.name, side):
                assert (other.name, container.name, "ping", side) in pings
