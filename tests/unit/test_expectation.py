# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import Membership, expect
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse

NODES = ["x", "y"]


def topology(*containers, driver="overlay", flavour="none", options=None):
    networks = [{"name": name, "driver": driver, "options": options or {}} for name in ("front", "back")]
    return parse(networks, list(containers), NODES, flavour)


def promises(cells, source, target, *facets):
    return {
        (cell.facet, cell.subject): cell.expected
        for cell in cells
        if (cell.source, cell.target) == (source, target) and (not facets or cell.facet in facets)
    }


def one(name, *networks, node="x", **more):
    return {"name": name, "node": node, "networks": list(networks), **more}


def test_two_containers_on_one_network_know_and_reach_each_other():
    cells = expect(topology(one("aa", "front"), one("bb", "front", node="y")))
    assert promises(cells, "aa", "bb") == {
        ("hosts_file", "bb"): "denied",
        ("name", "bb"): "allowed",
        ("address", "bb"): "allowed",
        ("name", "bb.front"): "allowed",
        ("address", "bb.front"): "allowed",
        ("ping", "front"): "allowed",
    }
    assert promises(cells, "aa", "aa") == {
        ("placement", "x"): "allowed",
        ("attachment", "front"): "allowed",
        ("hosts_file", "localhost"): "allowed",
        ("hosts_file", "own:front"): "allowed",
        ("name", "aa"): "allowed",
        ("address", "aa"): "allowed",
        ("name", "aa.front"): "allowed",
        ("address", "aa.front"): "allowed",
    }


def test_no_shared_network_denies_names_and_addresses():
    cells = expect(topology(one("aa", "front"), one("bb", {"name": "back", "aliases": ["db"]})))
    assert promises(cells, "aa", "bb") == {
        ("hosts_file", "bb"): "denied",
        ("name", "bb"): "denied",
        ("name", "db"): "denied",
        ("name", "bb.back"): "denied",
        ("name", "db.back"): "denied",
        ("ping", "back"): "denied",
    }


def test_an_alias_is_known_on_its_network_only():
    bb = one("bb", {"name": "front", "aliases": ["www"]}, "back")
    cells = expect(topology(one("aa", "front"), bb, one("cc", "back")))
    assert promises(cells, "aa", "bb", "name")["name", "www"] == "allowed"
    assert promises(cells, "aa", "bb", "name")["name", "www.front"] == "allowed"
    assert promises(cells, "cc", "bb", "name")["name", "www"] == "denied"
    assert promises(cells, "cc", "bb", "name")["name", "bb"] == "allowed"


def test_what_is_on_the_network_not_shared_is_denied_to_a_neighbour():
    cells = expect(topology(one("aa", "front"), one("bb", "front", "back")))
    assert promises(cells, "aa", "bb", "ping") == {("ping", "front"): "allowed", ("ping", "back"): "denied"}
    assert promises(cells, "aa", "bb", "name")["name", "bb.back"] == "denied"


def test_bridge_networks_of_two_nodes_are_two_networks():
    cells = expect(topology(one("aa", "front"), one("bb", "front", node="y"), one("cc", "front"), driver="bridge"))
    assert set(promises(cells, "aa", "bb").values()) == {"denied"}
    assert promises(cells, "aa", "cc", "ping") == {("ping", "front"): "allowed"}


def test_where_a_swarm_chose_the_node_the_place_that_was_found_counts():
    declared = topology(one("aa", "front", node=None), one("bb", "front"), driver="bridge", flavour="classic")
    for found, reaches in ({"aa": "x"}, "allowed"), ({"aa": "y"}, "denied"), ({}, "denied"):
        assert promises(expect(declared, found), "aa", "bb", "ping") == {("ping", "front"): reaches}
    assert ("placement", "") in promises(expect(declared), "aa", "aa")


def test_a_declared_node_counts_and_not_the_one_where_a_container_was_found():
    declared = topology(one("aa", "front"), one("bb", "front", node="y"), driver="bridge")
    assert promises(expect(declared, {"bb": "x"}), "aa", "bb", "ping") == {("ping", "front"): "denied"}


def test_engines_below_1_10_list_peers_in_the_hosts_file_and_know_no_alias():
    declared = topology(
        one("aa", "front"), one("bb", {"name": "front", "aliases": ["www"]}), one("cc", "back", node="y")
    )
    cells = expect(declared, engines={"x": "1.9.1", "y": "20.10.24+dfsg1"})
    assert promises(cells, "aa", "bb", "hosts_file") == {
        ("hosts_file", "bb"): "allowed",
        ("hosts_file", "bb.front"): "allowed",
    }
    assert promises(cells, "aa", "cc", "hosts_file")["hosts_file", "cc"] == "denied"
    assert ("name", "www") not in promises(cells, "aa", "bb")


