# SPDX-License-Identifier: GPL-3.0-or-later
"""What each report says, and that no name or evidence can make it say anything else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import Coverage
from ansible_collections.dockernet.lab.plugins.module_utils._topology import (
    Attachment,
    Container,
    Network,
    Topology,
    parse,
)
from ansible_collections.dockernet.lab.plugins.plugin_utils import _graph_text, _report_html, _report_json
from ansible_collections.dockernet.lab.plugins.plugin_utils._graph_text import dot, mermaid
from ansible_collections.dockernet.lab.plugins.plugin_utils._links import links
from ansible_collections.dockernet.lab.plugins.plugin_utils._report_html import html
from ansible_collections.dockernet.lab.plugins.plugin_utils._report_junit import junit
from ansible_collections.dockernet.lab.plugins.plugin_utils._report_markdown import markdown
from ansible_collections.dockernet.lab.plugins.plugin_utils._reports import reports
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Run, findings
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import Verdict
from report_runs import STORE, TIME, broken, cluster, run
from simulation import Cluster

EVIL = "</script><script>alert('&\"')</script>\x00|`@all`]]>\u2028 {{data}}"
NAMES = ["report.json", "junit.xml", "report.md", "report.html", "topology.svg", "topology.mmd", "topology.dot"]


@pytest.fixture(scope="module")
def well():
    return run(cluster(4))


@pytest.fixture(scope="module")
def bad():
    """The last of four has left net1, which it shares with the third alone."""
    return broken(4)


@pytest.fixture(scope="module")
def evil():
    """All that users and engines may say is what breaks the languages of reports."""
    found = run(cluster(4))
    topology = Topology((Network(EVIL),), (Container(EVIL, EVIL, (Attachment(EVIL),)),))
    world = type(found.world)(topology, {EVIL: replace(next(iter(found.world.nodes.values())), node=EVIL, error=EVIL)})
    (cell, *_) = [each.cell for each in found.verdicts if each.cell.facet == "ping"]
    cell = cell._replace(source=EVIL, target=EVIL, subject=EVIL)
    verdicts = [Verdict(cell, "blocked", "wrong", EVIL, EVIL)]
    machines = [{"name": EVIL, "address": EVIL, "roles": [EVIL]}]
    return Run(EVIL, "classic", TIME, world, verdicts, machines, EVIL)


def data_of(page):
    (data,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    return json.loads(data)


def cells_of(data):
    """All cells of a page, read as its script reads them."""
    names = [name for name, *_ in data["containers"]]
    place = 0
    while place < len(data["cells"]):
        pair, pattern = data["cells"][place : place + 2]
        promises = data["patterns"][pattern]
        for offset, promise in enumerate(promises):
            facet, subject, allowed = data["promises"][promise]
            observed, verdict, evidence, cause = data["outcomes"][data["cells"][place + 2 + offset]]
            yield (
                names[pair // len(names)],
                names[pair % len(names)],
                data["facets"][facet],
                subject,
                "allowed" if allowed else "denied",
                observed,
                ("correct", "wrong", "no_value")[verdict],
                evidence,
                data["causes"][cause],
            )
        place += 2 + len(promises)


class Page(HTMLParser):
    """What a browser without JavaScript shows: words, and addresses that it would ask."""

    def __init__(self, page):
        super().__init__()
        self.words, self.asked, self.scripts, self._in = [], [], 0, ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self._in = tag
        self.scripts += tag == "script"
        self.asked += [
            value for key, value in attributes if key in ("src", "href") and not value.startswith(("#", "data:"))
        ]

    def handle_data(self, data):
        if self._in not in ("script", "style"):
            self.words.append(data)


def test_a_run_has_all_reports(bad):
    assert [name for name, _ in reports(bad)] == NAMES


def test_the_same_run_gives_the_same_bytes(bad):
    assert list(reports(bad)) == list(reports(bad))


# JUnit


def suites(document):
    root = ElementTree.fromstring(document)  # noqa: S314
    assert root.tag == "testsuites"
    return {suite.get("name", ""): suite for suite in root}


def test_junit_has_a_case_for_each_facet_and_container(well):
    found = suites(junit(well))
    assert list(found) == [f"swarm: {facet}" for facet in dict.fromkeys(each.cell.facet for each in well.verdicts)]
    assert [case.get("name") for case in found["swarm: ping"]] == ["web0", "web1", "api2", "api3"]
    assert [case.get("classname") for case in found["swarm: network"]] == ["swarm.network"] * 2
    assert not any(case.findall("*") for suite in found.values() for case in suite)


def test_a_case_of_junit_tells_all_that_is_wrong_with_its_container(bad):
    found = suites(junit(bad))
    (case,) = [case for case in found["swarm: ping"] if case.get("name") == "api2"]
    (failure,) = case
    assert failure.tag == "failure"
    assert failure.get("message", "").startswith("1 wrong")
    assert "api3 is not attached to net1" in failure.get("message", "")
    wrong = [line for line in (failure.text or "").splitlines() if line.startswith("wrong: ")]
    assert wrong == [
        "wrong: api2 -> api3 ping net1: expected allowed, observed blocked: api3 has no address on net1 "
        "(likely cause: api3 is not attached to net1)"
    ]


def test_a_case_of_junit_without_a_value_is_in_error_and_not_failed():
    found = cluster(4)
    found.errors["swl-demo1"] = "swl-demo1 is unreachable: no route to host"
    (case,) = [case for case in suites(junit(run(found)))["swarm: placement"] if case.get("name") == "web1"]
    assert [child.tag for child in case] == ["error"]
    assert "no route to host" in case[0].get("message", "")


def test_the_counts_of_junit_are_those_of_its_cases(bad):
    root = ElementTree.fromstring(junit(bad))  # noqa: S314
    for tag, count in (("failure", "failures"), ("error", "errors"), ("testcase", "tests")):
        assert int(root.get(count, -1)) == len(list(root.iter(tag)))
        for suite in root:
            assert int(suite.get(count, -1)) == len(list(suite.iter(tag)))
    assert {each.verdict for each in bad.verdicts} == {"correct", "wrong", "no_value"}


def test_junit_has_the_elements_and_attributes_of_the_common_schema_alone(bad):
    """As Jenkins' junit-10.xsd has them; times are written without a zone for Ant's."""
    known = {
        "testsuites": {"name", "time", "tests", "failures", "errors"},
        "testsuite": {
            "name",
            "tests",
            "failures",
            "errors",
            "skipped",
            "time",
            "timestamp",
            "hostname",
            "id",
            "package",
        },
        "properties": set(),
        "property": {"name", "value"},
        "testcase": {"name", "classname", "time"},
        "failure": {"type", "message"},
        "error": {"type", "message"},
    }
    some = replace(bad, coverage=Coverage("mesh", 12, 4, 4, 3, 2, 2))
    assert ElementTree.fromstring(junit(some))[0][0].tag == "properties"  # noqa: S314 - before all cases
    for element in ElementTree.fromstring(junit(some)).iter():  # noqa: S314
        assert set(element.attrib) == known[element.tag]
        if element.tag == "testsuite":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.get("timestamp", ""))


# Markdown


def test_markdown_of_a_healthy_run_is_short(well):
    assert markdown(well) == (
        f"""**{well.summary}**

