# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cluster, whole and in each way broken: which cells are blamed, with which cause."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._observation import (
    ContainerObservation,
    EndpointObservation,
    NetworkObservation,
    NodeObservation,
    SourceObservation,
)
from ansible_collections.dockernet.lab.plugins.module_utils._reading import World
from ansible_collections.dockernet.lab.plugins.module_utils._routes import Route
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils import _report_json, _report_text
from ansible_collections.dockernet.lab.plugins.plugin_utils._links import links
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import judge, summarize

NETWORKS = [{"name": "front", "driver": "overlay"}, {"name": "back", "driver": "overlay"}]
CONTAINERS: list[dict[str, Any]] = [
    {"name": "aa", "node": "x", "networks": ["front"]},
    {"name": "bb", "node": "y", "networks": [{"name": "front", "aliases": ["www"]}, "back"]},
    {"name": "cc", "node": "y", "networks": ["back"]},
]
FRONT = {"aa": "10.1.0.2", "bb": "10.1.0.3"}
BACK = {"bb": "10.2.0.2", "cc": "10.2.0.3"}
KNOWN = tuple(NetworkObservation(name, f"{name}-id", "overlay", "global") for name in ("front", "back"))


class Cluster:
    """What nodes observe where all is well; tests change it before it is judged."""

    def __init__(self, more=None):
        """more: keys of containers, by name."""
        containers = [{**container, **(more or {}).get(container["name"], {})} for container in CONTAINERS]
        self.topology = parse(NETWORKS, containers, ["x", "y"], "classic")
        self.containers = {
            "aa": self.container("aa", front=FRONT["aa"]),
            "bb": self.container("bb", front=FRONT["bb"], back=BACK["bb"]),
            "cc": self.container("cc", back=BACK["cc"]),
        }
        self.nodes = {"x": ["aa"], "y": ["bb", "cc"]}
        self.networks = {"x": KNOWN, "y": KNOWN}
        self.errors = {}
        self.sources = {
            "aa": self.source("aa", {**self.names(FRONT, "front", "www"), "bb.back": "NXDOMAIN"}, FRONT),
            "bb": self.source("bb", {**self.names(FRONT, "front"), **self.names(BACK, "back")}, FRONT | BACK),
            "cc": self.source("cc", self.names(BACK, "back"), BACK),
        }
        for far, source in (("cc", "aa"), ("aa", "cc")):
            near = {"aa": "front", "cc": "back"}[far]
            self.sources[source].answers.update({far: "NXDOMAIN", f"{far}.{near}": "NXDOMAIN"})
        self.sources["cc"].answers.update(dict.fromkeys(("www", "bb.front", "www.front"), "NXDOMAIN"))

    @staticmethod
    def container(name, **networks):
        endpoints = tuple(EndpointObservation(network, address, address) for network, address in networks.items())
        return ContainerObservation(name, "running", 4711, since=60, hostname=f"id-{name}", endpoints=endpoints)

    @staticmethod
    def names(addresses, network, alias=None):
        names = {name: [address] for name, address in addresses.items()}
        names.update({f"{name}.{network}": [address] for name, address in addresses.items()})
        return {**names, **({alias: [FRONT["bb"]], f"{alias}.{network}": [FRONT["bb"]]} if alias else {})}

    def source(self, name, answers, reached):
        own = "".join(f"{e.own_address}\tid-{name}\n" for e in self.containers[name].endpoints)
        pings: dict[str, float | str] = dict.fromkeys([*FRONT.values(), *BACK.values()], "no reply")
        pings.update(dict.fromkeys(reached.values() if isinstance(reached, dict) else reached, 0.4))
        ports = {port for container in self.topology.containers for port in container.listens}
        connects = {f"{address}:{port}": pong for address, pong in pings.items() for port in ports}
        hosts = "127.0.0.1\tlocalhost\n" + own
        return SourceObservation(name, "", hosts, "127.0.0.11", dict(answers), pings, connects)

    def connect(self, end, result, *names):
        """What became of connects to an end."""
        for name in names or self.sources:
            self.sources[name].connects[end] = result

    def change(self, name, **changes):
        self.containers[name] = replace(self.containers[name], **changes)

    def stop(self, name):
        gone = tuple(EndpointObservation(e.network) for e in self.containers[name].endpoints)
        self.change(name, state="exited", pid=0, exit_code=137, since=12, endpoints=gone)
        self.lose(name)

    def lose(self, name):
        """Nobody sees it any more."""
        self.sources.pop(name)
        for source in self.sources.values():
            for asked in list(source.answers):
                if asked.split(".")[0] in (name, "www" if name == "bb" else name):
                    source.answers[asked] = "NXDOMAIN"
            for address in {FRONT.get(name), BACK.get(name)} & set(source.pings):
                source.pings[address] = "no reply"
                source.connects.update({end: "no reply" for end in source.connects if end.startswith(f"{address}:")})

    def judge(self):
        nodes = {
            node: NodeObservation(
                node, "28.0.1", "", tuple(self.containers[name] for name in names), self.networks[node]
            )
            for node, names in self.nodes.items()
        }
        for node in self.errors:
            nodes[node] = NodeObservation(node, error=self.errors[node])
        self.world = World(self.topology, nodes, self.sources, "classic")
        return judge(self.world)