def test_a_name_that_a_container_has_in_its_own_file_is_not_asked_of_a_peer():
    declared = topology(one("aa", "front", extra_hosts={"bb": "10.9.9.9"}), one("bb", "front"))
    assert promises(expect(declared), "aa", "aa")["hosts_file", "bb"] == "allowed"
    assert set(promises(expect(declared), "aa", "bb", "hosts_file", "name")) == {("name", "bb.front")}


def test_a_network_without_inter_container_communication_still_resolves():
    declared = topology(
        one("aa", "front"),
        one("bb", "front"),
        driver="bridge",
        options={"com.docker.network.bridge.enable_icc": "false"},
    )
    promised = promises(expect(declared), "aa", "bb")
    assert (promised["name", "bb"], promised["ping", "front"]) == ("allowed", "denied")


def test_a_port_is_open_to_those_who_reach_its_network():
    bb = one("bb", "front", "back", listens=[80, 443])
    cells = expect(topology(one("aa", "front"), bb, one("cc", "back", node="y"), driver="bridge"))
    assert promises(cells, "aa", "bb", "tcp") == {
        ("tcp", "front:80"): "allowed",
        ("tcp", "front:443"): "allowed",
        ("tcp", "back:80"): "denied",
        ("tcp", "back:443"): "denied",
    }
    assert set(promises(cells, "cc", "bb", "tcp").values()) == {"denied"}
    assert not promises(cells, "bb", "aa", "tcp")
    assert next((cell.network, cell.port) for cell in cells if cell.facet == "tcp") == ("front", "80")


def test_icc_false_closes_ports_too():
    options = {"com.docker.network.bridge.enable_icc": "false"}
    cells = expect(topology(one("aa", "front"), one("bb", "front", listens=[80]), driver="bridge", options=options))
    assert promises(cells, "aa", "bb", "tcp") == {("tcp", "front:80"): "denied"}


def networks_expected(declared, containers, flavour, found=None):
    cells = expect(parse(declared, containers, NODES, flavour), found, nodes=NODES, flavour=flavour)
    return [(cell.source, cell.subject) for cell in cells if cell.facet == "network"]


def test_a_local_network_is_on_its_own_nodes_and_on_those_of_its_containers():
    declared = [{"name": "front", "nodes": ["y"]}, {"name": "back"}]
    assert networks_expected(declared, [], "none") == [("front", "y")]
    assert networks_expected(declared, [one("aa", "front", "back")], "none") == [
        ("front", "y"),
        ("front", "x"),
        ("back", "x"),
    ]
    free = [one("aa", "back", node=None)]
    assert networks_expected(declared[1:], free, "classic", {"aa": "y"}) == [("back", "y")]
    assert networks_expected(declared[1:], free, "classic") == []


def test_an_overlay_network_is_everywhere_and_in_swarm_mode_where_its_containers_are():
    declared = [{"name": "front", "driver": "overlay"}]
    containers = [one("aa", "front", node="y")]
    for flavour in "classic", "none":
        assert networks_expected(declared, [], flavour) == [("front", "x"), ("front", "y")]
    assert networks_expected(declared, containers, "mode") == [("front", "y")]


def test_an_affinity_promises_where_a_container_is_to_be():
    declared = topology(
        one("aa", "front"),
        one("bb", "front", node=None, affinities=["container==aa"]),
        one("cc", "front", node=None, affinities=["container!=bb"]),
        flavour="classic",
    )
    assert promises(expect(declared), "bb", "aa", "placement") == {("placement", "same node"): "allowed"}
    assert promises(expect(declared), "cc", "bb", "placement") == {("placement", "same node"): "denied"}


def test_names_are_split_as_the_engine_splits_them():
    declared = topology(
        one("web", "front"),
        one("web.front", "back"),
        one("asker", "front", "back"),
        one("other", "front"),
    )
    membership = Membership(declared, {})
    assert membership.holders("asker", "web.front") == {"back": ["web.front"]}  # the whole name comes first
    assert membership.holders("other", "web.front") == {"front": ["web"]}
    assert membership.holders("other", "WEB") == {"front": ["web"]}
    assert membership.holders("other", "web.back") == {}


def test_a_shared_alias_has_all_its_holders():
    www = {"name": "front", "aliases": ["www"]}
    membership = Membership(topology(one("aa", "front"), one("bb", www), one("cc", www)), {})
    assert membership.holders("aa", "www.front") == {"front": ["bb", "cc"]}
