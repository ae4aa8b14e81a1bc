# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinion on the last stage of the story, and on what the stages before it left behind."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "shared"))
from second_opinion import Node

NODE = Node("msh-demo0")
REPORTS = Path(__file__).parents[1] / "reports" / "molecule-single_host"
STAGES = {
    "1-a-network": 0,
    "2-two-containers": 2,
    "3-a-third-container": 3,
    "4-another-network": 4,
    "5-a-connection": 4,
    "6-a-web-server": 5,
    "7-a-disconnection": 5,
}


def address(container: str, network: str) -> str:
    return NODE.inspect("container", container)["NetworkSettings"]["Networks"][network]["IPAddress"]


def fetches(container: str, url: str) -> bool:
    # busybox's own -T ends in a segmentation fault.
    return bool(NODE.host.run("docker exec %s timeout 2 wget -q -O /dev/null %s", container, url).rc == 0)


@pytest.mark.parametrize("network", ["linux", "frontend"])
def test_the_networks_are_bridges_of_the_node(network: str) -> None:
    seen = NODE.inspect("network", network)
    assert (seen["Driver"], seen["Scope"]) == ("bridge", "local")


@pytest.mark.parametrize(("source", "target"), [("ubuntu1", "ubuntu2"), ("ubuntu2", "ubuntu3"), ("ubuntu3", "ubuntu1")])
def test_containers_on_one_network_find_and_reach_each_other(source: str, target: str) -> None:
    for name in (target, f"{target}.linux"):
        assert NODE.resolves(source, name) == {address(target, "linux")}
        assert NODE.pings(source, name)


def test_the_web_server_answers_the_one_on_its_network() -> None:
    assert fetches("ubuntu4", "http://web/")
    assert fetches("ubuntu4", "http://web.frontend/")


@pytest.mark.parametrize("source", ["ubuntu1", "ubuntu2", "ubuntu3"])
def test_the_others_neither_find_nor_reach_it(source: str) -> None:
    assert NODE.resolves(source, "web") == set()
    assert not fetches(source, f"http://{address('web', 'frontend')}/")


def test_who_disconnected_is_forgotten_at_once_both_ways() -> None:
    assert set(NODE.inspect("container", "ubuntu4")["NetworkSettings"]["Networks"]) == {"frontend"}
    for name in ("ubuntu4", "ubuntu4.linux", "ubuntu4.frontend"):
        assert NODE.resolves("ubuntu1", name) == set()
    assert NODE.resolves("ubuntu4", "ubuntu1") == set()
    assert not NODE.pings("ubuntu1", address("ubuntu4", "frontend"))
    assert not NODE.pings("ubuntu4", address("ubuntu1", "linux"))


def test_nobody_was_restarted_on_the_way() -> None:
    for name in ("ubuntu1", "ubuntu2", "ubuntu3", "ubuntu4"):
        seen = NODE.inspect("container", name)
        assert seen["RestartCount"] == 0
        # It runs since it was made: a restart for a network would be minutes or seconds later.
        assert seen["State"]["StartedAt"][:18] >= seen["Created"][:18]
        assert NODE.run("docker events --since 24h --until 0s --filter event=restart --filter container=%s", name) == ""


@pytest.mark.parametrize(("stage", "containers"), STAGES.items())
def test_each_stage_was_proven_and_drawn(stage: str, containers: int) -> None:
    report = json.loads((REPORTS / stage / "report.json").read_text())
    assert report["summary"]["status"] == 0
    assert report["summary"]["correct"] == report["summary"]["total"] > 0
    picture = (REPORTS / stage / "topology.svg").read_text()
    names = ["ubuntu1", "ubuntu2", "ubuntu3", "ubuntu4", "web"]
    assert [name for name in names if f">{name}<" in picture] == names[:containers]
