# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node may be called, which address and container it gets, and the file that it has in the inventory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from ansible_collections.dockernet.lab.plugins.module_utils import _new_node
from ansible_collections.dockernet.lab.plugins.module_utils._new_node import Lab

LAB = Lab(
    name="swarm",
    wanted_subnet="192.168.99.0/24",
    subnet="192.168.99.0/24",
    nodes=("swl-consul", "swl-demo0", "swl-demo1"),
    addresses={"swl-consul": "192.168.99.100", "swl-demo0": "192.168.99.101", "swl-demo1": "192.168.99.102"},
    engines=("swl-demo0", "swl-demo1"),
    groups=("all", "engines", "swarm_agents"),
    taken={"192.168.99.101": "swl-demo0"},
)
LINUX = {"name": "linux", "driver": "overlay"}


@pytest.mark.parametrize("name", ["swl-demo2", "n", "2nd"])
def test_a_hostname_can_be_a_nodes_name(name):
    assert _new_node.name_problem(name, LAB) is None


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("", "Say which node"),
        ("swl_demo2", "cannot be"),
        ("-demo", "cannot be"),
        ("swl*", "cannot be"),
        ("a" * 64, "63"),
        ("engines", "group"),
        ("localhost", "another word"),
    ],
)
def test_what_ansible_or_a_hostname_cannot_carry_is_no_nodes_name(name, word):
    assert word in (_new_node.name_problem(name, LAB) or "")


def test_nothing_is_added_to_a_lab_that_is_not_there():
    for lab in (replace(LAB, subnet=None), replace(LAB, nodes=())):
        assert "is not there" in (_new_node.lab_problem(lab) or "")
    assert _new_node.lab_problem(LAB) is None


def test_a_lab_that_is_there_in_another_subnet_says_how_to_name_it():
    said = _new_node.lab_problem(replace(LAB, subnet="192.168.123.0/24"))
    assert "LAB_SUBNET=192.168.123.0/24" in (said or "")


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("nonsense", "no IPv4 address"),
        ("10.0.0.1", "in the lab's subnet"),
        ("192.168.99.255", "in the lab's subnet"),
        ("192.168.99.1", "this machine's own"),
        ("192.168.99.100", "node 'swl-consul'"),
    ],
)
def test_an_address_that_the_node_cannot_have_is_refused(address, word):
    assert word in (_new_node.address_problem("swl-demo2", address, LAB) or "")


def test_a_container_that_no_inventory_knows_keeps_its_address():
    lab = replace(LAB, taken={"192.168.99.103": "stranger"})
    assert "'stranger'" in (_new_node.address_problem("swl-demo2", "192.168.99.103", lab) or "")
    assert _new_node.next_address(lab) == "192.168.99.104"


def test_a_node_that_is_there_keeps_its_address():
    assert _new_node.address_problem("swl-demo1", "192.168.99.102", LAB) is None
    assert "192.168.99.102" in (_new_node.address_problem("swl-demo1", "192.168.99.150", LAB) or "")


def test_the_next_address_is_the_one_above_the_engines():
    assert _new_node.next_address(LAB) == "192.168.99.103"


def test_a_subnet_may_be_full_above_its_engines():
    lab = replace(LAB, addresses={**LAB.addresses, "swl-demo1": "192.168.99.254"})
    assert _new_node.next_address(lab) is None
    assert "no address left" in (_new_node.address_problem("swl-demo2", "", lab) or "")


def test_a_node_brings_the_next_container_of_the_story():
    assert _new_node.containers("swl-demo2", ["ubuntu1", "ubuntu10", "web"], [{"name": "local"}, LINUX]) == [
        {"name": "ubuntu11", "node": "swl-demo2", "networks": ["linux"]}
    ]


def test_a_node_brings_none_where_nodes_share_no_network():
    assert _new_node.containers("swl-demo2", [], [{"name": "local"}]) == []


def test_the_file_says_what_the_inventory_must_know_and_follows_the_labs_subnet():
    brought = _new_node.containers("swl-demo2", ["ubuntu1", "ubuntu2"], [LINUX])
    text = _new_node.inventory("swl-demo2", "192.168.99.103", "192.168.99.0/24", ["engines", "swarm_agents"], brought)
    assert yaml.safe_load(text) == {
        "engines": {
            "hosts": {
                "swl-demo2": {
                    "node_address": "{{ lab_subnet.rpartition('.')[0] }}.103",
                    "node_containers": [{"name": "ubuntu3", "node": "swl-demo2", "networks": ["linux"]}],
                }
            }
        },
        "swarm_agents": {"hosts": {"swl-demo2": None}},
    }


def test_an_address_that_does_not_follow_the_subnet_is_written_as_it_is():
    text = _new_node.inventory("n", "192.168.98.7", "192.168.96.0/22", ["engines"], [])
    assert yaml.safe_load(text)["engines"]["hosts"]["n"] == {"node_address": "192.168.98.7", "node_containers": []}
