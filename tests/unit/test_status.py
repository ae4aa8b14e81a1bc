# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make status` says of labs in every condition."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from textwrap import dedent
from typing import Any

import pytest
from ansible_collections.dockernet.lab.plugins.action.status import nodes_seen
from ansible_collections.dockernet.lab.plugins.module_utils import _store_look
from ansible_collections.dockernet.lab.plugins.module_utils._node_look import system_status
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils._status import (
    NodeSeen,
    closest_stage,
    container_rows,
    network_rows,
)
from ansible_collections.dockernet.lab.plugins.plugin_utils._status_text import WIDTH, Subject, text
from ansible_collections.dockernet.lab.plugins.plugin_utils._text_table import Cell, table

STORE = "consul://10.9.0.100:8500"
NETWORKS = [{"name": "linux", "driver": "overlay"}]
CONTAINERS = [
    {"name": "ubuntu1", "node": "demo0", "networks": ["linux"]},
    {"name": "ubuntu2", "node": "demo1", "networks": ["linux"]},
]
NODES = ("demo0", "demo1")
ADDRESSES = {"store": "10.9.0.100", "demo0": "10.9.0.101", "demo1": "10.9.0.102"}
ROLES = {"Consul": ["store"], "Swarm manager": ["demo0"], "Swarm agent": ["demo0", "demo1"]}
LINUX = {"name": "linux", "driver": "overlay", "scope": "global", "internal": False, "subnets": ["10.0.0.0/24"]}
BRIDGE = {"name": "bridge", "driver": "bridge", "scope": "local", "internal": False, "subnets": ["172.24.0.0/24"]}
REACHED = {"url": STORE, "reached": True, "leader": "10.9.0.100", "problem": ""}
REFUSED = {"url": STORE, "reached": False, "leader": None, "problem": "10.9.0.100:8500 does not answer (refused)"}
OUTSIDE = {"state": "inactive", "manager": False, "node": "", "nodes": [], "problem": ""}


def container(name: str, address: str = "", network: str = "linux", **other: object) -> dict[str, Any]:
    usual = {"is_task": False, "state": "running", "status": "Up 5 minutes", "image": "box", "ports": []}
    return {"name": name, "networks": {network: address}, **usual, **other}


AGENT = container("swarm-agent", network="host", image="swarm:1.2.9")


def look(*containers: dict[str, Any], **other: object) -> dict[str, Any]:
    engine = {
        "state": "answers", "problem": "", "version": "20.10.5", "store": STORE,
        "networks": [BRIDGE, LINUX], "containers": [*containers], "swarm": OUTSIDE,
    }  # fmt: skip
    return {"up": 300, "engine": engine, "manager": None, "store": REACHED, **other}


def manager(*healths: str) -> dict[str, Any]:
    listed = [
        {
            "name": name,
            "address": ADDRESSES[name],
            "status": health,
            "error": "(none)" if health == "Healthy" else "gone",
        }
        for name, health in zip(NODES, healths)
    ]
    return {"problem": "", "role": "primary", "nodes": listed}


def lab() -> dict[str, Any]:
    """The looks at a lab where all is well."""
    return {
        "store": {"up": 300, "engine": None, "manager": None, "store": REACHED},
        "demo0": look(container("ubuntu1", "10.0.0.2"), AGENT, manager=manager("Healthy", "Healthy")),
        "demo1": look(container("ubuntu2", "10.0.0.3"), AGENT),
    }


def shown(looks: dict[str, Any], flavour: str = "classic", store: str = STORE, **states: str) -> str:
    """The text. states: of node containers that do not run."""
    machine = {name: {"state": states.get(name, "running"), "status": "Exited (0)"} for name in ADDRESSES}
    args = {
        "lab": "swarm",
        "nodes": NODES,
        "addresses": ADDRESSES,
        "roles": ROLES,
        "machine": {"nodes": {name: state for name, state in machine.items() if state["state"] != "missing"}},
        "looks": {name: {"look": seen} if "msg" not in seen else seen for name, seen in looks.items()},
    }
    subject = Subject("Lab 'swarm'", flavour, store)
    return text(subject, parse(NETWORKS, CONTAINERS, NODES, flavour), nodes_seen(args))


def line(screen: str, start: str) -> str:
    """The one line that starts so, in single spaces."""
    (found,) = [" ".join(each.split()) for each in screen.splitlines() if each.startswith(start)]
    return found


