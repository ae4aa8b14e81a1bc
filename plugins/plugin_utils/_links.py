# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts by link, for the picture: a link is one container's place on one network."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import CORRECT, NO_VALUE, WRONG, Verdict


class Link(NamedTuple):
    """A container on a network."""

    container: str
    network: str


def links(topology: Topology, verdicts: list[Verdict]) -> dict[str, dict[str, str]]:
    """Return `correct`, `wrong` or `no_value` for each container's link to each of its networks.

    One broken container spoils the pings of all its peers, whose own links are sound. So blame goes in
    order: to links that are wrong by themselves; then, of the pings lost between other links, to
    ends that no ping came through; then, where that does not explain a lost ping, to both its ends.
    """
    declared = [Link(c.name, attachment.network) for c in topology.containers for attachment in c.attachments]
    pings = [each for each in verdicts if each.cell.facet == "ping"]
    came_through = {end for each in pings if _is(each, CORRECT) for end in _ends(each)}
    lost = [_ends(each) for each in pings if _is(each, WRONG)]

    broken = _broken_by_themselves(declared, verdicts)
    lost = [ends for ends in lost if broken.isdisjoint(ends)]
    broken |= {end for ends in lost for end in ends if end not in came_through}
    broken |= {end for ends in lost if broken.isdisjoint(ends) for end in ends}

    attached = {Link(each.cell.source, each.cell.subject) for each in verdicts if _is_attached(each)}
    states: dict[str, dict[str, str]] = {}
    for link in declared:
        proven = CORRECT if link in attached | came_through else NO_VALUE
        states.setdefault(link.container, {})[link.network] = WRONG if link in broken else proven
    return states


def _broken_by_themselves(declared: list[Link], verdicts: list[Verdict]) -> set[Link]:
    wrong = [each.cell for each in verdicts if each.verdict == WRONG]
    stopped = {cell.source for cell in wrong if cell.facet == "placement"}
    broken = {link for link in declared if link.container in stopped}
    broken |= {Link(cell.source, cell.subject) for cell in wrong if cell.facet == "attachment"}
    # Reached by somebody who should not.
    return broken | {
        Link(cell.target, cell.subject) for cell in wrong if cell.facet == "ping" and cell.expected != ALLOWED
    }


def _is(ping: Verdict, verdict: str) -> bool:
    return ping.verdict == verdict and ping.cell.expected == ALLOWED


def _is_attached(each: Verdict) -> bool:
    return each.cell.facet == "attachment" and each.verdict == CORRECT


def _ends(ping: Verdict) -> tuple[Link, Link]:
    return Link(ping.cell.source, ping.cell.subject), Link(ping.cell.target, ping.cell.subject)
