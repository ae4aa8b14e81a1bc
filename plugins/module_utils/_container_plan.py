# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared containers x observed containers -> the steps that lead from one to the other.

Pure: it neither knows how a container is inspected nor how a step is taken.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _placement as placement
from ._labels import OWNER, SPEC
from ._topology import BRIDGE, HOST, NONE, Attachment, Container, Topology

# What cannot be changed in a container that exists. Its node is compared on its own.
SPEC_PROPERTIES = (
    "image", "command", "env", "labels", "ports", "hostname", "extra_hosts", "constraints", "affinities",
    "network_mode",
)  # fmt: skip

# Seconds that a started process gets to fail: no engine tells that one is there to stay.
SETTLE = 0.3


@dataclass(frozen=True)
class ObservedEndpoint:
    """A container's end on a network: what was asked for (aliases, fixed addresses), and the address it has."""

    aliases: frozenset[str] = frozenset()
    asked_address: str | None = None
    address: str | None = None
    network_id: str | None = None
    asked_address6: str | None = None


@dataclass(frozen=True)
class ObservedContainer:
    """A container as its engine shows it. `properties` has the SPEC_PROPERTIES, as far as they can be seen."""

    id: str
    name: str
    node: str | None
    state: str
    labels: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, ObservedEndpoint] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    restarts: int = 0

    @property
    def stays_up(self) -> bool:
        """False where its process has ended, be it that its engine starts it again and again."""
        return self.state == "running" and not self.restarts


@dataclass(frozen=True)
class ContainerPlan:
    """The steps for one container, in the order of the fields. `reasons` says why it is removed or recreated.

    `create` implies all attachments of `declared`; `connect` has those besides.
    """

    name: str
    declared: Container | None = None
    observed: ObservedContainer | None = None
    remove: bool = False
    disconnect: tuple[str, ...] = ()
    create: bool = False
    connect: tuple[Attachment, ...] = ()
    unpause: bool = False
    start: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def action(self) -> str:
        """The plan in one word."""
        if self.create:
            return "recreated" if self.remove else "created"
        if self.remove:
            return "removed"
        if self.start:
            return "started"
        if self.unpause:
            return "unpaused"
        return "connected" if self.disconnect or self.connect else "none"

    @property
    def fixes_an_address(self) -> bool:
        """True where a step asks for an address: it goes first, before an engine gives that address away."""
        if self.declared is None or not (self.create or self.connect or self.start):
            return False
        return any(attachment.address or attachment.address6 for attachment in self.declared.attachments)

    @property
    def node_after(self) -> str | None:
        """Where the container is after the steps, None where only the Swarm knows."""
        if self.declared is not None and self.declared.node:
            return self.declared.node
        return None if self.observed is None or self.create else self.observed.node


