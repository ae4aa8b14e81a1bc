# SPDX-License-Identifier: GPL-3.0-or-later
"""Look, probe and judge on the engine of this machine: real networks, real servers, and what breaks them."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.dockernet.lab.plugins.action.verify import gather
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import SCOPE_ARGUMENTS, scope_of
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import judge, summarize

docker = pytest.importorskip("docker")

URL = "unix:///var/run/docker.sock"
LABELS = {"org.dockernet.lab": "probe-test"}
IMAGE = "box"
NETWORKS = [{"name": "pt-front", "internal": True, "subnet": "10.77.9.0/24"}, {"name": "pt-back"}]
SERVE = ["httpd", "-f", "-p", "80"]
WEB = {"name": "pt-web", "node": "here", "networks": ["pt-front", "pt-back"], "listens": [80]}
PEER = {"name": "pt-peer", "node": "here", "networks": ["pt-front"]}
FAR = {"name": "pt-far", "node": "here", "networks": ["pt-back"]}


@pytest.fixture(scope="module")
def engine():
    client = docker.APIClient(base_url=URL, version="auto")
    try:
        client.ping()
        client.inspect_image(IMAGE)
    except Exception:  # whatever is wrong with it
        pytest.skip(f"no engine with an image '{IMAGE}' answers at {URL}")
    return client


@pytest.fixture(autouse=True)
def clean(engine):
    _clean(engine)
    yield
    _clean(engine)


def _clean(client):
    mine = {"label": [f"{key}={value}" for key, value in LABELS.items()]}
    for container in client.containers(all=True, filters=mine):
        client.remove_container(container["Id"], force=True)
    for network in client.networks(filters=mine):
        client.remove_network(network["Id"])


def network(client, name, internal=False, subnet=None):
    pools = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet)]) if subnet else None
    return client.create_network(name, internal=internal, ipam=pools, labels=LABELS)["Id"]


def container(client, name, networks, command=("sleep", "3600"), labels=None):
    host = client.create_host_config(network_mode=networks[0], init=True)
    made = client.create_container(
        IMAGE, list(command), name=name, host_config=host, labels={**LABELS, **(labels or {})}
    )["Id"]
    for other in networks[1:]:
        client.connect_container_to_network(made, other)
    client.start(made)
    return made


@pytest.fixture
def shop(engine):
    """A server on both networks, and a container on each of them."""
    network(engine, "pt-front", internal=True, subnet="10.77.9.0/24")
    network(engine, "pt-back")
    for declared in (WEB, PEER, FAR):
        container(engine, declared["name"], declared["networks"], SERVE if declared is WEB else ("sleep", "3600"))
    return engine


def probe(**options):
    """Run the module in this process. Returns its result."""
    module = importlib.import_module("ansible_collections.dockernet.lab.plugins.modules.network_probe")
    printed = io.StringIO()
    arguments = {"node": "here", "nodes": ["here"], **options}
    with patch_module_args(arguments), contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        module.main()
    return json.loads(printed.getvalue())


def verify(*containers, wait=0.0, flavour="none", networks=NETWORKS, **scope):
    """All verdicts by cell, as the role would come to them."""
    options = {"networks": list(networks), "containers": list(containers), "flavour": flavour, "wait": wait, **scope}
    look = probe(**options)
    probed = probe(**options, nodes_seen={"here": look["seen"]})
    topology = parse(options["networks"], options["containers"], ["here"], flavour)
    asked = scope_of({**{name: option["default"] for name, option in SCOPE_ARGUMENTS.items()}, **scope})
    verdicts = judge(gather(topology, {"here": look}, {"here": probed}, flavour, asked))
    return {each.cell[:4]: each for each in verdicts}


def of(verdicts, verdict):
    return {cell: each for cell, each in verdicts.items() if each.verdict == verdict}


@pytest.mark.usefixtures("shop")
def test_a_server_is_reached_on_shared_networks_alone():
    start = time.monotonic()
    found = verify(WEB, PEER, FAR, wait=10)
    assert time.monotonic() - start < 5
    assert summarize(found.values()).status == 0, found
    assert "connected in" in found["pt-peer", "pt-web", "tcp", "pt-front:80"].evidence
    assert found["pt-peer", "pt-web", "tcp", "pt-back:80"].observed == "blocked"
    assert found["pt-far", "pt-web", "tcp", "pt-front:80"].observed == "blocked"
    assert "bridge, local, internal, 10.77.9.0/24, id " in found["pt-front", "pt-front", "network", "here"].evidence


@pytest.mark.usefixtures("shop")
def test_a_port_that_nobody_listens_on_is_wrong_and_closes_no_network():
    found = verify({**WEB, "listens": [80, 81]}, PEER, FAR)
    wrong = of(found, "wrong")
    assert set(wrong) == {
        ("pt-peer", "pt-web", "tcp", "pt-front:81"),
        ("pt-far", "pt-web", "tcp", "pt-back:81"),
    }
    assert {each.cause for each in wrong.values()} == {"nothing listens on port 81 in pt-web"}
    assert all(each.evidence.endswith(":81: connection refused") for each in wrong.values())
    assert set(of(found, "no_value")) == {
        ("pt-peer", "pt-web", "tcp", "pt-back:81"),
        ("pt-far", "pt-web", "tcp", "pt-front:81"),
    }


def test_who_is_on_a_network_of_the_engine_s_own_is_reached_there_and_named_nowhere(shop):
    modes = {"pt-old": "bridge", "pt-older": "bridge", "pt-alone": "none", "pt-agent": "host"}
    declared = [
        {"name": name, "node": "here", "network_mode": mode, "listens": [80] if name == "pt-old" else []}
        for name, mode in modes.items()
    ]
    for name, mode in modes.items():
        container(shop, name, [mode], SERVE if name == "pt-old" else ("sleep", "3600"))
    start = time.monotonic()
    found = verify(WEB, PEER, FAR, *declared, wait=10)
    assert time.monotonic() - start < 8
    assert summarize(found.values()).status == 0, [each for each in found.values() if each.verdict != "correct"]
    assert "connected in" in found["pt-older", "pt-old", "tcp", "bridge:80"].evidence
    assert found["pt-older", "pt-old", "name", "pt-old"].observed == "blocked"
    assert found["pt-far", "pt-old", "tcp", "bridge:80"].observed == "blocked"
    assert found["pt-alone", "pt-alone", "attachment", "none"].evidence.startswith("no address")
    assert {cell[2] for cell in found if cell[0] == "pt-agent" and cell[1] != "pt-agent"} == {"name"}


def test_an_address_given_to_a_container_without_a_network_is_found(engine):
    made = container(engine, "pt-alone", ["none"])
    pid = str(engine.inspect_container(made)["State"]["Pid"])
    inside = ["nsenter", "--net", "--target", pid, "ip"]
    subprocess.run([*inside, "link", "add", "spare", "type", "veth", "peer", "name", "end"], check=True)
    subprocess.run([*inside, "address", "add", "10.77.9.9/24", "dev", "spare"], check=True)
    found = verify({"name": "pt-alone", "node": "here", "network_mode": "none"})
    ((cell, verdict),) = of(found, "wrong").items()
    assert cell == ("pt-alone", "pt-alone", "attachment", "none")
    assert verdict.evidence == "it has 10.77.9.9 on spare"


def test_a_container_made_on_another_network_than_its_mode_says_is_not_attached(shop):
    container(shop, "pt-old", ["pt-front"])
    found = verify(WEB, PEER, FAR, {"name": "pt-old", "node": "here", "network_mode": "bridge"})
    wrong = of(found, "wrong")
    assert wrong["pt-old", "pt-old", "attachment", "bridge"].cause == "pt-old is not attached to bridge"
    assert wrong["pt-web", "pt-old", "name", "pt-old"].observed == "allowed"


def test_a_stopped_server_is_said_at_once(shop):
    shop.stop("pt-web", timeout=0)
    start = time.monotonic()
    found = verify(WEB, PEER, FAR, wait=10)
    assert time.monotonic() - start < 5
    assert found["pt-peer", "pt-web", "tcp", "pt-front:80"].cause.startswith("pt-web is not running (exited ")
    assert found["pt-peer", "pt-web", "tcp", "pt-back:80"].verdict == "no_value"


def test_a_server_that_comes_up_late_is_waited_for(shop):
    def serve():
        time.sleep(1.5)
        shop.exec_start(shop.exec_create("pt-web", ["httpd", "-f", "-p", "8080"])["Id"], detach=True)

    late = {**WEB, "listens": [80, 8080]}
    thread = threading.Thread(target=serve)
    thread.start()
    start = time.monotonic()
    found = verify(late, PEER, FAR, wait=20)
    thread.join()
    assert 1.5 < time.monotonic() - start < 8
    assert summarize(found.values()).status == 0, of(found, "wrong")


def test_a_server_without_peers_is_waited_for_too(shop):
    for name in ("pt-peer", "pt-far"):
        shop.remove_container(name, force=True)
    container(shop, "pt-far", ["pt-back"])
    shop.disconnect_container_from_network("pt-web", "pt-back")
    shop.exec_start(shop.exec_create("pt-web", ["sh", "-c", "sleep 1.5; httpd -p 8080"])["Id"], detach=True)
    found = verify({**WEB, "networks": ["pt-front"], "listens": [8080]}, FAR, wait=20)
    assert found["pt-far", "pt-web", "tcp", "pt-front:8080"].verdict == "correct"
    assert summarize(found.values()).status == 0, of(found, "no_value")


@pytest.mark.usefixtures("engine")
def test_a_node_compares_its_clock_with_the_controllers():
    declared = {"networks": NETWORKS, "containers": []}
    assert probe(**declared)["seen"]["clock"] == 0
    assert 100 <= probe(**declared, asked_at=time.time() - 100)["seen"]["clock"] < 110


def test_networks_are_verified_without_any_container(engine):
    declared = [{"name": "pt-front", "nodes": ["here"], "subnet": "10.77.9.0/24"}]
    (missing,) = verify(networks=declared).values()
    assert (missing.verdict, missing.evidence) == ("wrong", "the engine has no network of that name")
    network(engine, "pt-front-two", subnet="10.77.8.0/24")
    assert probe(networks=declared, containers=[])["seen"]["networks"] == []
    network(engine, "pt-front", subnet="10.77.9.0/24")
    assert [each.verdict for each in verify(networks=declared).values()] == ["correct"]
    (differs,) = verify(networks=[{**declared[0], "internal": True}]).values()
    assert differs.evidence.endswith("declared is internal")
    network(engine, "pt-front")
    (several,) = verify(networks=declared).values()
    assert several.evidence.startswith("2 networks have that name: bridge, local, ")


def test_of_a_service_the_running_task_is_the_container(shop):
    """An engine tells a task by its label alone, so no Swarm is needed to have one here."""
    label = {"com.docker.swarm.service.name": "pt-svc"}
    shop.stop(container(shop, "pt-svc.1.aaaa", ["pt-back"], labels=label), timeout=0)
    container(shop, "pt-svc.1.bbbb", ["pt-back"], labels=label)
    shop.stop(container(shop, "pt-svc.1.cccc", ["pt-back"], labels=label), timeout=0)
    networks = [NETWORKS[0], {"name": "pt-svc-net", "driver": "overlay"}]
    service = {"name": "pt-svc", "node": None, "networks": ["pt-svc-net"]}
    found = verify(service, flavour="mode", networks=networks)
    placement = found["pt-svc", "pt-svc", "placement", ""]
    assert placement.verdict == "correct"
    assert placement.evidence.endswith(" on here as pt-svc.1.bbbb")
    plain = {"name": "pt-svc", "node": "here", "networks": ["pt-back"]}
    assert verify(plain, flavour="mode")["pt-svc", "pt-svc", "placement", "here"].verdict == "wrong"


def test_hostnames_and_short_ids_are_names(shop):
    name = "pt-named"
    host = shop.create_host_config(network_mode="pt-front", init=True)
    ident = shop.create_container(
        IMAGE, ["sleep", "3600"], name=name, hostname="www.example.org", host_config=host, labels=LABELS
    )["Id"]
    shop.start(ident)
    declared = {"name": name, "node": "here", "networks": ["pt-front"], "hostname": "www.example.org"}
    found = verify(declared, PEER, FAR, short_ids=True, wait=5)
    assert summarize(found.values()).status == 0, of(found, "wrong")
    for subject in ident[:12], f"{ident[:12]}.pt-front", "www.example.org", "www.example.org.pt-front":
        assert found["pt-peer", name, "address", subject].verdict == "correct"
        assert found["pt-far", name, "name", subject].observed == "blocked"


def test_a_packet_of_full_size_that_is_lost_is_told_from_a_path_that_is_closed(shop):
    assert verify(WEB, PEER, FAR, full_size=True)["pt-peer", "pt-web", "mtu", "pt-front"].verdict == "correct"
    pid = str(shop.inspect_container("pt-web")["State"]["Pid"])
    # What is larger than the receiver's own MTU is lost at its door.
    for interface in "eth0", "eth1":
        subprocess.run(["nsenter", "--net", "-t", pid, "ip", "link", "set", interface, "mtu", "1400"], check=True)
    found = verify(WEB, PEER, FAR, full_size=True)
    wrong = of(found, "wrong")
    assert set(wrong) == {("pt-peer", "pt-web", "mtu", "pt-front"), ("pt-far", "pt-web", "mtu", "pt-back")}
    assert found["pt-peer", "pt-web", "ping", "pt-front"].verdict == "correct"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("scope", [{"coverage": "mesh"}, {"coverage": "sample", "sample": 3}])
def test_fewer_pairs_are_proven_as_well_as_all(scope):
    found = verify(WEB, PEER, FAR, wait=5, **scope)
    assert summarize(found.values()).status == 0, found
    assert 0 < len(found) < len(verify(WEB, PEER, FAR, wait=5)) or scope["coverage"] == "mesh"


DUAL = {"name": "pt-dual", "subnet": "10.77.8.0/24", "subnet6": "fd77:8::/64"}


def dual_network(client, name, *subnets):
    pools = [docker.types.IPAMPool(subnet=subnet) for subnet in subnets]
    ipam = docker.types.IPAMConfig(pool_configs=pools)
    return client.create_network(name, enable_ipv6=True, ipam=ipam, labels=LABELS)["Id"]


@pytest.fixture
def dual(engine):
    """A server and a container with IPv6, and one that shares IPv4 alone with the server."""
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("needs a kernel with IPv6")
    dual_network(engine, "pt-dual", DUAL["subnet"], DUAL["subnet6"])
    network(engine, "pt-back")
    web = {**WEB, "networks": ["pt-dual", "pt-back"]}
    peer = {**PEER, "networks": ["pt-dual"]}
    for declared in (web, peer, FAR):
        container(engine, declared["name"], declared["networks"], SERVE if declared is web else ("sleep", "3600"))
    return engine, (web, peer, FAR), [DUAL, {"name": "pt-back"}]


def test_ipv6_is_proven_beside_ipv4(dual):
    engine, declared, networks = dual
    found = verify(*declared, networks=networks, wait=10, full_size=True)
    assert summarize(found.values()).status == 0, of(found, "wrong") or of(found, "no_value")
    settings = engine.inspect_container("pt-web")["NetworkSettings"]["Networks"]["pt-dual"]
    address = settings["GlobalIPv6Address"]
    assert found["pt-peer", "pt-web", "address", "pt-web/6"].evidence == f"{address} on pt-dual/6"
    assert found["pt-peer", "pt-web", "ping", "pt-dual/6"].evidence.startswith(f"{address} answered in ")
    assert found["pt-peer", "pt-web", "mtu", "pt-dual/6"].observed == "allowed"
    assert found["pt-peer", "pt-web", "tcp", "pt-dual/6:80"].evidence.startswith(f"[{address}]:80 connected in ")
    # The name is known to it, and has no address of that family there.
    assert found["pt-far", "pt-web", "name", "pt-web/6"].evidence.endswith("an empty answer from 127.0.0.11")
    assert found["pt-far", "pt-web", "tcp", "pt-dual/6:80"].evidence.endswith("no IPv6 address to send from")


def test_an_ipv6_address_that_is_taken_away_is_missed_and_ipv4_is_sound(dual):
    engine, declared, networks = dual
    pid = str(engine.inspect_container("pt-peer")["State"]["Pid"])
    command = ["ip", "-6", "address", "flush", "dev", "eth0", "scope", "global"]
    subprocess.run(["nsenter", "--net", "-t", pid, *command], check=True)
    found = verify(*declared, networks=networks)
    wrong = of(found, "wrong")
    # What it sends itself may still find a way, from its address on the link.
    assert set(wrong) - {("pt-peer", "pt-web", "ping", "pt-dual/6"), ("pt-peer", "pt-web", "tcp", "pt-dual/6:80")} == {
        ("pt-peer", "pt-peer", "attachment", "pt-dual/6"),
        ("pt-web", "pt-peer", "ping", "pt-dual/6"),
    }
    assert all("pt-peer has no address on pt-dual/6 where its engine gave it" in each.cause for each in wrong.values())


def test_bridges_that_the_engine_does_not_keep_apart_in_ipv6_are_found(dual):
    engine, declared, networks = dual
    dual_network(engine, "pt-apart", "10.77.7.0/24", "fd77:7::/64")
    container(engine, "pt-apart", ["pt-apart"])
    apart = {"name": "pt-apart", "node": "here", "networks": ["pt-apart"]}
    networks = [*networks, {"name": "pt-apart", "subnet6": "fd77:7::/64"}]
    time.sleep(2)  # until bridges have made sure that their addresses are theirs alone, they forward nothing
    found = verify(*declared, apart, networks=networks)
    settings = engine.inspect_container("pt-apart")["NetworkSettings"]["Networks"]["pt-apart"]
    reached = engine.exec_create("pt-peer", ["ping", "-6", "-c1", "-W1", settings["GlobalIPv6Address"]])["Id"]
    engine.exec_start(reached)
    leaks = engine.exec_inspect(reached)["ExitCode"] == 0
    across = found["pt-peer", "pt-apart", "ping", "pt-apart/6"]
    assert across.verdict == ("wrong" if leaks else "correct")
    assert ("lets IPv6 pass" in across.cause) is leaks
    assert found["pt-peer", "pt-apart", "ping", "pt-apart"].verdict == "correct"
