# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of an engine's configuration."""

from __future__ import annotations

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._daemon_config import (
    Engine,
    command_line_without,
    config_problems,
    drop_in,
    environment_file,
    files_of,
    merge,
    store_url_problem,
    with_tls_said,
)

# What Debian's units say.
LINE = "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS"
BULLSEYE = Engine("20.10.5+dfsg1", ("consul", "etcd", "zk"), LINE)
BOOKWORM = Engine("20.10.24+dfsg1", ("etcd", "zk"), LINE)
TRIXIE = Engine("26.1.5+dfsg1", (), LINE)
CONSUL = {"cluster-store": "consul://192.168.99.100:8500", "cluster-advertise": "192.168.99.101:2375"}


def the_problem(engine: Engine, config: dict[str, str], flavour: str = "classic") -> str:
    """The one sentence that speaks against `config`."""
    (problem,) = config_problems(engine, config, flavour)
    return problem


# Merging


def test_merge_keeps_what_is_not_named_and_replaces_what_is() -> None:
    before = {"log-driver": "journald", "labels": ["tier=1"]}
    assert merge(before, {"labels": ["tier=2"], "bip": "172.24.0.1/24"}) == {
        "log-driver": "journald",
        "labels": ["tier=2"],
        "bip": "172.24.0.1/24",
    }
    assert before == {"log-driver": "journald", "labels": ["tier=1"]}


def test_merge_takes_a_key_away_that_is_none() -> None:
    assert merge({"hosts": ["fd://"], "debug": False}, {"hosts": None, "bip": None}) == {"debug": False}


# The cluster store's URL


@pytest.mark.parametrize(
    "url",
    [
        "consul://192.168.99.100:8500",
        "consul://consul.example:8500/prefix",
        "etcd://10.0.0.1:2379,10.0.0.2:2379",
        "zk://10.0.0.1:2181,10.0.0.2:2181/docker",
    ],
)
def test_known_stores_are_accepted(url: str) -> None:
    assert store_url_problem(url) is None


@pytest.mark.parametrize(
    "url", ["redis://10.0.0.1:6379", "10.0.0.1:8500", "consul:10.0.0.1", "consul://", "consul:// "]
)
def test_anything_else_is_no_store_and_the_sentence_says_what_is(url: str) -> None:
    problem = store_url_problem(url)
    assert problem is not None
    assert f"'{url}'" in problem
    assert "consul://, etcd://, zk://" in problem


def test_consul_takes_one_endpoint_only() -> None:
    problem = store_url_problem("consul://10.0.0.1:8500,10.0.0.2:8500")
    assert problem is not None
    assert "one server or an agent" in problem


# What an engine can have


def test_debian_11s_engine_can_have_a_consul_store() -> None:
    assert config_problems(BULLSEYE, CONSUL, "classic") == []


def test_debian_12s_engine_has_no_consul_and_the_sentence_says_what_it_has() -> None:
    problem = the_problem(BOOKWORM, CONSUL)
    assert "without the cluster store 'consul' (it has etcd and zk)" in problem
    assert "20.10.5" in problem


def test_debian_12s_engine_can_have_an_etcd_store() -> None:
    assert config_problems(BOOKWORM, {"cluster-store": "etcd://10.0.0.1:2379"}, "classic") == []


@pytest.mark.parametrize("config", [CONSUL, {}])
def test_an_engine_from_23_on_is_too_new_for_classic_swarm(config: dict[str, str]) -> None:
    problem = the_problem(TRIXIE, config)
    assert "26.1.5" in problem
    assert "too new" in problem
    assert "swarm_flavour: mode" in problem


def test_an_engine_from_23_on_is_refused_a_store_in_every_flavour() -> None:
    assert "too new" in the_problem(Engine("23.0.0", (), LINE), CONSUL, "none")


def test_swarm_mode_does_not_go_with_a_cluster_store() -> None:
    problem = the_problem(BULLSEYE, CONSUL, "mode")
    assert "cannot have both" in problem
    assert "daemon.json" in problem
    assert config_problems(TRIXIE, {}, "mode") == []


def test_an_advertise_address_needs_a_store() -> None:
    assert "without cluster-store" in the_problem(BULLSEYE, {"cluster-advertise": "eth0:2375"})


def test_an_unknown_store_is_said_to_be_unknown_rather_than_missing() -> None:
    assert "unknown kind" in the_problem(BULLSEYE, {"cluster-store": "redis://10.0.0.1:6379"})


