# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to the networks of an engine or a classic Swarm: list, create, remove."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ._engine_call import REFUSALS, is_missing, words
from ._labels import OWNER
from ._network_plan import NetworkPlan, ObservedNetwork
from ._topology import Network

POLL = 0.2  # seconds
# Seconds that a swarm's manager may take to notice that a network's last container has left it.
DETACH = 10.0


def observe(client: Any, endpoints_of: Iterable[str] = ()) -> list[ObservedNetwork]:
    """All networks that `client` lists.

    A classic Swarm lists a network of one engine as `node/name`, one of the cluster store as `name`.
    endpoints_of: names of networks whose endpoints are wanted too; each costs a request.
    """
    wanted = set(endpoints_of)
    listed = [_observed(item) for item in client.networks()]
    return [_with_endpoints(client, network) if network.name in wanted else network for network in listed]


def apply(client: Any, plan: NetworkPlan, owner: str, swarm_mode: bool) -> list[str]:
    """Take the plan's steps; return a sentence for each that the engine refused."""
    refusals: list[str] = []
    for network in plan.create:
        try:
            create(client, network, owner, swarm_mode)
        except REFUSALS as error:
            refusals.append(f"Network '{network.name}' cannot be created: {_explain(words(error))}")
    for observed in plan.remove:
        try:
            remove(client, observed)
        except REFUSALS as error:
            if not is_missing(error):
                refusals.append(f"Network '{observed.name}' cannot be removed: {_explain(words(error))}")
    return refusals


def create(client: Any, network: Network, owner: str, swarm_mode: bool) -> None:
    """Create `network`. Raises what _engine_call.REFUSALS names."""
    client.create_network(
        network.name,
        driver=network.driver,
        options=dict(network.options),
        ipam=_ipam(network),
        check_duplicate=True,
        internal=network.internal,
        labels={**network.labels, OWNER: owner},
        enable_ipv6=network.subnet6 is not None,
        # Without it only services could join.
        attachable=True if swarm_mode and network.driver == "overlay" else None,
    )


def remove(client: Any, network: ObservedNetwork) -> None:
    """Remove `network`. Raises what _engine_call.REFUSALS names."""
    deadline = time.monotonic() + DETACH
    while True:
        try:
            client.remove_network(network.id)
        except REFUSALS as error:
            if "in use by task" not in words(error) or time.monotonic() >= deadline:
                raise
            time.sleep(POLL)
        else:
            return


def _ipam(network: Network) -> dict[str, Any] | None:
    pools = [{"Subnet": subnet} for subnet in (network.subnet, network.subnet6) if subnet]
    if network.gateway:
        pools[0]["Gateway"] = network.gateway
    return {"Driver": "default", "Config": pools} if pools else None


def _with_endpoints(client: Any, network: ObservedNetwork) -> ObservedNetwork:
    try:
        return _observed(client.inspect_network(network.id))
    except REFUSALS as error:
        if is_missing(error):
            return network
        raise


def _observed(item: Mapping[str, Any]) -> ObservedNetwork:
    pools = (item.get("IPAM") or {}).get("Config") or []
    users: Mapping[str, Mapping[str, Any]] = item.get("Containers") or {}
    return ObservedNetwork(
        id=item["Id"],
        name=item["Name"],
        driver=item.get("Driver", ""),
        scope=item.get("Scope", ""),
        internal=bool(item.get("Internal")),
        attachable=bool(item.get("Attachable")),
        subnets=tuple(pool["Subnet"] for pool in pools if pool.get("Subnet")),
        gateways=tuple(pool["Gateway"] for pool in pools if pool.get("Gateway")),
        options=item.get("Options") or {},
        labels=item.get("Labels") or {},
        # `lb-NAME` is swarm mode's own; it goes with the network.
        endpoints=tuple(user.get("Name") or key for key, user in users.items() if not key.startswith("lb-")),
    )


def _explain(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    if "not a swarm manager" in text or "datastore" in text:
        return (
            "this engine is no manager of a swarm and has no cluster store, so it cannot make an overlay network; "
            f"give it one, or create the network on a manager. ({text})"
        )
    if "overlaps with other one" in text or "Pool overlaps" in text:
        return f"its subnet overlaps another network's on this engine; choose one that is free. ({text})"
    return f"{text}."
