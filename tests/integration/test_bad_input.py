# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may get wrong: `playbooks/swarm.yml` says it in one sentence, fails, and has changed nothing.

The lab of these tests has a name, hosts and a subnet of its own, and would be built on a private engine.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from private_engine import PrivateEngine, docker, private_engine

CHECKOUT = Path(__file__).parents[2]
BUSYBOX = Path("/bin/busybox")  # Debian's busybox-static
SUBNET = "192.168.197.0/24"
CONTAINER = {"name": "ubuntu1", "node": "bad-demo0", "networks": ["linux"]}
NETWORK = {"name": "linux", "driver": "overlay"}


class Lab:
    """The tutorial's lab under another name, which nobody has built yet."""

    def __init__(self, directory: Path, engine: PrivateEngine) -> None:
        self.directory = directory
        self.inventory = directory / "inventory"
        self.engine = engine
        shutil.copytree(CHECKOUT / "inventory" / "swarm", self.inventory)
        for path in self.inventory.rglob("*.yml"):
            text = path.read_text().replace("swl-", "bad-").replace("lab_name: swarm", "lab_name: bad-input")
            path.write_text(text)
        self.environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{CHECKOUT}/.venv/bin:{os.environ['PATH']}",
            "DOCKER_HOST": engine.url,
            "DOCKER_CONFIG": str(directory / "docker"),
            "XDG_CACHE_HOME": str(directory / "cache"),
            "LAB_SUBNET": SUBNET,
            "SWARM_FLAVOUR": "classic",
        }

    def build(self, *prefix: str, environment: dict[str, str] | None = None, **variables: object) -> str:
        """Run `playbooks/swarm.yml`, see it fail, and return what it says in one line of single spaces."""
        words = [*prefix, str(CHECKOUT / ".venv/bin/ansible-playbook"), f"--inventory={self.inventory}"]
        if variables:
            extra = self.directory / "extra.yml"
            extra.write_text(yaml.safe_dump(variables, default_flow_style=None))
            words.append(f"--extra-vars=@{extra}")
        status, output = run_to_its_end(
            [*words, str(CHECKOUT / "playbooks" / "swarm.yml")], {**self.environment, **(environment or {})}
        )
        print(output)
        assert status != 0
        assert "Traceback" not in output
        assert "changed=0" in output
        assert not re.search(r"changed=[1-9]", output)
        return " ".join(output.split())

    def context(self, *words: str) -> str:
        """Run `docker context WORDS` as the lab's user; what it prints."""
        # With DOCKER_HOST it warns that this overrides the context in use.
        environment = {name: value for name, value in self.environment.items() if name != "DOCKER_HOST"}
        return subprocess.check_output(["docker", "context", *words], env=environment, text=True)

    def state(self) -> dict[str, list[str]]:
        """All that is on the engine, and how long it has been so, and the user's docker contexts."""
        client = self.engine.client()
        containers = [client.inspect_container(container["Id"]) for container in client.containers(all=True)]
        return {
            "containers": [f"{each['Name']} {each['Id']} {each['State']['StartedAt']}" for each in containers],
            "networks": sorted(network["Id"] for network in client.networks()),
            "volumes": sorted(volume["Name"] for volume in client.volumes()["Volumes"] or []),
            "images": sorted(image["Id"] for image in client.images()),
            "contexts": self.context("ls", "--format", "{{.Name}} {{.DockerEndpoint}}").splitlines(),
        }


