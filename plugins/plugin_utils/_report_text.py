# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts as lines for people: the summary, then what is not correct, by its likely cause."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._expectation import OWN_LINE, Cell
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import NO_VALUE, WRONG, Verdict, summarize

MOST_LINES = 20


class _Row(NamedTuple):
    who: str
    what: str
    saw: str


def lines(verdicts: list[Verdict], full_report: str) -> list[str]:
    """Return the summary line and, where something is not correct, at most about twenty lines that say what.

    full_report: where the rest is.
    """
    wrong = [each for each in verdicts if each.verdict == WRONG]
    no_value = [each for each in verdicts if each.verdict == NO_VALUE]
    found = [str(summarize(verdicts))]
    body = _by_cause(wrong)
    if len(body) > MOST_LINES:
        body = [*body[:MOST_LINES], f"... and more: all {len(wrong)} wrong cells are in {full_report}"]
    return [*found, *body, *_without_value(no_value)]


def _by_cause(verdicts: Iterable[Verdict]) -> list[str]:
    causes: dict[str, list[Verdict]] = {}
    for each in verdicts:
        causes.setdefault(each.cause, []).append(each)
    found = []
    # A cause with many cells comes first: it is the likely origin of the rest.
    for cause, members in sorted(causes.items(), key=lambda item: -len(item[1])):
        rows = _rows(members)
        who, what = (max(len(row[column]) for row in rows) for column in (0, 1))
        found.append(f"wrong: {cause or 'no cause known'}")
        found.extend(f"    {row.who:{who}}  {row.what:{what}}  {row.saw}" for row in rows)
    return found


def _rows(verdicts: Iterable[Verdict]) -> list[_Row]:
    """Cells that differ in their subject only share a row."""
    subjects: dict[tuple[str, str, str], list[str]] = {}
    # What a container is comes before what others see of it.
    for each in sorted(verdicts, key=lambda each: each.cell.source != each.cell.target):
        saw = f"expected {each.cell.expected}, observed {each.observed}: {each.evidence}"
        subjects.setdefault((_who(each.cell), each.cell.facet, saw), []).append(_subject(each.cell))
    return [_Row(who, f"{facet} {', '.join(names)}".rstrip(), saw) for (who, facet, saw), names in subjects.items()]


def _who(cell: Cell) -> str:
    return cell.source if cell.source == cell.target else f"{cell.source} -> {cell.target}"


def _subject(cell: Cell) -> str:
    if cell.facet == "hosts_file" and cell.subject.startswith(OWN_LINE):
        return f"own line for {cell.subject[len(OWN_LINE) :]}"
    return cell.subject


def _without_value(verdicts: list[Verdict]) -> list[str]:
    reasons: dict[str, int] = {}
    for each in verdicts:
        reason = each.cause or each.evidence
        reasons[reason] = reasons.get(reason, 0) + 1
    ranked = sorted(reasons.items(), key=lambda item: -item[1])
    found = [f"no value: {count} {'cell' if count == 1 else 'cells'}: {reason}" for reason, count in ranked[:5]]
    return [*found, "no value: ... and for further reasons"] if len(ranked) > 5 else found
