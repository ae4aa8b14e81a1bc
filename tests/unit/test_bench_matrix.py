# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of a full matrix tells no time unless the whole matrix was found, and found correct."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._topology import parse
from ansible_collections.dockernet.lab.plugins.plugin_utils._report_json import report, text
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import judge
from simulation import Cluster

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import matrix
from labs import BenchError


def report_of(containers):
    """What verification would report of a sound cluster with these containers."""
    nodes = [f"{matrix.LAB}-demo{number}" for number in (0, 1)]
    topology = parse([{"name": matrix.NETWORK, "driver": "overlay"}], containers, nodes, "mode")
    world = Cluster(topology, dict.fromkeys(nodes, "26.1.5"), "mode").world()
    return json.loads(text(report(judge(world), world.nodes, "matrix", "mode", "")))


@pytest.fixture(scope="module")
def sound():
    return report_of(matrix.CONTAINERS)


def index(found, *cell):
    return next(number for number, row in enumerate(found["cells"]["rows"]) if tuple(row[:4]) == cell)


def test_the_matrix_is_of_10404_pairs_and_a_sound_one_is_accepted(sound):
    assert matrix.PAIRS == 10_404
    assert matrix.check(sound) == len(sound["cells"]["rows"])


@pytest.mark.parametrize("facet", ["name", "address", "ping"])
def test_a_cell_that_is_wrong_is_refused_whatever_the_summary_says(sound, facet):
    found = copy.deepcopy(sound)
    subject = "linux" if facet == "ping" else "box007"
    row = found["cells"]["rows"][index(found, "box001", "box007", facet, subject)]
    row[5:7] = ["blocked", "wrong"]
    with pytest.raises(BenchError, match=r"^1 of \d+ cells are not correct.*box007"):
        matrix.check(found)


@pytest.mark.parametrize("facet", ["name", "address", "ping"])
def test_a_promise_that_nobody_has_asked_about_is_missed(sound, facet):
    found = copy.deepcopy(sound)
    subject = "linux" if facet == "ping" else "box007.linux"
    del found["cells"]["rows"][index(found, "box001", "box007", facet, subject)]
    found["summary"]["correct"] -= 1
    with pytest.raises(
        BenchError, match=f"^1 promises are not in the report, the first: {facet} box001 box007 {subject}"
    ):
        matrix.check(found)


def test_a_smaller_lab_than_the_one_that_is_told_of_is_refused():
    with pytest.raises(BenchError, match="promises are not in the report"):
        matrix.check(report_of(matrix.CONTAINERS[:-1]))
