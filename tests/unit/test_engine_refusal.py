# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._engine_refusal import explain


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("endpoint with name web already exists in network linux", "'docker network disconnect -f linux web'"),
        ("service endpoint with name web already exists", "'docker network disconnect -f NETWORK web'"),
        (
            "Unable to find a node that satisfies the following conditions \n[available container slots]\n[node==n9]",
            "no node of the Swarm satisfies 'available container slots' and 'node==n9'.",
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
