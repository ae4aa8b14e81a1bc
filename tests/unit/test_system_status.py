# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.dockernet.lab.plugins.module_utils._system_status import parse

# As Swarm 1.2.9 answered on two nodes, one of which had just been stopped.
RECORDED = [
    ["Role", "primary"],
    ["Strategy", "spread"],
    ["Filters", "health, port, containerslots, dependency, affinity, constraint, whitelist"],
    ["Nodes", "2"],
    [" swl-demo0", "192.168.99.101:2375"],
    ["  \u2514 ID", "RARP:UXXB:O3UD:2TE7:KKGC:4LZJ:VVNM:AFMW:U5LU:J6OY:EPEH:D4RU|192.168.99.101:2375"],
    ["  \u2514 Status", "Healthy"],
    ["  \u2514 Containers", "5 (4 Running, 0 Paused, 1 Stopped)"],
    ["  \u2514 Reserved CPUs", "0 / 2"],
    ["  \u2514 Reserved Memory", "0 B / 24.72 GiB"],
    [
        "  \u2514 Labels",
        "kernelversion=6.1.0, operatingsystem=Debian GNU/Linux 11 (bullseye), two, ostype=linux, storage=ssd",
    ],
    ["  \u2514 UpdatedAt", "2026-11-25T14:31:40Z"],
    ["  \u2514 ServerVersion", "20.10.5+dfsg1"],
    [" (unknown)", "192.168.99.102:2375"],
    ["  \u2514 ID", ""],
    ["  \u2514 Status", "Pending"],
    ["  \u2514 Containers", "3"],
    ["  \u2514 Reserved CPUs", "0 / 0"],
    ["  \u2514 Reserved Memory", "0 B / 0 B"],
    ["  \u2514 Labels", ""],
    ["  \u2514 Error", "Cannot connect to the Docker daemon at tcp://192.168.99.102:2375."],
    ["  \u2514 UpdatedAt", "2026-11-25T14:31:41Z"],
    ["  \u2514 ServerVersion", ""],
]


def test_the_swarm_s_settings():
    status = parse(RECORDED)
    assert (status["role"], status["primary"], status["strategy"]) == ("primary", "", "spread")
    assert status["filters"][-2:] == ["constraint", "whitelist"]
    assert parse([["Role", "replica"], ["Primary", "192.168.99.101:3375"]])["primary"] == "192.168.99.101:3375"


def test_a_healthy_node():
    node = parse(RECORDED)["nodes"][0]
    assert (node["name"], node["address"], node["status"]) == ("swl-demo0", "192.168.99.101:2375", "Healthy")
    assert node["id"] == "RARP:UXXB:O3UD:2TE7:KKGC:4LZJ:VVNM:AFMW:U5LU:J6OY:EPEH:D4RU"
    assert node["containers"] == {"total": 5, "running": 4, "paused": 0, "stopped": 1}
    assert node["cpus"] == {"reserved": 0, "total": 2}
    assert node["memory"] == {"reserved": 0, "total": round(24.72 * 1024**3)}
    assert node["labels"]["operatingsystem"] == "Debian GNU/Linux 11 (bullseye), two"
    assert node["labels"]["storage"] == "ssd"
    assert node["error"] == ""


def test_a_node_that_was_never_reached():
    node = parse(RECORDED)["nodes"][1]
    assert (node["name"], node["id"], node["status"]) == ("", "", "Pending")
    assert node["containers"] == {"total": 3, "running": None, "paused": None, "stopped": None}
    assert node["labels"] == {}
    assert node["error"].startswith("Cannot connect")


def test_the_words_of_swarm_1_0():
    pairs = [["\bStrategy", "spread"], ["\bFilters", "health"], ["\bNodes", "1"], ["one", "10.0.0.1:2375"]]
    status = parse([*pairs, [" \u2514 Containers", "2"], [" \u2514 Error", "(none)"]])
    assert (status["role"], status["strategy"]) == ("", "spread")
    (node,) = status["nodes"]
    assert (node["containers"]["total"], node["error"], node["status"]) == (2, "", "")


def test_no_swarm_has_no_nodes():
    assert parse([])["nodes"] == []