@pytest.fixture
def cluster():
    return Cluster()


def of(verdicts, verdict):
    return {(*each.cell[:4],): each for each in verdicts if each.verdict == verdict}


def test_a_healthy_cluster_is_all_correct(cluster):
    verdicts = cluster.judge()
    assert str(summarize(verdicts)) == f"{len(verdicts)} cells: {len(verdicts)} correct, 0 wrong, 0 no value"
    assert summarize(verdicts).status == 0
    assert _report_text.lines(verdicts, "r.json") == [str(summarize(verdicts))]


def test_a_stopped_container_is_blamed_and_its_own_probes_have_no_value(cluster):
    cluster.stop("bb")
    verdicts = cluster.judge()
    wrong = of(verdicts, "wrong")
    assert set(wrong) == {
        ("bb", "bb", "placement", "y"),
        *(("aa", "bb", "name", name) for name in ("bb", "www", "bb.front", "www.front")),
        ("aa", "bb", "ping", "front"),
        ("cc", "bb", "name", "bb"),
        ("cc", "bb", "name", "bb.back"),
        ("cc", "bb", "ping", "back"),
    }
    assert {each.cause for each in wrong.values()} == {"bb is not running (exited 137, 12 s ago)"}
    assert summarize(verdicts).status == 1
    # The links of its peers are sound.
    assert links(cluster.topology, verdicts) == {
        "aa": {"front": "correct"},
        "bb": {"front": "wrong", "back": "wrong"},
        "cc": {"back": "correct"},
    }
    no_value = of(verdicts, "no_value")
    assert no_value["bb", "aa", "ping", "front"].observed == "failed"
    # A stopped target proves no isolation.
    assert no_value["cc", "bb", "ping", "front"].observed == "blocked"
    assert not any(cell[:2] in (("aa", "cc"), ("cc", "aa")) and cell[2] == "hosts_file" for cell in no_value)


def test_a_missing_container_is_said_to_be_missing(cluster):
    cluster.nodes["y"].remove("cc")
    cluster.lose("cc")
    wrong = of(cluster.judge(), "wrong")
    assert wrong["cc", "cc", "placement", "y"].evidence == "no container of that name on y"
    assert wrong["bb", "cc", "ping", "back"].cause == "cc is missing: no engine has a container of that name"


def test_a_paused_container_answers_pings_and_is_wrong_all_the_same(cluster):
    cluster.change("cc", state="paused")
    wrong = of(cluster.judge(), "wrong")
    assert {cell: each.cause for cell, each in wrong.items()} == {("cc", "cc", "placement", "y"): "cc is paused"}


