# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts for CI systems: junit.xml, with one suite a facet and in it one test case a container.

Jenkins, GitLab and GitHub's reporters show a suite's name, then the case's; so a run reads as "ping: ubuntu1 failed".
A case has one outcome, as Ant's schema wants it: it fails where any cell is wrong, and is in error where none is wrong,
but one has no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from ansible_collections.dockernet.lab.plugins.module_utils._counts import things
from ansible_collections.dockernet.lab.plugins.module_utils._expectation import FACETS
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture import printable
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Run, subject_of, who
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import NO_VALUE, WRONG, Verdict

MOST_LINES = 1000  # cells that one case tells


def junit(run: Run) -> str:
    """Return the document. It is valid by Jenkins' junit-10.xsd."""
    cases: dict[str, dict[str, list[Verdict]]] = {}
    for each in run.verdicts:
        cases.setdefault(each.cell.facet, {}).setdefault(each.cell.source, []).append(each)
    facets = sorted(cases, key=lambda facet: FACETS.index(facet) if facet in FACETS else len(FACETS))
    bodies = [_Suite(run, facet, cases[facet]) for facet in facets]
    totals = {
        "name": run.lab,
        "tests": sum(len(suite.cases) for suite in bodies),
        "failures": sum(suite.failures for suite in bodies),
        "errors": sum(suite.errors for suite in bodies),
        "time": "0",
    }
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites{_attributes(totals)}>"]
    for number, suite in enumerate(bodies):
        lines += suite.lines(number)
    return "\n".join([*lines, "</testsuites>"]) + "\n"


class _Suite:
    def __init__(self, run: Run, facet: str, cases: dict[str, list[Verdict]]) -> None:
        self.run = run
        self.facet = facet
        self.cases = cases
        states = [_state(verdicts) for verdicts in cases.values()]
        self.failures = states.count(WRONG)
        self.errors = states.count(NO_VALUE)

    def lines(self, number: int) -> Iterable[str]:
        """The suite, a line an element. Schemas ask for times, and for one without a zone."""
        attributes = {
            "name": f"{self.run.lab}: {self.facet}",
            "tests": len(self.cases),
            "failures": self.failures,
            "errors": self.errors,
            "skipped": 0,
            "time": "0",
            "timestamp": self.run.time[:19],
            "hostname": "localhost",
            "id": number,
            "package": self.run.lab,
        }
        yield f"  <testsuite{_attributes(attributes)}>"
        if self.run.coverage:
            covered = {"name": "coverage", "value": self.run.coverage}
            yield f"    <properties><property{_attributes(covered)}/></properties>"
        for name, verdicts in self.cases.items():
            case = {"classname": f"{self.run.lab}.{self.facet}", "name": name, "time": "0"}
            state = _state(verdicts)
            if state in (WRONG, NO_VALUE):
                yield f"    <testcase{_attributes(case)}>"
                yield _trouble(state, verdicts)
                yield "    </testcase>"
            else:
                yield f"    <testcase{_attributes(case)}/>"
        yield "  </testsuite>"


def _state(verdicts: Iterable[Verdict]) -> str:
    found = {each.verdict for each in verdicts}
    return next((state for state in (WRONG, NO_VALUE) if state in found), "")


def _trouble(state: str, verdicts: Sequence[Verdict]) -> str:
    wrong = [each for each in verdicts if each.verdict == WRONG]
    no_value = [each for each in verdicts if each.verdict == NO_VALUE]
    counts = [f"{len(wrong)} wrong" if wrong else "", f"{len(no_value)} without a value" if no_value else ""]
    causes = list(dict.fromkeys(each.cause for each in (wrong or no_value) if each.cause))
    message = f"{' and '.join(filter(None, counts))} of {things(len(verdicts))}"
    if causes:
        message += f": {causes[0]}" + (f", and {things(len(causes) - 1, 'further cause')}" if len(causes) > 1 else "")
    told = [*wrong, *no_value]
    lines = [_line(each) for each in told[:MOST_LINES]]
    if len(told) > MOST_LINES:
        lines.append(f"... and {things(len(told) - MOST_LINES, 'more cell')}: they are in report.json")
    name = "failure" if state == WRONG else "error"
    return f"      <{name}{_attributes({'type': state, 'message': message})}>{_text(chr(10).join(lines))}</{name}>"


def _line(each: Verdict) -> str:
    cell = each.cell
    about = f"{who(cell.source, cell.target)} {cell.facet} {subject_of(cell)}".rstrip()
    line = f"{each.verdict.replace('_', ' ')}: {about}: expected {cell.expected}, observed {each.observed}: "
    return line + each.evidence + (f" (likely cause: {each.cause})" if each.cause else "")


def _attributes(values: Mapping[str, object]) -> str:
    return "".join(f" {key}={quoteattr(printable(str(value)))}" for key, value in values.items())


def _text(text: str) -> str:
    return escape(printable(text))
