# SPDX-License-Identifier: GPL-3.0-or-later
"""A classic cluster with all that makes it secure: TLS everywhere, gossip's key, ACLs; and strangers that try it.

One node has Consul, two have engines and the Swarm. What is tried is tried on the real ones.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

docker = pytest.importorskip("docker")

CHECKOUT = Path(__file__).parents[2]
IMAGES = ("dockernet/node:11", "swarm:1.2.9")
SUBNET = "192.168.71.0/24"
ADDRESSES = {"sec-consul": "192.168.71.100", "sec-demo0": "192.168.71.101", "sec-demo1": "192.168.71.102"}
CONSUL, ENGINE, OTHER = ADDRESSES.values()
TLS = "/etc/dockernet/tls"
TOKENS = ("management", "agent", "engine", "swarm", "verification", "ui")

NODES = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: dockernet.lab.lab, tasks_from: plan}
    - ansible.builtin.import_role: {name: dockernet.lab.lab}
"""

CLUSTER = """
- hosts: all
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - ansible.builtin.import_role: {name: dockernet.lab.certificates}
    - ansible.builtin.include_role: {name: dockernet.lab.certificates, tasks_from: client}
- hosts: store
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - ansible.builtin.import_role: {name: dockernet.lab.consul}
    - ansible.builtin.import_role: {name: dockernet.lab.consul, tasks_from: ready}
- hosts: engines
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - ansible.builtin.import_role: {name: dockernet.lab.docker_engine}
    - ansible.builtin.include_role: {name: dockernet.lab.lab, tasks_from: images}
    - ansible.builtin.include_role: {name: dockernet.lab.swarm_manager}
      when: inventory_hostname == 'sec-demo0'
    - ansible.builtin.import_role: {name: dockernet.lab.swarm_agent}
    - ansible.builtin.import_role: {name: dockernet.lab.swarm_manager, tasks_from: ready}
    - ansible.builtin.import_role: {name: dockernet.lab.swarm_agent, tasks_from: ready}
"""

ABSENT = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: dockernet.lab.lab, tasks_from: absent}
"""


def on(node: str, *words: str, fails: bool = False) -> str:
    """What a command prints on a node."""
    done = subprocess.run(["docker", "exec", node, *words], check=False, capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + (done.stderr if fails else "")


@dataclass
class Cluster:
    """The nodes, and the controller's files."""

    directory: Path
    output: str = field(default="", init=False)
    built: str = field(default="", init=False)

    def secret(self, name: str) -> str:
        """A token, or the key of gossip."""
        return (self.directory / "secrets" / name).read_text().strip()

    def secrets(self) -> list[str]:
        """All that must never be seen: tokens, gossip's key, and the middle of each private key."""
        keys = [path.read_text().splitlines()[1] for path in (self.directory / "certificates").rglob("*key.pem")]
        assert len(keys) > len(ADDRESSES)
        return [self.secret(name) for name in (*TOKENS, "gossip")] + keys

    def play(self, text: str, *options: str, is_secure: bool = True, **variables: Any) -> dict[str, int]:
        """Run a playbook. How many changes each node had."""
        playbook, hosts = self.directory / "play.yml", self.directory / "hosts.yml"
        playbook.write_text(text)
        hosts.write_text(yaml.safe_dump(inventory(self.directory, is_secure, variables)))
        done = subprocess.run(
            [CHECKOUT / ".venv/bin/ansible-playbook", f"--inventory={hosts}", *options, playbook],
            cwd=CHECKOUT,
            env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
            | ({"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"} if "-vvv" in options else {}),
            capture_output=True,
            text=True,
            check=False,
        )
        self.output = done.stdout + done.stderr
        print(self.output)
        assert done.returncode == 0
        return {node: int(count) for node, count in re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+)", self.output, re.M)}

    def client(self, name: str = "client") -> ssl.SSLContext:
        """What a client of this cluster speaks TLS with, or one without a certificate."""
        files = self.directory / "certificates" / "clients" / "client"
        context = ssl.create_default_context(cafile=str(files / "ca.pem"))
        if name:
            context.load_cert_chain(files / "cert.pem", files / "key.pem")
        return context

    def consul(self, path: str, token: str = "", method: str = "GET", body: Any = None) -> tuple[int, Any]:
        """Status and answer of Consul to who has a certificate."""
        headers = {"X-Consul-Token": self.secret(token)} if token else {}
        return ask(CONSUL, 8501, self.client(), f"/v1/{path}", headers, method, body)


