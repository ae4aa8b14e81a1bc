# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge that looks at one node for `status`: its engine with what is on it, and what its Swarm says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ._engine import LOCAL_SOCKET, EngineError, connect
from ._engine_call import REFUSALS, words

TIMEOUT = 5  # seconds that an engine may take for one answer
SERVICE = "com.docker.swarm.service.name"  # label of a task's container


def seconds_up() -> int:
    """For how many seconds this node has been up: its first process, which in a container started after the machine."""
    ticks = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19])
    up = float(Path("/proc/uptime").read_text().split()[0])
    return max(0, int(up - ticks / os.sysconf("SC_CLK_TCK")))


def engine(docker_host: str) -> dict[str, Any]:
    """The engine with what is on it: {state, problem, version, store, networks, containers, swarm}.

    state: `answers`, `stopped`, `failed` or `silent`; only the first has more than `problem`, a clause.
    networks, containers: None where the engine does not tell them. Then `store` and `swarm` may be left out too: while
    an engine waits for its cluster store, it lists its containers alone (20.10.5, Consul's machine gone).
    """
    state = _stopped() if docker_host == LOCAL_SOCKET else ""
    if state:
        return {"state": state, "problem": ""}
    try:
        version = connect(docker_host, timeout=TIMEOUT).version()["Version"]
    except EngineError as error:
        return {"state": "silent", "problem": _words(error)}
    except REFUSALS as error:
        return {"state": "silent", "problem": _words(error)}
    found: dict[str, Any] = {"state": "answers", "version": version, "networks": None, "containers": None}
    problems: dict[str, list[str]] = {}
    with ThreadPoolExecutor(max_workers=len(_PARTS)) as pool:
        asked = {part: pool.submit(_told, part, docker_host) for part in _PARTS}
    for part, future in asked.items():
        told, problem = future.result()
        found.update(told)
        if problem:
            problems.setdefault(problem, []).append(part)
    clauses = [f"it does not tell its {' and '.join(parts)}: {problem}" for problem, parts in problems.items()]
    return {**found, "problem": "; ".join(clauses)}


def _told(part: str, docker_host: str) -> tuple[dict[str, Any], str]:
    """A part of what `engine` returns, and why it is not there. With a client of its own: requests shares none."""
    try:
        return _PARTS[part](connect(docker_host, timeout=TIMEOUT)), ""
    except EngineError as error:
        return {}, _words(error)
    except REFUSALS as error:
        return {}, _words(error)


def _settings(client: Any) -> dict[str, Any]:
    info = client.info()
    return {"store": info.get("ClusterStore") or "", "swarm": _swarm(client, info.get("Swarm") or {})}


def _networks(client: Any) -> dict[str, Any]:
    return {"networks": [_network(item) for item in client.networks()]}


def _containers(client: Any) -> dict[str, Any]:
    return {"containers": [_container(item) for item in client.containers(all=True) if item["Names"]]}


_PARTS = {"settings": _settings, "networks": _networks, "containers": _containers}


def _words(error: Exception) -> str:
    said = words(error)
    return f"no answer came within {TIMEOUT} s" if "timed out" in said.lower() else said


