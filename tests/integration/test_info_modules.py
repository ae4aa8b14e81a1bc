# SPDX-License-Identifier: GPL-3.0-or-later
"""`hosts_file_info` and `hosts_file_verify` against a real engine, with containers that go away meanwhile."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.dockernet.lab.plugins.module_utils import _container_files
from private_engine import PrivateEngine, docker, private_engine
from test_topology_modules import IMAGE, build_box

CHECKOUT = Path(__file__).parents[2]
SUBNET = "10.77.0.0/24"


def run_module(name: str, **arguments: object) -> dict[str, Any]:
    """Run a module in this process. Returns its result."""
    module = importlib.import_module(f"ansible_collections.dockernet.lab.plugins.modules.{name}")
    printed = io.StringIO()
    with patch_module_args(arguments), contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(printed.getvalue())
    return result


def run_examples(
    module: str, directory: Path, variables: dict[str, object], places: dict[str, str] | None = None, **defaults: object
) -> list[dict[str, Any]]:
    """Run the tasks that a module's page shows, as a play on this machine. Returns their results.

    places: what takes the place of words on the page, such as addresses.
    """
    page = importlib.import_module(f"ansible_collections.dockernet.lab.plugins.modules.{module}").EXAMPLES
    for shown, real in (places or {}).items():
        page = page.replace(shown, real)
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": variables,
        "module_defaults": {f"dockernet.lab.{module}": defaults},
        "tasks": yaml.safe_load(page),
    }
    playbook = directory / "examples.yml"
    playbook.write_text(yaml.safe_dump([play], sort_keys=False))
    command = [CHECKOUT / ".venv/bin/ansible-playbook", playbook]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}
    environment["ANSIBLE_STDOUT_CALLBACK"] = "ansible.builtin.json"
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tasks = json.loads(done.stdout[done.stdout.index("{") :])["plays"][0]["tasks"]
    return [task["hosts"]["localhost"] for task in tasks]


@pytest.fixture(scope="module")
def engine() -> Iterator[PrivateEngine]:
    with private_engine() as running:
        build_box(running.client())
        yield running


@pytest.fixture
def client(engine: PrivateEngine) -> Iterator[Any]:
    """The engine with a network `linux` and the containers `ubuntu1` and `ubuntu2` on it, for one test."""
    client = engine.client()
    pool = docker.types.IPAMPool(subnet=SUBNET)
    client.create_network("linux", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    for name in ("ubuntu1", "ubuntu2"):
        start(client, name, extra_hosts={"printer": "10.9.8.7"} if name == "ubuntu1" else None, hostname=f"h-{name}")
    yield client
    for container in client.containers(all=True):
        client.remove_container(container["Id"], force=True)
    for network in client.networks(names=["linux", "other"]):
        client.remove_network(network["Id"])


def start(client: Any, name: str, network: str = "linux", hostname: str | None = None, **host: object) -> str:
    config = client.create_host_config(network_mode=network, init=False, **host)
    made = client.create_container(IMAGE, ["sleep", "3600"], name=name, hostname=hostname, host_config=config)
    client.start(made)
    return str(made["Id"])


def address(client: Any, name: str, network: str = "linux") -> str:
    return str(client.inspect_container(name)["NetworkSettings"]["Networks"][network]["IPAddress"])


def append(client: Any, name: str, line: str) -> None:
    """Edit a container's hosts file."""
    with Path(client.inspect_container(name)["HostsPath"]).open("a") as file:
        file.write(f"{line}\n")


def entry(client: Any, name: str) -> dict[str, Any]:
    return _container_files.entry(client, client.inspect_container(name)["Id"], name)


class Meddled:
    """A client that has something happen right after each of the engine's first answers."""

    def __init__(self, client: Any, *events: Callable[[], object]) -> None:
        self._client, self._events = client, list(events)

    def inspect_container(self, id_: str) -> Any:
        answer = self._client.inspect_container(id_)
        if self._events:
            self._events.pop(0)()
        return answer


# hosts_file_info


