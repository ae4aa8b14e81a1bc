# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinion on Consul, the cluster store, classic Swarm and the overlay networks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import consul
import pytest

sys.path.append(str(Path(__file__).parents[2] / "shared"))
from second_opinion import Node

STORE = "192.168.95.100"
ENGINES = {"msc-demo0": "192.168.95.101:2375", "msc-demo1": "192.168.95.102:2375"}
PLACES = {"ubuntu1": "msc-demo0", "ubuntu2": "msc-demo1", "ubuntu3": "msc-demo0", "ubuntu4": "msc-demo1"}
NODES = {name: Node(name) for name in ENGINES}
HAS_IMAGE = (
    subprocess.run(["docker", "image", "inspect", "swarm:1.2.9"], capture_output=True, check=False).returncode == 0
)

needs_swarm = pytest.mark.skipif(
    not HAS_IMAGE, reason="NOT TESTED: classic Swarm itself, for its image swarm:1.2.9 cannot be had here"
)


def swarm(*words: str) -> str:
    """What `docker WORDS` prints when it talks to the Swarm."""
    command = ["docker", "--host", "tcp://192.168.95.101:3375", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def pings(source: str, target: str) -> bool:
    return NODES[PLACES[source]].pings(source, target)


def test_consul_has_a_leader_and_shows_its_pages() -> None:
    assert consul.Consul(host=STORE).status.leader() == f"{STORE}:8300"
    with urllib.request.urlopen(f"http://{STORE}:8500/ui/", timeout=10) as page:
        assert b"Consul" in page.read()


def test_consul_runs_as_a_unit_of_its_own() -> None:
    service = Node("msc-consul").host.service("consul")
    assert service.is_running
    assert service.is_enabled


def test_both_engines_are_registered_in_the_store() -> None:
    _index, keys = consul.Consul(host=STORE).kv.get("docker/nodes/", keys=True)
    assert sorted(key.removeprefix("docker/nodes/") for key in keys) == sorted(ENGINES.values())


def test_engines_have_ids_of_their_own() -> None:
    assert len({node.run("docker info --format '{{.ID}}'") for node in NODES.values()}) == 2


def test_an_option_is_never_both_a_flag_and_in_the_file() -> None:
    config = json.loads(NODES["msc-demo0"].run("cat /etc/docker/daemon.json"))
    assert config["cluster-store"] == f"consul://{STORE}:8500"
    assert config["cluster-advertise"] == ENGINES["msc-demo0"]
    assert " -H " not in NODES["msc-demo0"].run("systemctl show --property=ExecStart docker.service")


@pytest.mark.parametrize("network", ["linux", "backend"])
def test_both_engines_know_the_overlay_networks(network: str) -> None:
    seen = [node.inspect("network", network) for node in NODES.values()]
    assert seen[0]["Id"] == seen[1]["Id"]
    assert seen[0]["Driver"] == "overlay"


@pytest.mark.parametrize(("container", "node"), PLACES.items())
def test_each_container_runs_on_its_node_alone(container: str, node: str) -> None:
    assert [name for name, other in NODES.items() if container in other.containers()] == [node]


@pytest.mark.parametrize(("source", "target"), [("ubuntu1", "ubuntu2"), ("ubuntu1", "ubuntu4"), ("ubuntu2", "ubuntu4")])
def test_containers_on_one_network_reach_each_other(source: str, target: str) -> None:
    for there in (target, f"{target}.linux"):
        assert pings(source, there)
    assert pings(target, f"{source}.linux")


def test_aliases_and_the_fixed_address_hold_on_their_network_only() -> None:
    for name in ("ubuntu2", "ubuntu2.backend", "db", "store.backend"):
        assert NODES["msc-demo0"].resolves("ubuntu3", name) == {"10.1.0.20"}
    assert NODES["msc-demo0"].resolves("ubuntu1", "db") == set()


def test_a_container_on_another_network_is_neither_found_nor_reached() -> None:
    address = NODES["msc-demo0"].inspect("container", "ubuntu3")["NetworkSettings"]["Networks"]["backend"]["IPAddress"]
    assert NODES["msc-demo0"].resolves("ubuntu1", "ubuntu3") == set()
    assert not pings("ubuntu1", address)
    assert pings("ubuntu2", address)


def test_what_a_container_declares_is_what_it_got() -> None:
    ubuntu3 = NODES["msc-demo0"].inspect("container", "ubuntu3")
    assert "ROLE=client" in ubuntu3["Config"]["Env"]
    assert ubuntu3["Config"]["Labels"]["tier"] == "back"
    assert ubuntu3["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    assert ["10.9.8.7", "printer"] in NODES["msc-demo1"].hosts_file("ubuntu4")
    assert NODES["msc-demo1"].run("docker exec ubuntu4 hostname") == "four"


@needs_swarm
def test_the_swarm_has_two_healthy_nodes() -> None:
    status = dict(json.loads(swarm("info", "--format", "{{json .SystemStatus}}"))[:4])
    assert status["Nodes"] == "2"
    assert swarm("info").count("Status: Healthy") == 2


@needs_swarm
def test_the_swarm_keeps_its_nodes_in_the_store() -> None:
    _index, keys = consul.Consul(host=STORE).kv.get("docker/swarm/nodes/", keys=True)
    assert sorted(key.removeprefix("docker/swarm/nodes/") for key in keys) == sorted(ENGINES.values())


@needs_swarm
def test_the_swarm_honoured_the_constraints() -> None:
    names = swarm("ps", "--format", "{{.Names}}").split()
    assert {name for name in names if "ubuntu" in name} == {f"{node}/{name}" for name, node in PLACES.items()}


def ask(module: str, **arguments: object) -> dict[str, Any]:
    """What a module of the collection returns on the controller."""
    checkout = Path(__file__).parents[3]
    words = [str(Path(sys.executable).with_name("ansible")), "localhost", "--connection=local", "--one-line"]
    words += [f"--module-name=dockernet.lab.{module}", f"--args={json.dumps(arguments)}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(checkout / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(words, cwd=checkout, env=environment, check=True, capture_output=True, text=True).stdout
    said, _end = json.JSONDecoder().raw_decode(done.partition("=> ")[2])
    return dict(said)


@needs_swarm
def test_classic_swarm_info_says_what_the_swarm_says() -> None:
    said = ask("classic_swarm_info", manager="tcp://192.168.95.101:3375")
    assert (said["role"], said["strategy"], said["version"]) == ("primary", "spread", "1.2.9")
    assert {node["name"]: node["address"] for node in said["nodes"]} == ENGINES
    assert {node["status"] for node in said["nodes"]} == {"Healthy"}
    (demo1,) = (node for node in said["nodes"] if node["name"] == "msc-demo1")
    assert demo1["labels"]["storage"] == "ssd"


def what_the_store_has() -> dict[str, Any]:
    """What cluster_store_info says of the store, and of both engines."""
    engines = {place.partition(":")[0]: f"tcp://{place}" for place in ENGINES.values()}
    return ask("cluster_store_info", store=f"consul://{STORE}:8500", engines=engines)


def test_cluster_store_info_finds_all_endpoints_live() -> None:
    said = what_the_store_has()
    assert said["engines"] == sorted(ENGINES.values())
    networks = {network["name"]: network for network in said["networks"]}
    assert set(networks) == {"linux", "backend"}
    for name, network in networks.items():
        assert network["id"] == NODES["msc-demo0"].inspect("network", name)["Id"]
        assert network["endpoint_count"] == len(network["endpoints"])
    found = {(end["name"], end["node"]) for network in networks.values() for end in network["endpoints"]}
    assert found == {(name, ENGINES[node].partition(":")[0]) for name, node in PLACES.items()}
    assert (said["stale"], said["unclear"], said["problems"]) == ([], [], [])


def test_an_endpoint_that_was_left_in_the_store_is_stale_and_its_cure_removes_it() -> None:
    store = consul.Consul(host=STORE)
    network = NODES["msc-demo0"].inspect("network", "linux")["Id"]
    root = "docker/network/v1.0"
    _index, items = store.kv.get(f"{root}/endpoint/{network}/", recurse=True)
    ends = [json.loads(item["Value"]) for item in items if item["Value"]]
    left = {**ends[0], "id": "ab" * 32, "name": "left-over", "sandbox": "", "myAliases": []}
    left["ep_iface"] = {**left["ep_iface"], "addr": "10.0.0.250/24"}
    store.kv.put(f"{root}/endpoint/{network}/{left['id']}/", json.dumps(left))
    store.kv.put(f"{root}/endpoint_count/{network}/", json.dumps({"Count": len(ends) + 1}))
    (stale,) = what_the_store_has()["stale"]
    assert (stale["network"], stale["name"], stale["node"]) == ("linux", "left-over", left["locator"])
    NODES["msc-demo0"].run(stale["cure"])
    test_cluster_store_info_finds_all_endpoints_live()