def test_a_disconnected_container_is_blamed_for_the_network_that_it_left(cluster):
    cluster.change("bb", endpoints=cluster.containers["bb"].endpoints[1:])
    cluster.sources["aa"].answers.update(dict.fromkeys(("bb", "www", "bb.front", "www.front"), "NXDOMAIN"))
    verdicts = cluster.judge()
    wrong = of(verdicts, "wrong")
    assert {each.cause for each in wrong.values()} == {"bb is not attached to front"}
    assert ("bb", "bb", "attachment", "front") in wrong
    assert ("cc", "bb", "ping", "back") not in wrong
    assert links(cluster.topology, verdicts) == {
        "aa": {"front": "correct"},
        "bb": {"front": "wrong", "back": "correct"},
        "cc": {"back": "correct"},
    }


def test_a_node_that_is_down_gives_cells_without_value_that_name_it(cluster):
    cluster.errors["y"] = "y is unreachable: no route to host"
    cluster.sources = {"aa": cluster.sources["aa"]}
    verdicts = cluster.judge()
    assert not of(verdicts, "wrong")
    no_value = of(verdicts, "no_value")
    assert no_value["bb", "aa", "ping", "front"].observed == "unknown"
    assert {each.cause for each in no_value.values()} == {"y is unreachable: no route to host"}
    assert summarize(verdicts).status == 1


def test_with_nothing_judged_the_status_is_2(cluster):
    cluster.errors = {"x": "x is unreachable", "y": "y is unreachable"}
    cluster.sources = {}
    assert summarize(cluster.judge()).status == 2
    assert summarize([]).status == 2


def test_a_container_on_another_node_than_declared_is_wrong(cluster):
    cluster.nodes = {"x": ["aa", "cc"], "y": ["bb"]}
    wrong = of(cluster.judge(), "wrong")
    assert set(wrong) == {("cc", "cc", "placement", "y")}
    assert wrong["cc", "cc", "placement", "y"].cause == "cc is on x, and should be on y alone"


def test_a_second_container_of_a_name_is_wrong_and_the_one_in_its_place_is_probed(cluster):
    cluster.nodes["x"].append("cc")
    verdicts = cluster.judge()
    (wrong,) = of(verdicts, "wrong").values()
    assert wrong.evidence == "it is on y, and x has another of that name"


def test_a_stale_address_is_wrong_though_the_name_resolves(cluster):
    cluster.sources["aa"].answers["bb"] = ["10.1.0.77"]
    (wrong,) = of(cluster.judge(), "wrong").values()
    assert wrong.cell[:4] == ("aa", "bb", "address", "bb")
    assert wrong.evidence == "10.1.0.77 from 127.0.0.11; bb has 10.1.0.3 on front"
    assert "stale address" in wrong.cause


def test_either_address_is_right_where_two_networks_are_shared():
    networks = ["front", "back"]
    topology = parse(NETWORKS, [{"name": n, "node": "x", "networks": networks} for n in ("aa", "bb")], ["x"])
    bb = Cluster.container("bb", front="10.1.0.3", back="10.2.0.2")
    aa = Cluster.container("aa", front="10.1.0.2", back="10.2.0.9")
    for answer, verdict in (["10.1.0.3"], "correct"), (["10.2.0.2"], "correct"), (["10.1.0.3", "10.2.0.2"], "wrong"):
        source = SourceObservation("aa", "", "127.0.0.1 localhost", "127.0.0.11", {"bb": answer}, {})
        world = World(topology, {"x": NodeObservation("x", "20.10.5", containers=(aa, bb))}, {"aa": source})
        found = {each.cell[:4]: each.verdict for each in judge(world)}
        assert found["aa", "bb", "address", "bb"] == verdict


def test_a_ping_that_is_lost_points_between_the_nodes(cluster):
    cluster.sources["aa"].pings[FRONT["bb"]] = "no reply"
    verdicts = cluster.judge()
    (wrong,) = of(verdicts, "wrong").values()
    assert wrong.cell[:4] == ("aa", "bb", "ping", "front")
    assert "something filters between x and y" in wrong.cause
    assert "UDP 4789" in wrong.cause


def test_a_denied_ping_that_is_answered_is_wrong(cluster):
    cluster.change(
        "aa", endpoints=(*cluster.containers["aa"].endpoints, EndpointObservation("back", *["10.2.0.8"] * 2))
    )
    cluster.sources["aa"].pings[BACK["cc"]] = 0.3
    (wrong,) = of(cluster.judge(), "wrong").values()
    assert wrong.cell[:4] == ("aa", "cc", "ping", "back")
    assert wrong.cause == "aa is attached to back, which the topology does not say"


