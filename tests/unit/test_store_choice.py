# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster stores the plan refuses, before anything is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
OVERLAY = [{"name": "linux", "driver": "overlay"}]
CONTAINER = [{"name": "ubuntu1", "node": "a", "networks": ["linux"]}]


@pytest.fixture
def plan(tmp_path):
    """Run the plan for two machines that are no lab's; returns its exit status and what it says in one line."""

    def run(**variables):
        machines = {"a": {"node_address": "192.0.2.1"}, "b": {"node_address": "192.0.2.2"}}
        variables = {"swarm_flavour": "none", "topology_networks": [], "topology_containers": [], **variables}
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(
            yaml.safe_dump({"store": {"hosts": machines}, "engines": {"hosts": {"a": {}, "b": {}}, "vars": variables}})
        )
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, "playbooks/plan.yml"],
            cwd=CHECKOUT,
            env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, " ".join(done.stdout.split())

    return run


def test_zookeeper_with_a_container_on_an_overlay_network_is_refused(plan):
    status, said = plan(cluster_store_kind="zk", topology_networks=OVERLAY, topology_containers=CONTAINER)
    assert status != 0
    assert (
        said.count("dies of the first container on an overlay network (libnetwork#1632), and 'ubuntu1' would be") == 1
    )
    assert "choose cluster_store_kind etcd or consul" in said


def test_so_it_is_where_the_container_comes_in_a_later_stage(plan):
    stages = [{"name": "one", "networks": OVERLAY}, {"name": "two", "containers": CONTAINER}]
    status, said = plan(cluster_store_kind="zk", topology_stages=stages)
    assert status != 0
    assert "'ubuntu1' would be on one" in said


@pytest.mark.parametrize("kind", ["zk", "etcd"])
def test_networks_alone_and_containers_on_bridges_are_not(plan, kind):
    networks = [*OVERLAY, {"name": "here"}]
    status, said = plan(
        cluster_store_kind=kind,
        topology_networks=networks,
        topology_containers=[{"name": "ubuntu1", "node": "a", "networks": ["here"]}],
    )
    assert status == 0, said


def test_etcd_takes_containers_on_overlay_networks(plan):
    status, said = plan(cluster_store_kind="etcd", topology_networks=OVERLAY, topology_containers=CONTAINER)
    assert status == 0, said
