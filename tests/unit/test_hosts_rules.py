# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils import _hosts_file, _resolv_conf
from ansible_collections.dockernet.lab.plugins.module_utils._hosts_rules import (
    absent,
    of_topology,
    peers_of,
    present,
    stale,
)
from ansible_collections.dockernet.lab.plugins.module_utils._observation import (
    ContainerObservation,
    EndpointObservation,
    NodeObservation,
    SourceObservation,
)
from ansible_collections.dockernet.lab.plugins.module_utils._reading import World
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse

# As engines write it: 1.9.1 (own line first, the peers last) and 20.10 (own line last, no peer).
OLD = """10.0.0.2\tc0ffee000001
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
10.9.8.7\tprinter
10.0.0.3\tubuntu2
10.0.0.3\tubuntu2.linux
"""
NEW = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
10.9.8.7\tprinter
10.0.0.2\tc0ffee000001
"""


def world(hosts, engine, up=("ubuntu1", "ubuntu2", "ubuntu3"), nodes=("demo0", "demo1")):
    """Two containers on `linux`, one of them on another node, and one on `other`; `ubuntu1` has the file."""
    declared: list[dict[str, Any]] = [
        {"name": "ubuntu1", "node": "demo0", "networks": ["linux"], "extra_hosts": {"printer": "10.9.8.7"}},
        {"name": "ubuntu2", "node": "demo1", "networks": ["linux"]},
        {"name": "ubuntu3", "node": "demo0", "networks": ["other"]},
    ]
    networks = [{"name": "linux", "driver": "overlay"}, {"name": "other", "driver": "overlay"}]
    seen = {
        container["name"]: ContainerObservation(
            name=container["name"],
            state="running",
            pid=1,
            hostname=f"c0ffee00000{number}",
            endpoints=(EndpointObservation(container["networks"][0], address, address),),
        )
        for number, (container, address) in enumerate(zip(declared, ("10.0.0.2", "10.0.0.3", "10.1.0.2")), 1)
        if container["name"] in up
    }
    on = {
        c["node"]: [seen[d["name"]] for d in declared if d["node"] == c["node"] and d["name"] in up] for c in declared
    }
    observed = {node: NodeObservation(node, engine, containers=tuple(on[node])) for node in nodes}
    sources = {"ubuntu1": SourceObservation("ubuntu1", hosts=hosts)}
    return World(parse(networks, declared, ["demo0", "demo1"]), observed, sources)


def of_ubuntu1(hosts, engine, **options):
    return [(each.kind, each.name) for each in of_topology(world(hosts, engine, **options), ["ubuntu1"])]


# What follows from a topology


def test_an_engine_of_1_9_lists_the_peers():
    assert of_ubuntu1(OLD, "1.9.1") == []
    assert of_ubuntu1(NEW, "1.9.1") == [("missing", "ubuntu2"), ("missing", "ubuntu2.linux")]
    assert of_ubuntu1(OLD.replace("10.0.0.3\tubuntu2.linux", "10.0.0.4\tubuntu2.linux"), "1.9.1") == [
        ("address", "ubuntu2.linux")
    ]
    assert of_ubuntu1(OLD + "10.1.0.2 ubuntu3\n", "1.9.1") == [("unwanted", "ubuntu3")]


def test_later_engines_list_nobody():
    assert of_ubuntu1(NEW, "20.10.24") == []
    assert of_ubuntu1(NEW + "10.0.0.3 ubuntu2\n", "20.10.24") == [("unwanted", "ubuntu2")]


def test_own_lines_are_relied_on_from_28_0_on():
    without = NEW.replace("10.0.0.2\tc0ffee000001\n", "")
    assert of_ubuntu1(without, "20.10.24") == []
    assert of_ubuntu1(without, "28.0.0") == [("missing", "own:linux")]


def test_localhost_and_extra_hosts_are_there_on_every_engine():
    for engine, text in (("1.9.1", OLD), ("20.10.24", NEW), ("29.0.1", NEW)):
        assert of_ubuntu1(text.replace("127.0.0.1\tlocalhost", ""), engine) == [("address", "localhost")]
        assert of_ubuntu1(text.replace("10.9.8.7", "10.9.8.8"), engine) == [("address", "printer")]


def test_a_peer_whom_nobody_has_seen_makes_nothing_wrong():
    assert of_ubuntu1(OLD, "1.9.1", nodes=("demo0",)) == [("not_read", "ubuntu2"), ("not_read", "ubuntu2.linux")]
    assert of_ubuntu1(NEW, "20.10.24", nodes=("demo0",)) == []
    assert peers_of(world(NEW, "20.10.24", nodes=("demo0",)), "ubuntu1") == {}


def test_a_container_that_does_not_run_is_said_once():
    assert of_ubuntu1(NEW, "20.10.24", up=("ubuntu2",)) == [("not_read", "")]


def test_peers_are_those_on_a_network_of_its_own():
    assert peers_of(world(OLD, "1.9.1"), "ubuntu1") == {"ubuntu2": {"10.0.0.3"}, "ubuntu2.linux": {"10.0.0.3"}}


# Single lines


LINES = _hosts_file.parse("127.0.0.1 localhost\n::1 localhost\n10.0.0.5 db DB2 # its own\n10.0.0.6 db\n")


def kinds(findings):
    return [each.kind for each in findings]


def test_a_name_has_the_addresses_that_are_wanted_and_no_other_of_their_family():
    assert kinds(present("web", LINES, "localhost", ["127.0.0.1"])) == []
    assert kinds(present("web", LINES, "localhost", ["127.0.0.1", "::1"])) == []
    assert kinds(present("web", LINES, "db2", ["10.0.0.5"])) == []
    assert kinds(present("web", LINES, "db", ["10.0.0.5"])) == ["address"]
    assert kinds(present("web", LINES, "db", ["10.0.0.5", "10.0.0.6"])) == []
    assert kinds(present("web", LINES, "db", ["10.0.0.5", "fd00::5"])) == ["address"]
    assert kinds(present("web", LINES, "db", [])) == []
    assert kinds(present("web", LINES, "cache", [])) == ["missing"]


def test_a_name_that_must_not_be_there_is_found_in_any_case():
    assert kinds(absent("web", LINES, "Db")) == ["unwanted"]
    assert kinds(absent("web", LINES, "its")) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("10.0.0.2 web.example web", []),
        ("10.0.0.9 web.example web", ["stale"]),
        ("127.0.1.1 web", []),
        ("10.0.0.3 peer peer.linux", []),
        ("10.0.0.9 peer peer.linux", ["stale", "stale"]),
        ("10.0.0.9 PEER", ["stale"]),
        ("10.0.0.9 stopped", ["stale"]),
        ("10.0.0.9 stranger", []),
        ("10.0.0.9 accepted", []),
    ],
)
def test_a_line_is_stale_by_whose_name_it_has(line, said):
    peers = {"peer": {"10.0.0.3"}, "peer.linux": {"10.0.0.3"}, "stopped": set(), "accepted": {"10.0.0.4"}}
    own = ("web.example", {"10.0.0.2"})
    assert kinds(stale("web", _hosts_file.parse(line), own, peers, {"10.0.0.3"}, ["Accepted"])) == said


def test_an_address_of_somebody_else_is_not_said_to_be_nobody_s():
    (found,) = stale("web", _hosts_file.parse("10.0.0.4 peer"), ("web", ()), {"peer": {"10.0.0.3"}}, {"10.0.0.4"})
    assert found.sentence.endswith("is stale: peer has 10.0.0.3, not 10.0.0.4.")


# resolv.conf


def test_a_resolv_conf_of_engine_29():
    text = """# Generated by Docker Engine.