def ask(
    address: str,
    port: int,
    context: ssl.SSLContext,
    path: str = "/info",
    headers: dict[str, str] | None = None,
    method: str = "GET",
    body: Any = None,
) -> tuple[int, Any]:
    """Status and answer."""
    connection = http.client.HTTPSConnection(address, port, context=context, timeout=20)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


def inventory(directory: Path, is_secure: bool, variables: dict[str, Any]) -> dict[str, Any]:
    """The nodes, with all that makes the cluster secure, or as they are without it."""
    engine, consul = (2376, 8501) if is_secure else (2375, 8500)

    def secret(name: str, kind: str = "uuid") -> str:
        return f"{{{{ lookup('dockernet.lab.secret', '{directory}/secrets/{name}', kind='{kind}') }}}}"

    common: dict[str, Any] = {
        "ansible_connection": "community.docker.docker",
        "ansible_python_interpreter": "/usr/bin/python3",
        "lab_name": "secure",
        "lab_subnet": SUBNET,
        "lab_release": "11",
        "lab_address": "{{ node_address }}",
        "lab_node_images": ["box", "swarm:1.2.9"],
        "lab_swarm_flavour": "classic",
        "swarm_flavour": "classic",
        "certificates_cluster": "secure",
        "certificates_directory": f"{directory}/certificates",
        "certificates_address": "{{ node_address }}",
        "docker_engine_flavour": "classic",
        "docker_engine_hosts": ["fd://", f"tcp://{{{{ node_address }}}}:{engine}"],
        "docker_engine_bip": "172.24.0.1/24",
        "docker_engine_address_pools": [{"base": "172.25.0.0/16", "size": 24}],
        "docker_engine_cluster_store": f"consul://{CONSUL}:{consul}",
        "docker_engine_cluster_advertise": f"{{{{ node_address }}}}:{engine}",
        "swarm_manager_address": ENGINE,
        "swarm_manager_discovery": f"consul://{CONSUL}:{consul}",
        "swarm_manager_nodes": ["sec-demo0", "sec-demo1"],
        "swarm_agent_discovery": f"consul://{CONSUL}:{consul}",
        "swarm_agent_advertise": f"{{{{ node_address }}}}:{engine}",
        "swarm_agent_managers": [ENGINE],
    }
    if is_secure:
        common |= {f"{role}_tls_path": TLS for role in ("docker_engine", "swarm_manager", "swarm_agent")}
        common |= {"docker_engine_consul_token": secret("engine")}
        common |= {f"swarm_{role}_consul_token": secret("swarm") for role in ("manager", "agent")}
    store: dict[str, Any] = {
        "certificates_names": ["{{ inventory_hostname }}", "localhost", "server.dc1.consul"],
        "certificates_group": "consul",
        "consul_address": "{{ node_address }}",
        "consul_servers": [CONSUL],
    }
    if is_secure:
        store |= {"consul_tls_path": TLS, "consul_gossip_key": secret("gossip", "key")}
        store |= {"consul_acl": True, "consul_acl_directory": f"{directory}/secrets"}
    hosts = {node: {"node_address": address} for node, address in ADDRESSES.items()}
    engines: dict[str, Any] = {"hosts": {"sec-demo0": None, "sec-demo1": None}}
    return {
        "all": {"hosts": hosts, "vars": {**common, **variables}},
        "store": {"hosts": {"sec-consul": None}, "vars": {**store, **variables}},
        "engines": engines,
    }


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """The cluster: built without anything that is secure, and made so by a run that says all it can."""
    try:
        for image in IMAGES:
            docker.APIClient(version="auto").inspect_image(image)
    except Exception:  # whatever is wrong with it
        pytest.skip(f"no engine with the images {' and '.join(IMAGES)} answers")
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="secure-")))
    try:
        cluster.play(NODES)
        cluster.play(CLUSTER, is_secure=False)
        run = ("docker", "run", "-d", "--restart=always", "--network=old")
        on("sec-demo0", "docker", "network", "create", "--driver=overlay", "old")
        on("sec-demo0", *run, "--name=old0", "box", "sleep", "9999")
        on("sec-demo1", *run, "--name=old1", "box", "sleep", "9999")
        cluster.play(CLUSTER, "-vvv", "--diff")
        cluster.built = cluster.output
        yield cluster
    finally:
        cluster.play(ABSENT)
        shutil.rmtree(cluster.directory)


@pytest.mark.usefixtures("cluster")
def test_what_ran_before_runs_on() -> None:
    ping = ("docker", "exec", "old0", "sh", "-c", "ping -c1 -w5 old1 || ping -c1 old1")
    assert "1 packets received" in on("sec-demo0", *ping)


