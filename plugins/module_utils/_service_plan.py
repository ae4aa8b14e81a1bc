# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared containers whose node swarm mode chooses x observed services -> the steps between them.

The same steps as for containers (_container_plan), but nothing of a service is changed while it runs: it is
made anew. Pure, as that is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import _placement as placement
from ._container_plan import ContainerPlan, ObservedContainer, Plan, changed_properties, others_connections, removal
from ._labels import OWNER
from ._topology import Container, Topology


@dataclass(frozen=True)
class ObservedService(ObservedContainer):
    """A service as a manager shows it, with its present task: `node`, `state` and addresses are the task's.

    deviations: how it is no service of one task, a clause each.
    task: ID of the present task. failed: IDs of those whose process ended, or could not be started.
    error, error_node: why there is no present task, or why it cannot be placed, in the Swarm's words, and where.
    """

    deviations: tuple[str, ...] = ()
    task: str | None = None
    failed: frozenset[str] = frozenset()
    error: str = ""
    error_node: str | None = None


def plan_services(topology: Topology, observed: Iterable[ObservedService], owner: str) -> Plan:
    """What makes the containers without a node as declared, and removes the services of those that have one.

    owner: value of the label OWNER of the services that may be touched.
    """
    existing = {service.name: service for service in observed}
    plans: list[ContainerPlan] = []
    refusals: list[str] = []
    places: dict[str, str | None] = {}
    for container in topology.containers:
        found = existing.get(container.name)
        is_ours = found is not None and found.labels.get(OWNER) == owner
        if container.node:
            plans += [removal(found, f"its node is '{container.node}' now")] if found and is_ours else []
        elif found and not is_ours:
            refusals.append(_foreign(found, owner))
        elif _bound(container):
            refusals.append(_bound(container))
        else:
            plans.append(_converge(container, found, topology, places))
            places[container.name] = plans[-1].node_after
        places.setdefault(container.name, container.node)
    return Plan(tuple(plans), tuple(refusals))


def _converge(
    container: Container, observed: ObservedService | None, topology: Topology, places: dict[str, str | None]
) -> ContainerPlan:
    if observed is None:
        return ContainerPlan(container.name, container, create=True)
    reasons = [f"{name} changes" for name in changed_properties(container, observed)]
    reasons += [f"network '{name}' changes" for name in _changed_networks(container, observed, topology)]
    reasons += observed.deviations
    reasons += placement.broken(container, observed.node, places)
    if not reasons:
        return ContainerPlan(container.name, container, observed)
    return ContainerPlan(
        container.name,
        container,
        observed,
        remove=True,
        create=True,
        connect=others_connections(observed, topology),
        reasons=tuple(reasons),
    )


def _changed_networks(container: Container, observed: ObservedService, topology: Topology) -> list[str]:
    """Declared networks that the service should join, should leave, or has other aliases on."""
    changed: list[str] = []
    for network in topology.networks:
        declared, seen = container.attachment(network.name), observed.endpoints.get(network.name)
        before = None if seen is None else seen.aliases - {container.name}
        after = None if declared is None else frozenset(declared.aliases) - {container.name}
        if before != after:
            changed.append(network.name)
    return changed


def _foreign(observed: ObservedService, owner: str) -> str:
    return (
        f"A service '{observed.name}' exists in the Swarm without the label {OWNER}={owner}, so it is somebody else's "
        f"and stays as it is: rename or remove it ('docker service rm {observed.name}'), or declare another name."
    )


def _bound(container: Container) -> str:
    """Why its ports cannot be published: an address of one node makes no sense on any of them."""
    bound = [port for port in container.ports if port.count(":") > 1]
    if not bound:
        return ""
    return (
        f"Container '{container.name}' publishes '{bound[0]}' at one address, which swarm mode cannot do for a "
        "container that names no node: leave the address out, or name a node."
    )
