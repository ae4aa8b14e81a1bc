# SPDX-License-Identifier: GPL-3.0-or-later
"""All reports of a run, by the name of their file."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.dockernet.lab.plugins.plugin_utils import (
    _graph_text,
    _report_html,
    _report_json,
    _report_junit,
    _report_markdown,
)
from ansible_collections.dockernet.lab.plugins.plugin_utils._links import links
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture import draw_svg
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_shapes import NO_VALUE, NOT_ASKED
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Run


def reports(run: Run) -> Iterator[tuple[str, str]]:
    """Name and text of each report, one after the other, so that only one is in memory."""
    states = _with_unasked(links(run.world.topology, run.verdicts), run)
    picture = draw_svg(run.placed, run.machines, run.lab, run.store, states, _addresses(run), run.outcome)
    covered = run.world.coverage(each.cell for each in run.verdicts)
    data = _report_json.report(run.verdicts, run.world.nodes, run.lab, run.flavour, run.time, covered._asdict())
    yield "report.json", _report_json.text(data)
    yield "junit.xml", _report_junit.junit(run)
    yield "report.md", _report_markdown.markdown(run)
    yield "report.html", _report_html.html(run, picture)
    yield "topology.svg", picture
    yield "topology.mmd", _graph_text.mermaid(run, states)
    yield "topology.dot", _graph_text.dot(run, states)


def _with_unasked(states: dict[str, dict[str, str]], run: Run) -> dict[str, dict[str, str]]:
    """The states of links, where those without a value that no cell is about were not asked for."""
    about = [each.cell for each in run.verdicts if each.cell.facet in ("attachment", "ping", "mtu", "tcp")]
    asked = {(name, cell.network) for cell in about for name in cell[:2]}
    return {
        name: {
            network: NOT_ASKED if state == NO_VALUE and (name, network) not in asked else state
            for network, state in on.items()
        }
        for name, on in states.items()
    }


def _addresses(run: Run) -> dict[str, dict[str, str]]:
    found = {}
    for container in run.world.topology.containers:
        seen = run.world.seen(container.name)
        networks = [attachment.network for attachment in container.attachments]
        found[container.name] = {n: seen.address(n) for n in networks if seen and seen.address(n)}
    return found