swarm · classic · {TIME}

| node | engine | containers | state |
|---|---|---|---|
| swl-demo0 | 20.10.5 | 2 | looked at |
| swl-demo1 | 20.10.5 | 2 | looked at |

### Matrix: who (rows) reaches whom (columns)

```text
        1 2 3 4
1  web0 ✓ ✓ · ·
2  web1 ✓ ✓ · ·
3  api2 · · ✓ ✓
4  api3 · · ✓ ✓

· apart   ✓ together   ? no value   ✗ wrong
```
"""
    )


def test_markdown_says_what_is_wrong_by_its_cause(bad):
    text = markdown(bad)
    assert "### Wrong: api3 is not attached to net1" in text
    assert "| api2 → api3 | ping net1 | allowed | blocked | api3 has no address on net1 |" in text
    assert "3  api2 ? ? ✓ ✗" in text


def test_markdown_counts_what_it_does_not_tell():
    found = cluster(30)
    found.stop("web0")
    text = markdown(run(found))
    told = len(re.findall(r"^\| (?!who|node|-|swl)", text, re.MULTILINE))
    assert told == 25
    wrong = [each for each in findings(run(found).verdicts) if each.verdict == "wrong"]
    untold = sum(each.cells for each in wrong) - sum(len(row.subjects) for each in wrong for row in each.rows[:25])
    assert f"... and {untold} more wrong cells: see `report.html`" in text
    assert "Matrix" not in text


def test_wrong_comes_before_no_value_and_first_what_explains_most():
    found = cluster(30)
    found.stop("web0")
    found.lost.add(frozenset(("api20", "api21")))
    judged = run(found)
    first, second, *rest = findings(judged.verdicts)
    assert first.cause.startswith("web0 is not running")
    assert second.cause.startswith("both are there, but no reply comes back")
    assert (second.verdict, second.cells) == ("wrong", 3)  # two pings, and a connect
    assert {each.verdict for each in rest} == {"no_value"}
    # The rows that a page has are used up by the first.
    assert second.cause not in markdown(judged)


# HTML


def test_the_page_has_every_cell_of_every_pair(bad):
    all_cells = {(*each.cell, *each[1:]) for each in bad.verdicts if each.cell.facet != "network"}
    assert set(cells_of(data_of(html(bad, "")))) == all_cells


def test_the_page_says_without_a_script_what_is_wrong(bad):
    words = " ".join(Page(html(bad, "")).words)
    for sentence in (
        "api3 is not attached to net1",
        "api3 has no address on net1",
        f"{bad.summary.wrong} promises are broken",
    ):
        assert sentence in words


def test_the_page_of_a_healthy_run_says_so(well):
    words = " ".join(Page(html(well, "")).words)
    assert "Everything is as promised" in words
    assert "Nothing is wrong" in words


def test_the_page_asks_nobody_for_anything(bad):
    page = dict(reports(bad))["report.html"]
    assert Page(page).asked == []
    assert "default-src 'none'" in page
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)[0]
    assert "url(" not in style
    assert "@import" not in style


def test_a_network_called_like_a_container_is_no_pair_of_the_matrix():
    topology = Topology((Network("web"),), (Container("web", "x", (Attachment("web"),)),))
    found = run(cluster(4))
    world = type(found.world)(topology, {})
    cell = found.verdicts[0].cell
    assert cell.facet == "network"
    verdicts = [Verdict(cell._replace(source="web", target="web"), "blocked", "wrong", "", "")]
    assert data_of(html(replace(found, world=world, verdicts=verdicts), ""))["cells"] == []


def test_of_too_many_containers_the_page_keeps_those_with_trouble(bad, monkeypatch):
    monkeypatch.setattr(_report_html, "MOST_CONTAINERS", 2)
    page = html(bad, "")
    assert [name for name, *_ in data_of(page)["containers"]] == ["api2", "api3"]
    assert "2 containers with nothing wrong are left out" in page


def test_the_list_of_the_page_counts_what_it_leaves_out(monkeypatch):
    found = cluster(30)
    found.stop("web0")
    judged = run(found)
    monkeypatch.setattr(_report_html, "MOST_ROWS", 9)
    page = html(judged, "")
    wrong = findings(judged.verdicts)[0]
    rest = sum(len(row.subjects) for row in wrong.rows[9:])
    assert page.count("<tr data-source") == 9
    assert f"and {rest} more cells: in the matrix and in report.json" in page


def test_pages_say_what_was_left_out(bad):
    some = replace(bad, coverage=Coverage("mesh", 12, 4, 4, 3, 2, 2))
    told = "Covered: mesh: 4 of 12 pairs, 3 of 4 names, 2 of 2 paths between nodes"
    assert told in markdown(some)
    assert told in html(some, "")
    assert "Covered" not in markdown(bad) + html(bad, "")


# Names from users


def test_no_name_ends_the_page_s_script_or_adds_one(evil):
    page = dict(reports(evil))["report.html"]
    assert Page(page).scripts == 2
    (cell,) = cells_of(data_of(page))
    assert cell == (EVIL, EVIL, "ping", EVIL, evil.verdicts[0].cell.expected, "blocked", "wrong", EVIL, EVIL)


def test_no_name_breaks_junit(evil):
    (failure,) = ElementTree.fromstring(junit(evil)).iter("failure")  # noqa: S314
    assert EVIL.replace("\x00", "") in (failure.text or "")


def test_no_name_is_markup_or_a_mention_in_markdown(evil):
    text = markdown(evil)
    assert not re.search(r"(?<!\\)[<`@|](?=script|all|alert)", text)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows if "evidence" in row or "ping" in row} == {6}


def test_no_name_breaks_the_graphs(evil):
    assert not re.search(r'"[^"\n]*<(?!br>)', mermaid(evil, None))
    assert "{{data}}" in mermaid(evil, None)
    body = re.sub(r'"(?:[^"\\]|\\.)*"', "", dot(evil, None))
    assert not re.search(r"script|alert|'", body)


# Graphs


def test_mermaid_is_told_whole(bad):
    assert mermaid(bad, links(bad.world.topology, bad.verdicts)) == (
        f"""flowchart TB
  net0(["net0<br>overlay"])
  net1(["net1<br>overlay"])
  subgraph node0["swl-demo0"]
    c0["web0"]
    c2["api2"]
  end
  subgraph node1["swl-demo1"]
    c1["web1"]
    c3["api3"]
  end
  net0 --- c0
  net1 --- c2
  net0 --- c1
  net1 -. wrong .- c3
  store[("{STORE}<br>swl-consul")]
  node0 -.-> store
  node1 -.-> store
  style net0 fill:#0F6CBD,stroke:#0F6CBD,color:#FFFFFF
  style net1 fill:#E08A00,stroke:#E08A00,color:#1B1000
  style node0 fill:#F5F7FA,stroke:#D5DBE3,color:#1B2430
  style node1 fill:#F5F7FA,stroke:#D5DBE3,color:#1B2430
  linkStyle 3 stroke:#CF222E,stroke-width:3px,color:#CF222E