# This file can be edited; Docker Engine will not make further changes once it has been modified.

nameserver 127.0.0.11
search lab.local example.com
options edns0 trust-ad
options ndots:0

# Based on host file: '/etc/resolv.conf' (internal resolver)
# ExtServers: [host(10.0.0.53)]
"""
    assert _resolv_conf.parse(text) == (["127.0.0.11"], ["lab.local", "example.com"], ["edns0", "trust-ad", "ndots:0"])


def test_of_search_and_domain_the_last_counts():
    assert _resolv_conf.parse("search a b\ndomain c\n").search == ["c"]
    assert _resolv_conf.parse("domain c\nsearch a b\n").search == ["a", "b"]
    assert _resolv_conf.parse("") == ([], [], [])


@pytest.mark.parametrize(("mode", "missing"), [("host", []), ("none", ["localhost"])])
def test_the_file_of_who_has_the_node_s_network_is_the_node_s_own_affair(mode, missing):
    declared = [{"name": "agent", "node": "x", "network_mode": mode}]
    seen = ContainerObservation("agent", "running", 1, endpoints=(EndpointObservation(mode),))
    node = NodeObservation("x", "28.0.1", containers=(seen,))
    source = SourceObservation("agent", hosts="127.0.0.1\tvm agent\n")
    found = of_topology(World(parse([], declared, ["x"]), {"x": node}, {"agent": source}), ["agent"])
    assert [finding.name for finding in found if finding.kind == "missing"] == missing
