# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Swarm must put a container, in the terms of either flavour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ._topology import Affinity, Container


def text(affinity: Affinity) -> str:
    """As it is declared: `container==ubuntu1`."""
    return f"container{'==' if affinity.together else '!='}{affinity.container}"


def expressions(container: Container) -> list[str]:
    """What the scheduler of a classic Swarm must keep to, as items of the environment (docker/swarm 1.2.9)."""
    node = [f"node=={container.node}"] if container.node else []
    return [
        *(f"constraint:{constraint}" for constraint in (*node, *container.constraints)),
        *(f"affinity:{text(affinity)}" for affinity in container.affinities),
    ]


def constraints(container: Container, places: Mapping[str, str | None]) -> list[str]:
    """What the scheduler of swarm mode must keep to.

    Swarm mode has no affinities: they become constraints on the node where the other container is now.
    places: node of each container. Raises KeyError where it is not known of one that an affinity names.
    """
    found = [_in_swarm_mode(constraint) for constraint in container.constraints]
    for affinity in container.affinities:
        node = places.get(affinity.container)
        if node is None:
            raise KeyError(affinity.container)
        found.append(f"node.hostname{'==' if affinity.together else '!='}{node}")
    return found


def _in_swarm_mode(constraint: str) -> str:
    """`node` is the node's name and any other bare key a label of its engine, as in a classic Swarm."""
    operator = min((op for op in ("==", "!=") if op in constraint), key=constraint.index)
    key, _, value = constraint.partition(operator)
    if key.lower() == "node":
        key = "node.hostname"
    elif not key.startswith(("node.", "engine.")):
        key = f"engine.labels.{key}"
    return f"{key}{operator}{value}"


def conditions(container: Container, places: Mapping[str, str | None]) -> list[str]:
    """All that is declared on its node, for a sentence."""
    return [
        *(f"'{constraint}'" for constraint in container.constraints),
        *(f"'{text(a)}' ('{a.container}' is on node '{places.get(a.container)}')" for a in container.affinities),
    ]


def broken(container: Container, node: str | None, places: Mapping[str, str | None]) -> list[str]:
    """Its affinities that do not hold while it is on `node`, one clause each.

    places: node of each container; what is not known breaks nothing.
    """
    clauses: list[str] = []
    for affinity in container.affinities:
        other = places.get(affinity.container)
        if node is not None and other is not None and (node == other) != affinity.together:
            clauses.append(f"affinity '{text(affinity)}' does not hold, '{affinity.container}' being on node '{other}'")
    return clauses


def depths(containers: Iterable[Container]) -> dict[str, int]:
    """How many others must be placed before each of them, one after the other. Affinities only look back."""
    found: dict[str, int] = {}
    for container in containers:
        before = [found[a.container] + 1 for a in container.affinities if a.container in found]
        found[container.name] = max(before, default=0)
    return found


def named(containers: Sequence[Container], wanted: Iterable[str]) -> set[str]:
    """Names of the `wanted` containers, and of all those without which they cannot be placed."""
    found = set(wanted)
    for container in reversed(containers):
        if container.name in found:
            found.update(affinity.container for affinity in container.affinities)
    return found