def test_a_lab_where_all_is_well():
    assert shown(lab()) == dedent(
        """\
        Lab 'swarm': classic Swarm; cluster store consul://10.9.0.100:8500, led by store

        NODE   ADDRESS     UP     ENGINE   STORE            SWARM                     HEALTH
        store  10.9.0.100  5 min  -        Consul (leader)  -                         -
        demo0  10.9.0.101  5 min  20.10.5  reached          manager (primary), agent  Healthy
        demo1  10.9.0.102  5 min  20.10.5  reached          agent                     Healthy

        NETWORK  DRIVER   SCOPE   SUBNET       NODES
        linux    overlay  global  10.0.0.0/24  demo0, demo1

        CONTAINER    NODE   STATE     IMAGE        NETWORKS
        ubuntu1      demo0  Up 5 min  box          linux 10.0.0.2
        ubuntu2      demo1  Up 5 min  box          linux 10.0.0.3
        swarm-agent  demo0  Up 5 min  swarm:1.2.9  host            the Swarm's own
        swarm-agent  demo1  Up 5 min  swarm:1.2.9  host            the Swarm's own"""
    )


def test_a_container_that_is_gone_is_missing_and_one_too_many_is_marked():
    looks = lab()
    looks["demo1"] = look(container("guest", "10.0.0.9", ports=["8080->80/tcp"]), AGENT)
    screen = shown(looks)
    assert line(screen, "ubuntu2") == "ubuntu2 demo1 missing box linux"
    assert line(screen, "guest") == "guest demo1 Up 5 min box linux 10.0.0.9 8080->80/tcp not in the topology"


def test_a_container_on_another_node_than_its_own():
    looks = lab()
    looks["demo0"]["engine"]["containers"].append(looks["demo1"]["engine"]["containers"].pop(0))
    assert line(shown(looks), "ubuntu2").endswith("linux 10.0.0.3 declared for demo1")


def test_a_stopped_node_is_a_line_and_what_was_on_it_is_unknown():
    looks = lab()
    looks["demo1"] = {}
    looks["demo0"]["manager"] = manager("Healthy", "Unhealthy")
    screen = shown(looks, demo1="exited")
    assert line(screen, "demo1") == "demo1 10.9.0.102 stopped - - agent Unhealthy"
    assert "✗ demo1 is stopped (Exited (0)): 'docker start demo1' starts it." in screen
    assert line(screen, "ubuntu2") == "ubuntu2 demo1 unknown box linux"
    assert line(screen, "linux").endswith("10.0.0.0/24 demo0")


def test_a_node_that_was_removed():
    looks = lab()
    del looks["demo1"]
    screen = shown(looks, demo1="missing")
    assert line(screen, "demo1").startswith("demo1 10.9.0.102 missing -")
    assert "✗ demo1 is not there: 'make swarm' makes it." in screen


def test_a_machine_that_cannot_be_reached():
    looks = lab()
    looks["demo1"] = {"unreachable": True, "msg": "Task failed: ssh: connect to host 10.9.0.102 port 22: No route"}
    screen = shown(looks)
    assert line(screen, "demo1").startswith("demo1 10.9.0.102 unreachable")
    assert "✗ demo1 cannot be reached: ssh: connect to host 10.9.0.102 port 22: No route." in screen


def test_a_stopped_engine():
    looks = lab()
    looks["demo1"]["engine"] = {"state": "stopped", "problem": ""}
    looks["demo0"]["manager"] = manager("Healthy", "Unhealthy")
    screen = shown(looks)
    assert line(screen, "demo1") == "demo1 10.9.0.102 5 min stopped reached agent Unhealthy"
    assert "✗ The engine of demo1 is stopped: 'docker exec demo1 systemctl start docker' starts it." in screen


def test_without_its_store_an_engine_hides_networks_and_none_is_called_missing():
    looks = lab()
    for name in ADDRESSES:
        looks[name]["store"] = REFUSED
    for name in NODES:
        looks[name]["engine"]["networks"] = [BRIDGE]
    screen = shown(looks)
    assert line(screen, "store") == "store 10.9.0.100 5 min - Consul - -"
    assert line(screen, "demo1") == "demo1 10.9.0.102 5 min 20.10.5 not reached agent Healthy"
    assert screen.count("The cluster store is not reached from demo0, demo1: 10.9.0.100:8500 does not answer") == 1
    assert line(screen, "linux") == "linux overlay unknown"


