# SPDX-License-Identifier: GPL-3.0-or-later
"""`node_info` and `lab_contexts` against a real engine and the real docker command line."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from private_engine import PrivateEngine, docker, private_engine

CHECKOUT = Path(__file__).parents[2]
NOWHERE = "tcp://127.0.0.1:1"


@pytest.fixture(scope="module")
def engine() -> Iterator[PrivateEngine]:
    with private_engine() as running:
        yield running


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a user who has no docker context but the default."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DOCKER_HOST", "DOCKER_CONTEXT")}
    return {
        **kept,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "DOCKER_CONFIG": str(tmp_path),
    }


def run(environment: dict[str, str], module: str, *options: str, **arguments: object) -> dict[str, Any]:
    """Run a module on the controller; its result."""
    command = [
        str(CHECKOUT / ".venv/bin/ansible"),
        "localhost",
        "-m",
        f"dockernet.lab.{module}",
        "-a",
        json.dumps(arguments),
    ]
    done = subprocess.run(
        [*command, *options], env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    (task,) = json.loads(done.stdout)["plays"][0]["tasks"]
    result: dict[str, Any] = task["hosts"]["localhost"]
    return result


def contexts(environment: dict[str, str]) -> dict[str, str]:
    """All of the user's contexts, as name -> address."""
    command = ["docker", "context", "ls", "--format", "{{.Name}} {{.DockerEndpoint}}"]
    lines = subprocess.check_output(command, env=environment, text=True).splitlines()
    return {name: address for name, address in (line.split() for line in lines) if name != "default"}


@pytest.fixture
def guest(engine: PrivateEngine) -> Iterator[str]:
    """A container that publishes a port, on a network with a subnet; it has never run. Its image's name."""
    client = engine.client()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as empty:
        empty.addfile(tarfile.TarInfo("nothing"))
    client.import_image_from_data(archive.getvalue(), repository="guest", tag="1")
    pool = docker.types.IPAMPool(subnet="10.77.0.0/24")
    client.create_network("linux", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    config = client.create_host_config(network_mode="linux", port_bindings={80: 8080})
    container = client.create_container("guest:1", ["nothing"], name="guest", ports=[80], host_config=config)
    yield "guest:1"
    client.remove_container(container)
    client.remove_network("linux")


def test_what_is_on_an_engine(engine: PrivateEngine, environment: dict[str, str], guest: str) -> None:
    seen = run(environment, "node_info", docker_host=engine.url)["look"]["engine"]
    assert seen["state"] == "answers"
    assert seen["version"] == engine.client().version()["Version"]
    (network,) = [each for each in seen["networks"] if each["name"] == "linux"]
    assert (network["driver"], network["scope"], network["subnets"]) == ("bridge", "local", ["10.77.0.0/24"])
    (container,) = seen["containers"]
    assert (container["name"], container["image"], container["state"]) == ("guest", guest, "created")
    assert container["networks"] == {"linux": ""}
    assert seen["swarm"]["state"] == "inactive"


def test_an_engine_that_is_not_there_is_no_failure(environment: dict[str, str]) -> None:
    result = run(environment, "node_info", docker_host="unix:///there/is/none.sock")
    assert not result.get("failed")
    assert result["look"]["engine"]["state"] == "silent"
    assert "No engine answers at unix:///there/is/none.sock" in result["look"]["engine"]["problem"]


def test_contexts_are_made_once_for_what_answers(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        wanted = {"lab": "mine", "contexts": {"demo0": there, "demo1": NOWHERE}}
        assert run(environment, "lab_contexts", "--check", **wanted)["changed"]
        assert contexts(environment) == {}
        first = run(environment, "lab_contexts", **wanted)
        assert first["changed"]
        assert contexts(environment) == {"demo0": there}
        assert first["not_reached"] == ["demo1"]
        assert "docker context demo1 cannot work" in first["warnings"][0]
        assert "use 'docker exec demo1 docker ...' instead" in first["warnings"][0]
        assert not run(environment, "lab_contexts", **wanted)["changed"]
    # Its engine is down now, and the context waits for it.
    assert not run(environment, "lab_contexts", **wanted)["changed"]
    assert run(environment, "lab_contexts", lab="mine")["changed"]
    assert contexts(environment) == {}


def test_a_context_of_somebody_else_s_stays(environment: dict[str, str]) -> None:
    create = ["docker", "context", "create", "demo0", "--description", "my own", "--docker", f"host={NOWHERE}"]
    subprocess.run(create, env=environment, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        result = run(environment, "lab_contexts", lab="mine", contexts={"demo0": there})
    assert not result["changed"]
    assert "'demo0' is not this lab's and stays as it is" in result["warnings"][0]
    run(environment, "lab_contexts", lab="mine")
    assert contexts(environment) == {"demo0": NOWHERE}


def test_the_swarm_is_reached_through_the_node_of_its_manager(environment: dict[str, str]) -> None:
    wanted = {"demo0": "tcp://127.0.0.1:1", "swarm": "tcp://127.0.0.1:2"}
    (warning,) = run(environment, "lab_contexts", lab="mine", contexts=wanted)["warnings"]
    assert "'docker exec demo0 docker ...'" in warning
    assert "'docker exec demo0 docker --host tcp://127.0.0.1:2 ...' for swarm instead." in warning


def test_a_lab_is_not_looked_for_inside_a_lab(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        run(environment, "lab_contexts", lab="mine", contexts={"demo0": there})
    subprocess.run(["docker", "context", "use", "demo0"], env=environment, check=True, capture_output=True)
    result = run(environment, "lab_info", lab="mine")
    assert result["failed"]
    assert "The docker context in use, 'demo0', leads into a node of the lab 'mine'" in result["msg"]