@dataclass(frozen=True)
class Plan:
    """All steps. Nothing of it may be done while there are refusals (whole sentences)."""

    containers: tuple[ContainerPlan, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return any(plan.action != "none" for plan in self.containers)


def plan_present(topology: Topology, observed: Iterable[ObservedContainer], owner: str, node: str | None) -> Plan:
    """What makes the containers as declared.

    observed: all containers that the engine, or all engines of a classic Swarm, have.
    owner: value of the label OWNER of those that may be touched.
    node: whose engine was observed; None for a classic Swarm, which reaches all nodes.
    """
    existing = list(observed)
    plans: list[ContainerPlan] = []
    refusals: list[str] = []
    places: dict[str, str | None] = {}
    for container in topology.containers:
        found = [other for other in existing if other.name == container.name]
        ours = [other for other in found if other.labels.get(OWNER) == owner]
        if container.node and placement.broken(container, container.node, places):
            refusals.append(_contradiction(container, places))
        elif node is not None and container.node != node:
            plans += [removal(other, _elsewhere(container)) for other in ours]
        elif len(found) > 1:
            refusals.append(_several(found))
        elif found and not ours:
            refusals.append(_foreign(found[0], owner))
        elif not found:
            plans.append(ContainerPlan(container.name, container, create=True, start=True))
        else:
            plans.append(_converge(container, found[0], topology, places))
            places[container.name] = plans[-1].node_after
        places.setdefault(container.name, container.node)
    return Plan(tuple(plans), tuple(refusals))


def plan_absent(topology: Topology, observed: Iterable[ObservedContainer], owner: str) -> Plan:
    """What removes the declared containers, of which only the owner's are touched."""
    names = {container.name for container in topology.containers}
    return Plan(
        tuple(
            removal(container, "state is absent")
            for container in observed
            if container.name in names and container.labels.get(OWNER) == owner
        )
    )


def removal(observed: ObservedContainer, reason: str) -> ContainerPlan:
    """The plan for a container that must go."""
    return ContainerPlan(observed.name, observed=observed, remove=True, reasons=(reason,))


def _elsewhere(container: Container) -> str:
    return f"its node is '{container.node}' now" if container.node else "the Swarm chooses its node now"


def _converge(
    container: Container, observed: ObservedContainer, topology: Topology, places: Mapping[str, str | None]
) -> ContainerPlan:
    reasons = [f"{name} changes" for name in changed_properties(container, observed)]
    if container.node and observed.node and container.node != observed.node:
        reasons.append(f"node changes from '{observed.node}' to '{container.node}'")
    reasons += placement.broken(container, container.node or observed.node, places)
    if observed.state in ("dead", "removing"):
        reasons.append(f"it is {observed.state}")
    if reasons:
        return ContainerPlan(
            container.name,
            container,
            observed,
            remove=True,
            create=True,
            connect=_connections_to_keep(container, observed, topology),
            start=True,
            reasons=tuple(reasons),
        )
    connect = [a for a in container.attachments if not _is_met(container, a, observed.endpoints.get(a.network))]
    leave = [network.name for network in topology.networks if not container.attachment(network.name)]
    leave += [attachment.network for attachment in connect]
    return ContainerPlan(
        container.name,
        container,
        observed,
        disconnect=tuple(network for network in leave if network in observed.endpoints),
        connect=tuple(connect),
        unpause=observed.state == "paused",
        start=observed.state in ("created", "exited"),
    )


def _connections_to_keep(
    container: Container, observed: ObservedContainer, topology: Topology
) -> tuple[Attachment, ...]:
    """The others' connections that a container made anew can have again."""
    if container.node not in (None, observed.node) or container.network_mode in (HOST, NONE):
        return ()
    # Its own, and not somebody's, where it was made for one of the engines' own networks.
    own = (HOST, NONE, BRIDGE) if "network_mode" in _digests(observed.labels.get(SPEC, "")) else (HOST, NONE)
    return tuple(each for each in others_connections(observed, topology) if each.network not in own)


def others_connections(observed: ObservedContainer, topology: Topology) -> tuple[Attachment, ...]:
    """What somebody connected the container to besides; a new one in its place must not lose it."""
    declared = {network.name for network in topology.networks}
    return tuple(
        Attachment(network, tuple(sorted(end.aliases)), end.asked_address, end.asked_address6)
        for network, end in observed.endpoints.items()
        if network not in declared
    )


def _is_met(container: Container, attachment: Attachment, endpoint: ObservedEndpoint | None) -> bool:
    if endpoint is None:
        return False
    # Engines answer for these two anyway, and list the hostname among the aliases (20.10).
    implied = {container.name, container.hostname}
    if set(attachment.aliases) - implied != endpoint.aliases - implied:
        return False
    # Where none is declared any will do: in swarm mode an engine shows the one that the manager chose as if asked for.
    fixed = ((attachment.address, endpoint.asked_address), (attachment.address6, endpoint.asked_address6))
    return all(wanted is None or _same(wanted, asked) for wanted, asked in fixed)


def _same(address: str, other: str | None) -> bool:
    return other is not None and ipaddress.ip_address(address) == ipaddress.ip_address(other)


def build_order(plans: Iterable[ContainerPlan]) -> list[list[ContainerPlan]]:
    """The plans in groups, to be built one after the other.

    A container comes after those that its affinities name. Whoever asks for a fixed address, with all that
    it must come after, goes before the others: else the engine might give that address to one that takes any.
    What a Swarm's strategy alone places comes last, when the strategy can see where all the others are.
    """
    plans = list(plans)
    built = [plan.declared for plan in plans if plan.declared]
    first = placement.named(built, [plan.name for plan in plans if plan.fixes_an_address])
    depths = placement.depths(built)
    wanted = {affinity.container for container in built for affinity in container.affinities}
    groups: dict[tuple[bool, bool, int], list[ContainerPlan]] = {}
    for plan in plans:
        is_free = plan.name not in wanted and plan.declared is not None and _goes_anywhere(plan.declared)
        groups.setdefault((plan.name not in first, is_free, depths.get(plan.name, 0)), []).append(plan)
    return [groups[key] for key in sorted(groups)]


def _goes_anywhere(container: Container) -> bool:
    """Whether a Swarm's strategy alone chooses its node."""
    return not (container.node or container.constraints or container.affinities)


# The specification of a container, and what is left of it in a label


def properties(container: Container) -> dict[str, Any]:
    """The SPEC_PROPERTIES as plain data."""
    values: dict[str, Any] = {}
    for name in SPEC_PROPERTIES:
        value = getattr(container, name)
        if isinstance(value, Mapping):
            value = dict(value)
        values[name] = sorted(value) if name == "ports" else list(value) if isinstance(value, tuple) else value
    values["affinities"] = [placement.text(affinity) for affinity in container.affinities]
    return values


def fingerprint(container: Container) -> str:
    """A digest for each property that has a value, for the label SPEC.

    Digests, not values: an environment may hold secrets, and engines show labels in every event.
    Properties without a value are left out, so a new kind of property changes no old container.
    """
    return ",".join(f"{name}={_digest(value)}" for name, value in properties(container).items() if value)


def changed_properties(container: Container, observed: ObservedContainer) -> list[str]:
    """Names of the properties in which the container was created otherwise than it is declared now."""
    before = _digests(observed.labels.get(SPEC, ""))
    after = _digests(fingerprint(container))
    return [name for name in SPEC_PROPERTIES if before.get(name) != after.get(name)]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _digests(label: str) -> dict[str, str]:
    return dict(item.split("=", 1) for item in label.split(",") if "=" in item)


# What a user sees


def difference(plan: ContainerPlan) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the plan changes, as (before, after)."""
    before: dict[str, Any] = {"state": "absent"} if plan.observed is None else {"state": plan.observed.state}
    after: dict[str, Any] = {"state": "absent" if plan.declared is None else "running"}
    if plan.observed is not None and plan.remove:
        before["node"] = plan.observed.node
    if plan.declared is not None and plan.create:
        after["node"] = plan.declared.node
        changed = changed_properties(plan.declared, plan.observed) if plan.observed else SPEC_PROPERTIES
        declared = properties(plan.declared)
        after.update({name: declared[name] for name in changed if declared[name] or plan.observed})
        if plan.observed is not None:
            before.update({name: plan.observed.properties.get(name) for name in changed})
    before["networks"] = _endpoints(plan.observed)
    after["networks"] = _endpoints_after(plan)
    return before, after


def _endpoints(observed: ObservedContainer | None) -> dict[str, Any]:
    endpoints = {} if observed is None else observed.endpoints
    return {
        network: _end(sorted(end.aliases), end.asked_address, end.asked_address6) for network, end in endpoints.items()
    }


def _end(aliases: list[str], address: str | None, address6: str | None) -> dict[str, Any]:
    return {"aliases": aliases, "address": address, **({"address6": address6} if address6 else {})}


def _endpoints_after(plan: ContainerPlan) -> dict[str, Any]:
    if plan.declared is None:
        return {}
    kept = {} if plan.create else _endpoints(plan.observed)
    left = {network: end for network, end in kept.items() if network not in plan.disconnect}
    joined = (*plan.declared.attachments, *plan.connect) if plan.create else plan.connect
    return {**left, **{a.network: _end(sorted(a.aliases), a.address, a.address6) for a in joined}}


def _foreign(observed: ObservedContainer, owner: str) -> str:
    where = f" on node '{observed.node}'" if observed.node else ""
    return (
        f"A container '{observed.name}' exists{where} without the label {OWNER}={owner}, so it is somebody else's "
        f"and stays as it is: rename or remove it ('docker rm {observed.name}'), or declare another name."
    )


def _contradiction(container: Container, places: Mapping[str, str | None]) -> str:
    clauses = " and ".join(placement.broken(container, container.node, places))
    return (
        f"Container '{container.name}' is declared for node '{container.node}', where its {clauses}: "
        "change its node or its affinities."
    )


def _several(found: list[ObservedContainer]) -> str:
    nodes = " and ".join(f"'{container.node}'" for container in found)
    return f"A container '{found[0].name}' exists on the nodes {nodes}: remove all but one of them."
