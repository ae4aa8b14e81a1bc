# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes have looked like x what is declared -> the rows of `status`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._topology import (
    PREDEFINED_NETWORKS,
    Container,
    Network,
    Topology,
)

# What the roles swarm_manager and swarm_agent run on an engine.
MANAGER, AGENT = "swarm-manager", "swarm-agent"


@dataclass(frozen=True)
class NodeSeen:
    """A node, as declared and as it was seen.

    roles: the declared ones. state: `up`, or why there is no look, in a word; problem: the same in a sentence.
    look: what dockernet.lab.node_info returned. is_container: whether it is a lab's.
    """

    name: str
    address: str = ""
    roles: tuple[str, ...] = ()
    state: str = "up"
    problem: str = ""
    look: Mapping[str, Any] = field(default_factory=dict)
    is_container: bool = False

    @property
    def engine(self) -> Mapping[str, Any]:
        """The engine's part of the look; empty where there is no engine, or none that answers."""
        seen = self.look.get("engine") or {}
        return seen if seen.get("state") == "answers" else {}


class NetworkSeen(NamedTuple):
    """A network as engines list it: what is the same in all of these is one network, or might be."""

    name: str
    driver: str
    scope: str
    subnets: tuple[str, ...]


@dataclass(frozen=True)
class NetworkRow:
    """A network on some nodes. state: `there`, `missing` or `unknown`; lacking: nodes that should have it too."""

    seen: NetworkSeen
    nodes: tuple[str, ...]
    state: str = "there"
    lacking: tuple[str, ...] = ()
    declared: bool = True


@dataclass(frozen=True)
class ContainerRow:
    """A container on a node. state: as the engine says, or `missing` or `unknown`; networks: name -> address.

    belongs: the declared node, where it is on another.
    """

    name: str
    node: str
    state: str
    status: str = ""
    image: str = ""
    networks: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    declared: bool = True
    belongs: str = ""


def container_rows(topology: Topology, nodes: Sequence[NodeSeen]) -> list[ContainerRow]:
    """The declared containers in their order, then what else there is, by node."""
    rows: list[ContainerRow] = []
    for declared in topology.containers:
        seen = [
            _container(node.name, item, declared) for node, item in _containers(nodes) if item["name"] == declared.name
        ]
        rows += seen or [_absent(declared, nodes)]
    names = {container.name for container in topology.containers}
    others = [_container(node.name, item, None) for node, item in _containers(nodes) if item["name"] not in names]
    return rows + sorted(others, key=lambda row: (row.name in (MANAGER, AGENT), row.name))


def _containers(nodes: Iterable[NodeSeen]) -> Iterator[tuple[NodeSeen, Mapping[str, Any]]]:
    """All containers, but for a service's earlier tasks, which swarm mode keeps for their logs."""
    found = [(node, item) for node in nodes for item in node.engine.get("containers") or ()]
    alive = {item["name"] for _node, item in found if item["is_task"] and item["state"] == "running"}
    for node, item in found:
        if not item["is_task"] or item["state"] == "running" or item["name"] not in alive:
            yield node, item


def _container(node: str, item: Mapping[str, Any], declared: Container | None) -> ContainerRow:
    elsewhere = declared.node if declared and declared.node not in (None, node) else None
    return ContainerRow(
        name=item["name"],
        node=node,
        state=item["state"],
        status=item["status"],
        image=item["image"],
        networks=item["networks"],
        ports=tuple(item["ports"]),
        declared=declared is not None,
        belongs=elsewhere or "",
    )


def _absent(declared: Container, nodes: Sequence[NodeSeen]) -> ContainerRow:
    """Missing, or unknown where it may be on an engine that has not answered."""
    candidates = [node for node in nodes if node.name == declared.node] if declared.node else with_engine(nodes)
    asked = all(node.engine.get("containers") is not None for node in candidates)
    return ContainerRow(
        declared.name,
        declared.node or "",
        "missing" if asked else "unknown",
        image=declared.image,
        networks={attachment.network: "" for attachment in declared.attachments}
        or dict.fromkeys(filter(None, [declared.network_mode]), ""),
    )


def with_engine(nodes: Iterable[NodeSeen]) -> list[NodeSeen]:
    """The nodes that have an engine, or should have."""
    return [node for node in nodes if "engine" in node.roles]


def network_rows(topology: Topology, flavour: str, nodes: Sequence[NodeSeen]) -> list[NetworkRow]:
    """The declared networks in their order, then what else there is; the engines' own are left out.

    A network is one row, with all nodes that have it; of a local one each subnet is one.
    """
    seen: dict[NetworkSeen, list[str]] = {}
    for node in nodes:
        for item in node.engine.get("networks") or ():
            if item["name"] not in PREDEFINED_NETWORKS:
                key = NetworkSeen(item["name"], item["driver"], item["scope"], tuple(item["subnets"]))
                seen.setdefault(key, []).append(node.name)
    rows: list[NetworkRow] = []
    for declared in topology.networks:
        if declared.is_predefined:
            continue
        found = [key for key in seen if key.name == declared.name]
        have = {name for key in found for name in seen[key]}
        lacking = tuple(node for node in _expected_on(declared, topology, flavour, nodes) if node not in have)
        rows += [NetworkRow(key, tuple(seen[key]), lacking=lacking) for key in found]
        if not found:
            subnets = (declared.subnet,) if declared.subnet else ()
            wanted = NetworkSeen(declared.name, declared.driver, "local" if declared.is_local else "", subnets)
            asked = any(_lists(node, declared) for node in nodes)
            rows.append(NetworkRow(wanted, (), "missing" if asked else "unknown"))
    names = {network.name for network in topology.networks}
    return rows + [NetworkRow(key, tuple(seen[key]), declared=False) for key in sorted(seen) if key.name not in names]


def _expected_on(network: Network, topology: Topology, flavour: str, nodes: Iterable[NodeSeen]) -> list[str]:
    """The nodes whose engines answer and should know the network."""
    users = {c.node for c in topology.containers if c.node and c.attachment(network.name)}
    if network.is_local:
        wanted = users | set(network.nodes)
    elif flavour == "mode":
        wanted = set()  # a worker knows only the networks that its running containers are on
    else:
        wanted = {node.name for node in nodes}
    return [node.name for node in nodes if node.name in wanted and _lists(node, network)]


def _lists(node: NodeSeen, network: Network) -> bool:
    """Whether the node would list the network: an engine leaves the cluster store's out while it does not reach it."""
    if node.engine.get("networks") is None:
        return False
    store = node.look.get("store")
    return network.is_local or not store or bool(store["reached"])


def closest_stage(stages: Sequence[Topology], nodes: Sequence[NodeSeen]) -> int:
    """The number, from 1, of the stage that what is there differs from least; of several the last."""
    seen = {item["name"]: set(item["networks"]) for _node, item in _containers(nodes)}

    def distance(stage: Topology) -> int:
        wanted = {c.name: {a.network for a in c.attachments} or {c.network_mode or ""} for c in stage.containers}
        known = {c.name for other in stages for c in other.containers}
        return sum(wanted.get(name) != seen.get(name) for name in known)

    return max(range(1, len(stages) + 1), key=lambda number: (-distance(stages[number - 1]), number))