def test_an_upstream_answer_to_a_denied_name_is_not_the_target(cluster):
    cluster.sources["aa"].answers["cc"] = ["203.0.113.7"]
    verdicts = cluster.judge()
    assert not of(verdicts, "wrong")
    evidence = of(verdicts, "correct")["aa", "cc", "name", "cc"].evidence
    assert evidence == "203.0.113.7 from 127.0.0.11, which is not cc's"


def test_silence_of_a_resolver_that_answers_nobody_proves_nothing(cluster):
    cluster.sources["aa"].answers = dict.fromkeys(cluster.sources["aa"].answers, "time-out")
    verdicts = cluster.judge()
    assert of(verdicts, "wrong")["aa", "bb", "name", "bb"].cause == "the resolver of aa, 127.0.0.11, answers nothing"
    assert ("aa", "cc", "name", "cc") in of(verdicts, "no_value")


def test_silence_of_a_target_that_nobody_reaches_proves_nothing(cluster):
    cluster.sources["bb"].pings[BACK["cc"]] = "no reply"
    no_value = of(cluster.judge(), "no_value")
    assert no_value["aa", "cc", "ping", "back"].cause == "nothing proves that cc worked, so silence says nothing"


def test_the_same_address_on_two_nodes_is_no_leak():
    """Bridge networks of two nodes may use the same subnet: it is the neighbour that answers."""
    names = {"aa": "x", "bb": "x", "cc": "y", "dd": "y"}
    topology = parse(
        [{"name": "front"}], [{"name": c, "node": n, "networks": ["front"]} for c, n in names.items()], "xy"
    )
    address = {"aa": "172.18.0.2", "bb": "172.18.0.3", "cc": "172.18.0.2", "dd": "172.18.0.3"}
    nodes = {
        node: NodeObservation(
            node,
            "20.10.5",
            containers=tuple(Cluster.container(c, front=address[c]) for c in names if names[c] == node),
            networks=(NetworkObservation("front", f"id on {node}", "bridge"),),
        )
        for node in "xy"
    }
    answers = dict.fromkeys([*names, *(f"{c}.front" for c in names)], "NXDOMAIN")
    sources = {}
    for name, node in names.items():
        near = {text: [address[c]] for c in names if names[c] == node for text in (c, f"{c}.front")}
        pings: dict[str, float | str] = {"172.18.0.2": 0.1, "172.18.0.3": 0.1}
        sources[name] = SourceObservation(name, "", "127.0.0.1 localhost", "127.0.0.11", {**answers, **near}, pings)
    verdicts = judge(World(topology, nodes, sources))
    assert not of(verdicts, "wrong")
    evidence = of(verdicts, "correct")["aa", "dd", "ping", "front"].evidence
    assert evidence == "172.18.0.3 answered, but for aa that is bb's"


def test_who_was_put_on_a_network_of_others_is_red_and_not_its_members(cluster):
    for name in ("bb", "cc"):
        cluster.sources["aa"].pings[BACK[name]] = 0.4
    found = links(cluster.topology, cluster.judge())
    assert found == {"aa": {"front": "wrong"}, "bb": {"front": "correct", "back": "correct"}, "cc": {"back": "correct"}}


# Who answers at an address


def on_the_way_out(cluster):
    """aa is on front by eth0, has a bridge of its engine's own at eth1, and all else goes through that."""
    cluster.networks = {
        node: tuple(replace(n, subnets=({"front": "10.1.0.0/24", "back": "10.2.0.0/24"}[n.name],)) for n in KNOWN)
        for node in "xy"
    }
    aa = cluster.containers["aa"]
    cluster.containers["aa"] = replace(aa, endpoints=(replace(aa.endpoints[0], interface="eth0"),))
    source = cluster.sources["aa"]
    source.routes = [Route("0.0.0.0/0", "172.25.0.1", "eth1"), Route("10.1.0.0/24", "", "eth0")]
    return source