def run_to_its_end(words: list[str], environment: dict[str, str], limit: int = 30) -> tuple[int, str]:
    """Run a command for `limit` seconds at most. Returns exit status and output.

    What is not refused goes on to build: then all that it started is ended too.
    """
    with subprocess.Popen(
        words,
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output


@pytest.fixture(scope="module")
def engine() -> Iterator[PrivateEngine]:
    with private_engine() as engine:
        yield engine


@pytest.fixture(scope="module", autouse=True)
def neighbours(engine: PrivateEngine) -> Iterator[None]:
    """What ran before: somebody's container with a volume, on somebody's network."""
    if not BUSYBOX.exists():
        pytest.skip(f"there is no {BUSYBOX} to run somebody's container from")
    client = engine.client()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(BUSYBOX.resolve(), "busybox")
    client.import_image_from_data(archive.getvalue(), repository="somebody", tag="latest")
    host = client.create_host_config(binds=["somebody:/data"], network_mode="none")
    command = ["/busybox", "sleep", "2147483647"]
    container = client.create_container("somebody", command, name="somebody", host_config=host)
    client.start(container)
    yield
    client.remove_container(container, force=True)


@pytest.fixture
def lab(engine: PrivateEngine, tmp_path: Path) -> Iterator[Lab]:
    """The lab; after each test all must be as it was."""
    lab = Lab(tmp_path, engine)
    lab.context("create", "somebody", "--docker", "host=tcp://192.0.2.1:2375")
    before = lab.state()
    yield lab
    assert lab.state() == before


def test_an_unknown_network_in_a_container(lab: Lab) -> None:
    said = lab.build(topology_networks=[NETWORK], topology_containers=[{**CONTAINER, "networks": ["lnux"]}])
    assert said.count("'ubuntu1'): network 'lnux' is not declared; did you mean 'linux'?") == 1


def test_a_container_on_an_unknown_node(lab: Lab) -> None:
    said = lab.build(topology_networks=[NETWORK], topology_containers=[{**CONTAINER, "node": "bad-demo7"}])
    assert said.count("'ubuntu1'): node 'bad-demo7' is not in the inventory; did you mean 'bad-demo1'?") == 1


def test_two_containers_of_one_name(lab: Lab) -> None:
    said = lab.build(topology_networks=[NETWORK], topology_containers=[CONTAINER, {**CONTAINER, "node": "bad-demo1"}])
    assert (
        said.count("entry 2 ('ubuntu1'): a container of that name is declared above; give one of them another name.")
        == 1
    )


def test_overlapping_subnets(lab: Lab) -> None:
    networks = [
        {"name": "front", "driver": "overlay", "subnet": "10.1.0.0/16"},
        {"name": "linux", "driver": "overlay", "subnet": "10.1.2.0/24"},
        {"name": "back", "driver": "overlay", "subnet": "192.168.0.0/16"},
    ]
    said = lab.build(topology_networks=networks, topology_containers=[CONTAINER])
    assert (
        said.count("'linux'): subnet 10.1.2.0/24 overlaps 10.1.0.0/16 of network 'front'; choose one that is free.")
        == 1
    )
    assert said.count(f"'back'): subnet 192.168.0.0/16 overlaps {SUBNET} of the lab's own network;") == 1


def test_all_that_is_wrong_is_said_at_once_with_file_and_line(lab: Lab) -> None:
    topology = lab.inventory / "group_vars" / "all" / "topology.yml"
    topology.write_text(topology.read_text().replace("networks: [linux]", "networks: [lnux]"))
    said = lab.build(environment={"SWARM_FLAVOUR": "clasic"})
    assert said.count(f"{topology}:") == 5
    assert said.count("'ubuntu1'): network 'lnux' is not declared") == 1
    assert said.count("'ubuntu2'): network 'lnux' is not declared") == 1
    assert said.count("swarm_flavour 'clasic' is not known; did you mean 'classic'?") == 1


def test_a_misspelt_flavour(lab: Lab) -> None:
    said = lab.build(environment={"SWARM_FLAVOUR": "clasic"})
    assert said.count("swarm_flavour 'clasic' is not known; did you mean 'classic'?") == 1


def test_a_cluster_store_of_an_unknown_kind(lab: Lab) -> None:
    said = lab.build(cluster_store_url="redis://192.168.197.100:6379")
    assert said.count("The cluster store 'redis://192.168.197.100:6379' is of an unknown kind") == 1
    assert said.count("consul://, etcd://, zk://") == 1
    assert "lab_release" not in said, "what else that store cannot do is no news"


def test_an_engine_that_is_too_new_for_the_flavour(lab: Lab) -> None:
    said = lab.build(lab_release="13")
    assert said.count("Node 'bad-demo0': the engine 26.1 of Debian 13 cannot use the cluster store consul://") == 1
    assert "choose lab_release 11, or swarm_flavour 'mode'." in said


def test_a_node_that_is_down(lab: Lab) -> None:
    if not shutil.which("ssh"):
        pytest.skip("there is no ssh here")
    real = {"ansible_host": "127.0.0.1", "ansible_port": 1, "node_address": "192.0.2.1"}
    hosts = {"hosts": {"down1": real}}
    groups = dict.fromkeys(("store", "engines", "swarm_managers", "swarm_agents"), hosts)
    shutil.rmtree(lab.inventory)
    lab.inventory.mkdir()
    (lab.inventory / "hosts.yml").write_text(yaml.safe_dump(groups))
    said = lab.build(
        swarm_flavour="classic",
        topology_networks=[NETWORK],
        topology_containers=[{**CONTAINER, "node": "down1"}],
    )
    assert said.count("down1 cannot be reached:") == 1
    assert said.count("connect to host 127.0.0.1 port 1: Connection refused") == 1
    assert said.count("unreachable=1") == 1


def test_no_docker_daemon(lab: Lab) -> None:
    said = lab.build(environment={"DOCKER_HOST": "unix:///nonexistent.sock"})
    assert said.count("No engine answers at unix:///nonexistent.sock: start it") == 1


def test_no_rights_on_the_docker_socket(lab: Lab) -> None:
    # A root without the power to overlook a file's owner is in the place of a user who is in no group, and can
    # still read a checkout in its home.
    powers = "-dac_override,-dac_read_search"
    prefix = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}"]
    url = lab.engine.forbidden_url
    said = lab.build(*prefix, environment={"DOCKER_HOST": url})
    assert said.count(f"No rights on the engine at {url}: run as root, or as a user in the group 'docker'.") == 1


