# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._placement import (
    broken,
    conditions,
    constraints,
    depths,
    expressions,
    named,
)
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Affinity, Attachment, Container

ON = (Attachment("front"),)
DB = Container("db", None, ON)
WEB = Container("web", None, ON, constraints=("storage==ssd",), affinities=(Affinity("db", True),))
SPARE = Container("spare", None, ON, affinities=(Affinity("web", False),))


def test_a_classic_swarm_gets_constraints_and_affinities_as_its_environment():
    assert expressions(WEB) == ["constraint:storage==ssd", "affinity:container==db"]
    assert expressions(SPARE) == ["affinity:container!=web"]
    assert expressions(Container("x1", "n1", ON)) == ["constraint:node==n1"]
    assert expressions(DB) == []


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("node==n1", "node.hostname==n1"),
        ("node!=n1", "node.hostname!=n1"),
        ("node.role==worker", "node.role==worker"),
        ("engine.labels.rack==1", "engine.labels.rack==1"),
        ("storage==ssd", "engine.labels.storage==ssd"),
        ("storage!=ssd", "engine.labels.storage!=ssd"),
        ("storage==a!=b", "engine.labels.storage==a!=b"),
    ],
)
def test_swarm_mode_gets_a_constraint_in_its_own_terms(declared, expected):
    assert constraints(Container("x1", None, ON, constraints=(declared,)), {}) == [expected]


def test_swarm_mode_gets_an_affinity_as_the_node_where_the_other_is():
    assert constraints(WEB, {"db": "n1"}) == ["engine.labels.storage==ssd", "node.hostname==n1"]
    assert constraints(SPARE, {"web": "n2"}) == ["node.hostname!=n2"]
    with pytest.raises(KeyError, match="db"):
        constraints(WEB, {"db": None})


def test_an_affinity_breaks_when_the_other_is_elsewhere():
    assert broken(WEB, "n1", {"db": "n1"}) == []
    assert broken(WEB, "n1", {"db": "n2"}) == ["affinity 'container==db' does not hold, 'db' being on node 'n2'"]
    assert broken(SPARE, "n1", {"web": "n2"}) == []
    assert broken(SPARE, "n1", {"web": "n1"}) == ["affinity 'container!=web' does not hold, 'web' being on node 'n1'"]


def test_what_is_not_known_breaks_no_affinity():
    assert broken(WEB, None, {"db": "n2"}) == []
    assert broken(WEB, "n1", {"db": None}) == []
    assert broken(WEB, "n1", {}) == []


def test_a_container_comes_after_those_that_it_names():
    assert depths([DB, WEB, SPARE]) == {"db": 0, "web": 1, "spare": 2}
    assert depths([WEB]) == {"web": 0}
    assert named([DB, WEB, SPARE], {"web"}) == {"db", "web"}


def test_a_sentence_says_where_the_other_container_is():
    assert conditions(WEB, {"db": "n1"}) == ["'storage==ssd'", "'container==db' ('db' is on node 'n1')"]
