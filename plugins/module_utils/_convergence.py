# SPDX-License-Identifier: GPL-3.0-or-later
"""From what there is to what is declared: observe, plan, take the steps, look again.

Pure control: the edges (engine containers, services) are handed in as parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ._container_plan import ContainerPlan, ObservedContainer, Plan, difference


class Part(Protocol):
    """A kind of containers, and who has them. `refusals` has a sentence for each that could not be made so."""

    refusals: dict[str, str]

    def observe(self) -> Sequence[Any]:
        """Those of a declared name, whoever made them."""

    def plan(self, seen: Sequence[Any], state: str) -> Plan:
        """What leads from `seen` to what is declared."""

    def missing(self, plan: Plan) -> list[str]:
        """Sentences on what the plan needs and what is not there."""

    def clear(self, plan: Plan) -> None:
        """Remove what must go."""

    def build(self, plan: Plan) -> None:
        """Create, connect and start."""

    def outcome(self, plan: Plan, seen: Sequence[Any]) -> Sequence[Any]:
        """What there is after the plan's steps; seen: what there was before."""


@dataclass(frozen=True)
class Convergence:
    """What was done, or in check mode would be: steps and containers by name, and sentences on what was refused."""

    steps: dict[str, ContainerPlan]
    seen: dict[str, ObservedContainer]
    changed: bool = False
    refusals: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """The containers as a user reads them."""
        return {name: _shown(step, self.seen.get(name)) for name, step in self.steps.items()}

    def difference(self) -> dict[str, Any]:
        """For Ansible's diff mode."""
        sides = {name: difference(step) for name, step in self.steps.items() if step.action != "none"}
        return {
            "before": {name: before for name, (before, _) in sides.items()},
            "after": {name: after for name, (_, after) in sides.items()},
        }


def converge(parts: Sequence[Part], state: str, check: bool) -> Convergence:
    """Make it so, unless there is a refusal before the first step or `check` is true.

    A container whose affinity names one that the Swarm puts elsewhere can only be moved when that one
    is there: the plan is made again after its steps, as often as there are such containers in a row.
    """
    seen = [part.observe() for part in parts]
    plans = [part.plan(found, state) for part, found in zip(parts, seen)]
    steps = _merged(plans)
    refusals = [sentence for plan in plans for sentence in plan.refusals]
    if not refusals and not check:
        refusals = [sentence for part, plan in zip(parts, plans) for sentence in part.missing(plan)]
    changed = any(plan.changed for plan in plans)
    if refusals or check:
        return Convergence(steps, _by_name(seen), changed and not refusals, refusals)
    for _ in range(1 + len(steps)):
        seen = _take(parts, plans, seen)
        refusals = [part.refusals[name] for part in parts for name in sorted(part.refusals)]
        plans = [_moves(part.plan(found, state)) for part, found in zip(parts, seen)]
        if refusals or not any(plan.changed for plan in plans):
            break
        steps = {name: _again(step, _merged(plans).get(name)) for name, step in steps.items()}
    return Convergence(steps, _by_name(seen), changed or any(s.action != "none" for s in steps.values()), refusals)


def _take(parts: Sequence[Part], plans: Sequence[Plan], seen: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    for part, plan in zip(parts, plans):
        part.clear(plan)
    for part, plan in zip(parts, plans):
        part.build(plan)
    return [part.outcome(plan, found) for part, plan, found in zip(parts, plans, seen)]


def _moves(plan: Plan) -> Plan:
    """Of a plan that is made again, what an affinity asks for."""
    return Plan(tuple(step for step in plan.containers if step.create and step.declared and step.declared.affinities))


def _merged(plans: Iterable[Plan]) -> dict[str, ContainerPlan]:
    """One step for each name: a container may go from one part to another."""
    steps: dict[str, ContainerPlan] = {}
    for plan in plans:
        for step in plan.containers:
            steps[step.name] = _joined(steps[step.name], step) if step.name in steps else step
    return steps


def _joined(one: ContainerPlan, other: ContainerPlan) -> ContainerPlan:
    stays, goes = (one, other) if one.declared else (other, one)
    reasons = goes.reasons + stays.reasons
    if stays.create and goes.remove:
        return replace(stays, observed=stays.observed or goes.observed, remove=True, reasons=reasons)
    return replace(stays, reasons=reasons)


def _again(first: ContainerPlan, then: ContainerPlan | None) -> ContainerPlan:
    """What a container's first step and a later one come to."""
    if then is None:
        return first
    is_new = first.create and not first.remove
    return replace(then, observed=first.observed, remove=not is_new, reasons=first.reasons + then.reasons)


def _by_name(seen: Iterable[Iterable[ObservedContainer]]) -> dict[str, ObservedContainer]:
    return {container.name: container for found in seen for container in found}


def _shown(step: ContainerPlan, container: ObservedContainer | None) -> dict[str, Any]:
    return {
        "id": container.id if container else None,
        "node": container.node if container else step.declared.node if step.declared else None,
        "state": container.state if container else "absent",
        "addresses": {name: end.address for name, end in container.endpoints.items()} if container else {},
        "action": step.action,
        "reasons": list(step.reasons),
    }
