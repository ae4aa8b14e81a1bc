# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of an engine's configuration: what merges, what collides, what an engine can have at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STORES = ("consul", "etcd", "zk")
STORE_UNITS = "consul.service etcd.service zookeeper.service"
STORE_URL = re.compile(rf"(?P<store>{'|'.join(STORES)})://[^\s/]+.*")

# Flags whose name is not the option's (docker's daemon/config: plural options take their flag's singular).
SINGULAR = {
    "hosts": ("-H", "--host"),
    "labels": ("--label",),
    "insecure-registries": ("--insecure-registry",),
    "registry-mirrors": ("--registry-mirror",),
    "dns-opts": ("--dns-opt",),
    "storage-opts": ("--storage-opt",),
    "exec-opts": ("--exec-opt",),
    "cluster-store-opts": ("--cluster-store-opt",),
    "default-address-pools": ("--default-address-pool",),
    "data-root": ("--data-root", "-g"),
    "log-level": ("--log-level", "-l"),
    "debug": ("--debug", "-D"),
}
# Options, of the engine and of its store, that name a file which is read when the engine starts.
FILES = ("tlscacert", "tlscert", "tlskey", "kv.cacertfile", "kv.certfile", "kv.keyfile")

# Flags that stand alone, so that the word after them is not theirs.
SWITCHES = ("-D", "--debug")


@dataclass(frozen=True)
class Engine:
    """An installed engine: version, cluster stores that it was built with, its unit's command line."""

    version: str
    stores: tuple[str, ...]
    command_line: str

    @property
    def major(self) -> int:
        """The first number of the version."""
        return int(re.match(r"\d*", self.version).group() or 0)  # type: ignore[union-attr]


def merge(before: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """`before` with `options` laid over it; an option that is None takes its key away."""
    merged = {**before, **options}
    return {key: value for key, value in merged.items() if value is not None}


def with_tls_said(config: Mapping[str, Any], command_line: str) -> dict[str, Any]:
    """`config`, with TLS off in so many words where the engine listens on TCP and nobody has said a word on TLS.

    Unsaid, an engine waits 15 s before it starts (20.10), or does not start at all (27). What is said stays.
    """
    listens_on_tcp = any(str(host).startswith("tcp:") for host in config.get("hosts") or [])
    is_said = any(option in config for option in ("tls", "tlsverify")) or "--tls" in command_line
    return {**config, "tls": False} if listens_on_tcp and not is_said else dict(config)


def store_url_problem(url: str) -> str | None:
    """Why `url` is no cluster store (facts: exactly PROVIDER://URL, consul takes one endpoint only)."""
    match = STORE_URL.fullmatch(url)
    if not match:
        return (
            f"The cluster store '{url}' is of an unknown kind: it starts with one of "
            f"{', '.join(store + '://' for store in STORES)}, as in consul://192.168.99.100:8500."
        )
    if match["store"] == "consul" and "," in url:
        return (
            f"The cluster store '{url}' names several endpoints, and consul:// takes one: name one server or an agent."
        )
    return None


def config_problems(engine: Engine, config: Mapping[str, Any], flavour: str) -> list[str]:
    """All reasons why `engine` cannot have `config` in a Swarm of `flavour`, as whole sentences."""
    url = config.get("cluster-store")
    if engine.major >= 23 and (url or flavour == "classic"):
        return [
            f"Engine {engine.version} is too new for a cluster store and classic Swarm's networks: releases from 23.0 "
            "on have none. Use 20.10 (Debian 11 has 20.10.5), or choose swarm_flavour: mode."
        ]
    if url is None:
        if "cluster-advertise" in config:
            return ["cluster-advertise without cluster-store: name a store (docker_engine_cluster_store), or neither."]
        return []
    problem = store_url_problem(url)
    if problem:
        return [problem]
    if flavour == "mode":
        return [
            f"The engine has the cluster store {url}, and swarm mode has a store of its own; it cannot have both. "
            "Take cluster-store and cluster-advertise out of daemon.json, or choose swarm_flavour: classic."
        ]
    store = url.partition("://")[0]
    if store not in engine.stores:
        can = " and ".join(engine.stores) or "none"
        return [
            f"Engine {engine.version} was built without the cluster store '{store}' (it has {can}): Debian's packages "
            "have no consul since 20.10.17. Use Debian 11's (20.10.5), docker-ce 20.10, or another store."
        ]
    return []


def command_line_without(line: str, config: Mapping[str, Any]) -> str:
    """`line` without the flags whose options stand in `config` too."""
    flags = {flag for option in config for flag in SINGULAR.get(option, (f"--{option}",))}
    kept: list[str] = []
    is_value = False
    for word in line.split():
        flag, equals, _value = word.partition("=")
        # A word that begins with a dash is a flag of its own; the one before it stood alone.
        if is_value and not word.startswith("-"):
            is_value = False
        elif flag in flags:
            is_value = not equals and flag not in SWITCHES
        else:
            is_value = False
            kept.append(word)
    return " ".join(kept)


def files_of(config: Mapping[str, Any]) -> list[str]:
    """Paths of the certificates and keys that an engine reads, once, when it starts."""
    options = {**config, **(config.get("cluster-store-opts") or {})}
    return [str(options[option]) for option in FILES if options.get(option)]


def environment_file(environment: Mapping[str, str]) -> str:
    """The text of a file that systemd's EnvironmentFile reads. Raises ValueError for what it could not hold."""
    lines = []
    for name, value in sorted(environment.items()):
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or not str(value).isprintable():
            raise ValueError(f"The variable '{name}' is no name, or its value has more than one line.")
        escaped = re.sub(r'([\\"$`])', r"\\\1", str(value))
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)


def drop_in(engine: Engine, config: Mapping[str, Any], environment_path: str = "") -> str:
    """What must be laid over the engine's unit, as the text of a drop-in; empty where nothing must.

    environment_path: a file with the engine's environment, where it has one of its own.
    """
    text = ""
    if config.get("cluster-store"):
        # A store on the same machine must outlive the engine: an engine that cannot take its endpoints out of the store
        # when it stops does not start their containers after the boot ("failed get network namespace").
        text += f"[Unit]\nAfter={STORE_UNITS}\n"
    service = f"EnvironmentFile={environment_path}\n" if environment_path else ""
    line = command_line_without(engine.command_line, config)
    if line != engine.command_line:
        service += f"ExecStart=\nExecStart={line}\n"
    return text + (f"[Service]\n{service}" if service else "")
