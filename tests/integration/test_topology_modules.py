# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules topology_networks and topology_containers against the engine of this machine, and a classic Swarm of it.

Every step goes check -> do -> do again, as a playbook would.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

docker = pytest.importorskip("docker")

CHECKOUT = Path(__file__).parents[2]
SOCKET = "/var/run/docker.sock"
BUSYBOX = Path("/bin/busybox")  # Debian's busybox-static
OWNER = "topology-test"
IMAGE = "topology-test-box"
FRONT = {"name": "tt-front", "subnet": "10.77.5.0/24"}
BACK = {"name": "tt-back"}
WEB = {
    "name": "tt-web",
    "node": "here",
    "image": IMAGE,
    "networks": [{"name": "tt-front", "aliases": ["www"], "address": "10.77.5.2"}, "tt-back"],
    "env": {"COLOUR": "red"},
    "labels": {"tier": "1"},
    "extra_hosts": {"db": "10.9.9.9"},
    "ports": ["127.0.0.1:18977:80"],
}
PEER = {"name": "tt-peer", "node": "here", "image": IMAGE, "networks": ["tt-front"]}


@pytest.fixture(scope="module")
def engine():
    client = docker.APIClient(base_url=f"unix://{SOCKET}", version="auto")
    with contextlib.suppress(Exception):
        client.ping()
        build_box(client)
        yield client
        _clean(client)
        client.remove_image(IMAGE, force=True)
        return
    pytest.skip(f"no engine answers at {SOCKET}, or there is no {BUSYBOX}")


@pytest.fixture(autouse=True)
def clean(engine):
    _clean(engine)
    yield
    _clean(engine)


