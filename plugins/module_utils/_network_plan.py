# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared networks x observed networks -> what to create, to keep, to remove, and what stands in the way."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ._labels import OWNER
from ._topology import Container, Network


@dataclass(frozen=True)
class ObservedNetwork:
    """A network as an engine (or a classic Swarm) lists it. `scope` is local, global (cluster store) or swarm."""

    id: str
    name: str
    driver: str
    scope: str = "local"
    internal: bool = False
    attachable: bool = False
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    endpoints: tuple[str, ...] = ()


class Difference(NamedTuple):
    """A property in which an existing network is not what was declared."""

    subject: str
    observed: str
    declared: str


@dataclass(frozen=True)
class NetworkPlan:
    """What to do. Nothing of it may be done while there are refusals (whole sentences)."""

    create: tuple[Network, ...] = ()
    remove: tuple[ObservedNetwork, ...] = ()
    keep: tuple[ObservedNetwork, ...] = ()
    refusals: tuple[str, ...] = ()


def needed(
    networks: Iterable[Network],
    containers: Iterable[Container] | None,
    node: str | None,
    only: Iterable[str] | None,
) -> tuple[Network, ...]:
    """The networks that one call is about. The engines' own bridge is there without it.

    only: names to choose from; None for all.
    containers, node: where both are given, a local network counts only if a container
    of that node, or one whose node the Swarm has yet to choose, is on it, or it is declared for the node.
    """
    chosen = None if only is None else set(only)
    if containers is None or node is None:
        wanted = None
    else:
        wanted = {a.network for c in containers if c.node in (None, node) for a in c.attachments}
    return tuple(
        network
        for network in networks
        if not network.is_predefined
        and (chosen is None or network.name in chosen)
        and (not network.is_local or wanted is None or network.name in wanted or node in network.nodes)
    )


def plan_present(
    networks: Iterable[Network], observed: Iterable[ObservedNetwork], swarm_mode: bool = False
) -> NetworkPlan:
    """Create what is missing, keep what is as declared; whatever exists and differs is a refusal.

    observed: as listed; names are compared whole, since an engine's own filter matches parts of them.
    swarm_mode: overlay networks must be attachable there, or no plain container could join.
    """
    existing = list(observed)
    create: list[Network] = []
    keep: list[ObservedNetwork] = []
    refusals: list[str] = []
    for network in networks:
        found = [other for other in existing if other.name == network.name]
        if not found:
            create.append(network)
        elif len(found) > 1:
            refusals.append(_several(found))
        else:
            differing = differences(network, found[0], swarm_mode)
            if differing:
                refusals.append(_differs(network.name, differing))
            else:
                keep.append(found[0])
    return NetworkPlan(create=tuple(create), keep=tuple(keep), refusals=tuple(refusals))


def plan_absent(networks: Iterable[Network], observed: Iterable[ObservedNetwork], owner: str) -> NetworkPlan:
    """Remove what the owner made and nobody uses; keep what somebody else made; in use is a refusal."""
    existing = list(observed)
    remove: list[ObservedNetwork] = []
    keep: list[ObservedNetwork] = []
    refusals: list[str] = []
    for network in networks:
        for found in (other for other in existing if other.name == network.name):
            if found.labels.get(OWNER) != owner:
                keep.append(found)
            elif found.endpoints:
                users = ", ".join(f"'{name}'" for name in sorted(found.endpoints))
                refusals.append(
                    f"Network '{found.name}' is in use by {users}: remove or disconnect them first "
                    f"('docker network disconnect {found.name} CONTAINER'; with -f where the container is gone)."
                )
            else:
                remove.append(found)
    return NetworkPlan(remove=tuple(remove), keep=tuple(keep), refusals=tuple(refusals))


def differences(network: Network, observed: ObservedNetwork, swarm_mode: bool = False) -> list[Difference]:
    """In what `observed` is not as declared.

    A subnet, gateway or option that was not declared may have any value: engines choose them
    and add options of their own. Labels never count; an engine cannot change them later.
    """
    found: list[Difference] = []

    def compare(subject: str, seen: object, wanted: object) -> None:
        if seen != wanted:
            found.append(Difference(subject, _show(seen), _show(wanted)))

    compare("driver", observed.driver, network.driver)
    compare("internal", observed.internal, network.internal)
    for subject, subnet in ("subnet", network.subnet), ("subnet6", network.subnet6):
        if subnet and subnet not in map(_canonical, observed.subnets):
            compare(subject, ", ".join(observed.subnets), subnet)
    # Engines before 1.13 show the gateway with its prefix length.
    if network.gateway and network.gateway not in (gateway.split("/")[0] for gateway in observed.gateways):
        compare("gateway", ", ".join(observed.gateways), network.gateway)
    for name, value in network.options.items():
        compare(f"option '{name}'", observed.options.get(name, ""), value)
    if swarm_mode and network.driver == "overlay":
        compare("attachable", observed.attachable, True)
    return found


def _differs(name: str, differing: list[Difference]) -> str:
    what = " and ".join(f"{item.subject} {item.observed} (declared: {item.declared})" for item in differing)
    return (
        f"Network '{name}' exists with {what}, and no engine can change that: declare it as it is, give yours "
        f"another name, or take its containers off and remove it yourself with 'docker network rm {name}'."
    )


def _several(found: list[ObservedNetwork]) -> str:
    identities = ", ".join(f"{network.id[:12]} ({network.driver})" for network in found)
    return (
        f"{len(found)} networks are called '{found[0].name}': {identities}. "
        "Remove all but one with 'docker network rm ID'."
    )


def _canonical(subnet: str) -> str:
    try:
        return str(ipaddress.ip_network(subnet, strict=False))
    except ValueError:
        return subnet


def _show(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"'{value}'"
