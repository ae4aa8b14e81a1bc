# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Attachment, TopologyError, parse

NODES = ["swl-demo0", "swl-demo1"]
LINUX = {"name": "linux", "driver": "overlay"}
UBUNTU1 = {"name": "ubuntu1", "node": "swl-demo0", "networks": ["linux"]}


def problems(networks, containers, **options):
    with pytest.raises(TopologyError) as caught:
        parse(networks, containers, NODES, **options)
    return [problem.sentence for problem in caught.value.problems]


def test_a_sound_topology_becomes_data():
    frontend = {"name": "frontend", "driver": "overlay", "subnet": "10.1.0.0/24"}
    web = {
        "name": "web",
        "node": "swl-demo1",
        "image": "nginx",
        "networks": [{"name": "frontend", "aliases": ["www"], "address": "10.1.0.9"}, "linux"],
        "ports": ["8080:80"],
        "listens": [80],
    }
    topology = parse([LINUX, frontend], [UBUNTU1, web], NODES)
    assert [network.name for network in topology.networks] == ["linux", "frontend"]
    assert topology.container("web").attachment("frontend") == Attachment("frontend", ("www",), "10.1.0.9")
    assert topology.container("ubuntu1").attachment("frontend") is None


@pytest.mark.parametrize(
    ("container", "sentence"),
    [
        ({"networks": ["linx"]}, "network 'linx' is not declared; did you mean 'linux'?"),
        ({"node": "swl-demo7"}, "node 'swl-demo7' is not in the inventory; did you mean 'swl-demo"),
        ({"networks": []}, "it is on no network; give it 'networks: [...]' with at least one."),
        ({"netwroks": ["linux"]}, "key 'netwroks' is not known; did you mean 'networks'?"),
        ({"node": None}, "it names no node, and there is no Swarm that could choose one"),
        ({"listens": [70000]}, "'70000' under 'listens' is no TCP port (1 to 65535)."),
        ({"ports": ["80"]}, "port '80' is not of the form"),
        ({"networks": ["linux", "linux"]}, "network 'linux' is named twice"),
        ({"networks": [{"name": "linux", "address": "10.0.0.9"}]}, "needs a network with a 'subnet'"),
        ({"name": "a" * 64}, "cannot be a DNS name"),
        ({"name": "_x"}, "start with a letter or digit"),
        ({"constraints": ["storage==ssd"]}, "constraints need a Swarm"),
        ({"extra_hosts": {"db": "there"}}, "extra host 'db' has 'there', which is no address."),
    ],
)
def test_what_is_wrong_with_a_container_is_said_with_its_place(container, sentence):
    (said,) = problems([LINUX], [{**UBUNTU1, **container}])
    assert said.startswith("topology_containers, entry 1 (")
    assert sentence in said


@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        ([LINUX, LINUX], "entry 2 ('linux'): a network of that name is declared above"),
        ([{"name": "linux", "driver": "ovrlay"}], "driver 'ovrlay' is not known"),
        ([{"name": "linux", "subnet": "10.1.0.1/24"}], "subnet '10.1.0.1/24' is no network address"),
        ([{"name": "ingress"}], "every engine has a network 'ingress' of its own"),
        ([{"driver": "bridge"}], "it has no name"),
        ([{"name": "linux", "internal": "maybe"}], "'internal' is true or false, not 'maybe'."),
        (
            [{"name": "linux", "subnet": "10.1.0.0/16"}, {"name": "other", "subnet": "10.1.2.0/24"}],
            "subnet 10.1.2.0/24 overlaps 10.1.0.0/16 of network 'linux'",
        ),
        ([{"name": "linux", "subnet": "192.168.99.128/25"}], "overlaps 192.168.99.0/24 of the lab"),
    ],
)
def test_what_is_wrong_with_a_network_is_said_with_its_place(networks, sentence):
    (said,) = problems(networks, [], reserved={"the lab": "192.168.99.0/24"})
    assert sentence in said


def test_all_problems_are_said_at_once():
    said = problems([LINUX], [UBUNTU1, UBUNTU1, {**UBUNTU1, "name": "ubuntu2", "node": "x", "networks": ["y"]}])
    assert len(said) == 3


def test_two_containers_cannot_have_one_address():
    network = {"name": "linux", "subnet": "10.1.0.0/24"}
    place = [{"name": "linux", "address": "10.1.0.5"}]
    said = problems([network], [{**UBUNTU1, "networks": place}, {**UBUNTU1, "name": "ubuntu2", "networks": place}])
    assert said == [
        "topology_containers, entry 2 ('ubuntu2'): address 10.1.0.5 on network 'linux' is container 'ubuntu1's; "
        "choose another."
    ]


def test_classic_swarm_may_choose_the_node():
    topology = parse([LINUX], [{**UBUNTU1, "node": None, "constraints": ["storage==ssd"]}], NODES, flavour="classic")
    assert topology.container("ubuntu1").node is None


def test_affinities_look_back_and_swarm_mode_chooses_nodes_only_for_what_it_can_be():
    near = {"name": "near", "networks": ["linux"], "affinities": ["container==ubuntu1"]}
    topology = parse([LINUX], [UBUNTU1, near], NODES, flavour="mode")
    assert topology.container("near").affinities == (("ubuntu1", True),)
    (said,) = problems([LINUX], [near, UBUNTU1], flavour="classic")
    assert "'ubuntu1', which is not declared above it" in said
    (said,) = problems([LINUX], [{**near, "affinities": ["ubuntu1"]}], flavour="classic")
    assert "not of the form 'container==name'" in said
    fixed = {"name": "net", "driver": "overlay", "subnet": "10.1.0.0/24"}
    web = {"name": "web", "networks": [{"name": "net", "address": "10.1.0.9"}, "local"], "constraints": ["storage==s*"]}
    said = problems([fixed, {"name": "local"}], [web], flavour="mode")
    assert len(said) == 3
    (said,) = problems([LINUX], [{**UBUNTU1, "constraints": ["storage==ssd"]}], flavour="mode")
    assert "for a container that names one" in said


def test_a_bridge_network_can_be_declared_for_nodes_before_a_container_needs_it():
    assert parse([{"name": "local", "nodes": ["swl-demo0"]}], [], NODES).network("local").nodes == ("swl-demo0",)
    (said,) = problems([{"name": "local", "nodes": ["swl-demo9"]}], [])
    assert "node 'swl-demo9' is not in the inventory" in said
    (said,) = problems([{**LINUX, "nodes": ["swl-demo0"]}], [])
    assert "an overlay network is no node's own" in said
