# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts for people with a browser: report.html, one file that needs nothing else.

Its template, style and script are in `_page/`. What is wrong is in it as plain HTML, so that it is there without a
script too; all cells are in it as data, in few and small numbers, from which the script draws the matrix.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from ansible_collections.dockernet.lab.plugins.module_utils._counts import things
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED, FACETS
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Container
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture import NETWORK_COLOURS, printable
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Finding, Row, Run, findings
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import (
    ALL_CORRECT,
    CORRECT,
    NO_VALUE,
    WRONG,
    Verdict,
)

MOST_ROWS = 300  # in the list of what is not correct, and at most so many of one cause:
MOST_ROWS_OF_A_CAUSE = 60
ROWS_IN_SIGHT = 6  # of one cause; the others are folded
UNFOLDED_FINDINGS = 3
MOST_CONTAINERS = 600  # in the matrix
UNFOLDED_PICTURE = 40  # containers; the picture of more of them is folded at first

_PAGE = Path(__file__).with_name("_page")
_SLOT = re.compile(r"\{\{(\w+)\}\}")
_VERDICTS = (CORRECT, WRONG, NO_VALUE)


def html(run: Run, picture: str) -> str:
    """Return the page. picture: the topology's SVG, as a document of its own."""
    found = findings(run.verdicts)
    summary = run.summary
    state = "good" if summary.status == ALL_CORRECT else "wrong" if summary.wrong else "doubt"
    shown = _shown(run)
    slots = {
        "title": _text(f"{run.lab}: {summary}"),
        "lab": _text(run.lab),
        "state": state,
        "headline": _text(_headline(run)),
        "about": " · ".join(_text(text) for text in _about(run)),
        "coverage": f"<p class=about>Covered: {_text(str(run.coverage))}</p>" if run.coverage else "",
        "total": f"{summary.total:,}",
        "correct": f"{summary.correct:,}",
        "wrong": f"{summary.wrong:,}",
        "no_value": f"{summary.no_value:,}",
        "picture": picture,
        "picture_open": "open" if len(run.world.topology.containers) <= UNFOLDED_PICTURE else "",
        "findings": "".join(_list(found, "every promise" + " that was asked about" * bool(run.coverage))),
        "machines": "".join(_machines(run)),
        "networks": "".join(_networks(run)),
        "left_out": _left_out(run, shown),
        "colours": _colours(),
        "style": _file("page.css"),
        "script": _file("page.js"),
        "data": _script_safe(_data(run, shown)),
    }
    return _SLOT.sub(lambda slot: slots[slot[1]], _file("page.html"))


