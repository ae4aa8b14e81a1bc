# SPDX-License-Identifier: GPL-3.0-or-later
"""Likely causes: each where it is the cause, and where something that looks like it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils import _namespace
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import Scope
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils._links import links
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import CORRECT, NO_VALUE, WRONG, judge
from simulation import Cluster

NODES = ("x", "y", "z")


def build(flavour="classic", driver="overlay", options=None, networks=("front", "back"), engine="20.10.5"):
    """Two containers on each node, all on all networks."""
    declared = [{"name": name, "driver": driver, "options": options or {}} for name in networks]
    entries = [
        {"name": f"{node}{number}", "node": node, "networks": list(networks), "listens": [80]}
        for node in NODES
        for number in (1, 2)
    ]
    return Cluster(parse(declared, entries, NODES, flavour), dict.fromkeys(NODES, engine), flavour)


def causes(cluster, scope=None):
    """What is not correct, by cause: the facets and pairs of its cells."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    for each in judge(cluster.world(scope=scope)):
        if each.verdict != CORRECT:
            found.setdefault(each.cause, set()).add((each.cell.facet, each.cell.source, each.cell.target))
    return found


def only(cluster, scope=None):
    """The one cause that there is."""
    found = causes(cluster, scope)
    assert len(found) == 1, found
    return next(iter(found))


def text(cluster, scope=None):
    return " | ".join(causes(cluster, scope))


def dual(engine="20.10.5"):
    """Three containers of one node, on two networks that carry IPv6."""
    declared = [{"name": name, "subnet6": f"fd00:{name}::/64"} for name in ("f", "b")]
    declared = [{**network, "name": network["name"] * 2} for network in declared]
    entries = [
        {"name": name, "node": "x", "networks": [network], "listens": [80]}
        for name, network in (("one", "ff"), ("two", "ff"), ("far", "bb"))
    ]
    return Cluster(parse(declared, entries, NODES, "none"), dict.fromkeys(NODES, engine))


@pytest.fixture
def cluster():
    return build()


def test_a_full_neighbour_table_is_named_where_packets_vanished_and_it_overflowed(cluster):
    world = cluster.world()
    lost = world.end("y1", "front")
    world.sources["x1"].pings[lost] = "no reply"
    world.sources["x1"].neighbours_full = True
    causes_of = {each.cause for each in judge(world) if each.verdict != CORRECT}
    assert len(causes_of) == 1
    assert next(iter(causes_of)).startswith("the neighbour table of x was full, so packets vanished")
    world.sources["x1"].neighbours_full = False
    assert not any("neighbour" in each.cause for each in judge(world))


def test_what_the_kernel_says_of_its_neighbour_table_is_added_up_over_its_processors():
    columns = "entries  allocs   res_failed forced_gc_runs unresolved_discards table_fulls"
    rows = "00000004 0000dba0 00000ced   00000001       00000000            0000000a\n" * 2
    assert _namespace._table_fulls(f"{columns}\n{rows}") == 20
    assert _namespace._table_fulls(f"entries  in_hit\n{rows}") == 0


def test_an_engine_that_has_missed_a_name_which_others_know_is_named(cluster):
    world = cluster.world()
    for source in ("x1", "x2"):
        for name in ("y1", "y1.front", "y1.back"):
            world.sources[source].answers[name] = "NXDOMAIN"
    found = {each.cause for each in judge(world) if each.verdict == WRONG}
    assert len(found) == 1
    assert next(iter(found)).startswith(
        "the engine of x does not know y1, and that of z does: it has missed news of its"
    )


def test_nothing_has_a_cause_where_all_is_well(cluster):
    assert causes(cluster) == {}


def test_a_container_whose_own_resolver_alone_is_silent_has_lost_its_nat_rules(cluster):
    cluster.silent_resolvers.add("x1")
    assert "the NAT rules in its namespace that lead there were flushed ('docker restart x1'" in text(cluster)
    cluster.silent_resolvers.add("x2")
    assert "NAT" not in text(cluster)
    assert "the resolver of x1, 127.0.0.11, answers nothing" in causes(cluster)


