# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinion on two engines that share their networks through Consul."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import consul

sys.path.append(str(Path(__file__).parents[1]))
from two_hosts import TwoHosts

CHECKOUT = Path(__file__).parents[3]
LAB = TwoHosts("mmh", "192.168.90")
STORE = consul.Consul(host="192.168.90.100")


def keys(folder: str) -> list[str]:
    """What Consul keeps in a folder, without the folder's own name."""
    found = STORE.kv.get(folder, keys=True)[1] or []
    return sorted(key.removeprefix(folder).strip("/") for key in found if key != folder)


def test_consul_has_a_leader() -> None:
    assert STORE.status.leader() == "192.168.90.100:8300"


def test_both_engines_use_the_store() -> None:
    LAB.check_store("consul://192.168.90.100:8500")


def test_both_engines_are_registered_in_the_store() -> None:
    assert keys("docker/nodes/") == LAB.advertised


def test_the_network_is_in_the_store_and_on_both_engines() -> None:
    assert LAB.nodes[0].inspect("network", "linux")["Id"] in keys("docker/network/v1.0/network/")
    LAB.check_one_network("linux")


def test_what_one_engine_makes_the_other_knows_at_once() -> None:
    LAB.check_made_at_once()
    LAB.check_removed_at_once()


def test_containers_that_were_never_on_one_host_find_each_other() -> None:
    LAB.check_containers()


def test_a_lab_on_one_store_is_not_changed_to_another() -> None:
    words = [".venv/bin/ansible-playbook", "--inventory=molecule/multi_host/inventory", "playbooks/multi_host.yml"]
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "dockernet.lab.progress", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        [*words, "--extra-vars=cluster_store_kind=etcd"],
        cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "is there with the cluster store 'consul', and 'etcd' is asked for: remove it first" in done.stdout
    assert "changed=0" in done.stdout
    assert "changed=1" not in done.stdout