def test_what_containers_know_of_names_and_addresses(engine: PrivateEngine, client: Any) -> None:
    result = run_module("hosts_file_info", docker_host=engine.url, _ansible_check_mode=True)
    assert (result["changed"], result["complete"]) == (False, True)
    assert result["engine"] == client.version()["Version"]
    one, two = result["containers"]
    assert (one["name"], two["name"]) == ("ubuntu1", "ubuntu2")
    own = address(client, "ubuntu1")
    assert one["hosts"][0] == {"address": "127.0.0.1", "names": ["localhost"]}
    assert {"address": "10.9.8.7", "names": ["printer"]} in one["hosts"]
    assert one["hosts"][-1] == {"address": own, "names": ["h-ubuntu1"]}
    assert one["hosts_file"].startswith("127.0.0.1\tlocalhost\n")
    assert (one["state"], one["problem"], one["hostname"]) == ("running", "", "h-ubuntu1")
    assert one["resolver"]["servers"] == ["127.0.0.11"]
    assert "ndots:0" in one["resolver"]["options"]
    assert one["networks"]["linux"]["address"] == own
    assert len(one["networks"]["linux"]["endpoint_id"]) == 64
    by_name = {each["name"]: each for each in one["interfaces"]}
    assert "127.0.0.1/8" in by_name["lo"]["addresses"]
    assert by_name["eth0"]["addresses"][0] == f"{own}/24"
    assert by_name["eth0"]["mac"].startswith("02:42:")


def test_addresses_are_those_of_the_namespace_whatever_the_engine_says(client: Any) -> None:
    pid = str(client.inspect_container("ubuntu1")["State"]["Pid"])
    for added in ("10.77.0.99/32", "fd00:77::1/64"):
        enable = ["sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=0"]
        subprocess.run(["nsenter", "-t", pid, "-n", *enable], check=True)
        subprocess.run(["nsenter", "-t", pid, "-n", "ip", "address", "add", added, "dev", "eth0"], check=True)
    (eth0,) = (each for each in entry(client, "ubuntu1")["interfaces"] if each["name"] == "eth0")
    assert eth0["addresses"][:2] == [f"{address(client, 'ubuntu1')}/24", "10.77.0.99/32"]
    assert "fd00:77::1/64" in eth0["addresses"]


def test_whoever_is_named_is_in_the_result(engine: PrivateEngine, client: Any) -> None:
    client.kill("ubuntu2")
    start(client, "paused")
    client.pause("paused")
    id_ = client.inspect_container("ubuntu1")["Id"]
    names = [id_[:12], "ubuntu2", "paused", "ghost"]
    result = run_module("hosts_file_info", docker_host=engine.url, containers=names)
    found = {each["asked"]: each for each in result["containers"]}
    assert list(found) == sorted(names, key=lambda name: str(found[name]["name"]))
    assert found[id_[:12]]["name"] == "ubuntu1"
    assert (found["ubuntu2"]["state"], found["ubuntu2"]["problem"]) == (
        "exited",
        "ubuntu2 is not running (exited 137).",
    )
    assert found["paused"]["state"] == "paused"
    assert found["paused"]["hosts"]
    assert (found["ghost"]["state"], found["ghost"]["hosts"]) == ("missing", None)
    assert found["ghost"]["problem"] == "The engine has no container 'ghost'."
    assert result["complete"] is False


def test_one_that_stops_while_it_is_looked_at(client: Any) -> None:
    meddled = Meddled(client, lambda: client.kill("ubuntu1"))
    seen = _container_files.entry(meddled, client.inspect_container("ubuntu1")["Id"], "ubuntu1")
    assert (seen["state"], seen["hosts"]) == ("exited", None)
    assert seen["problem"] == "ubuntu1 stopped while it was looked at (exited 137)."


def test_one_that_vanishes_while_it_is_looked_at(client: Any) -> None:
    meddled = Meddled(client, lambda: client.remove_container("ubuntu1", force=True))
    seen = _container_files.entry(meddled, client.inspect_container("ubuntu1")["Id"], "ubuntu1")
    assert (seen["state"], seen["hosts"]) == ("vanished", None)
    assert seen["problem"] == "ubuntu1 was removed while it was looked at."


def test_one_that_restarts_while_it_is_looked_at_is_read_as_it_is_then(client: Any) -> None:
    meddled = Meddled(client, lambda: client.restart("ubuntu1", timeout=0))
    seen = _container_files.entry(meddled, client.inspect_container("ubuntu1")["Id"], "ubuntu1")
    assert seen["state"] == "running"
    assert seen["pid"] == client.inspect_container("ubuntu1")["State"]["Pid"]
    assert seen["hosts"]
    assert seen["problem"].startswith("ubuntu1 was restarted while it was looked at")


