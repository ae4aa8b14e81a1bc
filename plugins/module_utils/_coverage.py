# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pairs of containers are asked about, where all would be too many, and what is left out by that.

`full`: each ordered pair. `mesh`: on each network a ring through its containers, so that each one is asked for by its
names and reached; then a ping between each two nodes that a ring leaves out; then one pair of each two networks,
to see that these are apart. `sample`: a number of pairs by lot, half of them from containers that reach each other.
The choice depends on the topology and the seed alone, so nodes and controller come to the same.

Of either, a run may be about a part: some networks, some containers, what can be judged from some nodes (`_selection`).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._counts import named, things
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, Cell, Membership, Segment
from ansible_collections.dockernet.lab.plugins.module_utils._sides import bare

FULL, MESH, SAMPLE = MODES = ("full", "mesh", "sample")


@dataclass(frozen=True)
class Scope:
    """What is asked. sample: pairs, in mode `sample`; seed: which ones. short_ids: for these names too.

    full_size: whether packets of full size are sent too. networks, containers: only what is about these; of none given,
    all. nodes: those that take part in the run; none where all do.
    """

    mode: str = FULL
    sample: int = 1000
    seed: int = 0
    short_ids: bool = False
    full_size: bool = False
    networks: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    @property
    def is_part(self) -> bool:
        """Whether it is about some networks, containers or nodes alone."""
        return bool(self.networks or self.containers or self.nodes)

    @property
    def is_whole(self) -> bool:
        """Whether all is asked."""
        return self.mode == FULL and not self.is_part


# The options by which modules and the action take a scope.
SCOPE_ARGUMENTS: dict[str, dict[str, Any]] = {
    "coverage": {"type": "str", "choices": list(MODES), "default": FULL},
    "sample": {"type": "int", "default": 1000},
    "seed": {"type": "int", "default": 0},
    "short_ids": {"type": "bool", "default": False},
    "full_size": {"type": "bool", "default": False},
    "only_networks": {"type": "list", "elements": "str", "default": []},
    "only_containers": {"type": "list", "elements": "str", "default": []},
    "only_nodes": {"type": "list", "elements": "str", "default": []},
}


def scope_of(options: Mapping[str, Any]) -> Scope:
    """The scope that `SCOPE_ARGUMENTS` have been given."""
    return Scope(
        options["coverage"],
        options["sample"],
        options["seed"],
        options["short_ids"],
        options["full_size"],
        *(tuple(options[f"only_{part}"]) for part in ("networks", "containers", "nodes")),
    )


class Pair(NamedTuple):
    """Two containers. network: where a ping there is all that is asked; '' for everything."""

    source: str
    target: str
    network: str = ""


class Coverage(NamedTuple):
    """What was asked of all that could be.

    pairs: of different containers, in order. names: containers that others can resolve. paths: two nodes, or one,
    with containers on a network that reach each other. only_*: what it was about, () for all. not_asked: cells of that
    which need a node that took no part.
    """

    mode: str
    pairs: int
    pairs_covered: int
    names: int
    names_covered: int
    paths: int
    paths_covered: int
    only_networks: tuple[str, ...] = ()
    only_containers: tuple[str, ...] = ()
    only_nodes: tuple[str, ...] = ()
    not_asked: int = 0

    @property
    def about(self) -> str:
        """What it was about: 'full, only network linux'."""
        parts = {"network": self.only_networks, "container": self.only_containers, "node": self.only_nodes}
        return ", ".join([self.mode, *(f"only {named(thing, names)}" for thing, names in parts.items() if names)])

    def __str__(self) -> str:
        asked = (
            f"{self.about}: {self.pairs_covered} of {things(self.pairs, 'pair')}, "
            f"{self.names_covered} of {things(self.names, 'name')}, "
            f"{self.paths_covered} of {things(self.paths, 'path')} between nodes"
        )
        return f"{asked}; {things(self.not_asked)} not asked, for want of other nodes" if self.not_asked else asked


def choose(membership: Membership, scope: Scope, left_out: Set[str] = frozenset()) -> list[Pair] | None:
    """Return the pairs to ask about, grouped by source; None for all.

    left_out: who cannot ask, so that none is drawn by lot in vain.
    """
    names = membership.names
    if scope.mode == MESH:
        chosen = _mesh(membership)
    elif scope.mode == SAMPLE and scope.sample < _count(len(names), len(scope.containers)):
        chosen = _sample(membership, scope, left_out)
    elif scope.containers:
        chosen = _with(names, scope.containers)
    else:
        return None
    order = {name: number for number, name in enumerate(names)}
    return sorted(dict.fromkeys(chosen), key=lambda pair: (order[pair.source], order[pair.target], pair.network))


def _count(names: int, ends: int) -> int:
    """How many ordered pairs there are of so many names; of those `ends`, where any, at least one is in each."""
    return names * (names - 1) - ((names - ends) * (names - ends - 1) if ends else 0)


def _with(names: Sequence[str], ends: Collection[str]) -> Iterator[Pair]:
    for end in ends:
        for name in names:
            if name != end:
                yield Pair(end, name)
                yield Pair(name, end)


def rings(membership: Membership, left_out: Set[str] = frozenset()) -> Iterator[tuple[str, str, str]]:
    """Each container with the next one on each of its networks, node by node: source, target, network.

    left_out: who is in none.
    """
    for segment, members in membership.members.items():
        ordered = sorted((name for name in members if name not in left_out), key=membership.place)
        if len(ordered) > 1:
            for source, target in zip(ordered, [*ordered[1:], ordered[0]]):
                yield source, target, segment.network