def test_who_answers_in_a_network_of_the_sources_own_is_not_the_target(cluster):
    source = on_the_way_out(cluster)
    source.routes.append(Route("10.2.0.0/16", "", "eth1"))
    source.pings[BACK["cc"]] = 0.1
    verdicts = cluster.judge()
    assert not of(verdicts, "wrong")
    evidence = of(verdicts, "correct")["aa", "cc", "ping", "back"].evidence
    assert evidence == "10.2.0.3 answered, but for aa that lies in eth1, where cc is not"


def test_who_answers_behind_a_gateway_is_taken_for_the_target(cluster):
    source = on_the_way_out(cluster)
    source.pings[BACK["cc"]] = 0.1
    assert ("aa", "cc", "ping", "back") in of(cluster.judge(), "wrong")


def test_who_answers_in_everybodys_name_is_not_the_target(cluster):
    source = on_the_way_out(cluster)
    source.pings |= {BACK["cc"]: 0.1, "10.2.0.254": 0.1}
    verdicts = cluster.judge()
    assert not of(verdicts, "wrong")
    evidence = of(verdicts, "correct")["aa", "cc", "ping", "back"].evidence
    assert evidence.endswith("something behind eth1 and its gateway 172.25.0.1 answers for everybody")


def test_a_peer_that_answers_through_another_network_is_not_reached_through_theirs(cluster):
    on_the_way_out(cluster).routes.pop()
    wrong = of(cluster.judge(), "wrong")
    assert list(wrong) == [("aa", "bb", "ping", "front")]
    (verdict,) = wrong.values()
    assert verdict.evidence == ("10.1.0.3 answered, but through eth1 and its gateway 172.25.0.1, and not through front")


# Ports

WEB = {"bb": {"listens": [80]}, "cc": {"listens": [80, 443]}}


def test_a_port_can_be_connected_to_by_those_on_its_network_alone():
    verdicts = Cluster(WEB).judge()
    found = {cell: each.evidence for cell, each in of(verdicts, "correct").items() if cell[2] == "tcp"}
    assert found == {
        ("aa", "bb", "tcp", "front:80"): "10.1.0.3:80 connected in 0.4 ms",
        ("aa", "bb", "tcp", "back:80"): "10.2.0.2:80: no reply",
        ("aa", "cc", "tcp", "back:80"): "10.2.0.3:80: no reply",
        ("aa", "cc", "tcp", "back:443"): "10.2.0.3:443: no reply",
        ("bb", "cc", "tcp", "back:80"): "10.2.0.3:80 connected in 0.4 ms",
        ("bb", "cc", "tcp", "back:443"): "10.2.0.3:443 connected in 0.4 ms",
        ("cc", "bb", "tcp", "front:80"): "10.1.0.3:80: no reply",
        ("cc", "bb", "tcp", "back:80"): "10.2.0.2:80 connected in 0.4 ms",
    }
    assert summarize(verdicts).status == 0


def test_where_nothing_listens_the_server_is_blamed_and_closed_to_all_proves_nothing():
    cluster = Cluster(WEB)
    cluster.connect("10.2.0.3:80", "connection refused", "bb", "cc")
    verdicts = cluster.judge()
    (wrong,) = of(verdicts, "wrong").values()
    assert wrong.cell[:4] == ("bb", "cc", "tcp", "back:80")
    assert (wrong.evidence, wrong.cause) == (
        "10.2.0.3:80: connection refused",
        "nothing listens on port 80 in cc",
    )
    (no_value,) = of(verdicts, "no_value").values()
    assert no_value.cell[:4] == ("aa", "cc", "tcp", "back:80")
    assert no_value.cause == "nothing listens on port 80 in cc"
    assert links(cluster.topology, verdicts) == {
        "aa": {"front": "correct"},
        "bb": {"front": "correct", "back": "correct"},
        "cc": {"back": "wrong"},
    }


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        ("connection refused", "bb listens on port 80, but something between x and y refuses connections to it"),
        ("no reply", "pings come through, but connections do not: something between x and y filters TCP, or checksum "),
    ],
)
def test_a_server_that_hears_itself_alone_is_cut_off_on_the_way(result, cause):
    cluster = Cluster(WEB)
    cluster.connect("10.1.0.3:80", result, "aa")
    verdicts = cluster.judge()
    assert list(of(verdicts, "wrong")) == [("aa", "bb", "tcp", "front:80")]
    assert of(verdicts, "wrong")["aa", "bb", "tcp", "front:80"].cause.startswith(cause)
    # Nobody who may has reached it, so that it is closed to others says nothing.
    assert list(of(verdicts, "no_value")) == [("cc", "bb", "tcp", "front:80")]
    assert links(cluster.topology, verdicts)["bb"] == {"front": "wrong", "back": "correct"}


