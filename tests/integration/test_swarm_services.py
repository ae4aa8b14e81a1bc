# SPDX-License-Identifier: GPL-3.0-or-later
"""The module topology_containers where swarm mode chooses the node: on a Swarm of one private engine."""

from __future__ import annotations

import contextlib
import subprocess

import pytest
from private_engine import docker, private_engine
from test_topology_modules import IMAGE, OWNER, actions, build_box, play, run

ADDRESS = "192.0.2.1"  # of the Swarm, inside the engine's own network namespace
FRONT = {"name": "ts-front", "driver": "overlay"}
BACK = {"name": "ts-back", "driver": "overlay"}
WEB = {
    "name": "ts-web",
    "image": IMAGE,
    "networks": [{"name": "ts-front", "aliases": ["www"]}],
    "env": {"COLOUR": "red"},
    "labels": {"tier": "1"},
    "hostname": "shop",
    "extra_hosts": {"db": "10.9.9.9"},
    "ports": ["18978:80"],
    # As process 1 it would ignore the signal, and take ten seconds to stop.
    "command": "trap 'exit 0' TERM; while :; do sleep 1; done",
}


class Swarm:
    """One engine that is the only manager and node of a Swarm."""

    def __init__(self, engine):
        self.client = engine.client()
        self.url = engine.url
        self.node = self.client.info()["Name"]

    def containers(self, *declared, on=(FRONT, BACK), **options):
        options = {"node": self.node, "services": True, "flavour": "mode", "docker_host": self.url, **options}
        return play("topology_containers", networks=list(on), containers=list(declared), **options)

    def peer(self, **changes):
        return {"name": "ts-peer", "node": self.node, "image": IMAGE, "networks": ["ts-front"], **changes}

    def services(self):
        return {service["Spec"]["Name"]: service for service in self.client.services()}

    def names(self):
        return [name for item in self.client.containers() for name in item["Names"]]

    def clean(self):
        for service in self.client.services():
            self.client.remove_service(service["ID"])
        for container in self.client.containers(all=True, filters={"label": f"org.dockernet.lab={OWNER}"}):
            # The engine itself removes a task's container when the service is gone.
            with contextlib.suppress(docker.errors.APIError):
                self.client.remove_container(container["Id"], force=True)


@pytest.fixture(scope="module")
def running():
    with private_engine() as engine:
        pid = (engine.directory / "pid").read_text()
        commands = f"ip link set lo up && ip address add {ADDRESS}/32 dev lo"
        subprocess.run(["nsenter", "--net", "--target", pid, "sh", "-c", commands], check=True)
        swarm = Swarm(engine)
        build_box(swarm.client)
        swarm.client.init_swarm(ADDRESS, listen_addr=f"{ADDRESS}:2377")
        made = play("topology_networks", networks=[FRONT, BACK], flavour="mode", docker_host=engine.url)
        assert made["changed"], made
        yield swarm
        swarm.clean()
        with contextlib.suppress(docker.errors.APIError):
            swarm.client.leave_swarm(force=True)


@pytest.fixture
def swarm(running):
    yield running
    running.clean()


def test_a_container_that_names_no_node_becomes_a_service(swarm):
    beside = {**swarm.peer(), "name": "ts-side", "node": None, "affinities": ["container==ts-peer"]}
    assert actions(swarm.containers(WEB, swarm.peer(), beside, check=True)) == {
        "ts-web": "created",
        "ts-peer": "created",
        "ts-side": "created",
    }
    assert not swarm.services()
    made = swarm.containers({**WEB, "constraints": [f"node=={swarm.node}"]}, swarm.peer(), beside)
    web = made["containers"]["ts-web"]
    assert (web["node"], web["state"], web["action"]) == (swarm.node, "running", "created")
    assert web["addresses"]["ts-front"] in run(swarm.client, "ts-peer", "ping", "-c1", "ts-web.ts-front")
    assert web["addresses"]["ts-front"] in run(swarm.client, "ts-peer", "ping", "-c1", "www")
    assert not swarm.containers({**WEB, "constraints": [f"node=={swarm.node}"]}, swarm.peer(), beside)["changed"]
    task = next(name for name in swarm.names() if name.startswith("/ts-web.1."))
    info = swarm.client.inspect_container(task.lstrip("/"))
    assert info["Config"]["Labels"]["org.dockernet.lab"] == OWNER
    assert (info["Config"]["Hostname"], "COLOUR=red" in info["Config"]["Env"]) == ("shop", True)
    assert info["HostConfig"]["ExtraHosts"] == ["db:10.9.9.9"]
    assert [port["PublishMode"] for port in swarm.services()["ts-web"]["Endpoint"]["Ports"]] == ["host"]
    spec = swarm.services()["ts-side"]["Spec"]["TaskTemplate"]
    assert spec["Placement"]["Constraints"] == [f"node.hostname=={swarm.node}"]