def _stopped() -> str:
    """Whether the engine is `stopped` or has `failed`; empty where it may run.

    systemd starts an engine for whoever connects to its socket, and a look must not do that.
    """
    try:
        if Path(f"/proc/{int(Path('/run/docker.pid').read_text())}").exists():
            return ""
    except (OSError, ValueError):
        pass  # none, or one of another place
    command = ["systemctl", "show", "--property=LoadState,ActiveState", "docker.service"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return ""
    if "LoadState=loaded" not in shown:
        return ""
    if "ActiveState=failed" in shown:
        return "failed"
    return "stopped" if {"ActiveState=inactive", "ActiveState=deactivating"} & set(shown) else ""


def _network(item: Mapping[str, Any]) -> dict[str, Any]:
    pools = (item.get("IPAM") or {}).get("Config") or []
    return {
        "name": item["Name"],
        "driver": item.get("Driver", ""),
        "scope": item.get("Scope", ""),
        "internal": bool(item.get("Internal")),
        "subnets": [pool["Subnet"] for pool in pools if pool.get("Subnet")],
    }


def _container(item: Mapping[str, Any]) -> dict[str, Any]:
    ends = (item.get("NetworkSettings") or {}).get("Networks") or {}
    # A legacy link adds further names with a slash inside.
    name = min((name.lstrip("/") for name in item["Names"]), key=lambda name: name.count("/"))
    service = (item.get("Labels") or {}).get(SERVICE) or ""
    return {
        "name": service or name,
        "is_task": bool(service),
        "state": item["State"],
        "status": item["Status"],
        "image": item["Image"],
        "networks": {
            network: (end or {}).get("IPAddress") or (end or {}).get("GlobalIPv6Address") or ""
            for network, end in ends.items()
        },
        "ports": _ports(item.get("Ports") or []),
    }


def _ports(ports: list[Mapping[str, Any]]) -> list[str]:
    """The published ones, as `8080->80/tcp`, with the node's address where it is a certain one."""
    found = []
    for port in ports:
        if port.get("PublicPort"):
            address = port.get("IP") or ""
            where = "" if address in ("", "0.0.0.0", "::") else f"{address}:"  # noqa: S104 - shown, not bound
            found.append(f"{where}{port['PublicPort']}->{port['PrivatePort']}/{port['Type']}")
    return sorted(set(found))


def _swarm(client: Any, said: Mapping[str, Any]) -> dict[str, Any]:
    """The node's part in swarm mode: {state, manager, node, nodes, problem}.

    state: `active`, `inactive`, `pending`, `locked` or `error`. nodes: all of them, where this is a manager.
    """
    found: dict[str, Any] = {
        "state": said.get("LocalNodeState") or "inactive",
        "manager": bool(said.get("ControlAvailable")),
        "node": said.get("NodeID") or "",
        "nodes": [],
        "problem": said.get("Error") or "",
    }
    if found["manager"]:
        try:
            found["nodes"] = [_swarm_node(node) for node in client.nodes()]
        except REFUSALS as error:  # of managers without a majority
            found["problem"] = _words(error)
    return found


def _swarm_node(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": node["ID"],
        "name": node["Description"].get("Hostname", ""),
        "address": (node.get("Status") or {}).get("Addr", ""),
        "state": (node.get("Status") or {}).get("State", ""),
        "message": (node.get("Status") or {}).get("Message", ""),
        "availability": node["Spec"].get("Availability", ""),
        "leader": bool((node.get("ManagerStatus") or {}).get("Leader")),
    }


def manager(docker_host: str) -> dict[str, Any]:
    """What the manager of a classic Swarm says: {problem, role, nodes}; role is `primary` or `replica`."""
    try:
        pairs = connect(docker_host, timeout=TIMEOUT).info().get("SystemStatus") or []
    except EngineError:
        return {"problem": f"nobody answers at {docker_host}", "role": "", "nodes": []}
    except REFUSALS as error:
        return {"problem": _words(error), "role": "", "nodes": []}
    return {"problem": "", **system_status(pairs)}


def system_status(pairs: list[list[str]]) -> dict[str, Any]:
    """SystemStatus of docker/swarm 1.2: settings, then a line for each node, then its properties, indented further."""
    role = ""
    nodes: list[dict[str, str]] = []
    for key, value in pairs:
        word = key.strip(" \u2514")
        if key.startswith("  ") and nodes:
            if word in ("Status", "Error"):
                nodes[-1][word.lower()] = value
        elif key.startswith(" "):
            nodes.append({"name": word, "address": value.rpartition(":")[0], "status": "", "error": ""})
        elif word == "Role":
            role = value
    return {"role": role, "nodes": nodes}