def test_one_that_restarts_all_the_time_is_given_up(client: Any) -> None:
    again = [lambda: client.restart("ubuntu1", timeout=0)] * 3
    seen = _container_files.entry(Meddled(client, *again), client.inspect_container("ubuntu1")["Id"], "ubuntu1")
    assert seen["hosts"] is None
    assert "went away 3 times" in seen["problem"]


def test_an_engine_that_is_not_there_is_one_sentence() -> None:
    for module in ("hosts_file_info", "hosts_file_verify"):
        wanted: dict[str, object] = {} if module == "hosts_file_info" else {"files": {"ubuntu1": {}}}
        result = run_module(module, docker_host="unix:///there/is/none.sock", **wanted)
        assert result["failed"]
        assert result["msg"].startswith("No engine answers at unix:///there/is/none.sock")


def test_its_examples_run(engine: PrivateEngine, client: Any, tmp_path: Path) -> None:
    assert client.containers()
    results = run_examples("hosts_file_info", tmp_path, {}, docker_host=engine.url)
    assert "10.9.8.7\tprinter" in results[-1]["msg"]


# hosts_file_verify

NETWORKS = [{"name": "linux", "subnet": SUBNET}]
UBUNTU1 = {
    "name": "ubuntu1",
    "node": "here",
    "hostname": "h-ubuntu1",
    "networks": ["linux"],
    "extra_hosts": {"printer": "10.9.8.7"},
}
UBUNTU2 = {"name": "ubuntu2", "node": "here", "hostname": "h-ubuntu2", "networks": ["linux"]}


def verify(engine: PrivateEngine, **options: object) -> dict[str, Any]:
    return run_module("hosts_file_verify", docker_host=engine.url, **options)


def verify_topology(engine: PrivateEngine, *containers: dict[str, Any], **options: object) -> dict[str, Any]:
    declared = list(containers or (UBUNTU1, UBUNTU2))
    return verify(engine, networks=NETWORKS, containers=declared, node="here", **options)


def sentences(result: dict[str, Any], kind: str = "wrong") -> list[str]:
    return [each["sentence"] for each in result[kind]]


def test_files_that_are_as_declared_and_untouched_have_nothing_wrong(engine: PrivateEngine, client: Any) -> None:
    own = address(client, "ubuntu1")
    present = {"localhost": ["127.0.0.1", "::1"], "printer": "10.9.8.7", "h-ubuntu1": own, "ip6-localhost": None}
    files = {"ubuntu1": {"present": present, "absent": ["ubuntu2", "ubuntu2.linux"]}, "ubuntu2": {}}
    for result in (verify(engine, files=files), verify_topology(engine)):
        assert not result.get("failed"), result["msg"]
        assert (result["wrong"], result["not_judged"]) == ([], [])
        assert result["verified"] == ["ubuntu1", "ubuntu2"]
        assert not result["changed"]


def test_each_wrong_line_is_a_sentence_and_a_failure(engine: PrivateEngine, client: Any) -> None:
    append(client, "ubuntu1", "10.6.6.6 printer web.linux")
    wanted = {"present": {"printer": "10.9.8.7", "db": "10.5.5.5"}, "absent": ["WEB.linux"]}
    result = verify(engine, files={"ubuntu1": wanted}, _ansible_check_mode=True)
    assert result["failed"]
    assert result["msg"].splitlines() == [
        "ubuntu1: its hosts file gives printer 10.6.6.6, 10.9.8.7, and should give it 10.9.8.7.",
        "ubuntu1: its hosts file has no line for db, with 10.5.5.5.",
        "ubuntu1: its hosts file gives WEB.linux 10.6.6.6, and must not have that name.",
    ]
    assert [each["kind"] for each in result["wrong"]] == ["address", "missing", "unwanted"]
    reported = verify(engine, files={"ubuntu1": wanted}, fail=False)
    assert not reported.get("failed")
    assert reported["wrong"] == result["wrong"]