def test_no_secret_is_said_or_seen(cluster: Cluster) -> None:
    seen = "".join(
        on(node, "ps", "-eo", "args", "ww") + on(node, "systemctl", "show", "--all", "docker", "consul")
        for node in ADDRESSES
    )
    assert "module_args" in cluster.built
    assert "dockerd" in seen
    for secret in cluster.secrets():
        assert secret not in cluster.built
        assert secret not in seen


def test_the_second_run_changes_nothing(cluster: Cluster) -> None:
    assert cluster.play(CLUSTER) == dict.fromkeys(ADDRESSES, 0)


def test_files_with_secrets_are_for_root_and_those_who_need_them(cluster: Cluster) -> None:
    assert {path.stat().st_mode & 0o777 for path in (cluster.directory / "secrets").iterdir()} == {0o600}
    look = ("stat", "--format=%a %U %G")
    assert on("sec-demo0", *look, "/etc/dockernet/environment-of-docker.service") == "600 root root\n"
    assert on("sec-consul", *look, "/etc/consul.d/dockernet-secrets.json") == "640 root consul\n"


@pytest.mark.usefixtures("cluster")
def test_no_plain_port_is_open() -> None:
    ports = {node: set(re.findall(r":(\d+) ", on(node, "ss", "-Hltn"))) for node in ADDRESSES}
    assert {"8501"} <= ports["sec-consul"]
    assert {"2376", "3376"} <= ports["sec-demo0"]
    assert {"2376"} <= ports["sec-demo1"]
    assert not {"2375", "3375", "8500"} & set().union(*ports.values())


@pytest.mark.parametrize(("address", "port"), [(ENGINE, 2376), (OTHER, 2376), (ENGINE, 3376), (CONSUL, 8501)])
def test_only_a_certificate_of_this_ca_is_let_in(cluster: Cluster, tmp_path: Path, address: str, port: int) -> None:
    path = "/info" if port != 8501 else "/v1/status/leader"
    assert ask(address, port, cluster.client(), path)[0] == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(address, port, cluster.client(""), path)

    stranger = cluster.client("")
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=client", "-days", "9"]
    subprocess.run([*new, "-keyout", tmp_path / "key", "-out", tmp_path / "cert"], check=True, capture_output=True)
    stranger.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(address, port, stranger, path)

    plain = http.client.HTTPConnection(address, port, timeout=20)
    with pytest.raises((OSError, http.client.HTTPException)):
        plain.request("GET", path)
        answer = plain.getresponse()
        raise ConnectionRefusedError if answer.status == 400 else AssertionError(answer.status)


KEY = "kv/docker/network/v1.0/x"


@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        ("", "GET", KEY, 403),
        ("", "PUT", KEY, 403),
        ("", "PUT", "session/create", 403),
        ("", "GET", "agent/self", 403),
        ("engine", "PUT", KEY, 200),
        ("engine", "GET", KEY, 200),
        ("engine", "PUT", "kv/docker/swarm/leader", 403),
        ("engine", "PUT", "kv/other", 403),
        ("engine", "PUT", "acl/token", 403),
        ("engine", "GET", "acl/tokens", 403),
        ("swarm", "PUT", KEY, 403),
        ("agent", "PUT", KEY, 403),
        ("agent", "PUT", "session/create", 403),
        ("verification", "GET", KEY, 200),
        ("verification", "PUT", KEY, 403),
        ("ui", "PUT", KEY, 403),
        ("ui", "PUT", "agent/leave", 403),
    ],
)
def test_a_token_may_do_what_it_is_for(cluster: Cluster, token: str, method: str, path: str, status: int) -> None:
    body: Any = {} if method == "PUT" else None
    assert cluster.consul(path, token, method, body)[0] == status


def test_what_a_token_may_not_see_is_not_there(cluster: Cluster) -> None:
    assert cluster.consul("catalog/nodes") == (200, [])
    assert [node["Node"] for node in cluster.consul("catalog/nodes", "ui")[1]] == ["sec-consul"]


def test_an_agent_may_be_no_other_node(cluster: Cluster) -> None:
    def register(node: str) -> int:
        body = {"Node": node, "Address": "192.168.71.9", "SkipNodeUpdate": node in ADDRESSES}
        return cluster.consul("catalog/register", "agent", "PUT", body)[0]

    assert register("sec-consul") == 200
    assert register("stranger") == 403