def test_a_resolv_conf_that_names_another_server_is_said(cluster):
    cluster.server["x1"] = "10.9.9.9"
    cause = "resolv.conf of x1 names 10.9.9.9, and not its engine's resolver, 127.0.0.11"
    assert cause in causes(cluster)
    cluster.server.clear()
    cluster.silent_resolvers.add("x1")
    assert "resolv.conf" not in text(cluster)


def test_a_name_that_is_answered_with_an_old_address_is_stale(cluster):
    world = cluster.world()
    world.sources["x1"].answers["y1.front"] = ["10.0.77.7"]
    wrong = [each for each in judge(world) if each.verdict != CORRECT]
    assert {each.cause for each in wrong} == {
        "the name 'y1.front' resolves to a stale address, which no container of the topology has"
    }
    world.sources["x1"].answers["y1.front"] = [world.end("y2", "front")]
    wrong = [each for each in judge(world) if each.verdict != CORRECT]
    assert {each.cause for each in wrong} == {"the name 'y1.front' is answered with the address of y2"}


def test_lines_that_were_put_into_a_hosts_file_or_taken_out_are_said(cluster):
    own = cluster._hosts_file("x1")
    cluster.hosts["x1"] = own + "10.0.77.7\ty1\n"
    assert only(cluster) == "the hosts file of x1 has a line of somebody's own for y1 (10.0.77.7)"
    cluster.hosts["x1"] = own.replace("localhost", "here")
    assert only(cluster).startswith("the hosts file of x1 lacks a line that its engine has written")


def test_a_declared_extra_host_is_nobodys_edit():
    declared = [{"name": "front", "driver": "overlay"}]
    entries = [
        {"name": "aa", "node": "x", "networks": ["front"], "extra_hosts": {"bb": "10.0.77.7"}},
        {"name": "bb", "node": "y", "networks": ["front"]},
    ]
    cluster = Cluster(parse(declared, entries, NODES), dict.fromkeys(NODES, "20.10.5"))
    cluster.stop("bb")
    assert set(causes(cluster)) == {"bb is not running (exited 137, 12 s ago)"}


@pytest.mark.parametrize(
    ("flavour", "ports"), [("mode", "UDP 4789, and TCP and UDP 7946, are"), ("classic", "UDP 4789 is")]
)
def test_a_closed_vxlan_port_between_two_nodes_is_told_by_all_others(flavour, ports):
    cluster = build(flavour)
    cluster.lost.add(frozenset(("x", "y")))
    if flavour == "mode":
        cluster.deaf.add(frozenset(("x", "y")))
    cause = f"nothing passes between x and y in any overlay network, while others pass: {ports} closed between them"
    found = causes(cluster)
    assert {facet for facet, _, _ in found[cause]} == {"ping", "tcp"}
    assert all({source[0], target[0]} == {"x", "y"} for _, source, target in found[cause])


def test_one_lost_pair_says_nothing_of_ports(cluster):
    cluster.lost.add(frozenset(("x1", "y1")))
    assert only(cluster).startswith("both are there, but no reply comes back: something filters between x and y")


def test_without_anybody_to_compare_with_no_port_is_blamed_alone():
    declared = [{"name": "front", "driver": "overlay"}]
    entries = [{"name": f"{node}1", "node": node, "networks": ["front"]} for node in ("x", "y")]
    cluster = Cluster(parse(declared, entries, NODES), dict.fromkeys(NODES, "20.10.5"))
    cluster.lost.add(frozenset(("x", "y")))
    assert only(cluster).startswith("both are there, but no reply comes back")


@pytest.mark.parametrize(
    ("flavour", "carries"),
    [
        ("mode", "TCP and UDP 7946 must be open between them"),
        ("classic", "names come through the cluster store, and one of them has lost it"),
    ],
)
def test_nodes_that_tell_each_other_no_names_are_told_from_closed_paths(flavour, carries):
    cluster = build(flavour)
    cluster.deaf.add(frozenset(("x", "z")))
    cause = f"x and z reach each other's containers and know none of their names: {carries}"
    assert cause in causes(cluster)
    assert not any(facet in ("ping", "tcp") for cells in causes(cluster).values() for facet, _, _ in cells)
    cluster.deaf.clear()
    cluster.silent_resolvers.add("x1")
    assert "know none" not in text(cluster)


