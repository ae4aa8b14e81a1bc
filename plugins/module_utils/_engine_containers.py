# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to the containers of an engine or a classic Swarm: observe them, take a plan's steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from . import _container_request as request
from ._container_plan import (
    SETTLE,
    ContainerPlan,
    ObservedContainer,
    ObservedEndpoint,
    Plan,
    build_order,
    plan_absent,
    plan_present,
)
from ._engine_call import REFUSALS, is_missing, words
from ._engine_refusal import PORT_TAKEN, STALE_ENDPOINT, ended, explain, unbuilt
from ._topology import Attachment, Container, Topology

# One engine works on about as many requests at once before it is the limit itself.
WORKERS = 8
POLL = 0.2  # seconds
# Seconds that an endpoint of the same name may still be another node's, which is just removing it, or a host port a
# task's, whose service a manager is just removing.
HANDOVER = 15.0

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_parallel(work: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """Answers in the order of the items. The SDK's client may be shared: its connection pool is locked."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(work, items))


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition comes true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL)
    return True


class EngineContainers:
    """The topology's containers on one engine, or on all engines of a classic Swarm (`node` is None)."""

    def __init__(
        self, client: Any, topology: Topology, owner: str, flavour: str, node: str | None, timeout: float
    ) -> None:
        """timeout: seconds to wait for networks and images to be seen."""
        self.client = client
        self.topology = topology
        self.owner = owner
        self.flavour = flavour
        self.node = None if flavour == "classic" else node
        self.timeout = timeout
        self.refusals: dict[str, str] = {}

    # Observe

    def observe(self) -> list[ObservedContainer]:
        """The containers that have a declared name, whoever made them."""
        names = {container.name for container in self.topology.containers}
        found = [
            (item["Id"], name)
            for item in self.client.containers(all=True)
            for name in self._own_names(item)
            if name in names
        ]
        return [observed for observed in in_parallel(self._inspect, found) if observed is not None]

    def _own_names(self, item: Mapping[str, Any]) -> list[str]:
        # An engine lists '/name', a classic Swarm '/node/name'; deeper ones are names of legacy links.
        parts = [name.strip("/").split("/") for name in item.get("Names") or []]
        return [name[-1] for name in parts if len(name) == (2 if self.node is None else 1)]

    def _inspect(self, found: tuple[str, str]) -> ObservedContainer | None:
        identity, name = found
        try:
            return observed(self.client.inspect_container(identity), name, self.node)
        except REFUSALS as error:
            if is_missing(error):
                return None  # removed since it was listed
            raise

    def plan(self, seen: Sequence[ObservedContainer], state: str) -> Plan:
        """What leads from `seen` to the topology, or to none of it."""
        if state == "absent":
            return plan_absent(self.topology, seen, self.owner)
        return plan_present(self.topology, seen, self.owner, self.node)

    # What must be there first

    def missing(self, plan: Plan) -> list[str]:
        """Sentences on images and networks that the plan needs and that are not there."""
        creating = [p.declared for p in plan.containers if p.create and p.declared]
        joining = [p.declared for p in plan.containers if p.declared and (p.create or p.connect or p.start)]
        return self._missing_images(creating) + self._missing_networks(joining)

    def _missing_images(self, containers: list[Container]) -> list[str]:
        needs: dict[tuple[str, str | None], list[str]] = {}
        for container in containers:
            needs.setdefault((container.image, container.node), []).append(container.name)
        absent = [need for need in needs if not self._has_image(*need)]
        return [_no_image(image, node, needs[image, node]) for image, node in absent]

    def _has_image(self, image: str, node: str | None) -> bool:
        if self.node is None:
            # A Swarm hears of a new image by an event; it does not ask again.
            return eventually(lambda: self._swarm_has_image(image, node), min(self.timeout, 5.0))
        try:
            self.client.inspect_image(image)
        except REFUSALS as error:
            if is_missing(error):
                return False
            raise
        return True

    def _swarm_has_image(self, image: str, node: str | None) -> bool:
        listed = self.client.images(filters={"node": node} if node else None)
        return any(request.is_image(image, item) for item in listed)

    def _missing_networks(self, containers: list[Container]) -> list[str]:
        needed = {attachment.network for container in containers for attachment in container.attachments}
        # In swarm mode an overlay network comes to a worker with the first container that joins it.
        networks = [
            network
            for network in self.topology.networks
            if network.name in needed and (network.is_local or self.flavour != "mode")
        ]
        missing: set[str] = set()

        def all_seen() -> bool:
            seen = {item["Name"].rsplit("/", 1)[-1]: item.get("Scope") for item in self.client.networks()}
            missing.clear()
            missing.update(network.name for network in networks if network.name not in seen)
            return not missing

        # Only what another engine creates, and a Swarm's view of its engines, can still come.
        comes_later = self.node is None or any(not network.is_local for network in networks)
        if networks and not eventually(all_seen, self.timeout if comes_later else 0):
            return [no_network(name, self.node) for name in sorted(missing)]
        return []

    # Take the steps

    def clear(self, plan: Plan) -> None:
        """Remove and disconnect all that gives names, addresses and ports free. See `refusals`."""
        in_parallel(self._clear, plan.containers)

    def build(self, plan: Plan) -> None:
        """Take the other steps. See `refusals`."""
        for group in build_order(plan.containers):
            in_parallel(self._build, group)

    def _clear(self, plan: ContainerPlan) -> None:
        container = plan.observed
        if container is None:
            return
        if plan.remove:
            self._try(plan, "cannot be removed", self._remove, container)
        for network in plan.disconnect:
            attempt = f"cannot be disconnected from '{network}'"
            reference = self._reference(plan, network, container.node)
            self._try(plan, attempt, self.client.disconnect_container_from_network, container.id, reference)

    def _remove(self, container: ObservedContainer) -> None:
        try:
            self.client.remove_container(container.id, v=True, force=True)
        except REFUSALS as error:
            if not is_missing(error):
                raise

    def _build(self, plan: ContainerPlan) -> None:
        if plan.declared is None or plan.name in self.refusals:
            return
        lost = [affinity.container for affinity in plan.declared.affinities if affinity.container in self.refusals]
        if plan.create and lost:
            self.refusals[plan.name] = unbuilt(plan.name, lost[0])
            return
        identity, node, connect = self._identity(plan)
        if identity is None:
            return
        for attachment in connect:
            attempt = f"cannot be connected to '{attachment.network}'"
            self._try(plan, attempt, self._connect, plan, identity, node, attachment)
        if plan.unpause:
            self._try(plan, "cannot be unpaused", self.client.unpause, identity)
        if plan.start:
            self._try(plan, "cannot be started", self._handed_over, plan, self.client.start, identity)

    def _identity(self, plan: ContainerPlan) -> tuple[str | None, str | None, tuple[Attachment, ...]]:
        """ID and node of the plan's container, created where it must be, and what remains to connect."""
        if plan.declared is None or not plan.create:
            return (plan.observed.id, plan.observed.node, plan.connect) if plan.observed else (None, None, ())
        declared = plan.declared
        config = request.creation(declared, self.owner, self.flavour)
        create = self.client.create_container_from_config
        created = self._try(plan, "cannot be created", create, config, declared.name)
        if created is None:
            return None, None, ()
        node = self.node or declared.node
        further = (*declared.attachments[1:], *plan.connect)
        if node is None and any(self._is_local(a.network) for a in further):
            node = self.client.inspect_container(created["Id"])["Node"]["Name"]
        return created["Id"], node, further

    def _connect(self, plan: ContainerPlan, identity: str, node: str | None, attachment: Attachment) -> None:
        self._handed_over(
            plan,
            self.client.connect_container_to_network,
            identity,
            self._reference(plan, attachment.network, node),
            aliases=list(attachment.aliases) or None,
            **request.addresses(attachment),
        )

    def _reference(self, plan: ContainerPlan, network: str, node: str | None) -> str:
        """What the API calls the network: several engines of a Swarm may have a local one of that name."""
        seen = plan.observed.endpoints.get(network) if plan.observed else None
        if not any(network == declared.name for declared in self.topology.networks):
            return (seen.network_id if seen else None) or network
        return f"{node}/{network}" if self.node is None and self._is_local(network) else network

    def _is_local(self, network: str) -> bool:
        return any(network == declared.name and declared.is_local for declared in self.topology.networks)

    def _handed_over(self, plan: ContainerPlan, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call again while another node, or a service, still holds what a container that moves here needs."""
        deadline = time.monotonic() + HANDOVER
        while True:
            try:
                return call(*arguments, **options)
            except REFUSALS as error:
                if time.monotonic() >= deadline or not self._is_held(plan.name, words(error)):
                    raise
                time.sleep(POLL)

    def _is_held(self, name: str, refusal: str) -> bool:
        if STALE_ENDPOINT.search(refusal):
            return self.node is not None
        tasks = {"label": f"com.docker.swarm.service.name={name}"}
        return bool(self.flavour == "mode" and PORT_TAKEN.search(refusal) and self.client.containers(filters=tasks))

    def _try(self, plan: ContainerPlan, attempt: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Make the call unless this container has already failed; keep the sentence where it is refused."""
        if plan.name in self.refusals:
            return None
        try:
            return call(*arguments)
        except REFUSALS as error:
            node = self.node or (plan.declared.node if plan.declared else None)
            self.refusals[plan.name] = explain(words(error), plan.name, node, attempt)
            return None

    # Look at what came of it

    def outcome(self, plan: Plan, seen: Sequence[ObservedContainer]) -> Sequence[ObservedContainer]:
        """The containers after the steps; one whose process has ended already is a refusal. seen: those before."""
        started = {step.name for step in plan.containers if step.start}
        looping = {step.name for step in plan.containers if step.observed and step.observed.state == "restarting"}
        watched = (started | looping) - set(self.refusals)
        if not plan.changed and not watched:
            return seen
        if watched:
            time.sleep(SETTLE)
        now = self.observe()
        ours = {step.name for step in plan.containers if step.declared} - set(self.refusals)
        for container in now:
            is_down = container.name in watched and not container.stays_up
            if is_down or (container.name in ours and container.state == "restarting"):
                self.refusals[container.name] = ended(container.name, container.node, self._log(container.id))
        return now

    def _log(self, identity: str) -> bytes:
        try:
            return bytes(self.client.logs(identity, tail=5))
        except REFUSALS:
            return b""


def observed(info: Mapping[str, Any], name: str, node: str | None) -> ObservedContainer:
    """An answer of `GET /containers/ID/json` as data. node: None where a classic Swarm names it."""
    state, config = info["State"], info["Config"]
    # Engines answer for these themselves; 20.10 lists them with the aliases that were asked for.
    implied = {info["Id"][:12], name, config.get("Hostname")}
    ends: Mapping[str, Mapping[str, Any]] = info["NetworkSettings"].get("Networks") or {}
    return ObservedContainer(
        id=info["Id"],
        name=name,
        node=node or (info.get("Node") or {}).get("Name"),
        state=state["Status"],
        labels=config.get("Labels") or {},
        endpoints={network: _endpoint(end, implied) for network, end in ends.items()},
        properties=request.properties_of(info),
        restarts=info.get("RestartCount", 0),
    )


def _endpoint(end: Mapping[str, Any], implied: set[str]) -> ObservedEndpoint:
    asked = end.get("IPAMConfig") or {}
    return ObservedEndpoint(
        aliases=frozenset(end.get("Aliases") or ()) - implied,
        asked_address=asked.get("IPv4Address") or None,
        asked_address6=asked.get("IPv6Address") or None,
        address=end.get("IPAddress") or end.get("GlobalIPv6Address") or None,
        network_id=end.get("NetworkID") or None,
    )


def _no_image(image: str, node: str | None, containers: list[str]) -> str:
    users = ", ".join(f"'{name}'" for name in containers)
    where = f"on node '{node}'" if node else "on any node of the Swarm"
    return (
        f"Image '{image}' of container {users} is not {where}: load it there first "
        f"('docker save {image} | docker -H NODE load'), or declare another image."
    )


def no_network(name: str, node: str | None) -> str:
    where = f"on node '{node}'" if node else "in the Swarm"
    return (
        f"Network '{name}' is not to be seen {where}: create it first (role overlay_network); where it comes from "
        "the cluster store, see that the engine reaches the store."
    )
