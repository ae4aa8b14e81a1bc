# SPDX-License-Identifier: GPL-3.0-or-later
"""Expectation against observations: one verdict for each cell."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._counts import things
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, Cell
from ansible_collections.dockernet.lab.plugins.module_utils._reading import BLOCKED, World, read
from ansible_collections.dockernet.lab.plugins.module_utils._resolver import has_answered
from ansible_collections.dockernet.lab.plugins.module_utils._sides import is_ipv6, is_six, without_port
from ansible_collections.dockernet.lab.plugins.plugin_utils._causes import likely_cause
from ansible_collections.dockernet.lab.plugins.plugin_utils._paths import Paths

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
        return f"{things(self.total)}: {self.correct} correct, {self.wrong} wrong, {self.no_value} no value"


def judge(world: World) -> list[Verdict]:
    """Return the verdicts on all cells that the topology promises, in the order of the expectation."""
    with _without_collection():
        cells = world.cells()
        proof = Proof(world, cells)
        verdicts = []
        for cell in cells:
            observed, evidence = read(cell, world)
            verdicts.append(Verdict(cell, observed, verdict_on(cell, observed, proof), evidence, ""))
        if any(each.verdict != CORRECT for each in verdicts):
            paths = Paths(world, ((each.cell, each.observed) for each in verdicts))
            verdicts = [each if each.verdict == CORRECT else _explained(each, world, paths, proof) for each in verdicts]
    return verdicts


def _explained(each: Verdict, world: World, paths: Paths, proof: Proof) -> Verdict:
    cause = likely_cause(each.cell, each.observed, world, paths)
    if each.verdict == NO_VALUE and each.observed == BLOCKED and not cause:
        cause = f"nothing proves that {' and '.join(proof.missing(each.cell))} worked, so silence says nothing"
    return each._replace(cause=cause)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Verdicts hold no cycles, and to look for some among a million takes longer than to judge them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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

    def __init__(self, world: World, cells: Iterable[Cell]) -> None:
        self._world = world
        live = [name for name, seen in world.sources.items() if not seen.error]
        self._hears = {
            name for name in live if has_answered(world.sources[name].answers) or world.has_no_resolver(name)
        }
        self._live = Counter(segment for name in live for segment in world.membership.segments(name).values())
        # Whom others are to resolve: what it says to itself proves nothing.
        names = (cell for cell in cells if cell.facet == "name" and cell.expected == ALLOWED)
        self._is_asked_for = {(cell.target, is_six(cell.subject)) for cell in names if cell.source != cell.target}
        self._is_asked_for |= {(target, is_six(network)) for _, target, network in world.witnesses()}
        # Each with whether that was by IPv6.
        self._pings: set[tuple[str, bool]] = set()
        self._is_reached: set[tuple[str, bool]] = set()
        self._is_named: set[tuple[str, bool]] = set()
        self._connects: set[str] = set()
        self._is_served: set[tuple[str, str]] = set()
        for name in live:
            self._take_pings(name)
            self._take_answers(name)
            self._take_connects(name)

    def missing(self, cell: Cell) -> list[str]:
        """Of whom nothing proves that they worked in a way that lets 'blocked' say something; [] is proof."""
        source, target = cell.source, cell.target
        if cell.facet == "placement":
            return []  # both engines have said so
        if cell.facet == "hosts_file" or (cell.facet == "name" and self._world.membership.reads_peers(source)):
            works = {source: bool(self._world.hosts(source))}
        elif cell.facet == "name":
            named = (target, is_six(cell.subject)) in self._is_named or self._is_up_without_a_name(target)
            works = {source: source in self._hears, target: named}
        elif cell.facet == "tcp":
            prober = self._has_pinged(source, is_six(cell.network)) or source in self._connects
            works = {source: prober, target: (target, cell.subject) in self._is_served}
        else:
            by_ipv6 = is_six(cell.network)
            works = {source: self._has_pinged(source, by_ipv6), target: (target, by_ipv6) in self._is_reached}
        return [name for name, has_worked in works.items() if not has_worked]

    def _has_pinged(self, name: str, by_ipv6: bool) -> bool:
        """Whether a container's pings work; one that has no IPv6 shows it with IPv4."""
        has_ipv6 = any(map(is_six, self._world.membership.segments(name)))
        return (name, by_ipv6 and has_ipv6) in self._pings

    def _is_up_without_a_name(self, name: str) -> bool:
        """Whether nobody can have named it, since it is on one of the engines' own networks."""
        seen = self._world.seen(name)
        return self._world.declared(name).network_mode is not None and seen is not None and seen.is_up

    def _take_pings(self, name: str) -> None:
        for address, pong in self._world.sources[name].pings.items():
            holders = list(self._world.holders_near(name, address)) if isinstance(pong, float) else []
            if len({holder for holder, _ in holders}) == 1:  # of two, it may be either that has answered
                for holder, network in holders:
                    if self._counts(name, holder, address, "" if holder == name else network):
                        self._pings.add((name, is_ipv6(address)))
                        self._is_reached.add((holder, is_ipv6(address)))

    def _take_answers(self, name: str) -> None:
        for answer in self._world.sources[name].answers.values():
            if not isinstance(answer, str):
                for address in answer:
                    named = is_ipv6(address)
                    for holder, _ in self._world.holders_near(name, address):
                        if holder != name or (name, named) not in self._is_asked_for:
                            self._is_named.add((holder, named))

    def _take_connects(self, name: str) -> None:
        for end, pong in self._world.sources[name].connects.items():
            if isinstance(pong, float):
                address, port = without_port(end)
                for holder, network in self._world.holders_near(name, address):
                    if self._counts(name, holder, address, "" if holder == name else network):
                        self._connects.add(name)
                    if self._counts(name, holder, address, network):
                        self._is_served.add((holder, f"{network}:{port}"))

    def _counts(self, name: str, holder: str, address: str, network: str) -> bool:
        """Whether what worked between two proves anything: with itself it does so only for want of a peer.

        network: '' for any that carries the address's family.
        """
        if holder != name:
            return not network or self._world.membership.lets_through(network)
        segments = self._world.membership.segments(name)
        return not any(
            self._live[segments[each]] > 1 and self._world.membership.lets_through(each)
            for each in ([network] if network else segments)
            if is_six(each) == is_ipv6(address)
        )
