# SPDX-License-Identifier: GPL-3.0-or-later
"""One verification, judged: what all reports are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._coverage import Coverage
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import OWN_LINE, Cell
from ansible_collections.dockernet.lab.plugins.module_utils._reading import World
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import (
    NO_VALUE,
    WRONG,
    Summary,
    Verdict,
    summarize,
)


@dataclass(frozen=True)
class Run:
    """time: when the verdicts were reached, as ISO 8601. machines: as `_picture.draw_svg` takes them as nodes.

    store: the URL of the cluster store, None where there is none. coverage: what was asked of all that could be;
    None where all was.
    """

    lab: str
    flavour: str
    time: str
    world: World
    verdicts: list[Verdict]
    machines: Sequence[Mapping[str, Any]] = ()
    store: str | None = None
    coverage: Coverage | None = None

    @property
    def summary(self) -> Summary:
        return summarize(self.verdicts)

    @property
    def outcome(self) -> str:
        """The summary, with what was asked where that is not all."""
        return f"{self.summary} ({self.coverage.about})" if self.coverage else str(self.summary)

    @property
    def placed(self) -> Topology:
        """The topology as it is drawn: what names no node is where the Swarm has put it, as far as it was found."""
        containers = (
            replace(container, node=container.node or self.world.places.get(container.name))
            for container in self.world.topology.containers
        )
        return replace(self.world.topology, containers=tuple(containers))


class Row(NamedTuple):
    """Cells that differ in their subject alone. source and target are one where a cell is about one container."""

    source: str
    target: str
    facet: str
    subjects: tuple[str, ...]
    expected: str
    observed: str
    evidence: str

    @property
    def who(self) -> str:
        return who(self.source, self.target)


class Finding(NamedTuple):
    """What is not correct, by its likely cause ('' where none is known). cells: how many there are."""

    verdict: str
    cause: str
    cells: int
    rows: list[Row]


def findings(verdicts: Iterable[Verdict]) -> list[Finding]:
    """Group what is not correct: wrong cells first, and of these first the cause that explains most of them."""
    causes: dict[tuple[str, str], list[Verdict]] = {}
    for each in verdicts:
        if each.verdict in (WRONG, NO_VALUE):
            cause = each.cause or (each.evidence if each.verdict == NO_VALUE else "")
            causes.setdefault((each.verdict, cause), []).append(each)
    ranked = sorted(causes.items(), key=lambda item: (item[0][0] != WRONG, -len(item[1])))
    return [Finding(verdict, cause, len(members), _rows(members)) for (verdict, cause), members in ranked]


def _rows(verdicts: Iterable[Verdict]) -> list[Row]:
    subjects: dict[tuple[str, str, str, str, str, str], list[str]] = {}
    # What a container is comes before what others see of it.
    for each in sorted(verdicts, key=lambda each: each.cell.source != each.cell.target):
        source, target, facet, _, expected = each.cell
        key = (source, target, facet, expected, each.observed, each.evidence)
        subjects.setdefault(key, []).append(subject_of(each.cell))
    return [
        Row(source, target, facet, tuple(names), expected, observed, evidence)
        for (source, target, facet, expected, observed, evidence), names in subjects.items()
    ]


def who(source: str, target: str) -> str:
    """Who is asked about, or who asks for whom."""
    return source if source == target else f"{source} -> {target}"


def subject_of(cell: Cell) -> str:
    """A cell's subject in words."""
    if cell.facet == "hosts_file" and cell.subject.startswith(OWN_LINE):
        return f"own line for {cell.subject[len(OWN_LINE) :]}"
    return cell.subject
