# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinion on two engines that share their networks through three servers of etcd."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "multi_host"))
from two_hosts import Node, TwoHosts

LAB = TwoHosts("mme", "192.168.89")
SERVERS = ["192.168.89.98", "192.168.89.99", "192.168.89.100"]


def etcd(path: str, server: str = SERVERS[0]) -> Any:
    """What a server's v2 API answers."""
    with urllib.request.urlopen(f"http://{server}:2379/v2/{path}", timeout=10) as answer:
        return json.load(answer)


def keys(folder: str, server: str = SERVERS[0]) -> list[str]:
    """What etcd keeps in a folder, without the folder's own name."""
    return sorted(node["key"].rpartition("/")[2] for node in etcd(f"keys/{folder}", server)["node"].get("nodes", []))


def test_three_servers_have_one_leader() -> None:
    leaders = {etcd("members/leader", server)["name"] for server in SERVERS}
    assert len(leaders) == 1
    assert leaders < set(SERVERS)
    assert sorted(member["name"] for member in etcd("members")["members"]) == sorted(SERVERS)


def test_etcd_runs_as_a_unit() -> None:
    service = Node("mme-etcd0").host.service("etcd")
    assert service.is_running
    assert service.is_enabled


def test_both_engines_use_all_servers_of_the_store() -> None:
    LAB.check_store("etcd://" + ",".join(f"{server}:2379" for server in SERVERS))


def test_both_engines_are_registered_with_every_server() -> None:
    for server in SERVERS:
        assert keys("docker/nodes", server) == LAB.advertised


def test_the_network_is_in_the_store_and_on_both_engines() -> None:
    assert LAB.nodes[0].inspect("network", "linux")["Id"] in keys("docker/network/v1.0/network")
    LAB.check_one_network("linux")


def test_containers_that_were_never_on_one_host_find_each_other() -> None:
    LAB.check_containers()


def test_what_one_engine_makes_or_removes_the_other_knows_at_once_also_without_one_server() -> None:
    LAB.check_made_at_once()
    node = Node("mme-etcd0")
    node.run("systemctl stop etcd")
    try:
        LAB.check_removed_at_once()
    finally:
        node.run("systemctl start etcd")
