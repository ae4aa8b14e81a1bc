# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes saw, as data and as JSON: the contract between the modules on the nodes and the controller.

A node reports twice. First what its engine has (`NodeObservation`), from which everybody learns all
addresses; then what each of its containers found out with them (`SourceObservation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Union

from ansible_collections.dockernet.lab.plugins.module_utils._resolver import Answer
from ansible_collections.dockernet.lab.plugins.module_utils._routes import Route

# What a ping or a connect brought: milliseconds until the reply, or why there was none.
Pong = Union[float, str]

NO_REPLY = "no reply"
REFUSED = "connection refused"
NOT_SENT = "could not be sent"  # and why: says something of the prober, and nothing of the network


@dataclass(frozen=True)
class EndpointObservation:
    """A container's place on one network: the address that the engine says, and the one that it really has.

    network: where it has an IPv6 address there too, that has an entry of its own, with the network's IPv6 side.
    interface: what it is called inside the container; '' where it is not there.
    """

    network: str
    engine_address: str = ""
    own_address: str = ""
    mac: str = ""
    interface: str = ""


@dataclass(frozen=True)
class ContainerObservation:
    """A container as its engine knows it.

    since: seconds in its state; -1 where not known. task: what the engine calls it where that is not its
    name, since it is a task of the service of that name.
    """

    name: str
    state: str
    pid: int = 0
    exit_code: int = 0
    since: int = -1
    hostname: str = ""
    endpoints: tuple[EndpointObservation, ...] = ()
    problem: str = ""
    task: str = ""
    id: str = ""

    @property
    def is_up(self) -> bool:
        """Whether it has processes, frozen or not: only then has it a network of its own."""
        return self.state in ("running", "paused") and self.pid > 0

    def endpoint(self, network: str) -> EndpointObservation | None:
        """Its place on `network`, or on its IPv6 side, None where the engine says that it has none."""
        return next((e for e in self.endpoints if e.network == network), None)

    def address(self, network: str) -> str:
        """Its address on `network`: its own, else what the engine says; '' where there is none."""
        endpoint = self.endpoint(network)
        return (endpoint.own_address or endpoint.engine_address) if endpoint else ""

    @property
    def addresses(self) -> set[str]:
        """All addresses that it has or that its engine says it has."""
        found = {address for e in self.endpoints for address in (e.own_address, e.engine_address)}
        return found - {""}


@dataclass(frozen=True)
class NetworkObservation:
    """A network as one engine lists it. scope: local, global (cluster store) or swarm."""

    name: str
    id: str
    driver: str
    scope: str = "local"
    internal: bool = False
    subnets: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = (self.driver, self.scope, "internal" if self.internal else "", *self.subnets, f"id {self.id[:12]}")
        return ", ".join(word for word in words if word)


@dataclass(frozen=True)
class NodeObservation:
    """What one node's engine has of the topology. error: why nothing could be seen, else ''.

    clock: seconds by which the node's clock is ahead of that of the controller, whose task was started by the latter.
    """

    node: str
    engine: str = ""
    error: str = ""
    containers: tuple[ContainerObservation, ...] = ()
    networks: tuple[NetworkObservation, ...] = ()
    clock: float = 0.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NodeObservation:
        """The reverse of `to_json`. Raises TypeError where keys are not its own."""
        networks = [
            NetworkObservation(**{**entry, "subnets": tuple(entry["subnets"])}) for entry in data.get("networks", ())
        ]
        containers = [
            ContainerObservation(
                **{**entry, "endpoints": tuple(EndpointObservation(**endpoint) for endpoint in entry["endpoints"])}
            )
            for entry in data.get("containers", ())
        ]
        return cls(**{**data, "containers": tuple(containers), "networks": tuple(networks)})

    def to_json(self) -> dict[str, Any]:
        """Plain lists, mappings, strings and numbers."""
        return asdict(self)


@dataclass
class SourceObservation:
    """What one container could see from where it is. error: why it could not be entered, else ''.

    answers: by name. pings: by address. connects: by 'address:port'. full_pings: as pings, with packets as large as
    the container's own MTU, which nobody may cut up. routes: its kernel's routing table. neighbours_full: whether
    its kernel had no room for a further neighbour meanwhile, which lets packets vanish.
    """

    name: str
    error: str = ""
    hosts: str = ""
    server: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    pings: dict[str, Pong] = field(default_factory=dict)
    connects: dict[str, Pong] = field(default_factory=dict)
    full_pings: dict[str, Pong] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    neighbours_full: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SourceObservation:
        """The reverse of `to_json`. Raises TypeError where keys are not its own."""
        return cls(**{**data, "routes": [Route(*entry) for entry in data.get("routes", ())]})

    def to_json(self) -> dict[str, Any]:
        """Plain lists, mappings, strings and numbers."""
        return asdict(self)