def test_a_stopped_server_is_wrong_and_proves_no_isolation():
    cluster = Cluster(WEB)
    cluster.stop("cc")
    verdicts = cluster.judge()
    assert of(verdicts, "wrong")["bb", "cc", "tcp", "back:80"].cause == "cc is not running (exited 137, 12 s ago)"
    assert of(verdicts, "no_value")["aa", "cc", "tcp", "back:80"].evidence == "cc has no address on back"


def test_a_denied_connect_that_completes_is_wrong_and_reddens_the_link():
    cluster = Cluster(WEB)
    cluster.connect("10.2.0.3:443", 0.5, "aa")
    verdicts = cluster.judge()
    (wrong,) = of(verdicts, "wrong").values()
    assert wrong.cell == ("aa", "cc", "tcp", "back:443", "denied")
    assert links(cluster.topology, verdicts)["cc"] == {"back": "wrong"}


def test_a_connect_that_could_not_be_tried_has_no_value():
    cluster = Cluster(WEB)
    cluster.connect("10.1.0.3:80", "could not be sent: Too many open files", "aa")
    no_value = of(cluster.judge(), "no_value")
    assert no_value["aa", "bb", "tcp", "front:80"].observed == "failed"


def alone(own, listens=(80,)):
    """Two containers, each alone on its network; bb has reached itself as `own` says."""
    containers = [
        {"name": "aa", "node": "x", "networks": ["front"]},
        {"name": "bb", "node": "x", "networks": ["back"], "listens": list(listens)},
    ]
    topology = parse(NETWORKS, containers, ["x"])
    seen = (Cluster.container("aa", front="10.1.0.2"), Cluster.container("bb", back="10.2.0.2"))
    aa = SourceObservation("aa", pings={"10.1.0.2": 0.1, "10.2.0.2": "no reply"}, connects={"10.2.0.2:80": "no reply"})
    bb = SourceObservation("bb", pings={"10.2.0.2": 0.1}, connects={"10.2.0.2:80": own})
    world = World(topology, {"x": NodeObservation("x", "28.0.1", "", seen, KNOWN)}, {"aa": aa, "bb": bb})
    return {each.cell[:4]: each for each in judge(world)}["aa", "bb", "tcp", "back:80"]


def test_a_server_without_peers_is_proven_by_itself_and_not_by_its_pings():
    assert alone(own=0.1).verdict == "correct"
    assert (alone("connection refused").verdict, alone("connection refused").cause) == (
        "no_value",
        "nothing listens on port 80 in bb",
    )


def test_a_network_that_lets_nobody_through_is_proven_by_each_container_itself():
    icc = {"name": "front", "options": {"com.docker.network.bridge.enable_icc": "false"}}
    containers = [{"name": name, "node": "x", "networks": ["front"]} for name in ("aa", "bb")]
    seen = tuple(Cluster.container(name, front=FRONT[name]) for name in FRONT)
    for own, verdict in (0.1, "correct"), ("no reply", "no_value"):
        sources = {
            name: SourceObservation(
                name, pings={address: own if holder == name else "no reply" for holder, address in FRONT.items()}
            )
            for name in FRONT
        }
        world = World(parse([icc], containers, ["x"]), {"x": NodeObservation("x", "28.0.1", "", seen)}, sources)
        assert {each.cell[:4]: each.verdict for each in judge(world)}["aa", "bb", "ping", "front"] == verdict


# Networks


