# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts as data for machines: report.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.dockernet.lab.plugins.module_utils._observation import NodeObservation
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import Verdict, summarize

COMPACT_ABOVE = 10_000  # cells
COLUMNS = ("source", "target", "facet", "subject", "expected", "observed", "verdict", "evidence", "cause")


def report(
    verdicts: list[Verdict],
    nodes: Mapping[str, NodeObservation],
    lab: str,
    flavour: str,
    time: str,
    coverage: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the report as plain data.

    `cells` is a list of mappings; above 10,000 cells it is `{columns: [...], rows: [[...], ...]}` instead.
    time: when the verdicts were reached, as ISO 8601.
    coverage: what was asked of all that could be, as `_coverage.Coverage`.
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
        **({"coverage": coverage} if coverage else {}),
        "cells": cells,
    }


def text(report: Mapping[str, Any]) -> str:
    """Return the report as JSON with a line for each cell: quick to write, good to search, good to compare."""
    head = json.dumps({key: value for key, value in report.items() if key != "cells"}, indent=1)
    cells = report["cells"]
    compact = isinstance(cells, Mapping)
    rows = ",\n".join(_lines(cells["rows"] if compact else cells))
    opening = f'{{"columns": {json.dumps(cells["columns"])}, "rows": [' if compact else "["
    return f'{head[:-2]},\n "cells": {opening}\n{rows}\n ]{"}" if compact else ""}\n}}\n'


def _lines(rows: Any) -> Iterator[str]:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    quote = json.encoder.encode_basestring  # an encoder for each row would take five times as long
    return (f"  {encode(row)}" if isinstance(row, Mapping) else f"  [{', '.join(map(quote, row))}]" for row in rows)