def test_gossip_without_the_key_is_refused(cluster: Cluster) -> None:
    def join(key: str) -> str:
        """What an agent says that tries to be a member, for some seconds."""
        settings = {
            "data_dir": "/tmp/stranger",  # noqa: S108 - of a node, which goes
            "bind_addr": ENGINE,
            "datacenter": "dc1",
            "node_name": "stranger",
            "ports": {"dns": -1, "http": -1},
            "start_join": [CONSUL],
            "leave_on_terminate": True,
            **({"encrypt": key} if key else {}),
        }
        file = f"umask 77; cat >/tmp/stranger.json <<'end'\n{json.dumps(settings)}\nend\n"
        run = "timeout 6 consul agent -config-file=/tmp/stranger.json; rm -r /tmp/stranger*; exit 9"
        return on("sec-demo0", "sh", "-c", file + run, fails=True)

    def members() -> set[str]:
        return {member["Name"] for member in cluster.consul("agent/members", "ui")[1]}

    for key in ("", "TXkgb3duIGtleSwgb2YgMzIgYnl0ZXMgYW5kIGJhZCE="):
        assert "Failed to join" in join(key)
        assert members() == {"sec-consul"}
    # The same stranger with the key is let in: it is the key that was missing.
    assert "Failed to join" not in join(cluster.secret("gossip"))
    assert "stranger" in members()
    cluster.consul("agent/force-leave/stranger?prune", "management", "PUT")


@pytest.mark.usefixtures("cluster")
def test_a_network_that_is_made_on_one_engine_is_on_the_other() -> None:
    on("sec-demo0", "docker", "network", "create", "--driver=overlay", "shared")
    on("sec-demo1", "docker", "network", "inspect", "shared")
    on("sec-demo0", "docker", "run", "-d", "--name=peer", "--network=shared", "box", "sleep", "60")
    assert "1 packets received" in on(
        "sec-demo1",
        "docker",
        "run",
        "--rm",
        "--network=shared",
        "box",
        "sh",
        "-c",
        "ping -c1 -w5 peer || ping -c1 peer",
    )
    on("sec-demo0", "docker", "rm", "--force", "peer")
    on("sec-demo0", "docker", "network", "rm", "shared")


def test_the_swarm_has_both_engines_and_runs_containers_there(cluster: Cluster) -> None:
    status = dict(ask(ENGINE, 3376, cluster.client())[1]["SystemStatus"])
    assert status[" sec-demo0"] == f"{ENGINE}:2376"
    assert status[" sec-demo1"] == f"{OTHER}:2376"
    body = {"Image": "box", "Cmd": ["true"], "Env": ["constraint:node==sec-demo1"]}
    headers = {"Content-Type": "application/json"}
    made = ask(ENGINE, 3376, cluster.client(), "/containers/create?name=placed", headers, "POST", body)
    assert made[0] == 201
    assert "placed" in on("sec-demo1", "docker", "ps", "--all")
    assert ask(ENGINE, 3376, cluster.client(), "/containers/placed", method="DELETE")[0] == 204


def test_a_new_certificate_is_taken_into_use(cluster: Cluster) -> None:
    def serials() -> set[str]:
        def serial(address: str, port: int) -> str:
            files = cluster.directory / "certificates" / "clients" / "client"
            shown = subprocess.run(
                ["openssl", "s_client", f"-cert={files}/cert.pem", f"-key={files}/key.pem", f"{address}:{port}"],
                input="",
                capture_output=True,
                text=True,
                check=False,
            ).stdout
            return subprocess.run(
                ["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, text=True, check=True
            ).stdout

        return {serial(*server) for server in ((ENGINE, 2376), (ENGINE, 3376), (OTHER, 2376), (CONSUL, 8501))}

    before = serials()
    assert len(before) == 3
    # A run that breaks off when the certificates are there, and the next one.
    renew: dict[str, Any] = {"certificates_renew_days": 365, "certificates_days": 400}
    cluster.play(CLUSTER.partition("- hosts: store")[0], **renew)
    assert serials() == before
    changes = cluster.play(CLUSTER, certificates_days=400)
    assert changes["sec-demo0"] >= 2
    assert len(serials() - before) == 3
    assert not serials() & before
    assert cluster.play(CLUSTER, certificates_days=400) == dict.fromkeys(ADDRESSES, 0)


def test_tokens_hold_again_when_consuls_data_is_lost(cluster: Cluster) -> None:
    on("sec-consul", "sh", "-c", "systemctl stop consul && rm -rf /var/lib/consul/*")
    changes = cluster.play(CLUSTER, certificates_days=400)
    assert changes["sec-consul"] == 2  # Consul was started, and policies and tokens made
    assert cluster.consul(KEY, "engine", "PUT", {})[0] == 200
    deadline = time.monotonic() + 60
    while len(cluster.consul("kv/docker/nodes?keys", "verification")[1] or []) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.5)