def network_verdict(cluster, node="y"):
    return {each.cell[:4]: each for each in cluster.judge()}["back", "back", "network", node]


def test_a_network_is_there_as_declared_on_each_node(cluster):
    assert network_verdict(cluster).verdict == "correct"
    assert network_verdict(cluster).evidence == "overlay, global, id back-id"


def test_a_node_that_alone_lacks_an_overlay_network_has_lost_the_store(cluster):
    cluster.networks["y"] = KNOWN[:1]
    assert network_verdict(cluster).evidence == "the engine has no network of that name"
    assert network_verdict(cluster).cause.startswith("y does not list back, though bb is on it: ")
    cluster.networks["x"] = KNOWN[:1]
    cluster.change("bb", endpoints=cluster.containers["bb"].endpoints[:1])
    cluster.change("cc", endpoints=())
    assert network_verdict(cluster).cause.startswith("back is missing everywhere")


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        ({"driver": "bridge"}, "declared is driver overlay"),
        ({"internal": True}, "declared is not internal"),
        ({"subnets": ("10.3.0.0/24",)}, ""),
    ],
)
def test_a_network_that_is_not_as_declared_is_wrong(cluster, changes, evidence):
    cluster.networks = {node: (KNOWN[0], replace(KNOWN[1], **changes)) for node in "xy"}
    found = network_verdict(cluster)
    assert found.verdict == ("wrong" if evidence else "correct")
    assert found.evidence.endswith(evidence)


def test_a_declared_subnet_counts():
    topology = parse([{"name": "front", "subnet": "10.1.0.0/24", "nodes": ["x"]}], [], ["x"])
    for subnet, verdict in ("10.1.0.0/24", "correct"), ("10.1.0.5/24", "correct"), ("10.2.0.0/24", "wrong"):
        seen = NodeObservation("x", networks=(NetworkObservation("front", "f", "bridge", subnets=(subnet,)),))
        assert [each.verdict for each in judge(World(topology, {"x": seen}))] == [verdict]


def test_several_networks_of_one_name_are_wrong(cluster):
    cluster.networks["y"] = (*KNOWN, NetworkObservation("back", "another", "bridge"))
    assert network_verdict(cluster).evidence == (
        "2 networks have that name: overlay, global, id back-id; bridge, local, id another"
    )
    assert "remove all but one" in network_verdict(cluster).cause


def test_engines_that_each_have_their_own_network_of_a_name_share_no_store(cluster):
    cluster.networks["x"] = (KNOWN[0], replace(KNOWN[1], id="another"))
    assert network_verdict(cluster).evidence == "overlay, global, id back-id; x has another one, id another"
    assert network_verdict(cluster).cause == "x, y do not have one network back but several: do they share one store"


def test_a_node_that_could_not_look_gives_its_networks_no_value(cluster):
    cluster.errors["y"] = "y is unreachable: no route to host"
    found = network_verdict(cluster)
    assert (found.verdict, found.cause) == ("no_value", "y is unreachable: no route to host")


def test_a_network_may_be_called_like_a_container():
    topology = parse([{"name": "web"}], [{"name": "web", "node": "x", "networks": ["web"]}], ["x"])
    seen = (replace(Cluster.container("web", web="10.1.0.2"), state="exited", pid=0),)
    verdicts = {each.cell[:4]: each for each in judge(World(topology, {"x": NodeObservation("x", "28", "", seen)}))}
    assert verdicts["web", "web", "network", "x"].cause.startswith("web is missing on x: nobody has made it")
    assert verdicts["web", "web", "placement", "x"].cause.startswith("web is not running")


# Where a Swarm places containers


@pytest.mark.parametrize(
    ("affinity", "node", "verdict"),
    [
        ("container==bb", "y", "correct"),
        ("container==bb", "x", "wrong"),
        ("container!=bb", "x", "correct"),
        ("container!=bb", "y", "wrong"),
    ],
)
def test_an_affinity_is_kept_or_broken_by_where_both_are(affinity, node, verdict):
    cluster = Cluster({"cc": {"node": None, "affinities": [affinity]}})
    cluster.nodes = {"x": ["aa"], "y": ["bb"]}
    cluster.nodes[node].append("cc")
    verdicts = cluster.judge()
    found = {each.cell[:4]: each for each in verdicts}["cc", "bb", "placement", "same node"]
    assert (found.verdict, found.evidence) == (verdict, f"cc is on {node}, bb is on y")
    assert ("without its affinity to bb" in found.cause) is (verdict == "wrong")
    assert links(cluster.topology, verdicts)["cc"] == {"back": "correct"}