def test_a_node_that_drops_inside_its_bridges_is_told_from_one_lost_pair():
    cluster = build(driver="bridge")
    cluster.lost.add(frozenset(("x",)))
    wrong = {each.cause for each in judge(cluster.world()) if each.verdict == WRONG}
    assert wrong == {
        "nothing passes between containers of x in any bridge network: x drops what it forwards "
        "(iptables, chains FORWARD and DOCKER-USER)"
    }
    declared = [{"name": "front"}]
    entries = [{"name": f"x{number}", "node": "x", "networks": ["front"]} for number in (1, 2, 3)]
    cluster = Cluster(parse(declared, entries, NODES), dict.fromkeys(NODES, "20.10.5"))
    cluster.lost.add(frozenset(("x1", "x2")))
    assert only(cluster) == "both are there, but no reply comes back: something on x filters between containers"


def test_an_engine_that_is_down_is_the_cause_of_all_that_nobody_saw(cluster):
    cluster.errors["y"] = "y: the engine at unix:///var/run/docker.sock does not answer"
    found = causes(cluster)
    assert set(found) == {cluster.errors["y"]}
    assert all("y" in (source[0], target[0]) or facet == "network" for facet, source, target in found[only(cluster)])


def test_a_store_that_is_down_hides_networks_that_containers_are_on(cluster):
    for node in NODES:
        cluster.networks[node] = []
    found = causes(cluster)
    assert (
        "x does not list front, though x1 is on it: its engine does not get to the cluster store, which is down or "
        "cannot be reached"
    ) in found
    assert {facet for cells in found.values() for facet, _, _ in cells} == {"network"}


def test_a_network_that_nobody_made_is_no_matter_of_the_store():
    declared = [{"name": "front", "driver": "overlay"}]
    cluster = Cluster(parse(declared, [], NODES), dict.fromkeys(NODES, "20.10.5"), "classic")
    for node in NODES:
        cluster.networks[node] = []
    assert only(cluster) == "front is missing everywhere: nobody has made it, or somebody has removed it"


def test_packets_of_full_size_that_alone_are_lost_are_too_large(cluster):
    cluster.narrow.add(frozenset(("x", "y")))
    assert causes(cluster) == {}  # nobody asked
    found = causes(cluster, Scope(full_size=True))
    assert {facet for cells in found.values() for facet, _, _ in cells} == {"mtu"}
    assert all(
        cause.startswith("small packets pass and those of full size do not") and "between x and y" in cause
        for cause in found
    )
    world = cluster.world(scope=Scope(full_size=True))
    red = {name for name, states in links(world.topology, judge(world)).items() if "wrong" in states.values()}
    assert red == {"x1", "x2", "y1", "y2"}
    cluster.narrow.clear()
    cluster.lost.add(frozenset(("x1", "y1")))
    assert "full size" not in text(cluster, Scope(full_size=True))


def test_a_paused_container_is_paused_and_a_stopped_one_is_not(cluster):
    cluster.containers["x1"] = replace(cluster.containers["x1"], state="paused")
    assert only(cluster) == "x1 is paused"
    cluster.stop("x1")
    assert "paused" not in text(cluster)


def test_an_address_that_two_have_is_said_of_both(cluster):
    cluster.readdress("x1", "front", cluster.containers["y1"].address("front"))
    assert "x1 and y1 both have 10.0.0.4 on front" in text(cluster)
    cluster.readdress("x1", "front", "10.0.77.7")
    assert "both have" not in text(cluster)
    assert "x1 has 10.0.77.7 on front where its engine gave it 10.0.0.2" in text(cluster)


def test_the_same_addresses_in_bridges_of_two_nodes_are_no_clash():
    cluster = build(driver="bridge", networks=("front",))
    assert cluster.containers["x1"].address("front") == cluster.containers["y1"].address("front")
    cluster.stop("x2")
    assert "both have" not in text(cluster)


