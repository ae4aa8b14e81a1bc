# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts as data for machines: report.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.dockernet.lab.plugins.module_utils._observation import NodeObservation
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import Verdict, summarize

COMPACT_ABOVE = 10_000  # cells
COLUMNS = ("source", "target", "facet", "subject", "expected", "observed", "verdict", "evidence", "cause")


def report(
    verdicts: list[Verdict], nodes: Mapping[str, NodeObservation], lab: str, flavour: str, time: str
) -> dict[str, Any]:
    """Return the report as plain data.

    `cells` is a list of mappings; above 10,000 cells it is `{columns: [...], rows: [[...], ...]}` instead.
    time: when the verdicts were reached, as ISO 8601.
    """
    summary = summarize(verdicts)
    rows = [(*each.cell, each.observed, each.verdict, each.evidence, each.cause) for each in verdicts]
    cells: Any = [dict(zip(COLUMNS, row)) for row in rows]
    if len(rows) > COMPACT_ABOVE:
        cells = {"columns": COLUMNS, "rows": rows}
    return {
        "lab": lab,
        "flavour": flavour,
        "time": time,
        "nodes": [{"name": name, "engine": seen.engine, "error": seen.error} for name, seen in nodes.items()],
        "summary": {**summary._asdict(), "status": summary.status},
        "cells": cells,
    }