def build_box(client):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
        for name in ("sh", "sleep", "ping", "hostname", "echo"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    changes = ['CMD ["sleep","2147483647"]', "ENV PATH=/bin"]
    client.import_image_from_data(archive.getvalue(), repository=IMAGE, tag="latest", changes=changes)


def _clean(client):
    labels = {"label": f"org.dockernet.lab={OWNER}"}
    for container in client.containers(all=True, filters=labels) + client.containers(
        all=True, filters={"label": "topology-test"}
    ):
        client.remove_container(container["Id"], force=True)
    for network in client.networks(filters=labels) + client.networks(filters={"label": "topology-test"}):
        client.remove_network(network["Id"])


def play(module, check=False, **options):
    """Run a module in this process. Returns its result."""
    plugin = importlib.import_module(f"ansible_collections.dockernet.lab.plugins.modules.{module}")
    arguments = {"owner": OWNER, **options, "_ansible_check_mode": check}
    printed = io.StringIO()
    with patch_module_args(arguments), contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        plugin.main()
    return json.loads(printed.getvalue())


def networks(*declared, **options):
    return play("topology_networks", networks=list(declared), **options)


def containers(*declared, on=(FRONT, BACK), node="here", **options):
    return play("topology_containers", networks=list(on), containers=list(declared), node=node, **options)


def actions(result):
    return {name: container["action"] for name, container in result["containers"].items()}


def run(client, name, *command):
    made = client.exec_create(name, list(command))
    return client.exec_start(made["Id"]).decode()


# Networks


def test_networks_are_made_once_and_removed_when_unused(engine):
    assert networks(FRONT, BACK, check=True)["changed"]
    assert not engine.networks(filters={"label": f"org.dockernet.lab={OWNER}"})
    made = networks(FRONT, BACK)
    assert made["changed"]
    assert made["networks"]["tt-front"]["subnet"] == "10.77.5.0/24"
    again = networks(FRONT, BACK)
    assert not again["changed"]
    assert again["networks"]["tt-front"]["id"] == made["networks"]["tt-front"]["id"]
    assert containers(WEB)["changed"]
    refused = networks(FRONT, BACK, state="absent")
    assert "Network 'tt-front' is in use by 'tt-web'" in refused["msg"]
    assert containers(WEB, state="absent")["changed"]
    assert networks(FRONT, BACK, state="absent")["changed"]
    assert not networks(FRONT, BACK, state="absent")["changed"]


def test_a_network_that_differs_stops_everything_before_anything_is_made(engine):
    theirs = engine.create_network("tt-front", labels={"topology-test": ""})
    refused = networks(BACK, {**FRONT, "internal": True})
    assert "internal false (declared: true)" in refused["msg"]
    assert not engine.networks(filters={"label": f"org.dockernet.lab={OWNER}"})
    assert engine.inspect_network("tt-front")["Id"] == theirs["Id"]


def test_networks_of_others_are_used_and_never_removed(engine):
    theirs = engine.create_network("tt-back", labels={"topology-test": ""})
    assert not networks(BACK)["changed"]
    assert not networks(BACK, state="absent")["changed"]
    assert engine.inspect_network("tt-back")["Id"] == theirs["Id"]


def test_ansible_runs_the_modules_with_all_that_they_import(engine):
    """As a playbook does: packed, and sent to the host's Python."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"),
    }
    ansible = [str(Path(sys.executable).with_name("ansible")), "all", "-i", "localhost,", "-c", "local", "--check"]
    python = ["-e", f"ansible_python_interpreter={sys.executable}"]
    everything = {"networks": [BACK], "containers": [{**PEER, "networks": ["tt-back"]}], "node": "here"}
    for module in ("topology_networks", "topology_containers"):
        command = [*ansible, *python, "-m", f"dockernet.lab.{module}", "-a", json.dumps({**everything, "owner": OWNER})]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert "localhost | CHANGED" in done.stdout, done.stdout + done.stderr
    assert not engine.containers(all=True, filters={"name": "tt-peer"})


# Containers


@pytest.fixture
def made():
    networks(FRONT, BACK)
    return containers(WEB, PEER)


def test_containers_are_made_once(engine, made):
    assert actions(made) == {"tt-web": "created", "tt-peer": "created"}
    # The fixed address is the lowest of the network: without care the peer would have got it.
    assert made["containers"]["tt-web"]["addresses"]["tt-front"] == "10.77.5.2"
    assert containers(WEB, PEER)["containers"]["tt-web"]["action"] == "none"
    assert not containers(WEB, PEER)["changed"]
    info = engine.inspect_container("tt-web")
    assert info["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert "1 packets received" in run(engine, "tt-peer", "ping", "-c1", "www.tt-front")


@pytest.mark.usefixtures("made")
def test_what_cannot_be_changed_is_made_anew_and_keeps_foreign_connections(engine):
    theirs = engine.create_network("tt-theirs", labels={"topology-test": ""})
    engine.connect_container_to_network("tt-web", theirs["Id"], aliases=["w"])
    assert not containers(WEB, PEER)["changed"]
    blue = {**WEB, "env": {"COLOUR": "blue"}}
    assert actions(containers(blue, PEER, check=True)) == {"tt-web": "recreated", "tt-peer": "none"}
    changed = containers(blue, PEER)
    assert changed["containers"]["tt-web"]["reasons"] == ["env changes"]
    assert "COLOUR=blue" in engine.inspect_container("tt-web")["Config"]["Env"]
    assert "tt-theirs" in changed["containers"]["tt-web"]["addresses"]
    assert not containers(blue, PEER)["changed"]


def test_connections_change_while_the_container_runs(engine, made):
    other = {**WEB, "networks": [{"name": "tt-front", "aliases": ["shop"], "address": "10.77.5.9"}]}
    changed = containers(other, PEER)
    assert actions(changed)["tt-web"] == "connected"
    assert changed["containers"]["tt-web"]["id"] == made["containers"]["tt-web"]["id"]
    assert changed["containers"]["tt-web"]["addresses"] == {"tt-front": "10.77.5.9"}
    assert "10.77.5.9" in run(engine, "tt-peer", "ping", "-c1", "shop")
    assert not containers(other, PEER)["changed"]


def test_a_container_goes_to_a_network_of_the_engine_s_own_and_back(engine):
    networks(FRONT)
    for mode in ("bridge", "none", "host", None, "bridge"):
        place = {"network_mode": mode} if mode else {"networks": ["tt-front"]}
        declared = {"name": "tt-old", "node": "here", "image": IMAGE, **place}
        first = containers(declared, on=[FRONT])
        assert actions(first) in ({"tt-old": "created"}, {"tt-old": "recreated"}), first
        assert not containers(declared, on=[FRONT])["changed"]
        seen = engine.inspect_container("tt-old")
        assert list(seen["NetworkSettings"]["Networks"]) == [mode or "tt-front"]
    engine.disconnect_container_from_network("tt-old", "bridge")
    assert actions(containers(declared, on=[FRONT])) == {"tt-old": "connected"}
    assert not networks(FRONT, containers=[declared], node="here")["changed"]


def test_a_network_with_an_ipv6_subnet_gives_addresses_of_both_families(engine):
    dual = {"name": "tt-front", "subnet": "10.77.5.0/24", "subnet6": "fd77:5::/64"}
    fixed = {"name": "tt-front", "address": "10.77.5.9", "address6": "fd77:5::9"}
    web = {"name": "tt-web", "node": "here", "image": IMAGE, "networks": [fixed]}
    made = networks(dual)["networks"]["tt-front"]
    assert (made["subnet"], made["subnet6"]) == ("10.77.5.0/24", "fd77:5::/64")
    assert not networks(dual)["changed"]
    assert "subnet6 " in networks({**dual, "subnet6": "fd77:6::/64"})["msg"]
    assert containers(web, PEER, on=[dual])["changed"]
    assert not containers(web, PEER, on=[dual])["changed"]
    assert "(fd77:5::9)" in run(engine, "tt-peer", "ping", "-6", "-c1", "tt-web")
    moved = {**web, "networks": [{**fixed, "address6": "fd77:5::8"}]}
    assert actions(containers(moved, PEER, on=[dual])) == {"tt-web": "connected", "tt-peer": "none"}
    assert "(fd77:5::8)" in run(engine, "tt-peer", "ping", "-6", "-c1", "tt-web")
    assert not containers(moved, PEER, on=[dual])["changed"]


@pytest.mark.usefixtures("made")
def test_stopped_and_paused_containers_run_again(engine):
    engine.stop("tt-web", timeout=0)
    engine.pause("tt-peer")
    assert actions(containers(WEB, PEER)) == {"tt-web": "started", "tt-peer": "unpaused"}
    assert not containers(WEB, PEER)["changed"]


def test_a_container_of_somebody_else_is_never_touched(engine):
    networks(FRONT, BACK)
    theirs = engine.create_container(IMAGE, name="tt-web", labels={"topology-test": ""})
    refused = containers(WEB, PEER)
    assert "A container 'tt-web' exists on node 'here' without the label" in refused["msg"]
    assert engine.inspect_container("tt-web")["Id"] == theirs["Id"]
    assert not engine.containers(all=True, filters={"name": "tt-peer"})


@pytest.mark.usefixtures("made")
def test_a_container_that_moves_to_another_node_leaves_this_one():
    assert actions(containers({**WEB, "node": "there"}, PEER))["tt-web"] == "removed"
    assert not containers({**WEB, "node": "there"}, PEER)["changed"]


def test_a_missing_image_or_network_is_said_before_anything_is_made(engine):
    networks(FRONT)
    refused = containers({**WEB, "image": "no-such-image"}, PEER)
    assert "Image 'no-such-image' of container 'tt-web' is not on node 'here'" in refused["msg"]
    assert "Network 'tt-back' is not to be seen on node 'here'" in refused["msg"]
    assert not engine.containers(all=True, filters={"name": "tt-"})


def test_a_container_that_ends_at_once_is_an_error_with_its_last_words():
    networks(FRONT)
    refused = containers({**PEER, "command": "echo no space on Mars; exit 3"}, on=[FRONT])
    assert refused["msg"] == (
        "Container 'tt-peer' on node 'here' ended right after its start; its last words: no space on Mars"
    )
    assert containers(PEER, on=[FRONT])["containers"]["tt-peer"]["state"] == "running"


def test_wrong_declarations_are_all_said_at_once():
    refused = containers({**WEB, "networks": ["tt-frnt"]}, {**PEER, "colour": "red"})
    assert "did you mean 'tt-front'?" in refused["msg"]
    assert "key 'colour' is not known" in refused["msg"]


def test_in_swarm_mode_it_joins_the_declared_networks_and_no_other(engine):
    networks(FRONT, BACK)
    made = containers(WEB, PEER, flavour="mode")
    assert set(made["containers"]["tt-web"]["addresses"]) == {"tt-front", "tt-back"}
    assert not containers(WEB, PEER, flavour="mode")["changed"]
    engine.restart("tt-web", timeout=0)
    assert not containers(WEB, PEER, flavour="mode")["changed"]


@pytest.mark.parametrize("role", ["overlay_network", "workload"])
def test_the_readmes_example_runs(engine, role, tmp_path):
    text = (CHECKOUT / "roles" / role / "README.md").read_text()
    play = tmp_path / "play.yml"
    play.write_text(text.split("```yaml\n", 1)[1].split("```", 1)[0])
    topology = {
        "topology_networks": [BACK],
        "topology_containers": [{**PEER, "node": "here", "networks": ["tt-back"]}],
    }
    variables = {**topology, "lab_name": OWNER, "swarm_flavour": "none", "node_address": "127.0.0.1"}
    (tmp_path / "vars.json").write_text(json.dumps(variables))
    host = f"here ansible_connection=local ansible_python_interpreter={sys.executable}"
    (tmp_path / "hosts").write_text(f"[engines]\n{host}\n[swarm_managers]\nhere\n")
    networks(BACK)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", str(tmp_path / "hosts"), "-e", f"@{tmp_path / 'vars.json'}", str(play)),
        ],
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert engine.inspect_container("tt-peer")["State"]["Running"]


# A classic Swarm of this machine's engine


@pytest.fixture(scope="module")
def swarm(engine):
    """URL of a Swarm manager in front of this machine's engine, and the engine's name in it."""
    if not engine.images("swarm:1.2.9"):
        pytest.skip("the image swarm:1.2.9 is not there")
    engine_port, swarm_port = _free_port(), _free_port()
    _proxy(engine_port)
    host = engine.create_host_config(network_mode="host")
    command = ["manage", "-H", f"tcp://127.0.0.1:{swarm_port}", f"nodes://127.0.0.1:{engine_port}"]
    # Not the label that `clean` goes by: it outlives a test.
    manager = engine.create_container("swarm:1.2.9", command, host_config=host, name="tt-manager")["Id"]
    try:
        engine.start(manager)
        yield f"tcp://127.0.0.1:{swarm_port}", _node_of(f"tcp://127.0.0.1:{swarm_port}")
    finally:
        engine.remove_container(manager, force=True)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _node_of(url):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            status = docker.APIClient(base_url=url, version="1.30").info()["SystemStatus"]
            names = [name.strip() for name, value in status if value.startswith("127.0.0.1:")]
            if ["  └ Status", "Healthy"] in status:
                return names[0]
        time.sleep(0.2)
    pytest.fail("the Swarm has no healthy node after 30 s")
    return None


def _proxy(port):
    """The engine's socket on a TCP port of this machine, since a Swarm knows no other way to its engines."""
    listener = socket.create_server(("127.0.0.1", port))

    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve():
        while True:
            caller, _ = listener.accept()
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(SOCKET)
            for pair in ((caller, engine), (engine, caller)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def test_a_classic_swarm_makes_them_once_and_moves_no_one(engine, swarm):
    url, node = swarm
    through = {"flavour": "classic", "docker_host": url}
    networks(FRONT, BACK)
    web = {**WEB, "node": node}
    peer = {**PEER, "node": None, "constraints": [f"node=={node}"]}
    made = containers(web, peer, **through)
    assert actions(made) == {"tt-web": "created", "tt-peer": "created"}
    assert made["containers"]["tt-peer"]["node"] == node
    assert set(made["containers"]["tt-web"]["addresses"]) == {"tt-front", "tt-back"}
    assert not containers(web, peer, **through)["changed"]
    shop = {**web, "networks": [{"name": "tt-back", "aliases": ["shop"]}]}
    assert actions(containers(shop, peer, **through))["tt-web"] == "connected"
    assert actions(containers({**shop, "env": {}}, peer, **through))["tt-web"] == "recreated"
    engine.stop("tt-web", timeout=0)
    assert actions(containers({**shop, "env": {}}, peer, **through))["tt-web"] == "started"
    assert not containers({**shop, "env": {}}, peer, **through)["changed"]
    assert containers(shop, peer, state="absent", **through)["changed"]


def test_a_classic_swarm_puts_containers_on_a_node_s_own_networks(engine, swarm):
    url, _node = swarm
    through = {"flavour": "classic", "docker_host": url}
    modes = ("bridge", "host", "none")
    declared = [{"name": f"tt-{mode}", "image": IMAGE, "network_mode": mode} for mode in modes]
    assert set(actions(containers(*declared, on=[], **through)).values()) == {"created"}
    assert not containers(*declared, on=[], **through)["changed"]
    for mode in modes:
        assert list(engine.inspect_container(f"tt-{mode}")["NetworkSettings"]["Networks"]) == [mode]


def test_a_constraint_that_no_node_satisfies_is_one_sentence(swarm):
    url, node = swarm
    networks(FRONT)
    nowhere = {**PEER, "node": None, "constraints": ["storage==ssd"]}
    refused = containers(nowhere, on=[FRONT], flavour="classic", docker_host=url)
    assert "Container 'tt-peer' cannot be created: no node of the Swarm satisfies" in refused["msg"]
    assert "storage==ssd" in refused["msg"]
    missing = {**PEER, "node": node, "image": "no-such-image"}
    refused = containers(missing, on=[FRONT], flavour="classic", docker_host=url)
    assert f"Image 'no-such-image' of container 'tt-peer' is not on node '{node}'" in refused["msg"]


def test_a_classic_swarm_places_a_container_beside_another(swarm):
    url, node = swarm
    through = {"flavour": "classic", "docker_host": url}
    networks(FRONT, BACK)
    web = {**WEB, "node": None}
    beside = {**PEER, "node": None, "affinities": ["container==tt-web"]}
    made = containers(web, beside, **through)
    assert {name: c["node"] for name, c in made["containers"].items()} == {"tt-web": node, "tt-peer": node}
    assert not containers(web, beside, **through)["changed"]
    refused = containers(web, {**beside, "affinities": ["container!=tt-web"]}, **through)
    assert refused["containers"]["tt-peer"]["reasons"][0] == "affinities changes"
    assert refused["msg"] == (
        "Container 'tt-peer' cannot be created: no node of the Swarm satisfies 'container!=tt-web'."
    )