def _mesh(membership: Membership) -> Iterator[Pair]:
    joined: set[tuple[str, frozenset[str]]] = set()
    asked: set[tuple[str, str]] = set()
    for source, target, network in rings(membership):
        joined.add((network, frozenset((membership.place(source), membership.place(target)))))
        if (source, target) not in asked:
            asked.add((source, target))
            yield Pair(source, target)
    for segment in membership.members:
        by_node = _by_node(membership, segment)
        if not membership.lets_through(segment.network):
            continue
        for number, (here, there) in enumerate(combinations(by_node, 2)):
            if (segment.network, frozenset((here, there))) not in joined:
                source, target = (by_node[node][number % len(by_node[node])] for node in (here, there))
                if (source, target) not in asked:
                    yield Pair(source, target, segment.network)
    yield from (Pair(*pair) for pair in _apart(membership) if pair not in asked)


def _apart(membership: Membership) -> Iterator[tuple[str, str]]:
    """One pair of each two networks that share nobody with each other, in turns from one side and from the other."""
    members = defaultdict(list)
    for segment, names in membership.members.items():
        members[segment.network].extend(names)
    for number, (one, other) in enumerate(combinations(members, 2)):
        pair = _strangers(membership, members[one], members[other], number)
        if pair:
            yield pair if number % 2 else pair[::-1]
    for network, segments in _instances(membership).items():
        for here, there in zip(segments, segments[1:]):
            pair = _strangers(membership, membership.members[here], membership.members[there], len(network))
            if pair:
                yield pair


def _instances(membership: Membership) -> dict[str, list[Segment]]:
    """The segments of each network, of which a local one has several."""
    found: dict[str, list[Segment]] = defaultdict(list)
    for segment in membership.members:
        found[segment.network].append(segment)
    return found


def _strangers(membership: Membership, ones: list[str], others: list[str], turn: int) -> tuple[str, str] | None:
    """Two who share no network, one of each list; not always the first ones."""
    for one in _turned(ones, turn):
        segments = membership.groups[one]
        for other in _turned(others, turn):
            if segments.isdisjoint(membership.groups[other]):
                return one, other
    return None


def _turned(names: list[str], turn: int) -> Iterator[str]:
    start = turn % len(names)
    yield from (names[(start + step) % len(names)] for step in range(len(names)))


def _by_node(membership: Membership, segment: Segment) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in membership.members[segment]:
        found.setdefault(membership.place(name), []).append(name)
    return found


def _sample(membership: Membership, scope: Scope, left_out: Set[str]) -> Iterator[Pair]:
    # Not for secrets: the same seed must give the same pairs everywhere.
    lot = random.Random(scope.seed)  # noqa: S311
    names, ends = membership.names, frozenset(scope.containers)
    wanted = [
        segment for segment in membership.members if not scope.networks or bare(segment.network) in scope.networks
    ]
    targets = {name for segment in wanted for name in membership.members[segment]}
    shared = [membership.members[segment] for segment in wanted]
    shared = [members for members in shared if len(members) > 1 and not (ends and ends.isdisjoint(members))]
    weights = [len(members) for members in shared]
    pairs: dict[Pair, None] = {}
    for _ in range(20 * scope.sample):  # where few can be had of one kind, the loop must end all the same
        if len(pairs) >= scope.sample:
            break
        candidates = lot.choices(shared, weights)[0] if shared and len(pairs) % 2 else names
        source, target = lot.sample(candidates, 2)
        if ends and ends.isdisjoint((source, target)):
            # Nobody would be drawn by chance who is one of ten thousand.
            end = lot.choice([name for name in scope.containers if name in candidates] or scope.containers)
            source, target = (end, target) if len(pairs) % 4 < 2 else (source, end)
        if source not in left_out and target in targets:
            pairs[Pair(source, target)] = None
    yield from pairs


def coverage(membership: Membership, scope: Scope, cells: Iterable[Cell], not_asked: int = 0) -> Coverage:
    """What `cells` cover. not_asked: how many cells nobody could be asked about."""
    targets: dict[str, set[str]] = defaultdict(set)
    named: set[str] = set()
    joined: set[tuple[str, Any]] = set()
    place = membership.place
    for source, target, facet, subject, expected in cells:
        if source == target:
            continue
        targets[source].add(target)
        if expected == ALLOWED and facet == "name":
            named.add(target)
        elif expected == ALLOWED and facet == "ping":
            joined.add((subject, frozenset((place(source), place(target)))))
    nameable: set[str] = set()
    paths: set[tuple[str, Any]] = set()
    for segment, members in membership.members.items():
        if len(members) < 2:
            continue
        if membership.answers_names(segment.network):
            nameable.update(members)
        if membership.lets_through(segment.network):
            by_node = _by_node(membership, segment)
            by_node.pop("", None)  # nobody knows which node that is
            paths.update((segment.network, frozenset(pair)) for pair in combinations(by_node, 2))
            paths.update((segment.network, frozenset((node,))) for node, names in by_node.items() if len(names) > 1)
    count = len(membership.names)
    return Coverage(
        scope.mode,
        count * (count - 1),
        sum(map(len, targets.values())),
        len(nameable),
        len(named & nameable),
        len(paths),
        len(joined & paths),
        scope.networks,
        scope.containers,
        scope.nodes,
        not_asked,
    )
