# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._stages import accumulate, check
from ansible_collections.dockernet.lab.plugins.module_utils._topology import TopologyError

LINUX = {"name": "linux", "nodes": ["sgl-demo0"]}
UBUNTU1 = {"name": "ubuntu1", "node": "sgl-demo0", "networks": ["linux"]}
UBUNTU2 = {"name": "ubuntu2", "node": "sgl-demo0", "networks": ["linux"]}
STORY = [{"name": "A network", "networks": [LINUX]}, {"name": "Two containers!", "containers": [UBUNTU1, UBUNTU2]}]


def sentences(stages, nodes=("sgl-demo0",), flavour="none"):
    try:
        found = check(accumulate(stages), nodes, flavour)
    except TopologyError as error:
        found = error.problems
    return [problem.sentence for problem in found]


def test_a_stage_has_what_those_before_it_declared():
    first, second = accumulate(STORY)
    assert (first.networks, first.containers) == ([LINUX], [])
    assert (second.networks, second.containers) == ([LINUX], [UBUNTU1, UBUNTU2])
    assert [first.slug, second.slug] == ["1-a-network", "2-two-containers"]


def test_an_entry_takes_the_place_of_an_earlier_one_of_its_name():
    moved = {**UBUNTU1, "networks": ["frontend"]}
    stages = accumulate([*STORY, {"name": "A move", "networks": [{"name": "frontend"}], "containers": [moved]}])
    assert stages[2].containers == [moved, UBUNTU2]
    assert stages[1].containers == [UBUNTU1, UBUNTU2]


def test_what_is_wrong_with_a_stage_is_said_once_and_where():
    wrong = {**UBUNTU2, "node": "sgl-demo7"}
    said = sentences([STORY[0], {"name": "Two", "containers": [UBUNTU1, wrong]}, {"name": "Three", "containers": []}])
    assert said == [
        "Stage 'Two', container ('ubuntu2'): node 'sgl-demo7' is not in the inventory; did you mean 'sgl-demo0'?"
    ]


def test_two_of_one_name_in_one_stage_are_a_mistake():
    (said,) = sentences([STORY[0], {"name": "Two", "containers": [UBUNTU1, UBUNTU1]}])
    assert "a container of that name is declared above" in said


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        ({"name": "x"}, "topology_stages must be a list"),
        (["x"], "topology_stages, stage 1: 'x' is not of the form"),
        ([{"networks": []}], "topology_stages, stage 1: it has no name"),
        ([{"name": "!"}], "it has no name"),
        ([{"name": "a", "network": []}], "key 'network' is not known; known are name, networks, containers."),
        ([{"name": "a"}, {"name": "a"}], "stage 2: a stage before it is called 'a' too"),
        ([{"name": "a", "containers": {}}, {"name": "b", "containers": "x"}], "stage 2: 'containers' must be a list."),
    ],
)
def test_what_is_no_story_is_refused(stages, sentence):
    said = sentences(stages)
    assert len(said) == 1
    assert sentence in said[0]
