# SPDX-License-Identifier: GPL-3.0-or-later
"""Topologies and the whole matrix that each promises: golden/*.yml, one rule of engines in each.

To add a case, write a file with `networks` and `containers` as in topology.yml, and an empty `matrix: ""`, or
`error: ""` where it cannot be built. The test then shows what the core makes of it: believe nothing that you have
not checked against the rule, and copy the rest.

Further keys: `rule` (what it is about, and since when), `engines` (versions, by node; two with 28.0.1 where not
given), `flavour`, `found` (where a Swarm put containers), `ids` (of containers that are asked for by their short IDs
too), `hosts` (hosts files that are not as they were written), `wrong` (the cells that are wrong then, as the matrix
has them).
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import Scope
from ansible_collections.dockernet.lab.plugins.module_utils._topology import TopologyError, parse
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import CORRECT, WRONG, judge
from simulation import Cluster, matrix

CASES = sorted((Path(__file__).parent / "golden").glob("*.yml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_topology_promises_its_matrix_and_a_sound_cluster_keeps_it(path):
    case = yaml.safe_load(path.read_text())
    engines = {node: str(version) for node, version in case.get("engines", {"x": "28.0.1", "y": "28.0.1"}).items()}
    flavour = case.get("flavour", "none")
    if "error" in case:
        with pytest.raises(TopologyError) as caught:
            parse(case["networks"], case["containers"], engines, flavour)
        assert f"{caught.value}\n" == case["error"]
        return
    topology = parse(case["networks"], case["containers"], engines, flavour)
    cluster = Cluster(topology, engines, flavour, case.get("found"), case.get("ids"))
    cluster.hosts.update(case.get("hosts", {}))
    verdicts = judge(cluster.world(scope=Scope(short_ids="ids" in case)))
    assert matrix(each.cell for each in verdicts) == case["matrix"]
    assert [each for each in verdicts if each.verdict not in (CORRECT, WRONG)] == []
    assert matrix(each.cell for each in verdicts if each.verdict == WRONG) == case.get("wrong", "")