def _file(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _text(text: str) -> str:
    return escape(printable(text))


def _script_safe(data: Any) -> str:
    """JSON that ends no script element, whatever names are in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


# What is said in words


def _headline(run: Run) -> str:
    summary = run.summary
    if summary.status == ALL_CORRECT:
        return "Everything that was asked is as promised" if run.coverage else "Everything is as promised"
    if not summary.correct and not summary.wrong:
        return "Nothing could be judged"
    if summary.wrong:
        return f"{things(summary.wrong, 'promise')} {'is' if summary.wrong == 1 else 'are'} broken"
    return f"{things(summary.no_value, 'promise')} could not be judged"


def _about(run: Run) -> Iterator[str]:
    try:
        yield datetime.fromisoformat(run.time).strftime("%d %B %Y, %H:%M %Z").lstrip("0").strip()
    except ValueError:
        yield run.time
    topology = run.world.topology
    yield things(len(run.world.nodes), "node")
    yield things(len(topology.containers), "container")
    yield things(len(topology.networks), "network")
    if run.flavour != "none":
        yield {"classic": "classic Swarm", "mode": "swarm mode"}.get(run.flavour, run.flavour)


def _list(found: Sequence[Finding], promises: str) -> Iterator[str]:
    if not found:
        yield f'<p class="calm">Nothing is wrong, and {promises} has a value.</p>'
        return
    left = MOST_ROWS
    any_wrong = found[0].verdict == WRONG
    for number, finding in enumerate(found):
        opened = number < UNFOLDED_FINDINGS and (finding.verdict == WRONG or not any_wrong)
        told = finding.rows[: min(left, MOST_ROWS_OF_A_CAUSE)]
        left -= len(told)
        label = "wrong" if finding.verdict == WRONG else "no value"
        cause = _text(finding.cause or "no cause known")
        yield f'<details class="finding {finding.verdict}"{" open" if opened else ""}><summary>'
        yield f'<span class="tag {finding.verdict}">{label}</span><span class="cause">{cause}</span>'
        yield f'<span class="count">{things(finding.cells)}</span></summary>'
        # One row more costs no more room than the line that would say that there is one more.
        cut = len(told) if len(told) <= ROWS_IN_SIGHT + 1 else ROWS_IN_SIGHT
        yield from _table(told[:cut])
        rest = sum(len(row.subjects) for row in finding.rows[cut:])
        if rest:
            yield f'<details class="more"><summary>{things(rest, "more cell")}</summary>'
            yield from _table(told[cut:])
            untold = sum(len(row.subjects) for row in finding.rows[len(told) :])
            if untold:
                yield f'<p class="rest">and {things(untold, "more cell")}: in the matrix and in report.json</p>'
            yield "</details>"
        yield "</details>"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    if rows:
        yield '<div class="wide"><table><thead><tr><th>who<th>what<th>expected<th>observed<th>evidence</thead>'
        yield from ("<tbody>", *map(_row, rows), "</tbody></table></div>")


def _row(row: Row) -> str:
    subjects = ", ".join(f"<code>{_text(subject)}</code>" for subject in row.subjects if subject)
    name = _text(row.who).replace(" -&gt; ", ' <span class="arrow">→</span> ')
    pair = f'data-source="{_text(row.source)}" data-target="{_text(row.target)}" data-facet="{_text(row.facet)}"'
    return (
        f"<tr {pair}><td class=who>{name}<td class=what><span class=facet>{_text(row.facet)}</span> {subjects}"
        f"<td class=expected>{_text(row.expected)}<td class=observed>{_text(row.observed)}"
        f"<td class=evidence>{_text(row.evidence)}"
    )


def _machines(run: Run) -> Iterator[str]:
    counts: dict[str, int] = {}
    for container in run.world.topology.containers:
        counts[run.world.place(container.name)] = counts.get(run.world.place(container.name), 0) + 1
    for name, seen in run.world.nodes.items():
        tag = "not asked" if run.world.is_left_out(name) else "no value"
        state = f'<span class="tag no_value">{tag}</span> {_text(seen.error)}' if seen.error else "looked at"
        yield (
            f"<tr><th scope=row>{_text(name)}<td>{_text(seen.engine)}<td class=number>{counts.get(name, 0)}<td>{state}"
        )


def _networks(run: Run) -> Iterator[str]:
    topology = run.world.topology
    members: dict[str, int] = {}
    for container in topology.containers:
        for attachment in container.attachments:
            members[attachment.network] = members.get(attachment.network, 0) + 1
    verdicts: dict[str, list[Verdict]] = {}
    for each in run.verdicts:
        if each.cell.facet == "network":
            verdicts.setdefault(each.cell.source, []).append(each)
    for index, network in enumerate(topology.networks):
        more = ", ".join(filter(None, (network.driver, network.subnet, "internal" if network.internal else None)))
        nodes = " ".join(
            f'<span class="tag {each.verdict}" title="{_text(each.evidence)}">{_text(each.cell.subject)}</span>'
            for each in verdicts.get(network.name, ())
        )
        yield (
            f'<tr><th scope=row><i class="dot n{index % len(NETWORK_COLOURS)}"></i>{_text(network.name)}'
            f"<td>{_text(more)}<td class=number>{members.get(network.name, 0)}<td>{nodes}"
        )


def _left_out(run: Run, shown: Sequence[Container]) -> str:
    count = len(run.world.topology.containers) - len(shown)
    if not count:
        return ""
    return f"<p class=about>{things(count, 'container')} with nothing wrong are left out here; report.json has all.</p>"


def _colours() -> str:
    """The networks' colours as custom properties: the same ones as in the picture."""
    sides = [
        "".join(f"--n{number}:{colours[side][0]};" for number, colours in enumerate(NETWORK_COLOURS)) for side in (0, 1)
    ]
    classes = "".join(f".n{number}{{background:var(--n{number})}}" for number in range(len(NETWORK_COLOURS)))
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{sides[1]}}}}}"
    return f":root,.paper{{{sides[0]}}}{dark}.paper{{{sides[0]}}}{classes}"


