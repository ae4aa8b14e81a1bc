# SPDX-License-Identifier: GPL-3.0-or-later
"""Expectation against observations: one verdict for each cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, Cell
from ansible_collections.dockernet.lab.plugins.module_utils._reading import BLOCKED, World, read
from ansible_collections.dockernet.lab.plugins.module_utils._resolver import has_answered
from ansible_collections.dockernet.lab.plugins.plugin_utils._causes import likely_cause

CORRECT = "correct"
WRONG = "wrong"
NO_VALUE = "no_value"

ALL_CORRECT, NOT_ALL_CORRECT, NOTHING_JUDGED = 0, 1, 2


class Verdict(NamedTuple):
    """A cell with what was seen of it. cause: the likely cause, '' where none is known or needed."""

    cell: Cell
    observed: str
    verdict: str
    evidence: str
    cause: str


class Summary(NamedTuple):
    """How many cells there are of each verdict."""

    total: int
    correct: int
    wrong: int
    no_value: int

    @property
    def status(self) -> int:
        """0 all correct, 2 nothing could be judged, and 1 else: a cell without a value is not proven either."""
        if not self.correct and not self.wrong:
            return NOTHING_JUDGED
        return NOT_ALL_CORRECT if self.wrong or self.no_value else ALL_CORRECT

    def __str__(self) -> str:
        return f"{self.total} cells: {self.correct} correct, {self.wrong} wrong, {self.no_value} no value"


def judge(world: World) -> list[Verdict]:
    """Return the verdicts on all cells that the topology promises, in the order of the expectation."""
    proof = Proof(world)
    verdicts = []
    for cell in world.cells():
        observed, evidence = read(cell, world)
        verdict = verdict_on(cell, observed, proof)
        cause = "" if verdict == CORRECT else likely_cause(cell, observed, world)
        if verdict == NO_VALUE and observed == BLOCKED and not cause:
            cause = f"nothing proves that {' and '.join(proof.missing(cell))} worked, so silence says nothing"
        verdicts.append(Verdict(cell, observed, verdict, evidence, cause))
    return verdicts


def summarize(verdicts: Iterable[Verdict]) -> Summary:
    """Count the verdicts."""
    count = Counter(verdict.verdict for verdict in verdicts)
    return Summary(sum(count.values()), count[CORRECT], count[WRONG], count[NO_VALUE])


def verdict_on(cell: Cell, observed: str, proof: Proof) -> str:
    """The rule.

    | expected | `allowed` | `blocked`                                       | `failed`, `unknown` |
    |----------|-----------|-------------------------------------------------|---------------------|
    | allowed  | correct   | wrong                                           | no value            |
    | denied   | wrong     | correct where there is proof, no value elsewhere| no value            |

    Nothing comes through a broken prober, nor out of a stopped target. So silence counts as denied only
    with proof, from the same run, that the prober and the target each worked with somebody.
    A container that does not run has a wrong `placement`; what was to be probed from it has no value.
    """
    if observed not in (ALLOWED, BLOCKED):
        return NO_VALUE
    if cell.expected == ALLOWED:
        return CORRECT if observed == ALLOWED else WRONG
    if observed == ALLOWED:
        return WRONG
    return NO_VALUE if proof.missing(cell) else CORRECT


class Proof:
    """Who worked with whom in this run: with a peer that is up where the topology gives one, else with itself.

    A port has worked where somebody could connect to it, who shares that network. Who only pings a target has not
    shown that anybody listens there, and a port on which nobody listens is closed to all.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        names = [container.name for container in world.topology.containers]
        self._peers = {name: self._peers_of(name) for name in names}
        self._pings = {name: any(self._reaches(name, other) for other in self._peers[name]) for name in names}
        self._is_reached = {name: any(self._reaches(other, name) for other in self._peers[name]) for name in names}
        self._is_named = {name: any(self._resolves(other, name) for other in self._peers[name]) for name in names}
        self._connects = {name: any(self._is_served_by(other, name) for other in self._peers[name]) for name in names}
        self._is_served: dict[tuple[str, str], bool] = {}

    def missing(self, cell: Cell) -> list[str]:
        """Of whom nothing proves that they worked in a way that lets 'blocked' say something; [] is proof."""
        if cell.facet == "hosts_file":
            works = {cell.source: bool(self._world.hosts(cell.source))}
        elif cell.facet == "name":
            answered = has_answered(self._world.sources[cell.source].answers)
            works = {cell.source: answered, cell.target: self._is_named[cell.target]}
        elif cell.facet == "placement":
            works = {}  # both engines have said so
        elif cell.facet == "tcp":
            prober = self._pings[cell.source] or self._connects[cell.source]
            works = {cell.source: prober, cell.target: self._serves(cell)}
        else:
            works = {cell.source: self._pings[cell.source], cell.target: self._is_reached[cell.target]}
        return [name for name, has_worked in works.items() if not has_worked]

    def _peers_of(self, name: str, network: str = "") -> list[str]:
        """Who has been asked to reach `name`: on `network`, or on any. Itself, where it has no such peer."""
        networks = [network] if network else [a.network for a in self._world.declared(name).attachments]
        peers = [
            other
            for other, seen in self._world.sources.items()
            if other != name
            and not seen.error
            and any(self._world.membership.reaches(name, other, each) for each in networks)
        ]
        return peers or [name]

    def _serves(self, cell: Cell) -> bool:
        """Whether anybody who may could connect to the port that a cell is about."""
        key = (cell.target, cell.subject)
        if key not in self._is_served:
            end = self._world.end(cell.target, cell.network, cell.port)
            peers = [self._world.sources.get(name) for name in self._peers_of(cell.target, cell.network)]
            self._is_served[key] = any(peer and isinstance(peer.connects.get(end), float) for peer in peers)
        return self._is_served[key]

    def _is_served_by(self, server: str, name: str) -> bool:
        seen = self._world.sources.get(name)
        return seen is not None and any(
            isinstance(seen.connects.get(end), float) for end in self._world.listening_ends(server)
        )

    def _reaches(self, source: str, target: str) -> bool:
        seen, container = self._world.sources.get(source), self._world.seen(target)
        if seen is None or container is None:
            return False
        return any(isinstance(seen.pings.get(address), float) for address in container.addresses)

    def _resolves(self, source: str, target: str) -> bool:
        seen, container = self._world.sources.get(source), self._world.seen(target)
        if seen is None or container is None:
            return False
        answer = seen.answers.get(target, ())
        return not isinstance(answer, str) and not container.addresses.isdisjoint(answer)
