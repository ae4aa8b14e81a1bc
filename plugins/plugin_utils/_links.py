# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts by link, for the picture: a link is one container's place on one network."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED
from ansible_collections.dockernet.lab.plugins.module_utils._sides import bare
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import CORRECT, NO_VALUE, WRONG, Verdict


class Link(NamedTuple):
    """A container on a network."""

    container: str
    network: str


def links(topology: Topology, verdicts: list[Verdict]) -> dict[str, dict[str, str]]:
    """Return `correct`, `wrong` or `no_value` for each container's link to each of its networks.

    One broken container spoils the pings of all its peers, whose own links are sound. So blame goes in
    order: to links that are wrong by themselves, or leak; then, of the pings lost between other links, to
    ends that no ping came through; then, where that does not explain a lost ping, to both its ends.
    Connects come last: a port to which nobody could connect is its container's own fault.
    """
    declared = [Link(c.name, attachment.network) for c in topology.containers for attachment in c.attachments]
    pings = [each for each in verdicts if each.cell.facet == "ping"]
    connects = [each for each in verdicts if each.cell.facet == "tcp"]
    came_through = {end for each in pings if _is(each, CORRECT) for end in _ends(each)}

    broken = _broken_by_themselves(declared, verdicts)
    lost = [_ends(each) for each in verdicts if each.cell.facet in ("ping", "mtu") and _is(each, WRONG)]
    lost = [ends for ends in lost if broken.isdisjoint(ends)]
    broken |= {end for ends in lost for end in ends if end not in came_through}
    broken |= {end for ends in lost if broken.isdisjoint(ends) for end in ends}

    served = {(each.cell.target, each.cell.subject) for each in connects if _is(each, CORRECT)}
    refused = [each for each in connects if _is(each, WRONG) and broken.isdisjoint(_ends(each))]
    broken |= {end for each in refused for end in _blamed(each, served)}

    attached = {Link(each.cell.source, bare(each.cell.subject)) for each in verdicts if _is_attached(each)}
    states: dict[str, dict[str, str]] = {}
    for link in declared:
        proven = CORRECT if link in attached | came_through else NO_VALUE
        states.setdefault(link.container, {})[link.network] = WRONG if link in broken else proven
    return states


def _broken_by_themselves(declared: list[Link], verdicts: list[Verdict]) -> set[Link]:
    wrong = [each.cell for each in verdicts if each.verdict == WRONG]
    stopped = {cell.source for cell in wrong if cell.facet == "placement" and cell.source == cell.target}
    broken = {link for link in declared if link.container in stopped}
    broken |= {Link(cell.source, bare(cell.subject)) for cell in wrong if cell.facet == "attachment"}
    leaks = {
        (cell.source, Link(cell.target, bare(cell.network)))
        for cell in wrong
        if cell.facet in ("ping", "tcp") and cell.expected != ALLOWED
    }
    return broken | _leaking(declared, leaks)


def _leaking(declared: list[Link], leaks: set[tuple[str, Link]]) -> set[Link]:
    """Of who reaches whom and should not: the fewest that explain it, as far as taking the busiest first finds them.

    One container that somebody put on a network of others reaches all of these, whose own links are sound.
    """
    broken: set[Link] = set()
    while leaks:
        busy: Counter[str | Link] = Counter(end for leak in sorted(leaks) for end in reversed(leak))
        worst = busy.most_common(1)[0][0]
        broken |= {worst} if isinstance(worst, Link) else {link for link in declared if link.container == worst}
        leaks = {leak for leak in leaks if worst not in leak}
    return broken


def _blamed(connect: Verdict, served: set[tuple[str, str]]) -> set[Link]:
    source, target = _ends(connect)
    return {source, target} if (connect.cell.target, connect.cell.subject) in served else {target}


def _is(each: Verdict, verdict: str) -> bool:
    return each.verdict == verdict and each.cell.expected == ALLOWED


def _is_attached(each: Verdict) -> bool:
    return each.cell.facet == "attachment" and each.verdict == CORRECT


def _ends(each: Verdict) -> tuple[Link, Link]:
    return Link(each.cell.source, bare(each.cell.network)), Link(each.cell.target, bare(each.cell.network))
