# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinion on three Consul servers beside three engines, and on two managers of one classic Swarm."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "shared"))
from second_opinion import Node

ADDRESSES = {"mha-demo0": "192.168.70.101", "mha-demo1": "192.168.70.102", "mha-demo2": "192.168.70.103"}
NODES = {name: Node(name) for name in ADDRESSES}
PLACES = {"ubuntu0": "mha-demo0", "ubuntu1": "mha-demo1", "ubuntu2": "mha-demo2"}
MANAGERS = ("192.168.70.101", "192.168.70.102")
HAS_IMAGE = (
    subprocess.run(["docker", "image", "inspect", "swarm:1.2.9"], capture_output=True, check=False).returncode == 0
)

needs_swarm = pytest.mark.skipif(
    not HAS_IMAGE, reason="NOT TESTED: classic Swarm's replicas, for its image swarm:1.2.9 cannot be had here"
)


def consul(address: str, path: str) -> Any:
    """What the Consul server at an address answers, asked as curl would."""
    with urllib.request.urlopen(f"http://{address}:8500/v1/{path}", timeout=10) as answer:
        return json.load(answer)


def swarm(manager: str, *words: str) -> str:
    """What `docker WORDS` prints when it talks to the manager at an address."""
    command = ["docker", "--host", f"tcp://{manager}:3375", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def status(manager: str) -> dict[str, str]:
    """The manager's own part of its SystemStatus."""
    return dict(json.loads(swarm(manager, "info", "--format", "{{json .SystemStatus}}"))[:5])


def roles() -> tuple[str, str]:
    """Addresses of the primary and of the replica."""
    primary, replica = sorted(MANAGERS, key=lambda manager: status(manager)["Role"])
    return primary, replica


def test_consul_has_three_voters_and_one_leader() -> None:
    servers = consul(ADDRESSES["mha-demo0"], "operator/raft/configuration")["Servers"]
    assert {(server["Node"], server["Address"]) for server in servers} == {
        (name, f"{address}:8300") for name, address in ADDRESSES.items()
    }
    assert [server["Voter"] for server in servers] == [True] * 3
    assert sum(server["Leader"] for server in servers) == 1


def test_all_servers_name_the_same_leader() -> None:
    leaders = {consul(address, "status/leader") for address in ADDRESSES.values()}
    assert leaders < {f"{address}:8300" for address in ADDRESSES.values()}
    assert len(leaders) == 1


@pytest.mark.parametrize("name", ADDRESSES)
def test_each_engine_asks_the_server_beside_it(name: str) -> None:
    asked = NODES[name].run("docker info --format '{{.ClusterStore}} {{.ClusterAdvertise}}'")
    assert asked == f"consul://{ADDRESSES[name]}:8500 {ADDRESSES[name]}:2375"


@pytest.mark.parametrize("address", ADDRESSES.values())
def test_each_server_knows_all_engines(address: str) -> None:
    keys = consul(address, "kv/docker/nodes/?keys")
    assert sorted(keys) == [f"docker/nodes/{engine}:2375" for engine in ADDRESSES.values()]


@pytest.mark.parametrize(("source", "target"), [*itertools.permutations(PLACES, 2)])
def test_containers_on_different_nodes_reach_each_other(source: str, target: str) -> None:
    assert NODES[PLACES[source]].containers() & set(PLACES) == {source}
    assert NODES[PLACES[source]].pings(source, f"{target}.linux")


@needs_swarm
def test_one_manager_is_primary_and_the_other_knows_who_that_is() -> None:
    primary, replica = roles()
    assert status(primary)["Role"] == "primary"
    assert (status(replica)["Role"], status(replica)["Primary"]) == ("replica", f"{primary}:3375")


@needs_swarm
@pytest.mark.parametrize("manager", MANAGERS)
def test_both_managers_have_three_healthy_nodes(manager: str) -> None:
    said = swarm(manager, "info")
    assert "Nodes: 3" in said
    assert said.count("Status: Healthy") == 3


@needs_swarm
def test_what_the_replica_is_told_the_primary_does() -> None:
    primary, replica = roles()
    swarm(replica, "create", "--name", "forwarded", "--env", "constraint:node==mha-demo2", "box")
    try:
        assert swarm(primary, "inspect", "--format", "{{.Node.Name}}", "forwarded") == "mha-demo2"
        assert "mha-demo2/forwarded" in swarm(replica, "ps", "--all", "--format", "{{.Names}}").split()
    finally:
        swarm(replica, "rm", "forwarded")
