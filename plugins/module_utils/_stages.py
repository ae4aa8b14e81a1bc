# SPDX-License-Identifier: GPL-3.0-or-later
"""A scenario that is told in stages: what the topology has come to after each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._topology import Problem, TopologyError, parse

STAGE_KEYS = ("name", "networks", "containers")


class Stage(NamedTuple):
    """The topology after one stage, as it would be declared. slug: the name as a directory, '2-another-network'."""

    name: str
    slug: str
    networks: list[Any]
    containers: list[Any]


def accumulate(stages: Any) -> list[Stage]:
    """Each stage with all that those before it declared; an entry takes the place of an earlier one of its name.

    stages: as in topology.yml, a list of {name, networks, containers}.
    Raises TopologyError where that is not what they are.
    """
    problems: list[Problem] = []
    found: list[Stage] = []
    networks: list[Any] = []
    containers: list[Any] = []
    if not isinstance(stages, list):
        raise TopologyError([Problem(stages, "topology_stages must be a list of stages like '- {name: ...}'.")])
    for number, stage in enumerate(stages, 1):
        problems += _problems(number, stage, [other.name for other in found])
        if not isinstance(stage, Mapping):
            continue
        networks = _with(networks, stage.get("networks") or [])
        containers = _with(containers, stage.get("containers") or [])
        name = str(stage.get("name", number))
        found.append(Stage(name, f"{number}-{_slug(name)}", networks, containers))
    if problems:
        raise TopologyError(problems)
    return found


def check(
    stages: Iterable[Stage], nodes: Iterable[str], flavour: str, reserved: Mapping[str, str] | None = None
) -> list[Problem]:
    """All that is wrong with the topology of any stage, each thing once. Arguments as of `_topology.parse`."""
    problems: dict[tuple[int, str], Problem] = {}
    names = list(nodes)
    for stage in stages:
        try:
            parse(stage.networks, stage.containers, names, flavour, reserved)
        except TopologyError as error:
            for entry, sentence in error.problems:
                # Its number in the list is that of no list that anybody wrote.
                said = re.sub(r"^topology_(network|container)s, entry \d+", r"\1", sentence)
                problems.setdefault((id(entry), said), Problem(entry, f"Stage '{stage.name}', {said}"))
    return list(problems.values())


def _problems(number: int, stage: Any, names: list[str]) -> list[Problem]:
    where = f"topology_stages, stage {number}"
    if not isinstance(stage, Mapping):
        return [
            Problem(
                stage, f"{where}: '{stage}' is not of the form '{{name: ..., networks: [...], containers: [...]}}'."
            )
        ]
    found = [
        Problem(stage, f"{where}: key '{key}' is not known; known are {', '.join(STAGE_KEYS)}.")
        for key in stage
        if key not in STAGE_KEYS
    ]
    if not _slug(str(stage.get("name") or "")):
        found.append(
            Problem(stage, f"{where}: it has no name; every stage needs 'name: ...' with a letter or digit in it.")
        )
    elif str(stage["name"]) in names:
        found.append(
            Problem(stage, f"{where}: a stage before it is called '{stage['name']}' too; give it another name.")
        )
    found += [
        Problem(stage[key], f"{where}: '{key}' must be a list.")
        for key in ("networks", "containers")
        if not isinstance(stage.get(key) or [], list)
    ]
    return found


def _with(entries: list[Any], further: Any) -> list[Any]:
    result = list(entries)
    before = len(entries)
    for entry in further if isinstance(further, list) else []:
        name = entry.get("name") if isinstance(entry, Mapping) else None
        # Of two in one stage both stay, for `parse` to complain of.
        place = next((i for i, other in enumerate(result[:before]) if name and _name(other) == name), None)
        if place is None:
            result.append(entry)
        else:
            result[place] = entry
    return result


def _name(entry: Any) -> Any:
    return entry.get("name") if isinstance(entry, Mapping) else None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
