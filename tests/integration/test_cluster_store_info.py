# SPDX-License-Identifier: GPL-3.0-or-later
"""`cluster_store_info` against a real Consul with TLS and ACLs, a real etcd, a real ZooKeeper and a real engine.

Their images are those of labs. The keys are what engines 20.10.5 and docker/swarm 1.2.9 had written.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from private_engine import docker, private_engine
from test_info_modules import run_examples, run_module
from test_topology_modules import IMAGE, build_box

consul = pytest.importorskip("consul")

LABEL, OWNER, NETWORK = "org.dockernet.lab", "store-test", "store-test"
CONSUL, ETCD, ZOOKEEPER = "192.168.81.10", "192.168.81.11", "192.168.81.12"
JARS = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-nop.jar"
TOKEN = "5f0a8b62-2b0e-4f0e-9d51-8f3f6a0c9d11"  # noqa: S105 - of the tests' own Consul
ROOT = "docker/network/v1.0"
LINUX, GONE = "9a" * 32, "be" * 32
LIVE, STALE, ELSEWHERE, LEFT = "11" * 32, "22" * 32, "33" * 32, "44" * 32
NODES = ("192.0.2.101", "192.0.2.102")
WAIT = 30  # seconds that a store may take to serve


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def endpoint(name: str, node: str, address: str) -> str:
    interface = {"addr": f"{address}/24", "dstPrefix": "eth", "mac": "02:42:0a:00:00:02", "v4PoolID": "GlobalDefault"}
    return compact({"ep_iface": interface, "locator": node, "myAliases": ["719402482f1d"], "name": name})


def keys(live: str = LIVE) -> dict[str, str]:
    """A store with an endpoint of each kind; `live` is the ID of the one that is there."""
    pools = compact([{"IPAMData": compact({"Gateway": "10.0.0.1/24", "Pool": "10.0.0.0/24"})}])
    network = {"name": "linux", "networkType": "overlay", "scope": "global", "ipamV4Info": pools, "labels": {"a": "b"}}
    return {
        **{f"docker/nodes/{node}:2375": f"{node}:2375" for node in NODES},
        f"docker/swarm/nodes/{NODES[0]}:2375": f"{NODES[0]}:2375",
        "docker/swarm/leader": f"{NODES[0]}:3375",
        f"{ROOT}/network/{LINUX}/": compact(network),
        f"{ROOT}/endpoint_count/{LINUX}/": '{"Count":3}',
        f"{ROOT}/overlay/network/{LINUX}/": '{"subnets":[{"SubnetIP":"10.0.0.0/24","GwIP":"10.0.0.1/24","Vni":256}]}',
        f"{ROOT}/endpoint/{LINUX}/{live}/": endpoint("ubuntu1", NODES[0], "10.0.0.2"),
        f"{ROOT}/endpoint/{LINUX}/{STALE}/": endpoint("ubuntu2", NODES[0], "10.0.0.3"),
        f"{ROOT}/endpoint/{LINUX}/{ELSEWHERE}/": endpoint("ubuntu3", "192.0.2.103", "10.0.0.4"),
        f"{ROOT}/endpoint/{GONE}/{LEFT}/": endpoint("ubuntu4", NODES[1], "10.0.0.5"),
    }


@pytest.fixture(scope="module")
def machine() -> Iterator[Any]:
    """The engine of this machine with a network for stores; what was made on it is removed."""
    try:
        client = docker.APIClient(version="auto")
    except docker.errors.DockerException:
        pytest.skip("no engine answers here")
    _clean(client)
    pool = docker.types.IPAMPool(subnet="192.168.81.0/24")
    client.create_network(NETWORK, ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={LABEL: OWNER})
    yield client
    _clean(client)


def _clean(client: Any) -> None:
    mine = {"label": f"{LABEL}={OWNER}"}
    for container in client.containers(all=True, filters=mine):
        client.remove_container(container["Id"], force=True, v=True)
    for network in client.networks(filters=mine):
        client.remove_network(network["Id"])


def serve(client: Any, image: str, address: str, command: list[str], folder: Path | None = None) -> str:
    """Run a store in a container of `image`, with an address. Returns the container."""
    if not client.images(image):
        pytest.skip(f"no image '{image}': labs make it")
    end = client.create_endpoint_config(ipv4_address=address)
    made = client.create_container(
        image,
        command,
        entrypoint="",
        host_config=client.create_host_config(binds=[f"{folder}:/tls:ro"] if folder else [], network_mode=NETWORK),
        networking_config=client.create_networking_config({NETWORK: end}),
        labels={LABEL: OWNER},
    )["Id"]
    client.start(made)
    return str(made)


def await_(attempt: Callable[[], object]) -> None:
    """Repeat `attempt` until nothing is raised."""
    deadline = time.monotonic() + WAIT
    while True:
        try:
            attempt()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA with one certificate for everybody."""
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o755)
    (folder / "san").write_text(f"subjectAltName=IP:{CONSUL}\nextendedKeyUsage=serverAuth,clientAuth\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=CA -keyout ca-key.pem -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=all -keyout key.pem -out request.pem",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile san -out cert.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    for key in folder.glob("*.pem"):
        key.chmod(0o644)
    return folder


@pytest.fixture(scope="module")
def consul_client(machine: Any, tls: Path) -> Any:
    """A Consul that answers whoever has the token, and on 8501 those who have a certificate too."""
    settings = {
        "acl": {"enabled": True, "default_policy": "deny", "tokens": {"master": TOKEN}},
        "ports": {"https": 8501},
        "ca_file": "/tls/ca.pem",
        "cert_file": "/tls/cert.pem",
        "key_file": "/tls/key.pem",
        "verify_incoming_https": True,
    }
    (tls / "consul.json").write_text(json.dumps(settings))
    command = ["consul", "agent", "-dev", "-client=0.0.0.0", "-config-file=/tls/consul.json"]
    serve(machine, "dockernet/node:11", CONSUL, command, tls)
    client = consul.Consul(host=CONSUL, token=TOKEN)
    await_(lambda: client.kv.put("ready", "yes"))
    return client


@pytest.fixture
def store(consul_client: Any) -> Iterator[str]:
    """The same with the keys of a cluster, and below a prefix too. Its URL."""
    fill(consul_client, keys())
    yield f"consul://{CONSUL}:8500"
    consul_client.kv.delete("", recurse=True)


def fill(client: Any, content: dict[str, str]) -> None:
    session = client.session.create(lock_delay=0)
    for prefix in ("", "lab/"):
        for key, value in content.items():
            client.kv.put(prefix + key, value, acquire=session if key.endswith("leader") else None)


def ask(store: str, **options: object) -> dict[str, Any]:
    return run_module("cluster_store_info", store=store, **{"token": TOKEN, **options})


def by_name(result: dict[str, Any]) -> dict[str, Any]:
    return {end["name"]: end for network in result["networks"] for end in network["endpoints"]}


# What is there


def check_content(result: dict[str, Any]) -> None:
    assert not result.get("failed"), result["msg"]
    assert not result["changed"]
    assert result["engines"] == [f"{node}:2375" for node in NODES]
    assert result["swarm"] == {"leader": f"{NODES[0]}:3375", "nodes": [f"{NODES[0]}:2375"]}
    linux, gone = sorted(result["networks"], key=lambda network: network["name"], reverse=True)
    assert (linux["name"], linux["driver"], linux["scope"], linux["id"]) == ("linux", "overlay", "global", LINUX)
    assert (linux["subnets"], linux["labels"], linux["endpoint_count"]) == (["10.0.0.0/24"], {"a": "b"}, 3)
    assert [end["name"] for end in linux["endpoints"]] == ["ubuntu1", "ubuntu2", "ubuntu3"]
    assert (gone["name"], gone["id"]) == ("", GONE)
    one = by_name(result)["ubuntu1"]
    assert (one["id"], one["node"], one["address"]) == (LIVE, NODES[0], "10.0.0.2")
    assert result["problems"] == []


@pytest.mark.parametrize("suffix", ["", "/lab"])
def test_what_engines_and_a_swarm_keep_in_consul(store: str, suffix: str) -> None:
    check_content(ask(store + suffix, _ansible_check_mode=True))


def test_what_they_keep_in_etcd(machine: Any) -> None:
    url = f"http://{ETCD}:2379"
    serve(
        machine,
        "dockernet/etcd:12",
        ETCD,
        ["etcd", "--enable-v2", "--data-dir=data", f"--advertise-client-urls={url}", f"--listen-client-urls={url}"],
    )

    def put(key: str, value: str) -> None:
        data = urllib.parse.urlencode({"value": value}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{url}/v2/keys/{key}", data, method="PUT"), timeout=5)  # noqa: S310

    await_(lambda: put("ready", "yes"))
    for key, value in keys().items():
        put(key.rstrip("/"), value)
    check_content(ask(f"etcd://{ETCD}:2379", token=None))
    refused = ask(f"etcd://{ETCD}:2379")
    assert refused["msg"] == "A token and TLS are for Consul; 'etcd' is asked without."


def test_what_they_keep_in_zookeeper(machine: Any) -> None:
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    made = serve(machine, "dockernet/zookeeper:12", ZOOKEEPER, ["java", "-cp", JARS, main, "2181", "data"])
    lines = []
    for key, value in keys().items():
        parts = key.strip("/").split("/")
        lines += [f"create /{'/'.join(parts[:depth])} ''" for depth in range(1, len(parts))]
        lines.append(f"create /{'/'.join(parts)} '{value}'")
    client = f"java -cp {JARS} org.apache.zookeeper.ZooKeeperMain -server 127.0.0.1:2181"
    await_(lambda: ask(f"zk://{ZOOKEEPER}:2181", token=None)["engines"])
    script = "\n".join(dict.fromkeys(lines))
    typed = machine.exec_create(made, ["sh", "-c", f"{client} <<'END'\n{script}\nEND"])
    machine.exec_start(typed)
    check_content(ask(f"zk://192.168.81.99:2181,{ZOOKEEPER}:2181", token=None))


def test_a_leader_that_let_its_lock_go_is_none(store: str, consul_client: Any) -> None:
    for session in consul_client.session.list()[1]:
        consul_client.session.destroy(session["ID"])
    assert ask(store)["swarm"]["leader"] == ""


def test_a_value_that_is_no_json_is_said_and_hides_nothing(store: str, consul_client: Any) -> None:
    key = f"{ROOT}/endpoint/{LINUX}/{STALE}/"
    consul_client.kv.put(key, "{")
    result = ask(store)
    assert set(by_name(result)) == {"ubuntu1", "ubuntu3", "ubuntu4"}
    (problem,) = result["problems"]
    assert problem.startswith(f"The value of '{key.strip('/')}' is no JSON object")


# Who may ask


def test_a_consul_that_wants_certificates_is_asked_with_one(store: str, tls: Path) -> None:
    assert store
    files = {"ca_cert": tls / "ca.pem", "client_cert": tls / "cert.pem", "client_key": tls / "key.pem"}
    options = {key: str(value) for key, value in files.items()}
    check_content(ask(f"consul://{CONSUL}:8501", **options))
    for lacking in ({"ca_cert": options["ca_cert"]}, {**options, "ca_cert": "/etc/ssl/certs/ca-certificates.crt"}):
        refused = ask(f"consul://{CONSUL}:8501", **lacking)
        assert refused["failed"]
        assert refused["msg"].startswith(f"Consul at {CONSUL}:8501 "), refused["msg"]


def test_without_a_right_there_is_a_sentence_and_no_empty_cluster(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = ask(store, token=None)
    assert (result["engines"], result["networks"]) == ([], [])
    # In a process in which Ansible itself has run before, a module's warning is shown and not returned.
    warned = f"{result.get('warnings')}{capsys.readouterr().err}"
    assert "the token may not read them (Consul shows nothing then" in warned
    refused = ask(store, token=TOKEN.replace("5", "6"))
    assert refused["failed"]
    assert TOKEN.replace("5", "6") not in str(refused)
    assert refused["msg"].startswith(f"Consul at {CONSUL}:8500 does not tell its keys: "), refused["msg"]


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("consul://192.168.81.99:8500", "Consul at 192.168.81.99:8500 does not tell its keys: "),
        ("etcd://127.0.0.1:1", "The cluster store cannot be asked for its keys: 127.0.0.1:1 does not answer"),
        ("zk://127.0.0.1:1", "The cluster store cannot be asked for its keys: 127.0.0.1:1 does not answer"),
        ("consul", "'consul' is no cluster store: write it as consul://HOST:PORT"),
    ],
)
def test_a_store_that_is_not_there_is_one_sentence(machine: Any, store: str, said: str) -> None:
    assert machine
    assert ask(store, token=None)["msg"].startswith(said)


# What is stale there


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    """An engine with one container on a network."""
    with private_engine() as running:
        client = running.client()
        build_box(client)
        pool = docker.types.IPAMPool(subnet="10.79.0.0/24")
        client.create_network("linux", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
        client.start(
            client.create_container(IMAGE, name="ubuntu1", host_config=client.create_host_config(network_mode="linux"))
        )
        yield running
        client.remove_container("ubuntu1", force=True)


def endpoint_of(engine: Any) -> str:
    networks = engine.client().inspect_container("ubuntu1")["NetworkSettings"]["Networks"]
    return str(networks["linux"]["EndpointID"])


def test_an_endpoint_that_its_engine_has_not_is_stale_with_its_cure(
    consul_client: Any, store: str, engine: Any
) -> None:
    consul_client.kv.delete("docker/", recurse=True)
    fill(consul_client, keys(live=endpoint_of(engine)))
    look = run_module("hosts_file_info", docker_host=engine.url)
    look = {"complete": look["complete"], "containers": look["containers"]}
    results = [
        ask(store, engines={NODES[0]: engine.url}),
        ask(store, engines={f"{NODES[0]}:2375": [endpoint_of(engine)]}),
        ask(store, engines={f"tcp://{NODES[0]}:2375": ["ubuntu1"]}),
        ask(store, engines={NODES[0]: look}),
        ask(store, engines={NODES[0]: run_module("node_info", docker_host=engine.url)["look"]["engine"]}),
    ]
    for result in results:
        assert {name: end["status"] for name, end in by_name(result).items()} == {
            "ubuntu1": "live",
            "ubuntu2": "stale",
            "ubuntu3": "unclear",
            "ubuntu4": "stale",
        }
        two, four = result["stale"]
        assert (two["network"], two["cure"]) == ("linux", "docker network disconnect -f linux ubuntu2")
        assert two["why"] == (
            f"Endpoint 'ubuntu2' of network 'linux' is of the engine at {NODES[0]}, "
            "and that engine has no such endpoint."
        )
        assert four["cure"] == f"delete the key {ROOT}/endpoint/{GONE}/{LEFT} from the store"
        (three,) = result["unclear"]
        assert "192.0.2.103, which is not registered in the store any more, and nobody told" in three["why"]


def test_an_engine_that_is_gone_for_good_leaves_only_stale_ones(store: str) -> None:
    result = ask(store, engines={node: [] for node in (*NODES, "192.0.2.103")})
    assert [end["name"] for end in result["stale"]] == ["ubuntu1", "ubuntu2", "ubuntu3", "ubuntu4"]


def test_an_engine_that_does_not_answer_makes_nothing_stale(store: str) -> None:
    result = ask(store, engines={NODES[0]: "tcp://127.0.0.1:1"})
    assert [end["name"] for end in result["stale"]] == ["ubuntu4"]
    assert (
        "which cannot be asked: tcp://127.0.0.1:1 does not answer: Connection refused." in result["unclear"][0]["why"]
    )


def test_an_endpoint_that_goes_between_two_looks_is_not_stale(consul_client: Any, store: str, engine: Any) -> None:
    key = f"{ROOT}/endpoint/{LINUX}/{STALE}/"
    leaves = threading.Timer(1, lambda: consul_client.kv.delete(key))
    consul_client.kv.delete(f"{ROOT}/endpoint/{LINUX}/{LIVE}/")
    leaves.start()
    result = ask(store, engines={NODES[0]: engine.url})
    leaves.join()
    assert [end["name"] for end in result["stale"]] == ["ubuntu4"]


@pytest.mark.parametrize("has", [{"failed": True}, {"containers": [], "complete": False}, 7])
def test_what_does_not_tell_all_that_an_engine_has_is_refused(store: str, has: object) -> None:
    refused = ask(store, engines={NODES[0]: has})
    assert refused["failed"]
    assert refused["msg"].startswith(f"engines: '{NODES[0]}': it is ")


def test_its_examples_run(consul_client: Any, store: str, engine: Any, tmp_path: Path) -> None:
    consul_client.kv.delete("docker/", recurse=True)
    fill(consul_client, keys(live=endpoint_of(engine)))
    places = {"consul://192.168.99.100:8500": store, "192.168.99.101": NODES[0], "192.168.99.102": NODES[1]}
    places[f"tcp://{NODES[0]}:2375"] = engine.url
    places[f"tcp://{NODES[1]}:2375"] = engine.url
    first, shown, second = run_examples("cluster_store_info", tmp_path, {}, places, token=TOKEN)
    assert "docker network disconnect -f linux ubuntu2" in shown["msg"]
    assert [end["name"] for end in first["stale"]] == [end["name"] for end in second["stale"]]