def test_an_engine_that_waits_for_its_store_still_shows_its_containers():
    looks = lab()
    looks["demo1"]["store"] = REFUSED
    waits = {
        "state": "answers",
        "version": "20.10.5",
        "networks": None,
        "problem": "it does not tell its networks: slow",
    }
    looks["demo1"]["engine"] = {**waits, "containers": looks["demo1"]["engine"]["containers"]}
    screen = shown(looks)
    assert line(screen, "ubuntu2") == "ubuntu2 demo1 Up 5 min box linux 10.0.0.3"
    assert line(screen, "linux").endswith("10.0.0.0/24 demo0")
    assert "✗ The engine of demo1 answers only in part: it does not tell its networks: slow." in screen


def test_a_network_that_one_of_two_engines_lacks():
    looks = lab()
    looks["demo1"]["engine"]["networks"] = [BRIDGE]
    assert line(shown(looks), "linux").endswith("demo0 missing on demo1")


def test_a_store_without_a_leader():
    looks = lab()
    for name in ADDRESSES:
        looks[name]["store"] = {**REACHED, "leader": ""}
    screen = shown(looks)
    assert line(screen, "demo0") == "demo0 10.9.0.101 5 min 20.10.5 no leader manager (primary), agent Healthy"
    assert "✗ The cluster store has no leader: more than half of its servers must run" in screen


def test_what_the_manager_says_of_an_unhealthy_node():
    looks = lab()
    looks["demo0"]["manager"] = manager("Healthy", "Pending")
    screen = shown(looks)
    assert line(screen, "demo1").endswith("agent Pending")
    assert "✗ The Swarm says of demo1: gone." in screen


def test_a_manager_that_does_not_answer():
    looks = lab()
    looks["demo0"]["manager"] = {"problem": "nobody answers at tcp://10.9.0.101:3375", "role": "", "nodes": []}
    screen = shown(looks)
    assert line(screen, "demo1").endswith("agent unknown")
    assert "✗ The Swarm's manager on demo0 does not answer: nobody answers at tcp://10.9.0.101:3375." in screen


def test_swarm_mode():
    listed = [
        {"id": "a", "name": "demo0", "address": "10.9.0.101", "state": "ready", "availability": "active",
         "leader": True, "message": ""},
        {"id": "b", "name": "demo1", "address": "10.9.0.102", "state": "down", "availability": "drain",
         "leader": False, "message": "heartbeat failure"},
    ]  # fmt: skip
    inside = {"state": "active", "manager": False, "node": "b", "nodes": [], "problem": ""}
    looks = {name: look(store=None) for name in NODES}
    looks["demo0"]["engine"]["swarm"] = {**inside, "manager": True, "node": "a", "nodes": listed}
    looks["demo1"]["engine"]["swarm"] = inside
    screen = shown(looks, "mode", "")
    assert line(screen, "demo0").endswith("manager (leader) Ready")
    assert line(screen, "demo1").endswith("worker Down, drain")
    assert "✗ The Swarm says of demo1: heartbeat failure." in screen


def test_earlier_tasks_of_a_service_are_not_shown():
    looks = lab()
    task = container("ubuntu2", "10.0.0.3", is_task=True)
    looks["demo1"] = look(task, {**task, "state": "exited", "status": "Exited (1) 2 minutes ago"}, AGENT)
    assert line(shown(looks), "ubuntu2").startswith("ubuntu2 demo1 Up 5 min")


def test_no_line_is_wider_than_it_may_be():
    looks = lab()
    everywhere = {f"network-{number}": f"10.0.{number}.2" for number in range(5)}
    ports = [f"127.0.0.1:{8080 + number}->80/tcp" for number in range(3)]
    wide = container("w" * 40, image="registry.example.org/" + "i" * 70, networks=everywhere, ports=ports)
    wide["status"] = "Exited (137) 2 minutes ago"
    looks["demo0"]["engine"]["containers"].append({**wide, "networks": everywhere})
    screen = shown(looks)
    assert max(len(each) for each in screen.splitlines()) <= WIDTH
    assert all(address in screen for address in everywhere.values())
    assert all(port in screen for port in ports)


def test_a_table_wraps_before_it_cuts():
    rows = [[Cell("one two three"), Cell("abcdefghijklmnop")]]
    assert table(["A", "B"], rows, 25) == ["A        B", "one two  abcdefghijklmnop", "three"]
    assert table(["A", "B"], rows, 22)[1:] == ["one    abcdefghijklmn…", "two", "three"]