def test_where_containers_are_is_proven_without_any_probe():
    cluster = Cluster({"cc": {"node": None, "affinities": ["container!=aa"]}})
    cluster.sources = {}
    assert {each.cell[:4]: each.verdict for each in cluster.judge()}["cc", "aa", "placement", "same node"] == "correct"


def test_an_affinity_to_what_is_not_there_has_no_value():
    cluster = Cluster({"cc": {"node": None, "affinities": ["container!=bb"]}})
    cluster.nodes["y"].remove("bb")
    cluster.lose("bb")
    found = {each.cell[:4]: each for each in cluster.judge()}["cc", "bb", "placement", "same node"]
    assert (found.verdict, found.evidence) == ("no_value", "bb is on no node")


def test_of_a_service_the_task_that_runs_counts():
    topology = parse(NETWORKS, [{"name": "web", "node": None, "networks": ["front"]}], ["x", "y", "z"], "mode")
    running = replace(Cluster.container("web", front="10.1.0.2"), task="web.1.new")
    ended = replace(running, state="exited", pid=0, since=9, task="web.1.old")

    def found(**tasks):
        nodes = {node: NodeObservation(node, "28", "", (task,), KNOWN[:1]) for node, task in tasks.items()}
        verdicts = judge(World(topology, nodes, flavour="mode"))
        return next((each.verdict, each.evidence) for each in verdicts if each.cell.facet == "placement")

    assert found(x=ended, y=running) == ("correct", "running for 60 s, on y as web.1.new")
    assert found(x=ended, y=replace(ended, since=5)) == ("wrong", "exited 0, 5 s ago, on y as web.1.old")
    assert found(x=running, y=running) == ("wrong", "it is on x, and y has another of that name")


def test_the_text_groups_by_cause_and_stays_short(cluster):
    cluster.stop("bb")
    verdicts = cluster.judge()
    summary, cause, first, *_ = _report_text.lines(verdicts, "r.json")
    assert summary == str(summarize(verdicts))
    assert cause == "wrong: bb is not running (exited 137, 12 s ago)"
    assert re.sub(" +", " ", first) == " bb placement y expected allowed, observed blocked: exited 137, 12 s ago, on y"
    many = [each for each in verdicts if each.verdict == "wrong"] * 30
    many = [each._replace(evidence=f"{number}") for number, each in enumerate(many)]
    lines = _report_text.lines(many, "r.json")
    assert len(lines) == _report_text.MOST_LINES + 2
    assert lines[-1] == f"... and more: all {len(many)} wrong cells are in r.json"


def test_report_json_has_all_cells_and_a_compact_form_for_many(cluster, monkeypatch):
    verdicts = cluster.judge()
    report = _report_json.report(verdicts, cluster.world.nodes, "swarm", "mode", "2026-01-01T00:00:00+00:00")
    assert report["summary"] == {
        "total": len(verdicts),
        "correct": len(verdicts),
        "wrong": 0,
        "no_value": 0,
        "status": 0,
    }
    assert report["cells"][0]["facet"] == "network"
    assert report["nodes"][0] == {"name": "x", "engine": "28.0.1", "error": ""}
    monkeypatch.setattr(_report_json, "COMPACT_ABOVE", 1)
    compact = _report_json.report(verdicts, cluster.world.nodes, "swarm", "mode", "")["cells"]
    assert [dict(zip(compact["columns"], row)) for row in compact["rows"]] == report["cells"]


def test_observations_survive_their_way_as_json(cluster):
    cluster.judge()
    for seen in cluster.world.nodes.values():
        assert NodeObservation.from_json(seen.to_json()) == seen
    for source in cluster.sources.values():
        assert SourceObservation.from_json(source.to_json()) == source
