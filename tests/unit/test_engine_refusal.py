# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._engine_refusal import ended, explain, unplaced


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("endpoint with name web already exists in network linux", "'docker network disconnect -f linux web'"),
        ("service endpoint with name web already exists", "'docker network disconnect -f NETWORK web'"),
        (
            "Unable to find a node that satisfies the following conditions \n[port 81 (Bridge mode)]\n"
            "[available container slots]\n[container==db (soft=false) container!=old (soft=true)]\n[node==n9]",
            "no node of the Swarm satisfies 'container==db' and 'container!=old' and 'node==n9' and has port 81 free.",
        ),
        (
            "Unable to find a node that satisfies the following conditions \n[available container slots]",
            "no node of the Swarm has a container slot left (engine label 'containerslots').",
        ),
        ("No healthy node available in the cluster", "the Swarm has no healthy node"),
        ("driver failed: Bind for 0.0.0.0:80 failed: port is already allocated", "declare another under 'ports'"),
        ("Address already in use", "declare another under 'networks'"),
        ("something\nnew", "something new"),
    ],
)
def test_a_refusal_becomes_one_sentence_that_names_the_container(text, sentence):
    said = explain(text, "web", "n1", "cannot be started")
    assert said.startswith("Container 'web' on node 'n1' cannot be started: ")
    assert sentence in said
    assert "\n" not in said


def test_a_task_that_no_node_gets_names_what_was_asked_for():
    said = unplaced("no suitable node (scheduling constraints not satisfied on 2 nodes)", "web", ["'a==b'", "'c==d'"])
    assert said == (
        "Container 'web' cannot be placed: no node of the Swarm satisfies 'a==b' and 'c==d' "
        "(scheduling constraints not satisfied on 2 nodes)."
    )
    said = unplaced("no suitable node (host-mode port already in use on 2 nodes)", "web", ["'a==b'"])
    assert said.endswith("no node of the Swarm can take it (host-mode port already in use on 2 nodes).")


def test_last_words_are_said_once():
    assert ended("web", None, b"bye\nbye\n\n") == "Container 'web' ended right after its start; its last words: bye"
    assert "it said nothing" in ended("web", "n1", b"")