def test_stale_lines_are_found_by_what_addresses_there_really_are(engine: PrivateEngine, client: Any) -> None:
    other = address(client, "ubuntu2")
    append(client, "ubuntu1", f"10.77.0.200 h-ubuntu1\n10.77.0.201 ubuntu2.linux\n{other} ubuntu2\n10.1.1.1 elsewhere")
    own = address(client, "ubuntu1")
    expected = [
        f"ubuntu1: the line '10.77.0.200 h-ubuntu1' of its hosts file is stale: h-ubuntu1 is its own name, and it has "
        f"no such address (it has {own}).",
        "ubuntu1: the line '10.77.0.201 ubuntu2.linux' of its hosts file is stale: ubuntu2.linux has "
        f"{other}, not 10.77.0.201, which nobody has.",
    ]
    assert sentences(verify(engine, files={"ubuntu1": {}}, fail=False)) == expected
    assert verify(engine, files={"ubuntu1": {}}, stale=False)["wrong"] == []
    accepted = {"ubuntu1": {"present": {"ubuntu2.linux": "10.77.0.201"}, "absent": []}}
    assert sentences(verify(engine, files=accepted, fail=False)) == expected[:1]
    by_topology = sentences(verify_topology(engine, fail=False))
    assert expected[0] in by_topology
    assert expected[1] in by_topology
    assert f"ubuntu1: its hosts file gives ubuntu2 {other}, and must not have that name." in by_topology
    assert len(by_topology) == 3


def test_a_line_is_told_once_though_it_is_wrong_twice(engine: PrivateEngine, client: Any) -> None:
    append(client, "ubuntu1", "10.77.0.202 ubuntu2")
    said = "ubuntu1: its hosts file gives ubuntu2 10.77.0.202, and must not have that name."
    assert sentences(verify_topology(engine, fail=False)) == [said]


def test_an_extra_host_that_is_not_as_declared_is_wrong(engine: PrivateEngine, client: Any) -> None:
    assert client.containers()
    moved = {**UBUNTU1, "extra_hosts": {"printer": "10.9.8.8"}}
    (said,) = sentences(verify_topology(engine, moved, UBUNTU2, fail=False))
    assert said == "ubuntu1: its hosts file gives printer 10.9.8.7, and should give it 10.9.8.8."


def test_own_lines_that_an_old_engine_deletes_at_a_disconnect_are_not_missed(
    engine: PrivateEngine, client: Any
) -> None:
    client.create_network("other", ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool("10.78.0.0/24")]))
    client.connect_container_to_network("ubuntu2", "other")
    client.disconnect_container_from_network("ubuntu2", "other")
    assert not verify_topology(engine).get("failed")


def test_what_could_not_be_read_is_no_pass(engine: PrivateEngine, client: Any) -> None:
    client.kill("ubuntu2")
    result = verify(engine, files={"ubuntu2": {"absent": ["web"]}, "ghost": {}})
    assert result["failed"]
    assert result["wrong"] == []
    assert sorted(sentences(result, "not_judged")) == [
        "The engine has no container 'ghost'.",
        "ubuntu2 is not running (exited 137).",
    ]
    result = verify_topology(engine, UBUNTU1, {**UBUNTU2, "extra_hosts": {}}, fail=False)
    assert [each["container"] for each in result["not_judged"]] == ["ubuntu2"]
    assert result["wrong"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Nothing is to be verified"),
        ({"files": {"ubuntu1": {"presnt": {}}}}, "files: 'ubuntu1' is to have 'present'"),
        ({"files": {"ubuntu1": {"present": ["web"]}}}, "files: 'ubuntu1': 'present' is a mapping"),
        ({"networks": [], "containers": [{"name": "x", "node": "here"}], "node": "here"}, "no network"),
    ],
)
def test_options_that_say_nothing_sensible_are_refused(engine: PrivateEngine, options: Any, said: str) -> None:
    result = verify(engine, **options)
    assert result["failed"]
    assert said in result["msg"]


def test_the_examples_of_the_verification_run(engine: PrivateEngine, client: Any, tmp_path: Path) -> None:
    assert client.containers()
    topology = [{**each, "node": "localhost"} for each in (UBUNTU1, UBUNTU2)]
    variables: dict[str, object] = {"topology_networks": NETWORKS, "topology_containers": topology}
    assert run_examples("hosts_file_verify", tmp_path, variables, docker_host=engine.url)[-1]["msg"] == []