def test_what_is_painted_is_aligned_as_what_is_not():
    def paint(words: str, style: str) -> str:
        return f"<{style}>{words}</>" if style else words

    row = [Cell("down", "bad"), Cell("end")]
    assert table(["STATE", "NEXT"], [row], 40, paint)[1] == "<bad>down</>   end"


def test_the_stage_that_a_story_has_come_to():
    networks = [{"name": "linux"}, {"name": "frontend"}]
    steps = [
        [],
        [{"name": "ubuntu1", "node": "demo0", "networks": ["linux"]}],
        [{"name": "ubuntu1", "node": "demo0", "networks": ["linux", "frontend"]}],
        [{"name": "ubuntu1", "node": "demo0", "network_mode": "none"}],
    ]
    stages = [parse(networks, containers, NODES) for containers in steps]

    def stage(*containers: dict[str, Any]) -> int:
        return closest_stage(stages, [NodeSeen("demo0", roles=("engine",), look=look(*containers))])

    assert stage() == 1
    assert stage(container("ubuntu1", "10.0.0.2")) == 2
    assert stage({**container("ubuntu1"), "networks": {"linux": "", "frontend": ""}}) == 3
    assert stage(container("ubuntu1", network="none")) == 4
    assert stage(container("ubuntu1"), container("guest")) == 2


def test_a_network_of_the_engine_s_own_is_the_container_s_and_no_row_of_its_own():
    declared = [{"name": f"on-{mode}", "node": "demo0", "network_mode": mode} for mode in ("bridge", "none")]
    topology = parse(NETWORKS, declared, NODES, "classic")
    nodes = [NodeSeen("demo0", roles=("engine",), look=look(container("on-bridge", "172.17.0.2", "bridge")))]
    assert "bridge" not in [row.seen.name for row in network_rows(topology, "classic", nodes)]
    rows = {row.name: row for row in container_rows(topology, nodes)}
    assert rows["on-bridge"].networks == {"bridge": "172.17.0.2"}
    assert (rows["on-none"].state, rows["on-none"].networks) == ("missing", {"none": ""})


def test_what_a_classic_swarm_says_of_itself():
    # Of docker/swarm 1.2.9 with one engine stopped.
    pairs = [
        ["Role", "primary"],
        ["Strategy", "spread"],
        ["Nodes", "2"],
        [" demo0", "10.9.0.101:2375"],
        ["  └ ID", "LPS6|10.9.0.101:2375"],
        ["  └ Status", "Healthy"],
        ["  └ Error", "(none)"],
        [" (unknown)", "10.9.0.102:2375"],
        ["  └ Status", "Pending"],
        ["  └ Error", "Cannot connect to the Docker daemon"],
    ]
    assert system_status(pairs) == {
        "role": "primary",
        "nodes": [
            {"name": "demo0", "address": "10.9.0.101", "status": "Healthy", "error": "(none)"},
            {
                "name": "(unknown)",
                "address": "10.9.0.102",
                "status": "Pending",
                "error": "Cannot connect to the Docker daemon",
            },
        ],
    }


@pytest.fixture
def answering():
    """A server on a port of its own: its address, and what it answers, as path -> (status, body)."""
    answers: dict[str, tuple[int, str]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()


def test_consul_tells_its_leader_or_that_there_is_none(answering):
    address, answers = answering
    answers["/v1/status/leader"] = (200, '"10.9.0.100:8300"')
    assert _store_look.look(f"consul://{address}/prefix")[1:3] == (True, "10.9.0.100")
    answers["/v1/status/leader"] = (200, '""')
    assert _store_look.look(f"consul://{address}")[1:3] == (True, "")


def test_the_leader_of_several_etcd_servers_is_found_past_one_that_is_down(answering):
    address, answers = answering
    answers["/v2/stats/self"] = (200, '{"state": "StateLeader"}')
    assert _store_look.look(f"etcd://127.0.0.1:1,{address}")[1:3] == (True, "127.0.0.1")


def test_a_store_that_wants_tls_is_reached_and_tells_nothing(answering):
    address, answers = answering
    answers["/v1/status/leader"] = (400, "Client sent an HTTP request to an HTTPS server.")
    assert _store_look.look(f"consul://{address}")[1:3] == (True, None)


def test_a_store_that_is_not_there():
    seen = _store_look.look("zk://127.0.0.1:1")
    assert not seen.reached
    assert seen.problem == "127.0.0.1:1 does not answer (Connection refused)"
