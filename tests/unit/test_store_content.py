# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._store_content import (
    Engine,
    host_of,
    judge,
    known_to,
    parse,
)

ROOT = "docker/network/v1.0"
NETWORK = "9a3ce8ef5f52a30f6341b8d9f997acabcf77c4623a226a6c043e3ebeede79969"
ENDPOINT = "48859e6528ffa4e9e6a02c5c8049c4b9048bfe740293f893692c931cdf56799e"

# As engines 20.10.5 and docker/swarm 1.2.9 wrote it into Consul.
RECORDED = {
    "docker/nodes/192.168.99.101:2375": "192.168.99.101:2375",
    "docker/nodes/192.168.99.102:2375": "192.168.99.102:2375",
    "docker/swarm/leader": "192.168.99.101:3375",
    "docker/swarm/nodes/192.168.99.101:2375": "192.168.99.101:2375",
    f"{ROOT}/endpoint_count/{NETWORK}": '{"Count":1}',
    f"{ROOT}/idm/vxlan-id": '{"id":"vxlan-id","sequence":"AAAAAAD//wAA"}',
    f"{ROOT}/ipam/default/config/GlobalDefault": '{"Scope":"global","Subnets":{}}',
    f"{ROOT}/network/{NETWORK}": (
        '{"addrSpace":"GlobalDefault","attachable":false,"created":"2026-11-25T13:45:08.772716401Z","enableIPv6":false,'
        '"generic":{"com.docker.network.generic":{}},"ipamType":"default","ipamV4Config":"[{\\"PreferredPool\\":\\"\\"}]",'
        '"ipamV4Info":"[{\\"IPAMData\\":\\"{\\\\\\"AddressSpace\\\\\\":\\\\\\"GlobalDefault\\\\\\",\\\\\\"Gateway\\\\\\":'
        '\\\\\\"10.0.0.1/24\\\\\\",\\\\\\"Pool\\\\\\":\\\\\\"10.0.0.0/24\\\\\\"}\\",\\"PoolID\\":\\"GlobalDefault/10.0.0.0/24\\"}]",'
        '"internal":false,"labels":{"org.dockernet.lab":"swarm"},"name":"linux","networkType":"overlay","scope":"global"}'
    ),
    f"{ROOT}/overlay/network/{NETWORK}": (
        '{"mtu":0,"secure":false,"subnets":[{"SubnetIP":"10.0.0.0/24","GwIP":"10.0.0.1/24","Vni":256}]}'
    ),
    f"{ROOT}/endpoint/{NETWORK}/{ENDPOINT}": (
        '{"anonymous":false,"ep_iface":{"addr":"10.0.0.3/24","dstPrefix":"eth","mac":"02:42:0a:00:00:03","routes":null,'
        '"srcName":"vethb2b97c7","v4PoolID":"GlobalDefault/10.0.0.0/24","v6PoolID":""},"id":"' + ENDPOINT + '",'
        '"locator":"192.168.99.102","myAliases":["498b05924ed1"],"name":"ubuntu2","sandbox":"6f3cf37dcef1"}'
    ),
}


def judged(engines, tree=RECORDED):
    content = parse(tree)
    judge(content, {host_of(name): Engine(frozenset(has)) for name, has in engines.items()})
    (end,) = content["networks"][0]["endpoints"]
    return end


def test_a_recorded_store_as_data():
    content = parse(RECORDED)
    assert content["engines"] == ["192.168.99.101:2375", "192.168.99.102:2375"]
    assert content["swarm"] == {"leader": "192.168.99.101:3375", "nodes": ["192.168.99.101:2375"]}
    (network,) = content["networks"]
    endpoints = network.pop("endpoints")
    assert network == {
        "id": NETWORK,
        "name": "linux",
        "driver": "overlay",
        "scope": "global",
        "internal": False,
        "created": "2026-11-25T13:45:08.772716401Z",
        "labels": {"org.dockernet.lab": "swarm"},
        "subnets": ["10.0.0.0/24"],
        "endpoint_count": 1,
    }
    assert endpoints == [
        {
            "id": ENDPOINT,
            "name": "ubuntu2",
            "node": "192.168.99.102",
            "address": "10.0.0.3",
            "addresses": ["10.0.0.3"],
            "mac": "02:42:0a:00:00:03",
            "aliases": ["498b05924ed1"],
        }
    ]