def test_a_change_makes_it_anew(swarm):
    made = swarm.containers(WEB)
    blue = {**WEB, "env": {"COLOUR": "blue"}, "networks": ["ts-back"]}
    assert actions(swarm.containers(blue, check=True)) == {"ts-web": "recreated"}
    changed = swarm.containers(blue)["containers"]["ts-web"]
    assert changed["reasons"] == ["env changes", "network 'ts-front' changes", "network 'ts-back' changes"]
    assert changed["id"] != made["containers"]["ts-web"]["id"]
    assert list(changed["addresses"]) == ["ts-back"]
    assert len([name for name in swarm.names() if name.startswith("/ts-web.")]) == 1
    assert not swarm.containers(blue)["changed"]


def test_a_container_goes_to_a_node_of_its_own_and_back(swarm):
    swarm.containers(WEB)
    own = {**WEB, "node": swarm.node}
    moved = swarm.containers(own)["containers"]["ts-web"]
    assert (moved["action"], moved["reasons"]) == ("recreated", [f"its node is '{swarm.node}' now"])
    assert (swarm.services(), swarm.names()) == ({}, ["/ts-web"])
    assert not swarm.containers(own)["changed"]
    back = swarm.containers(WEB)["containers"]["ts-web"]
    assert (back["action"], back["reasons"]) == ("recreated", ["the Swarm chooses its node now"])
    assert [name.split(".")[0] for name in swarm.names()] == ["/ts-web"]
    assert not swarm.containers(WEB)["changed"]


def test_absent_removes_the_owners_services_only(swarm):
    theirs = swarm.client.create_service({"ContainerSpec": {"Image": IMAGE}}, name="ts-theirs")
    swarm.containers(WEB, swarm.peer())
    declared = (WEB, swarm.peer(), {**WEB, "name": "ts-theirs"})
    gone = swarm.containers(*declared, state="absent")
    assert actions(gone) == {"ts-web": "removed", "ts-peer": "removed"}
    assert not [name for name in swarm.names() if name.startswith(("/ts-web", "/ts-peer"))]
    assert [service["ID"] for service in swarm.services().values()] == [theirs["ID"]]
    assert not swarm.containers(*declared, state="absent")["changed"]


def test_a_service_of_somebody_else_stops_everything_before_anything_is_made(swarm):
    theirs = swarm.client.create_service({"ContainerSpec": {"Image": IMAGE}}, name="ts-web")
    refused = swarm.containers(swarm.peer(), WEB)
    assert "A service 'ts-web' exists in the Swarm without the label" in refused["msg"]
    assert swarm.services()["ts-web"]["ID"] == theirs["ID"]
    assert "/ts-peer" not in swarm.names()


def test_a_service_that_somebody_scaled_has_one_task_again(swarm):
    swarm.containers(WEB)
    spec = swarm.services()["ts-web"]
    swarm.client.update_service(
        spec["ID"],
        spec["Version"]["Index"],
        task_template=spec["Spec"]["TaskTemplate"],
        name="ts-web",
        labels=spec["Spec"]["Labels"],
        mode={"Replicated": {"Replicas": 0}},
        endpoint_spec=spec["Spec"]["EndpointSpec"],
    )
    assert swarm.containers(WEB)["containers"]["ts-web"]["reasons"] == ["it has 0 tasks, not one"]
    assert not swarm.containers(WEB)["changed"]


def test_what_cannot_run_is_a_sentence_each_and_again_the_next_time(swarm):
    nowhere = {**swarm.peer(), "name": "ts-nowhere", "node": None, "constraints": ["storage==nvme"]}
    beside = {**nowhere, "name": "ts-side", "constraints": [], "affinities": ["container==ts-nowhere"]}
    imageless = {**beside, "name": "ts-blank", "affinities": [], "image": "no-such-image"}
    ends = {**imageless, "name": "ts-ends", "image": IMAGE, "command": "echo no space on Mars; exit 3"}
    quiet = {**ends, "name": "ts-quiet", "command": "exit 0"}
    expected = [
        f"Container 'ts-blank' on node '{swarm.node}' cannot be started: its image is not there; load it first. "
        "(No such image: no-such-image:latest)",
        f"Container 'ts-ends' on node '{swarm.node}' ended right after its start; its last words: no space on Mars",
        "Container 'ts-nowhere' cannot be placed: no node of the Swarm satisfies 'storage==nvme' "
        "(scheduling constraints not satisfied on 1 node).",
        f"Container 'ts-quiet' on node '{swarm.node}' ended right after its start; it said nothing; see its command.",
        "Container 'ts-side' is not created: its affinity names container 'ts-nowhere', which does not run.",
    ]
    for _ in range(2):
        refused = swarm.containers(nowhere, beside, imageless, ends, quiet)
        assert refused["msg"].split("\n") == expected


def test_one_that_is_no_manager_says_who_could(swarm):
    refused = play(
        "topology_containers", networks=[FRONT], containers=[WEB], node="here", services=True, flavour="mode"
    )
    assert "This engine is no manager of a swarm, and only one can place 'ts-web'" in refused["msg"]
    missing = {**WEB, "networks": ["ts-none"]}
    refused = swarm.containers(missing, on=[{"name": "ts-none", "driver": "overlay"}], timeout=1)
    assert "Network 'ts-none' is not to be seen in the Swarm" in refused["msg"]
    assert not swarm.services()
