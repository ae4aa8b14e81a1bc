# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts as lines for people: the summary, then what is not correct, by its likely cause."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.dockernet.lab.plugins.module_utils._counts import things
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Finding, findings
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import WRONG, Verdict, summarize

MOST_LINES = 20
MOST_REASONS = 5


def lines(verdicts: list[Verdict], full_report: str, covered: str = "") -> list[str]:
    """Return the summary line and, where something is not correct, at most about twenty lines that say what.

    full_report: where the rest is. covered: what was asked of all that could be, '' for everything.
    """
    found = findings(verdicts)
    wrong = [each for each in found if each.verdict == WRONG]
    body = [line for finding in wrong for line in _lines(finding)]
    if len(body) > MOST_LINES:
        cells = sum(finding.cells for finding in wrong)
        body = [*body[:MOST_LINES], f"... and more: all {cells} wrong cells are in {full_report}"]
    summary = f"{summarize(verdicts)} ({covered})" if covered else str(summarize(verdicts))
    return [summary, *body, *_without_value([each for each in found if each.verdict != WRONG])]


def _lines(finding: Finding) -> Iterable[str]:
    rows = [
        (
            row.who,
            f"{row.facet} {', '.join(row.subjects)}".rstrip(),
            f"expected {row.expected}, observed {row.observed}: {row.evidence}",
        )
        for row in finding.rows
    ]
    who, what = (max(len(row[column]) for row in rows) for column in (0, 1))
    yield f"wrong: {finding.cause or 'no cause known'}"
    yield from (f"    {row[0]:{who}}  {row[1]:{what}}  {row[2]}" for row in rows)


def _without_value(found: list[Finding]) -> list[str]:
    told = [f"no value: {things(each.cells)}: {each.cause}" for each in found[:MOST_REASONS]]
    return [*told, "no value: ... and for further reasons"] if len(found) > MOST_REASONS else told
