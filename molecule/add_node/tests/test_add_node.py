# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinion on a node that joined a running Swarm, and on what is left when it has gone again.

The tests tell one story in their order: the node is there, is removed, dies; then the same in swarm mode.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import consul
import pytest

sys.path.append(str(Path(__file__).parents[2] / "shared"))
sys.path.append(str(Path(__file__).parents[1]))
from second_opinion import Node
from untouched import reading

SCENARIO = Path(__file__).parents[1]
CHECKOUT = SCENARIO.parents[1]
NEW = "man-demo2"
ADDRESS = "192.168.87.103"
MANAGER = Node("man-demo0")
FILE = SCENARIO / "inventory" / f"node_{NEW}.yml"


def docker(*words: str) -> str:
    """What `docker WORDS` prints on this machine."""
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()


def play(name: str, **environment: str) -> set[str]:
    """Run a playbook as `make` does; the hosts that it changed."""
    command = [str(CHECKOUT / ".venv/bin/ansible-playbook"), f"--inventory={SCENARIO / 'inventory'}"]
    run = subprocess.run(
        [*command, str(CHECKOUT / "playbooks" / f"{name}.yml")],
        env={**os.environ, "NODE": NEW, "ANSIBLE_FORCE_COLOR": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    print(run.stdout, run.stderr)
    assert run.returncode == 0
    return set(re.findall(r"^(\S+) +: .*changed=[1-9]", run.stdout, re.MULTILINE))


def is_classic() -> bool:
    return docker("inspect", "--format", '{{index .Config.Labels "org.dockernet.flavour"}}', "man-demo0") == "classic"


def members() -> dict[str, str]:
    """The Swarm's nodes and how they are, as its manager says."""
    if not is_classic():
        lines = MANAGER.run("docker node ls --format '{{.Hostname}} {{.Status}}'").splitlines()
        return dict(tuple(line.split()) for line in lines)
    said = docker("--host", "tcp://192.168.87.101:3375", "info", "--format", "{{json .SystemStatus}}")
    pairs = [(key.strip(" \u2514"), value) for key, value in json.loads(said)]
    nodes = [key for key, _value in pairs if key.startswith("man-")]
    return dict(zip(nodes, (value for key, value in pairs if key == "Status"), strict=True))


def left_behind() -> dict[str, object]:
    """All that there is of the new node and its container, wherever it could have been left."""
    left: dict[str, object] = {
        "node": docker("ps", "--all", "--quiet", "--filter", f"name=^/{NEW}$"),
        "context": [name for name in docker("context", "ls", "--quiet").split() if name == NEW],
        "member": [name for name in members() if name == NEW],
        "file": FILE.exists(),
        "name": MANAGER.resolves("ubuntu1", "ubuntu3"),
    }
    if is_classic():
        _index, keys = consul.Consul(host="192.168.87.100").kv.get("docker/", recurse=True)
        left["keys"] = [key["Key"] for key in keys if ADDRESS in key["Key"]]
        left["endpoints"] = [key["Key"] for key in keys if f'"{ADDRESS}"'.encode() in (key["Value"] or b"")]
    return {what: found for what, found in left.items() if found}


def see_the_node_as_part_of_the_swarm() -> None:
    node = Node(NEW)
    assert members()[NEW] in ("Healthy", "Ready")
    assert node.inspect("network", "linux")["Driver"] == "overlay"
    for name, there in {"ubuntu1": "man-demo0", "ubuntu2": "man-demo1"}.items():
        assert node.pings("ubuntu3", f"{name}.linux")
        assert Node(there).pings(name, "ubuntu3.linux")


def test_the_new_node_is_part_of_the_swarm_and_its_container_finds_the_others() -> None:
    see_the_node_as_part_of_the_swarm()


def test_no_other_node_was_touched() -> None:
    before = json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "untouched.json").read_text())
    assert reading() == before


def test_removing_the_node_leaves_nothing_of_it_and_touches_no_other() -> None:
    before = reading()
    assert play("remove_node") == {NEW}
    assert left_behind() == {}
    assert set(members()) == {"man-demo0", "man-demo1"}
    assert reading() == before


def test_removing_it_again_changes_nothing() -> None:
    assert play("remove_node") == set()


def test_a_node_that_died_is_removed_as_well() -> None:
    play("add_node")
    docker("kill", NEW)
    before = reading()
    assert play("remove_node") == {NEW}
    assert left_behind() == {}
    assert reading() == before


def test_the_same_in_swarm_mode_where_services_move_on() -> None:
    if not is_classic():
        pytest.skip("NOT TESTED: a node that joins a classic Swarm, for its image swarm:1.2.9 cannot be had here")
    play("down")
    play("swarm", SWARM_FLAVOUR="mode")
    before = reading()
    play("add_node")
    see_the_node_as_part_of_the_swarm()
    assert reading() == before
    assert play("add_node") == set()
    where = "--constraint node.role==worker --replicas 2 --stop-grace-period 1s"
    MANAGER.run(f"docker service create --quiet --name sleeper {where} --no-resolve-image box sleep 999")
    assert play("remove_node") == {NEW}
    tasks = "docker service ps sleeper --filter desired-state=running --format '{{.Node}} {{.CurrentState}}'"
    assert [line.split()[:2] for line in MANAGER.run(tasks).splitlines()] == [["man-demo1", "Running"]] * 2
    MANAGER.run("docker service rm sleeper")
    assert left_behind() == {}
