# SPDX-License-Identifier: GPL-3.0-or-later
"""The role verify as a user runs it, of a part: on containers of this machine that nothing of ours has made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

docker = pytest.importorskip("docker")

CHECKOUT = Path(__file__).parents[2]
URL = "unix:///var/run/docker.sock"
LABELS = {"org.dockernet.lab": "verify-role-test"}
IMAGE = "box"
NETWORKS = [{"name": "vr-front"}, {"name": "vr-back"}]
HERE = {"vr-web": ["vr-front", "vr-back"], "vr-api": ["vr-front"], "vr-db": ["vr-back"]}
CONTAINERS = [
    *({"name": name, "node": "here", "networks": networks, "listens": [80]} for name, networks in HERE.items()),
    {"name": "vr-far", "node": "there", "networks": ["vr-front"]},
]
PLAY = """
- hosts: all
  gather_facts: false
  roles:
    - role: dockernet.lab.verify
      vars: {verify_wait: 5, verify_flavour: none}
"""


@pytest.fixture(scope="module")
def engine():
    """Two networks and what is declared for `here`; of `there` nothing is, nor is there such a machine."""
    client = docker.APIClient(base_url=URL, version="auto")
    try:
        client.ping()
        client.inspect_image(IMAGE)
    except Exception:  # whatever is wrong with it
        pytest.skip(f"no engine with an image '{IMAGE}' answers at {URL}")
    clean(client)
    for network in NETWORKS:
        client.create_network(network["name"], labels=LABELS)
    for name, networks in HERE.items():
        config = client.create_host_config(network_mode=networks[0], init=True)
        command = ["httpd", "-f", "-p", "80"]
        made = client.create_container(IMAGE, command, name=name, host_config=config, labels=LABELS)
        for other in networks[1:]:
            client.connect_container_to_network(made["Id"], other)
        client.start(made["Id"])
    yield client
    clean(client)


def clean(client):
    mine = {"label": [f"{key}={value}" for key, value in LABELS.items()]}
    for container in client.containers(all=True, filters=mine):
        client.remove_container(container["Id"], force=True)
    for network in client.networks(filters=mine):
        client.remove_network(network["Id"])


class Done:
    """What a run ended with, printed, and reported (None where it wrote no report)."""

    def __init__(self, directory: Path, *arguments: str, **variables: object) -> None:
        inventory = {"all": {"hosts": {"here": LOCAL, "there": {"ansible_host": "192.0.2.1"}}}}
        (directory / "inventory.json").write_text(json.dumps(inventory))
        (directory / "play.yml").write_text(PLAY)
        given = {"verify_networks": NETWORKS, "verify_containers": CONTAINERS, "verify_reports": str(directory)}
        words = ["-i", "inventory.json", "-e", json.dumps({**given, **variables}), *arguments, "play.yml"]
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), *words],
            cwd=directory,
            env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.status, self.printed = done.returncode, done.stdout + done.stderr
        report = directory / "report.json"
        self.report: Any = json.loads(report.read_text()) if report.exists() else None


LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


@pytest.mark.usefixtures("engine")
def test_a_limit_judges_what_its_nodes_can_tell_and_says_that_it_is_not_all(tmp_path):
    done = Done(tmp_path, "--limit", "here")
    assert done.status == 0, done.printed
    covered = done.report["coverage"]
    assert (covered["only_nodes"], covered["pairs"]) == (["here"], 12)
    assert covered["not_asked"] > 0
    assert "vr-far" not in {cell["source"] for cell in done.report["cells"]}
    assert "0 wrong, 0 no value (full, only node here: 9 of 12 pairs" in done.printed
    assert f"{covered['not_asked']} cells not asked" in done.printed
    assert {node["name"]: bool(node["error"]) for node in done.report["nodes"]} == {"here": False, "there": True}


def test_a_limit_still_finds_what_is_wrong_on_its_nodes(tmp_path, engine):
    engine.disconnect_container_from_network("vr-db", "vr-back")
    try:
        done = Done(tmp_path, "--limit", "here", verify_wait=0)
    finally:
        engine.connect_container_to_network("vr-db", "vr-back")
    assert done.status == 2, done.printed
    assert "wrong: vr-db is not attached to vr-back" in done.printed


@pytest.mark.usefixtures("engine")
def test_one_network_and_one_container_are_asked_alone(tmp_path):
    done = Done(tmp_path, "--limit", "here", verify_only_networks=["vr-back"], verify_only_containers=["vr-api"])
    assert done.status == 0, done.printed
    # It may reach nobody there, and that those work who may is proven although nobody asked for a verdict on them.
    found = {(cell["source"], cell["target"]) for cell in done.report["cells"]}
    assert found == {("vr-api", "vr-web"), ("vr-api", "vr-db")}
    assert {cell["expected"] for cell in done.report["cells"] if cell["facet"] == "tcp"} == {"denied"}
    assert "only network vr-back, only container vr-api, only node here" in done.printed


@pytest.mark.usefixtures("engine")
def test_an_unknown_network_is_refused_in_a_sentence_with_the_known_ones(tmp_path):
    done = Done(tmp_path, "--limit", "here", verify_only_networks=["vr-bck"])
    assert done.status == 2
    assert done.report is None
    sentence = "There is no network 'vr-bck' in the topology, so nothing was asked; it has 'vr-front', 'vr-back'."
    assert sentence in done.printed
