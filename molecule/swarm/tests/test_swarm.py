# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinion on the lab in swarm mode."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "shared"))
from second_opinion import Node

PLACES = {"ubuntu1": "msm-demo0", "ubuntu2": "msm-demo1", "ubuntu3": "msm-demo2", "ubuntu4": "msm-demo2"}
NODES = {name: Node(name) for name in ("msm-demo0", "msm-demo1", "msm-demo2")}


def pings(source: str, target: str) -> bool:
    return NODES[PLACES[source]].pings(source, target)


@pytest.mark.parametrize(("node", "release"), [("msm-demo0", "13"), ("msm-demo1", "12"), ("msm-demo2", "13")])
def test_nodes_run_the_debian_and_the_engine_of_the_inventory(node: str, release: str) -> None:
    host = NODES[node].host
    assert host.system_info.release.split(".")[0] == release
    assert host.service("docker").is_running
    assert host.service("docker").is_enabled


def test_nodes_are_no_clones_of_each_other() -> None:
    for command in ("cat /etc/machine-id", "hostname", "docker info --format '{{.ID}}'"):
        assert len({node.run(command) for node in NODES.values()}) == len(NODES)


def test_an_option_is_never_both_a_flag_and_in_the_file() -> None:
    config = json.loads(NODES["msm-demo0"].run("cat /etc/docker/daemon.json"))
    assert config["hosts"] == ["fd://", "tcp://192.168.94.101:2375"]
    assert "-H" not in NODES["msm-demo0"].run("systemctl show --property=ExecStart docker.service")


def test_the_swarm_has_its_managers_workers_and_labels() -> None:
    lines = (
        NODES["msm-demo0"].run("docker node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'").splitlines()
    )
    status = {line.split()[0]: line.split()[1:] for line in lines}
    assert status["msm-demo0"] == ["Ready", "Leader"]
    assert status["msm-demo2"] == ["Ready", "Reachable"]
    assert status["msm-demo1"] == ["Ready"]
    assert NODES["msm-demo0"].inspect("node", "msm-demo1")["Spec"]["Labels"] == {"storage": "ssd"}


@pytest.mark.parametrize(("container", "node"), PLACES.items())
def test_each_container_runs_on_its_node_alone(container: str, node: str) -> None:
    assert [name for name, other in NODES.items() if container in other.containers()] == [node]


@pytest.mark.parametrize(("source", "target"), [("ubuntu1", "ubuntu2"), ("ubuntu2", "ubuntu4"), ("ubuntu4", "ubuntu1")])
def test_containers_on_one_network_reach_each_other_across_nodes(source: str, target: str) -> None:
    assert pings(source, target)
    assert pings(source, f"{target}.linux")
    assert pings(target, f"{source}.linux")


def test_aliases_and_the_fixed_address_hold_on_their_network_only() -> None:
    for name in ("ubuntu2", "ubuntu2.backend", "db", "store.backend"):
        assert NODES["msm-demo2"].resolves("ubuntu3", name) == {"10.1.0.20"}
    assert NODES["msm-demo0"].resolves("ubuntu1", "db") == set()


def test_a_container_on_another_network_is_neither_found_nor_reached() -> None:
    address = NODES["msm-demo2"].inspect("container", "ubuntu3")["NetworkSettings"]["Networks"]["backend"]["IPAddress"]
    assert NODES["msm-demo0"].resolves("ubuntu1", "ubuntu3") == set()
    assert not pings("ubuntu1", address)
    assert pings("ubuntu2", address)


def test_what_a_container_declares_is_what_it_got() -> None:
    ubuntu3 = NODES["msm-demo2"].inspect("container", "ubuntu3")["Config"]
    assert "ROLE=client" in ubuntu3["Env"]
    assert ubuntu3["Labels"]["tier"] == "back"
    assert ["10.9.8.7", "printer"] in NODES["msm-demo2"].hosts_file("ubuntu4")
    assert NODES["msm-demo2"].run("docker exec ubuntu4 hostname") == "four"


def test_a_restarted_node_keeps_its_address_and_comes_back() -> None:
    node = NODES["msm-demo1"]

    def identity() -> tuple[str, str]:
        return node.run("ip -brief -4 address show eth0").split()[2], node.run("docker info --format '{{.ID}}'")

    before = identity()
    node.host.backend.run_local("docker restart msm-demo1")
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and not node.host.run("docker ps --quiet --filter name=ubuntu2").stdout:
        time.sleep(0.5)
    while time.monotonic() < deadline and not pings("ubuntu1", "ubuntu2.linux"):
        time.sleep(0.5)
    assert identity() == before
    assert pings("ubuntu1", "ubuntu2.linux")
