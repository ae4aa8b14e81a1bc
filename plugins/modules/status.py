# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Say what is there of a lab or cluster, as a person wants to read it
description:
  - Takes what M(dockernet.lab.node_info) returned on all nodes and returns tables of nodes, networks and containers,
    beside what the topology declares. Runs on the controller only; use it with C(run_once).
  - A node that could not be looked at is a line of the table, and no failure.
author:
  - The dockernet.lab maintainers
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
  - dockernet.lab.topology
options:
  lab:
    description: The name of the lab; empty for a cluster of real machines.
    type: str
    default: ""
  stages:
    description: What the topology has come to after each stage, where it is told in such; the closest one is shown.
    type: list
    elements: dict
    default: []
  nodes:
    description: The names of all nodes that have an engine.
    type: list
    elements: str
    required: true
  flavour:
    description: V(classic), V(mode) or V(none).
    type: str
    required: true
  store:
    description: The URL of the cluster store.
    type: str
    default: ""
  addresses:
    description: The addresses of all nodes, as name to address; those with the cluster store alone are in it too.
    type: dict
    required: true
  roles:
    description: What nodes are for, as role to list of names, such as C(Swarm manager) or C(Consul).
    type: dict
    default: {}
  machine:
    description: The registered result of M(dockernet.lab.lab_info), for a lab.
    type: dict
    default: {}
  looks:
    description: The registered result of M(dockernet.lab.node_info) on each node, by name; none of it need be there.
    type: dict
    required: true
seealso:
  - module: dockernet.lab.node_info
  - module: dockernet.lab.lab_info
"""

EXAMPLES = r"""
- name: Look at each node
  dockernet.lab.node_info:
  register: look
  ignore_unreachable: true

- name: Show what is there
  dockernet.lab.status:
    networks: "{{ topology_networks }}"
    containers: "{{ topology_containers }}"
    nodes: "{{ groups['engines'] }}"
    flavour: mode
    addresses: {docker0: 192.0.2.20, docker1: 192.0.2.21}
    looks: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'look'))) }}"
  run_once: true
"""

RETURN = r"""
msg:
  description: The text, with several lines.
  returned: always
  type: str
"""
