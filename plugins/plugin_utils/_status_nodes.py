# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of `status`: what each is to store and Swarm, as cells, and what is wrong with it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.plugin_utils._status import AGENT, NodeSeen
from ansible_collections.dockernet.lab.plugins.plugin_utils._text_table import Cell

HEADS = ("NODE", "ADDRESS", "UP", "ENGINE", "STORE", "SWARM", "HEALTH")
# The roles that serve a cluster store, with their systemd units.
STORES = {"Consul": "consul", "etcd": "etcd", "ZooKeeper": "zookeeper"}
NONE = Cell("-", "dim")


class Health(NamedTuple):
    """What the Swarm says of a node, in a word or two, and its error where it tells one."""

    text: str
    good: bool
    error: str = ""


def rows(nodes: Sequence[NodeSeen], flavour: str) -> list[list[Cell]]:
    """One row for each node, as HEADS has the columns."""
    said = _healths(nodes, flavour)
    leader = store_leader(nodes)
    has_store = any(node.look.get("store") or _server_kind(node) for node in nodes)
    return [
        [
            Cell(node.name),
            Cell(node.address),
            Cell(_duration(node.look.get("up", 0))) if node.state == "up" else Cell(node.state, "bad"),
            _engine(node),
            _store(node, leader, flavour) if has_store else Cell(),
            _swarm(node, flavour) if flavour != "none" else Cell(),
            _health(node, said, flavour) if flavour != "none" else Cell(),
        ]
        for node in nodes
    ]


def _engine(node: NodeSeen) -> Cell:
    seen = node.look.get("engine")
    if not seen:
        return NONE
    return Cell(seen["version"]) if node.engine else Cell(seen["state"], "bad")


def _store(node: NodeSeen, leader: str | None, flavour: str) -> Cell:
    """A server is called by what it serves; an engine either reaches the store or does not."""
    kind, seen = _server_kind(node), node.look.get("store")
    if kind:
        if not seen or not seen["reached"]:
            return Cell(kind, "bad")
        return Cell(f"{kind} (leader)" if leader == node.address else kind)
    if not seen:
        return Cell("none", "bad") if node.engine and flavour == "classic" else NONE
    if not seen["reached"]:
        return Cell("not reached", "bad")
    return Cell("no leader", "bad") if leader == "" else Cell("reached")


def _server_kind(node: NodeSeen) -> str:
    return next((kind for kind in STORES if kind in node.roles), "")


def store_leader(nodes: Sequence[NodeSeen]) -> str | None:
    """Its address; empty where all say that there is none, None where nobody can tell."""
    seen = [node.look["store"]["leader"] for node in nodes if node.look.get("store")]
    told = [leader for leader in seen if leader is not None]
    return max(told) if told else None


def _swarm(node: NodeSeen, flavour: str) -> Cell:
    """The node's part in the Swarm: what it says itself, else what is declared."""
    if flavour == "mode":
        return _swarm_mode(node)
    parts, good = [], bool(node.engine)
    if "Swarm manager" in node.roles:
        manager = node.look.get("manager") or {}
        parts.append(f"manager ({manager['role']})" if manager.get("role") else "manager")
        good = good and not manager.get("problem")
    if "Swarm agent" in node.roles:
        parts.append("agent")
        containers = node.engine.get("containers") or ()
        good = good and any(item["name"] == AGENT and item["state"] == "running" for item in containers)
    return Cell(", ".join(parts), "" if good else "bad") if parts else NONE


def _swarm_mode(node: NodeSeen) -> Cell:
    said = node.engine.get("swarm")
    if not said:
        return Cell("manager" if "Swarm manager" in node.roles else "worker", "bad") if "engine" in node.roles else NONE
    if said["state"] != "active":
        return Cell("not in it" if said["state"] == "inactive" else said["state"], "bad")
    leads = any(other["leader"] for other in said["nodes"] if other["id"] == said["node"])
    return Cell("manager (leader)" if leads else "manager" if said["manager"] else "worker")


def _health(node: NodeSeen, said: Mapping[str, Health] | None, flavour: str) -> Cell:
    if "engine" not in node.roles or (flavour == "classic" and "Swarm agent" not in node.roles):
        return NONE
    if said is None:
        return Cell("unknown", "bad")
    health = said.get(node.name)
    return Cell(health.text, "" if health.good else "bad") if health else Cell("not listed", "bad")