def test_a_subnet_that_is_taken(lab: Lab) -> None:
    client = lab.engine.client()
    pool = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="192.168.197.128/25")])
    network = client.create_network("somebody", ipam=pool, labels={"org.dockernet.lab": "somebody"})["Id"]
    before = lab.state()
    try:
        said = lab.build()
        assert lab.state() == before
    finally:
        client.remove_network(network)
    assert said.count(f"lab_subnet {SUBNET} overlaps 192.168.197.128/25 of the engine's network 'somebody'") == 1
    assert said.count("choose another with LAB_SUBNET=") == 1


def test_a_disk_without_room_for_the_images(lab: Lab) -> None:
    said = lab.build(environment={"SWARM_FLAVOUR": "mode"})
    disk = f"{lab.engine.directory}/data"
    assert said.count(f"The disk of {disk} has 0.1 GB free, and 'dockernet/node:13' needs about") == 1


def test_a_disk_that_is_full_while_an_image_is_made(lab: Lab) -> None:
    archive = lab.directory / "cache" / "dockernet" / "images" / "box.tar"
    archive.parent.mkdir(parents=True)
    _write_image(archive, "box:latest", 120_000_000)
    words = [
        str(CHECKOUT / ".venv/bin/ansible"),
        "localhost",
        "--module-name=dockernet.lab.lab_image",
        f"--args=name=box files={CHECKOUT}/roles/lab/files cache={archive.parent}",
    ]
    status, output = run_to_its_end(words, lab.environment)
    archive.unlink()
    print(output)
    assert status != 0
    assert "The disk is full" in output


def _write_image(path: Path, name: str, size: int) -> None:
    """Write an archive like that of `docker save`, with one layer of `size` bytes that do not compress."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        entry = tarfile.TarInfo("noise")
        entry.size = size
        tar.addfile(entry, io.BytesIO(os.urandom(size)))
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    layers = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": layers}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for member, data in (("config.json", config), ("layer.tar", layer.getvalue()), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