"""
    )


def test_what_the_swarm_has_placed_is_drawn_where_it_is():
    free = parse([{"name": "linux", "driver": "overlay"}], [{"name": "free", "networks": ["linux"]}], ["n1"], "classic")
    found = run(Cluster(free, {"n1": "20.10.5"}, "classic", found={"free": "n1"}))
    assert found.placed.container("free").node == "n1"
    assert "chosen by the Swarm" not in dict(reports(found))["topology.svg"]
    lost = replace(found, world=type(found.world)(free, {}))
    assert lost.placed.container("free").node is None


def test_a_local_network_is_inside_each_node_that_has_it():
    topology = Topology(
        (Network("local"),), tuple(Container(name, name, (Attachment("local"),)) for name in ("one", "two"))
    )
    found = run(cluster(4))
    found = replace(found, world=type(found.world)(topology, {}), machines=[], store=None)
    lines = mermaid(found, None).splitlines()
    assert [line for line in lines if "local" in line] == [
        '    net0_0(["local<br>bridge"])',
        '    net0_1(["local<br>bridge"])',
    ]
    assert "net0_0 --- c0" in mermaid(found, None)
    assert "net0_1 -- c1;" in dot(found, None)


@pytest.mark.parametrize("which", ["bad", "evil"])
def test_graphviz_draws_the_dot(which, request):
    if not shutil.which("dot"):
        pytest.skip("NOT TESTED: this machine has no Graphviz (dot)")
    judged = request.getfixturevalue(which)
    text = dot(judged, links(judged.world.topology, judged.verdicts))
    done = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    titles = ["".join(node.itertext()) for node in ElementTree.fromstring(done.stdout).iter() if "text" in node.tag]  # noqa: S314
    assert any("api3" in title for title in titles) or which == "evil"


def test_a_wrong_link_is_red_in_the_dot(bad):
    (line,) = [line for line in dot(bad, links(bad.world.topology, bad.verdicts)).splitlines() if 'wrong"]' in line]
    assert line.strip().startswith(f'net1 -- c3 [color="{_graph_text.RED}"')


# JSON and time


def test_report_json_has_a_line_for_each_cell_in_both_forms(bad, monkeypatch):
    for most in (10_000, 1):
        monkeypatch.setattr(_report_json, "COMPACT_ABOVE", most)
        data = _report_json.report(bad.verdicts, bad.world.nodes, "swarm", "classic", TIME)
        text = _report_json.text(data)
        assert json.loads(text) == json.loads(json.dumps(data))
        assert len(re.findall(r"^  [\[{].*\"(?:allowed|denied)\"", text, re.MULTILINE)) == len(bad.verdicts)
    assert json.loads(_report_json.text({**data, "cells": []}))["cells"] == []


def test_all_reports_of_thirty_thousand_cells_are_made_in_a_second_and_a_half():
    judged = run(cluster(102, networks=1))
    kept = [each for each in judged.verdicts if each.cell.facet in ("name", "ping")]
    begin = time.process_time()
    for _ in reports(replace(judged, verdicts=kept)):
        pass
    assert len(kept) > 30_000
    assert time.process_time() - begin < 1.5
