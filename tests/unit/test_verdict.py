# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cluster, whole and in each way broken: which cells are blamed, with which cause."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._observation import (
    ContainerObservation,
    EndpointObservation,
    NodeObservation,
    SourceObservation,
)
from ansible_collections.dockernet.lab.plugins.module_utils._reading import World
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils import _report_json, _report_text
from ansible_collections.dockernet.lab.plugins.plugin_utils._links import links
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import judge, summarize

NETWORKS = [{"name": "front", "driver": "overlay"}, {"name": "back", "driver": "overlay"}]
CONTAINERS = [
    {"name": "aa", "node": "x", "networks": ["front"]},
    {"name": "bb", "node": "y", "networks": [{"name": "front", "aliases": ["www"]}, "back"]},
    {"name": "cc", "node": "y", "networks": ["back"]},
]
FRONT = {"aa": "10.1.0.2", "bb": "10.1.0.3"}
BACK = {"bb": "10.2.0.2", "cc": "10.2.0.3"}


class Cluster:
    """What nodes observe where all is well; tests change it before it is judged."""

    def __init__(self):
        self.topology = parse(NETWORKS, CONTAINERS, ["x", "y"])
        self.containers = {
            "aa": self.container("aa", front=FRONT["aa"]),
            "bb": self.container("bb", front=FRONT["bb"], back=BACK["bb"]),
            "cc": self.container("cc", back=BACK["cc"]),
        }
        self.nodes = {"x": ["aa"], "y": ["bb", "cc"]}
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
        return SourceObservation(name, "", "127.0.0.1\tlocalhost\n" + own, "127.0.0.11", dict(answers), pings)

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

    def judge(self):
        nodes = {
            node: NodeObservation(
                node, "28.0.1", self.errors.get(node, ""), tuple(self.containers[name] for name in names)
            )
            for node, names in self.nodes.items()
        }
        for node in self.errors:
            nodes[node] = NodeObservation(node, error=self.errors[node])
        self.world = World(self.topology, nodes, self.sources)
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
            node, "20.10.5", containers=tuple(Cluster.container(c, front=address[c]) for c in names if names[c] == node)
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
    assert evidence == "172.18.0.3 is bb's for aa, and that is who answered"


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
    assert report["cells"][0]["facet"] == "placement"
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