# What is told in numbers


def _shown(run: Run) -> list[Container]:
    """The containers in the matrix, grouped by their networks: all, or of too many those with the most trouble."""
    topology = run.world.topology
    order = {network.name: number for number, network in enumerate(topology.networks)}
    kept: Iterable[Container] = topology.containers
    if len(topology.containers) > MOST_CONTAINERS:
        trouble: dict[str, int] = {}
        for each in run.verdicts:
            if each.verdict != CORRECT:
                for name in each.cell[:2]:
                    trouble[name] = trouble.get(name, 0) + 1
        kept = sorted(topology.containers, key=lambda each: -trouble.get(each.name, 0))[:MOST_CONTAINERS]
        kept = [container for container in topology.containers if container in kept]
    return sorted(kept, key=lambda each: sorted(order[attachment.network] for attachment in each.attachments))


def _data(run: Run, shown: Sequence[Container]) -> dict[str, Any]:
    """All cells, each a number in `cells`.

    `cells` has for each pair its number (source x containers + target), the number of its pattern, and then for each
    promise of the pattern the number of its outcome. A cluster has many cells, but few patterns and outcomes.
    """
    topology = run.world.topology
    networks = [network.name for network in topology.networks]
    facets = [facet for facet in FACETS if any(each.cell.facet == facet for each in run.verdicts)]
    facets = list(dict.fromkeys([*facets, *(each.cell.facet for each in run.verdicts)]))
    pairs = _pairs({container.name: place for place, container in enumerate(shown)}, run.verdicts)
    promises, outcomes, patterns = _Numbers(), _Numbers(), _Numbers()
    cells: list[int] = []
    for pair, verdicts in pairs.items():
        pattern = patterns[tuple([promises[each[0][2:]] for each in verdicts])]
        cells += [pair, pattern]
        cells += [outcomes[each[1:]] for each in verdicts]
    causes = _Numbers()
    facet_numbers = {facet: number for number, facet in enumerate(facets)}
    return {
        "lab": run.lab,
        "networks": networks,
        "facets": facets,
        "containers": [
            [
                container.name,
                run.world.place(container.name),
                [networks.index(attachment.network) for attachment in container.attachments],
            ]
            for container in shown
        ],
        "promises": [[facet_numbers[facet], text, int(expected == ALLOWED)] for facet, text, expected in promises],
        "patterns": list(patterns),
        "outcomes": [
            [observed, _VERDICTS.index(verdict), evidence, causes[cause]]
            for observed, verdict, evidence, cause in outcomes
        ],
        "causes": list(causes),
        "cells": cells,
    }


class _Numbers(dict[Any, int]):
    """Gives each key a number, from 0, when it is first asked for."""

    def __missing__(self, key: Any) -> int:
        self[key] = number = len(self)
        return number


def _pairs(places: dict[str, int], verdicts: Iterable[Verdict]) -> dict[int, list[Verdict]]:
    """The verdicts of each pair that is shown. A network's cells are no containers', even of the same name."""
    pairs: dict[int, list[Verdict]] = {}
    count = len(places)
    for each in verdicts:
        source, target, facet = each[0][:3]
        if facet != "network" and source in places and target in places:
            pairs.setdefault(places[source] * count + places[target], []).append(each)
    return pairs