def test_an_empty_store_has_nothing():
    assert parse({}) == {"engines": [], "swarm": {"leader": "", "nodes": []}, "networks": [], "problems": []}


def test_an_address_that_engine_1_9_writes_as_nil_is_none():
    value = {"name": "old", "locator": "10.9.9.9", "ep_iface": {"addr": "10.0.0.3/24", "addrv6": "<nil>", "mac": ""}}
    end = parse({f"{ROOT}/endpoint/{NETWORK}/{ENDPOINT}": json.dumps(value)})["networks"][0]["endpoints"][0]
    assert (end["address"], end["addresses"]) == ("10.0.0.3", ["10.0.0.3"])


def test_the_subnet_is_the_overlay_s_where_the_network_does_not_tell_it():
    key = f"{ROOT}/network/{NETWORK}"
    tree = {**RECORDED, key: json.dumps({"name": "linux", "ipamV4Info": "{"})}
    assert parse(tree)["networks"][0]["subnets"] == ["10.0.0.0/24"]


@pytest.mark.parametrize("has", [ENDPOINT, ENDPOINT[:12], "ubuntu2", "498b05924ed1", "498b05924ed1" + "0" * 52])
def test_an_endpoint_is_live_by_any_word_for_it_or_its_container(has):
    end = judged({"tcp://192.168.99.102:2375": [has]})
    assert (end["status"], end["why"], end["cure"]) == ("live", "", "")


@pytest.mark.parametrize("has", [[], [ENDPOINT[:6]], ["ubuntu"], ["498b05924ed2"]])
def test_it_is_stale_where_its_engine_has_it_by_no_word(has):
    end = judged({"192.168.99.102": has, "192.168.99.101": ["ubuntu1"]})
    assert (end["status"], end["cure"]) == ("stale", "docker network disconnect -f linux ubuntu2")


def test_it_is_live_where_another_engine_has_it():
    assert judged({"192.168.99.102": [], "192.168.99.101": [ENDPOINT]})["status"] == "live"


def test_it_is_unclear_where_nobody_asked_its_engine_or_it_names_none():
    assert judged({"192.168.99.101": []})["status"] == "unclear"
    key = f"{ROOT}/endpoint/{NETWORK}/{ENDPOINT}"
    nameless = {**RECORDED, key: RECORDED[key].replace("192.168.99.102", "")}
    assert "names no engine" in judged({"192.168.99.102": []}, nameless)["why"]


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("192.168.99.101", "192.168.99.101"),
        ("192.168.99.101:2375", "192.168.99.101"),
        ("tcp://192.168.99.101:2375/", "192.168.99.101"),
        ("[fd00::1]:2375", "fd00::1"),
        ("fd00::1", "fd00::1"),
    ],
)
def test_the_host_of_an_engine_s_address(place, host):
    assert host_of(place) == host


def test_what_a_result_says_that_an_engine_has():
    running = {"name": "web", "state": "running", "networks": {"linux": {"endpoint_id": ENDPOINT}, "none": {}}}
    stopped = {"name": "db", "state": "exited", "networks": {"linux": {"endpoint_id": "ab" * 32}}}
    plain = {"name": "api", "state": "running", "networks": {"linux": "10.0.0.9"}}
    assert known_to({"complete": True, "containers": [running, stopped]}) == {ENDPOINT}
    assert known_to({"state": "answers", "containers": [plain]}) == {"api"}
    assert known_to(None) == known_to([]) == frozenset()
    for lacking in ({"complete": False, "containers": []}, {"state": "answers", "containers": None}, {"failed": True}):
        with pytest.raises(ValueError, match="has all containers"):
            known_to(lacking)
