# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Judge what nodes have observed against what the topology promises
description:
  - Takes what M(dockernet.lab.network_probe) returned on all nodes, compares it with what follows from the topology
    alone, writes reports, and says how many cells are correct.
  - The reports are C(report.html) for a browser (one file with picture, matrix and evidence), C(report.md) for pasting,
    C(report.json) for programs, C(junit.xml) for CI systems, and the picture as C(topology.svg), C(topology.mmd)
    (Mermaid) and C(topology.dot) (Graphviz).
  - What it is about (O(coverage), O(only_networks) and their like) must be what M(dockernet.lab.network_probe) was
    given. The summary and every report say what that was where it is not all.
  - Fails, with the wrong cells and their likely causes, where not every cell is correct.
  - Runs on the controller only. Use it with C(run_once).
author:
  - The dockernet.lab maintainers
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
  - dockernet.lab.topology
  - dockernet.lab.topology.flavour
  - dockernet.lab.scope
options:
  lab:
    description: The name of the lab or cluster, for reports.
    type: str
    required: true
  looks:
    description:
      - The registered result of each node's first M(dockernet.lab.network_probe), by node.
      - A result that says that the node was unreachable or has failed is fine, and so is an empty one.
    type: dict
    required: true
  probes:
    description: The same of each node's second M(dockernet.lab.network_probe).
    type: dict
    required: true
  reports:
    description:
      - The directory for the reports, which is made where it is missing.
      - A relative one starts at the current directory.
    type: path
    required: true
  fail:
    description: Whether to fail where not every cell is correct.
    type: bool
    default: true
  store:
    description: The URL of the cluster store, for the picture, such as C(consul://192.168.99.100:8500).
    type: str
  addresses:
    description:
      - Addresses of machines for the picture, as name to address.
      - A machine that is none of the nodes looked at, like one that has the store only, is drawn too.
    type: dict
    default: {}
  roles:
    description: What the picture says of machines, as role to list of names.
    type: dict
    default: {}
seealso:
  - module: dockernet.lab.network_probe
"""

EXAMPLES = r"""
- name: Judge what the nodes have observed
  dockernet.lab.verify:
    lab: swarm
    networks: "{{ topology_networks }}"
    containers: "{{ topology_containers }}"
    nodes: "{{ groups['all'] }}"
    looks: "{{ looks }}"
    probes: "{{ probes }}"
    reports: reports/swarm
  run_once: true
"""

RETURN = r"""
msg:
  description: The summary line.
  returned: always
  type: str
  sample: "10404 cells: 10404 correct, 0 wrong, 0 no value"
status:
  description: 0 where all cells are correct, 2 where nothing could be judged, 1 else.
  returned: always
  type: int
details:
  description: What is wrong and what has no value, by likely cause.
  returned: when not every cell is correct
  type: str
report:
  description: The path of C(report.json), which has all cells. The other reports are beside it.
  returned: always
  type: str
"""