def _healths(nodes: Sequence[NodeSeen], flavour: str) -> dict[str, Health] | None:
    """What a manager says of each node, by name; None where no manager answers."""
    return _said_by_mode(nodes) if flavour == "mode" else _said_by_classic(nodes)


def _said_by_classic(nodes: Sequence[NodeSeen]) -> dict[str, Health] | None:
    managers = [node.look["manager"] for node in nodes if (node.look.get("manager") or {}).get("role")]
    if not managers:
        return None
    # A replica only repeats what the primary says.
    managers.sort(key=lambda manager: manager["role"] != "primary")
    by_address = {each["address"]: each for each in managers[0]["nodes"]}
    found = {}
    for node in nodes:
        each = by_address.get(node.address)
        if each:
            error = "" if each["error"] == "(none)" else each["error"]
            found[node.name] = Health(each["status"], each["status"] == "Healthy", error)
    return found


def _said_by_mode(nodes: Sequence[NodeSeen]) -> dict[str, Health] | None:
    told = [node.engine["swarm"]["nodes"] for node in nodes if node.engine.get("swarm")]
    listed = next(filter(None, told), None)
    if listed is None:
        return None
    found = {}
    for node in nodes:
        identity = (node.engine.get("swarm") or {}).get("node", "")
        # One that does not answer has not said which it is.
        known = [each for each in listed if (each["id"] == identity if identity else each["name"] == node.name)]
        for each in known[:1]:
            good = each["state"] == "ready"
            text = each["state"].capitalize()
            text += "" if each["availability"] == "active" else f", {each['availability']}"
            found[node.name] = Health(text, good, "" if good else each["message"])
    return found


def problems(nodes: Sequence[NodeSeen], flavour: str) -> list[str]:
    """One sentence for each thing that is wrong, with its cure."""
    found = [node.problem for node in nodes if node.problem]
    found += [sentence for node in nodes if node.state == "up" for sentence in _own_problems(node)]
    found += _store_problems(nodes)
    said = _healths(nodes, flavour) if flavour != "none" else None
    for node in nodes:
        health = (said or {}).get(node.name)
        if health and health.error and node.engine:
            found.append(f"The Swarm says of {node.name}: {_ended(health.error)}")
    return found


def _own_problems(node: NodeSeen) -> Iterator[str]:
    there = f"docker exec {node.name} " if node.is_container else ""
    where = "" if node.is_container else " there"
    engine = node.look.get("engine") or {}
    if engine.get("state") == "stopped":
        yield f"The engine of {node.name} is stopped: '{there}systemctl start docker'{where} starts it."
    elif engine.get("state") == "failed":
        yield f"The engine of {node.name} has failed: '{there}journalctl --unit=docker'{where} says why."
    elif engine.get("problem"):
        answers = "answers only in part" if node.engine else "does not answer"
        yield f"The engine of {node.name} {answers}: {_ended(engine['problem'])}"
    if (node.engine.get("swarm") or {}).get("problem"):
        yield f"{node.name} says of the Swarm: {_ended(node.engine['swarm']['problem'])}"
    manager = node.look.get("manager") or {}
    if manager.get("problem") and node.engine:
        yield f"The Swarm's manager on {node.name} does not answer: {_ended(manager['problem'])}"
    unit = STORES.get(_server_kind(node))
    seen = node.look.get("store")
    if unit and seen and not seen["reached"]:
        yield (
            f"{_server_kind(node)} on {node.name} does not answer: "
            f"'{there}systemctl status {unit}'{where} says why. ({seen['problem']})"
        )


def _store_problems(nodes: Sequence[NodeSeen]) -> list[str]:
    """Of all engines that have the same to say, one sentence."""
    silent: dict[str, list[str]] = {}
    for node in nodes:
        seen = node.look.get("store")
        if seen and not seen["reached"] and not _server_kind(node):
            silent.setdefault(seen["problem"], []).append(node.name)
    found = [f"The cluster store is not reached from {', '.join(names)}: {why}." for why, names in silent.items()]
    if store_leader(nodes) == "":
        found.append("The cluster store has no leader: more than half of its servers must run and reach each other.")
    return found


def _ended(clause: str) -> str:
    """The clause with an end of its sentence."""
    return clause if clause.endswith((".", "?", "!")) else f"{clause}."


def _duration(seconds: int) -> str:
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