def test_a_clock_that_is_off_is_mentioned_with_what_it_may_explain(cluster):
    cluster.clocks.update(x=0.4, y=-3599.0, z=1.9)
    cluster.lost.add(frozenset(("x", "y")))
    assert text(cluster).endswith(" (the clock of y is 3599 s behind the others)")
    cluster.clocks["y"] = -5.0
    assert "clock" not in text(cluster)
    cluster.lost.clear()
    cluster.clocks["y"] = -3599.0
    assert causes(cluster) == {}


def test_an_encrypted_network_that_stops_at_its_nodes_lacks_esp():
    cluster = build("mode", options={"encrypted": ""})
    cluster.closed |= {"front", "back"}
    found = causes(cluster)
    assert {cause.partition(",")[0] for cause in found} == {"front is encrypted", "back is encrypted"}
    assert all("need ESP ('modprobe esp4'), and IP protocol 50 must be open" in cause for cause in found)
    cluster.closed.clear()
    cluster.lost.add(frozenset(("x", "y")))
    assert "ESP" not in text(cluster)
    plain = build("mode")
    plain.closed |= {"front", "back"}
    assert "ESP" not in text(plain)


def test_every_cell_without_value_says_why(cluster):
    cluster.stop("x1")
    cluster.silent_resolvers.add("y1")
    found = [each for each in judge(cluster.world()) if each.verdict == NO_VALUE]
    assert all(each.cause or each.evidence for each in found)


@pytest.mark.parametrize("is_placed", [True, False])
def test_a_second_container_of_a_name_on_another_node_is_told_with_both_nodes(is_placed):
    """Swarm mode lets two engines have one; the resolver answers with both addresses."""
    entries = [
        {"name": "bb", "networks": ["front"], **({"node": "x"} if is_placed else {})},
        {"name": "aa", "node": "y", "networks": ["front"]},
    ]
    topology = parse([{"name": "front", "driver": "overlay"}], entries, NODES, "mode")
    cluster = Cluster(topology, dict.fromkeys(NODES, "26.1.5"), "mode", {"bb": "x"})
    assert causes(cluster) == {}
    cluster.double("bb", "z", "front", "10.0.0.77")
    verdicts = {each.cell[:4]: each for each in judge(cluster.world())}
    (address,) = (each for cell, each in verdicts.items() if cell == ("aa", "bb", "address", "bb.front"))
    assert address.verdict == WRONG
    assert "10.0.0.77" in address.evidence
    assert {"x", "z"} <= set(address.cause.replace(",", " ").split())
    assert verdicts["aa", "bb", "name", "bb"].verdict == CORRECT
    assert verdicts["bb", "bb", "placement", "x" if is_placed else ""].verdict == WRONG


@pytest.mark.parametrize(
    ("engine", "options"), [("20.10.5", "'experimental' and 'ip6tables' true"), ("27.1.0", "'ip6")]
)
def test_ipv6_that_no_engine_filters_is_found_and_its_cure_is_told(engine, options):
    cluster = dual(engine)
    assert causes(cluster) == {}
    cluster.unfiltered.add("x")
    cause, cells = next(iter(causes(cluster).items()))
    assert f"x lets IPv6 pass between containers that its engine ({engine}) should keep apart" in cause
    assert options in cause
    pairs = [(here, there) for one in ("one", "two") for here, there in ((one, "far"), ("far", one))]
    assert cells == {(facet, *pair) for facet in ("ping", "tcp") for pair in pairs}
    assert len(causes(cluster)) == 1


def test_an_ipv6_address_that_is_lost_is_told_from_the_ipv4_one_beside_it():
    cluster = dual()
    cluster.readdress("two", "ff/6", "")
    cause = (
        f"two has no address on ff/6 where its engine gave it {cluster.containers['two'].endpoints[1].engine_address}"
    )
    found = causes(cluster)
    assert found.pop(cause) >= {("attachment", "two", "two"), ("ping", "one", "two"), ("tcp", "one", "two")}
    # What IPv4 proves of it says nothing of IPv6.
    verdicts = {each.cell[:4]: each.verdict for each in judge(cluster.world())}
    assert verdicts["far", "two", "ping", "ff"] == CORRECT
    assert verdicts["far", "two", "ping", "ff/6"] == NO_VALUE
