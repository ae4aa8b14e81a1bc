# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to the services of a manager of swarm mode: observe them, take a plan's steps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import _placement as placement
from . import _service_request as request
from ._container_plan import ContainerPlan, Plan, build_order, plan_absent
from ._engine import EngineError
from ._engine_call import REFUSALS, is_missing, words
from ._engine_containers import POLL, eventually, no_network
from ._engine_refusal import ended, explain, unbuilt, unplaced
from ._service_plan import ObservedService, plan_services
from ._service_watch import ENDS, RUNS, UNPLACED, WAITS, Watch
from ._topology import Attachment, Topology

# Seconds that a task may take to end: ten for its process, and what the engine adds so that all peers forget it first.
ENDING = 20.0


class EngineServices:
    """The topology's containers whose node swarm mode chooses: services of one task each."""

    def __init__(self, client: Any, topology: Topology, owner: str, timeout: float) -> None:
        """client: of a manager's engine. timeout: seconds to wait for networks, and until a task runs."""
        self.client = client
        self.topology = topology
        self.owner = owner
        self.timeout = timeout
        self.refusals: dict[str, str] = {}

    # Observe

    def observe(self) -> list[ObservedService]:
        """The services that have a declared name, whoever made them. Raises EngineError if it is no manager's."""
        names = {container.name for container in self.topology.containers}
        try:
            listed = [service for service in self.client.services() if service["Spec"]["Name"] in names]
        except REFUSALS as error:
            if "not a swarm manager" not in words(error):
                raise
            self._check_manager()
            return []
        if not listed:
            return []
        tasks = self.client.tasks()
        nodes = {node["ID"]: node["Description"]["Hostname"] for node in self.client.nodes()}
        networks = {network["Id"]: network["Name"] for network in self.client.networks()}
        return [request.observed(service, tasks, nodes, networks) for service in listed]

    def _check_manager(self) -> None:
        wanted = [f"'{container.name}'" for container in self.topology.containers if container.node is None]
        if wanted:
            raise EngineError(
                f"This engine is no manager of a swarm, and only one can place {', '.join(wanted)}: have a manager do "
                "it (workload_managers), or name a node for each container."
            )

    def plan(self, seen: Sequence[ObservedService], state: str) -> Plan:
        """What leads from `seen` to the topology, or to none of it."""
        if state == "absent":
            return plan_absent(self.topology, seen, self.owner)
        return plan_services(self.topology, seen, self.owner)

    def missing(self, plan: Plan) -> list[str]:
        """Sentences on networks that the plan needs and that are not there. Only the nodes know of images."""
        creating = [step.declared for step in plan.containers if step.declared and step.create]
        missing = {attachment.network for container in creating for attachment in container.attachments}

        def all_seen() -> bool:
            missing.difference_update(network["Name"] for network in self.client.networks())
            return not missing

        if missing and not eventually(all_seen, self.timeout):
            return [no_network(name, None) for name in sorted(missing)]
        return []

    # Take the steps

    def clear(self, plan: Plan) -> None:
        """Remove what must go, and wait until its tasks have ended."""
        removed: dict[str, str] = {}
        for step in plan.containers:
            if step.remove and step.observed and self._remove(step.name, step.observed.id):
                removed[step.observed.id] = step.name
        if removed and not eventually(lambda: not self._with_tasks(removed), ENDING):
            for identity in self._with_tasks(removed):
                name = removed[identity]
                self.refusals[name] = (
                    f"Container '{name}' cannot be removed: its task still runs {ENDING:.0f} s after the service was "
                    "removed; see that its node's engine answers, and run this again."
                )

    def _remove(self, name: str, identity: str) -> bool:
        try:
            self.client.remove_service(identity)
        except REFUSALS as error:
            if not is_missing(error):
                self.refusals[name] = explain(words(error), name, None, "cannot be removed")
                return False
        return True

    def _with_tasks(self, services: Mapping[str, str]) -> set[str]:
        """Those of the removed services that still have a task. On nodes that are down nobody can end it."""
        down = {node["ID"] for node in self.client.nodes() if node["Status"]["State"] == "down"}
        return {
            task["ServiceID"]
            for task in self.client.tasks()
            if task["ServiceID"] in services and not request.has_ended(task) and task.get("NodeID") not in down
        }

    def build(self, plan: Plan) -> None:
        """Create what is missing, and wait until it runs; whom an affinity names before whoever has it."""
        places = {container.name: container.node for container in self.topology.containers}
        for group in build_order(plan.containers):
            for step in group:
                if step.create:
                    self._create(step, places)
            places.update(self._await([step for step in group if step.declared], places))

    def _create(self, step: ContainerPlan, places: Mapping[str, str | None]) -> None:
        if step.declared is None or step.name in self.refusals:
            return
        try:
            constraints = placement.constraints(step.declared, places)
        except KeyError as missing:
            self.refusals[step.name] = unbuilt(step.name, missing.args[0])
            return
        # What others connected it to is called by its ID: there may be several of a name.
        seen = step.observed.endpoints if step.observed else {}
        further = [Attachment(seen[a.network].network_id or a.network, a.aliases) for a in step.connect]
        body = request.creation(step.declared, self.owner, constraints, further)
        try:
            self.client.create_service(**body)
        except REFUSALS as error:
            self.refusals[step.name] = explain(words(error), step.name, None, "cannot be created")

    def _await(self, steps: list[ContainerPlan], places: Mapping[str, str | None]) -> dict[str, str | None]:
        """Wait until each has a task that goes on running; who has none is in `refusals`. Returns the nodes by name."""
        now = time.monotonic()
        found = {step.name: step.observed.node for step in steps if step.observed}
        waiting = {
            step.name: (step, Watch(_before(step), now, self.timeout))
            for step in steps
            if step.name not in self.refusals and _is_awaited(step)
        }
        while waiting:
            seen = {service.name: service for service in self.observe()}
            for name, (step, watch) in list(waiting.items()):
                service = seen.get(name)
                verdict = watch.look(service, time.monotonic())
                if verdict == WAITS:
                    continue
                del waiting[name]
                found[name] = service.node if service else None
                if verdict != RUNS:
                    found[name] = None
                    self.refusals[name] = self._sentence(verdict, step, service, places)
            if waiting:
                time.sleep(POLL)
        return found

    def _sentence(
        self, verdict: str, step: ContainerPlan, service: ObservedService | None, places: Mapping[str, str | None]
    ) -> str:
        """Why the container does not run."""
        error = service.error if service else ""
        node = service.error_node if service else None
        if verdict == UNPLACED and step.declared:
            return unplaced(error, step.name, placement.conditions(step.declared, places))
        if verdict == ENDS and (not error or "non-zero exit" in error):
            return ended(step.name, node, self._last_words(step.name))
        if verdict == ENDS:
            return explain(error, step.name, node, "cannot be started")
        return explain(
            f"its task is '{service.state if service else 'gone'}' {self.timeout:.0f} s after its start"
            + (f", and says: {error}" if error else "; 'docker service ps' on a manager tells more"),
            step.name,
            service.node if service else None,
            "does not run",
        )

    def _last_words(self, name: str) -> bytes:
        try:
            said = self.client.service_logs(name, stdout=True, stderr=True, tail=5)
            return said if isinstance(said, bytes) else b"".join(said)
        except REFUSALS:
            return b""

    # Look at what came of it

    def outcome(self, plan: Plan, seen: Sequence[ObservedService]) -> Sequence[ObservedService]:
        """The services after the steps; seen: those before."""
        return self.observe() if plan.changed or any(_is_awaited(step) for step in plan.containers) else seen


def _is_awaited(step: ContainerPlan) -> bool:
    """True where it was not known to run before the steps."""
    return step.declared is not None and (step.create or step.observed is None or step.observed.state != "running")


def _before(step: ContainerPlan) -> ObservedService | None:
    return step.observed if isinstance(step.observed, ObservedService) and not step.create else None
