# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts for pasting into an issue or a chat: report.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.dockernet.lab.plugins.module_utils._counts import things
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import ALLOWED
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Finding, Run, findings
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import CORRECT, NO_VALUE, WRONG, Verdict

MOST_ROWS = 25
MOST_CAUSES_WITHOUT_VALUE = 5
MOST_CONTAINERS = 20  # in the matrix

# What a pair of containers is, from good to bad; the worst of a pair's cells counts.
SIGNS = {"apart": "·", "together": "✓", "no value": "?", "wrong": "✗"}
_RANK = {sign: rank for rank, sign in enumerate(SIGNS.values())}

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&#@])")


def markdown(run: Run) -> str:
    """Return the page. What is wrong is told in at most MOST_ROWS rows; the rest is counted."""
    about = [f"{run.lab}", run.flavour if run.flavour != "none" else "", run.time]
    parts = [
        f"**{run.summary}**",
        " · ".join(_escaped(text) for text in about if text),
        *([f"Covered: {_escaped(str(run.coverage))}"] if run.coverage else []),
        "\n".join(_nodes(run)),
        *_wrong([each for each in findings(run.verdicts) if each.verdict == WRONG]),
        *_without_value([each for each in findings(run.verdicts) if each.verdict == NO_VALUE]),
        *_matrix(run),
    ]
    return "\n\n".join(parts) + "\n"


def _nodes(run: Run) -> Iterator[str]:
    counts: dict[str, int] = dict.fromkeys(run.world.nodes, 0)
    for container in run.world.topology.containers:
        place = run.world.place(container.name)
        counts[place] = counts.get(place, 0) + 1
    rows = [(name, seen.engine, str(counts[name]), seen.error or "looked at") for name, seen in run.world.nodes.items()]
    yield from _table(("node", "engine", "containers", "state"), rows)


def _wrong(found: Sequence[Finding]) -> Iterator[str]:
    left = MOST_ROWS
    untold = 0
    for finding in found:
        rows = finding.rows[:left]
        left -= len(rows)
        untold += sum(len(row.subjects) for row in finding.rows[len(rows) :])
        if rows:
            told = [
                (
                    row.who.replace("->", "→"),
                    f"{row.facet} {', '.join(row.subjects)}",
                    row.expected,
                    row.observed,
                    row.evidence,
                )
                for row in rows
            ]
            table = "\n".join(_table(("who", "what", "expected", "observed", "evidence"), told))
            yield f"### Wrong: {_escaped(finding.cause) or 'no cause known'} ({things(finding.cells)})"
            yield table
    if untold:
        yield f"... and {things(untold, 'more wrong cell')}: see `report.html` or `report.json`."


def _without_value(found: Sequence[Finding]) -> Iterator[str]:
    if not found:
        return
    lines = [f"- {things(each.cells)}: {_escaped(each.cause)}" for each in found[:MOST_CAUSES_WITHOUT_VALUE]]
    more = sum(each.cells for each in found[MOST_CAUSES_WITHOUT_VALUE:])
    yield "### No value"
    yield "\n".join([*lines, *([f"- {things(more)} for further reasons"] if more else [])])


def _matrix(run: Run) -> Iterator[str]:
    names = [container.name for container in run.world.topology.containers]
    if not 1 < len(names) <= MOST_CONTAINERS:
        return
    signs: dict[tuple[str, str], str] = {}
    for each in run.verdicts:
        if each.cell.facet != "network":
            pair, sign = each.cell[:2], _sign(each)
            signs[pair] = max(sign, signs.get(pair, sign), key=lambda text: _RANK[text])
    wide, digits = max(map(len, names)), len(str(len(names)))
    heads = " ".join(f"{number:>{digits}}" for number in range(1, len(names) + 1))
    lines = [f"{'':{wide + digits + 2}} {heads}"]
    for number, source in enumerate(names, 1):
        row = " ".join(f"{signs.get((source, target), ' '):>{digits}}" for target in names)
        lines.append(f"{number:>{digits}}  {source:{wide}} {row}".rstrip())
    legend = "   ".join(f"{sign} {meaning}" for meaning, sign in SIGNS.items())
    legend += "   (blank) not asked" if run.coverage else ""
    yield "### Matrix: who (rows) reaches whom (columns)"
    yield "\n".join(["```text", *lines, "", legend, "```"])


def _sign(each: Verdict) -> str:
    if each.verdict == CORRECT:
        return SIGNS["together" if each.cell.expected == ALLOWED else "apart"]
    return SIGNS["wrong" if each.verdict == WRONG else "no value"]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(_escaped(text) for text in row)} |"


def _escaped(text: str) -> str:
    """Text that stays what it is: no markup, no mention of anybody, one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