@pytest.mark.parametrize(("version", "major"), [("1.9.1", 1), ("20.10.24+dfsg1", 20), ("29.0.0-rc.1", 29), ("dev", 0)])
def test_major_is_the_first_number(version: str, major: int) -> None:
    assert Engine(version, (), LINE).major == major


# Flags of the command line


def test_a_flag_goes_with_its_value_where_the_file_has_its_option() -> None:
    assert command_line_without(LINE, {"hosts": []}) == LINE.replace("-H fd:// ", "")


def test_all_forms_of_a_flag_are_found() -> None:
    line = "dockerd --host=fd:// --label a=1 --label=b=2 -D --bip 10.9.0.1/24 --log-level=warn --cluster-store-opt k=v"
    config = {"hosts": [], "labels": [], "debug": True, "bip": "", "log-level": "", "cluster-store-opts": {}}
    assert command_line_without(line, config) == "dockerd"


def test_a_switch_does_not_take_the_next_word_with_it() -> None:
    assert command_line_without("dockerd --debug --iptables=false", {"debug": True}) == "dockerd --iptables=false"


def test_a_command_line_without_such_flags_stays_as_it_is() -> None:
    assert command_line_without(LINE, {"bip": "172.24.0.1/24"}) == LINE


def test_other_switches_do_not_either() -> None:
    assert command_line_without("dockerd --live-restore -H fd://", {"live-restore": True}) == "dockerd -H fd://"


# What is laid over the unit


def test_a_store_on_the_same_machine_outlives_the_engine() -> None:
    assert "After=consul.service" in drop_in(BULLSEYE, CONSUL)
    assert "ExecStart" not in drop_in(BULLSEYE, CONSUL)


def test_the_unit_stays_as_it_is_where_nothing_speaks_against_it() -> None:
    assert drop_in(TRIXIE, {"bip": "172.24.0.1/24"}) == ""
    assert "[Unit]" not in drop_in(TRIXIE, {"hosts": ["fd://"]})


@pytest.mark.parametrize(
    ("config", "line", "tls"),
    [
        ({"hosts": ["fd://", "tcp://192.0.2.1:2375"]}, "dockerd", False),
        ({"hosts": ["fd://"]}, "dockerd", None),
        ({}, "dockerd", None),
        ({"hosts": ["tcp://192.0.2.1:2376"], "tls": True}, "dockerd", True),
        ({"hosts": ["tcp://192.0.2.1:2376"], "tlsverify": True}, "dockerd", None),
        ({"hosts": ["tcp://192.0.2.1:2376"]}, "dockerd --tlsverify --tlscert=/c.pem", None),
    ],
)
def test_tls_is_said_to_be_off_only_where_nobody_has_said_a_word(config, line, tls):
    assert with_tls_said(config, line).get("tls") is tls


# TLS and secrets


def test_the_files_of_engine_and_store_are_those_that_a_restart_reads_anew() -> None:
    config = {"tlscert": "/t/cert.pem", "bip": "172.24.0.1/24", "cluster-store-opts": {"kv.keyfile": "/t/key.pem"}}
    assert files_of(config) == ["/t/cert.pem", "/t/key.pem"]
    assert files_of({"hosts": ["fd://"]}) == []


def test_the_unit_names_the_file_with_the_environment_and_holds_nothing_of_it() -> None:
    assert drop_in(TRIXIE, {}, "/etc/e") == "[Service]\nEnvironmentFile=/etc/e\n"
    both = drop_in(BULLSEYE, {**CONSUL, "hosts": ["fd://"]}, "/etc/e")
    assert both.count("[Service]") == 1
    assert "EnvironmentFile=/etc/e\nExecStart=\nExecStart=" in both


def test_a_value_is_quoted_as_systemd_reads_it() -> None:
    assert environment_file({"B": "1-2", "A": 'say "$x" `\\'}) == 'A="say \\"\\$x\\" \\`\\\\"\nB="1-2"\n'
    assert environment_file({}) == ""


@pytest.mark.parametrize("environment", [{"A": "1\n[Service]"}, {"A=1\nB": "2"}, {"": "1"}])
def test_what_the_file_could_not_hold_is_refused_and_not_repeated(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is no name, or its value") as error:
        environment_file(environment)
    assert "[Service]" not in str(error.value)
