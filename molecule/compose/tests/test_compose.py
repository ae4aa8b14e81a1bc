# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinion on a Compose project: with docker and ping alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "shared"))
from second_opinion import Node

NODE = Node("mco-demo0")
WEB = "myproject-web-1"
WORKERS = ("myproject-worker-1", "myproject-worker-2")


def networks_of(container: str) -> dict[str, dict[str, object]]:
    return dict(NODE.inspect("container", container)["NetworkSettings"]["Networks"])


def address(container: str, network: str) -> str:
    return str(networks_of(container)[network]["IPAddress"])


def test_compose_knows_the_project_by_its_directory_s_normal_name() -> None:
    (project,) = json.loads(NODE.run("docker compose ls --format json"))
    assert project == {"Name": "myproject", "Status": "running(6)", "ConfigFiles": "/srv/My Project/compose.yml"}


def test_compose_made_the_containers_and_no_others_run() -> None:
    lines = NODE.run("cd '/srv/My Project' && docker compose ps --format json").splitlines()
    assert {json.loads(line)["Name"] for line in lines} == {"ubuntu1", "ubuntu2", "ubuntu3", WEB, *WORKERS}
    assert NODE.containers() == {"ubuntu1", "ubuntu2", "ubuntu3", WEB, *WORKERS}


def test_networks_are_called_after_the_project_or_as_they_are_named() -> None:
    names = set(NODE.run("docker network ls --format '{{.Name}}'").split())
    assert names == {
        "bridge", "host", "none", "myproject_default", "myproject_backend", "shopfront", "frontend",
    }  # fmt: skip
    assert NODE.inspect("network", "myproject_backend")["Internal"]


def test_the_external_network_is_not_compose_s() -> None:
    labels = NODE.inspect("network", "frontend")["Labels"]
    assert labels["org.dockernet.lab"] == "molecule-compose"
    assert "com.docker.compose.project" not in labels


@pytest.mark.parametrize("name", ["ubuntu2", "ubuntu2.myproject_default"])
def test_services_find_each_other_with_and_without_the_network(name: str) -> None:
    assert NODE.resolves("ubuntu1", name) == {address("ubuntu2", "myproject_default")}
    assert NODE.pings("ubuntu1", name)


@pytest.mark.parametrize("name", ["web", "web.myproject_default", WEB, f"{WEB}.myproject_default"])
def test_a_service_is_found_by_its_own_name_and_its_container_s(name: str) -> None:
    assert NODE.resolves("ubuntu1", name) == {address(WEB, "myproject_default")}


@pytest.mark.parametrize("name", ["db", "db.myproject_backend", "ubuntu3"])
def test_an_alias_and_a_fixed_address_hold_on_their_network(name: str) -> None:
    assert NODE.resolves(WORKERS[0], name) == {"10.1.0.20"}
    assert NODE.pings(WORKERS[0], name)


def test_an_alias_is_unknown_on_another_network() -> None:
    assert NODE.resolves("ubuntu1", "db") == set()


def test_a_scaled_service_answers_with_all_its_containers() -> None:
    assert NODE.resolves("ubuntu3", "worker") == {address(worker, "myproject_backend") for worker in WORKERS}


def test_the_second_network_is_isolated_from_the_first() -> None:
    worker = WORKERS[0]
    there = address(worker, "myproject_backend")
    assert NODE.resolves("ubuntu1", worker) == set()
    assert not NODE.pings("ubuntu1", there)
    assert not NODE.pings(worker, address("ubuntu1", "myproject_default"))
    assert NODE.pings("ubuntu3", there)


def test_what_a_service_declares_is_what_its_container_got() -> None:
    assert NODE.run("docker exec ubuntu2 hostname") == "two"
    assert ["10.9.8.7", "printer"] in NODE.hosts_file("ubuntu2")
    assert "box" not in NODE.run("docker exec ubuntu1 wget -qO- http://web/")
    assert set(networks_of(WEB)) == {"myproject_default", "frontend", "shopfront"}
