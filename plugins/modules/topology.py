#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: topology
short_description: Check what a lab or cluster declares before anything is touched
description:
  - Runs on the controller and touches no host. Says everything that is wrong at once, one sentence each, with file and
    line where Ansible knows them.
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
options:
  networks:
    description: The declared networks, as in C(topology_networks).
    type: raw
    required: true
  containers:
    description: The declared containers, as in C(topology_containers).
    type: raw
    required: true
  stages:
    description: The declared stages, as in C(topology_stages), where a scenario is told in such.
    type: raw
    default: []
  stage:
    description: Number of the stage that is wanted; empty for the last one.
    type: str
    default: ""
  nodes:
    description: Names of the nodes that can carry containers.
    type: list
    elements: str
    required: true
  flavour:
    description: V(classic), V(mode) or V(none).
    type: str
    default: none
  cluster_store:
    description: URL of the cluster store, where there is one.
    type: str
    default: ""
  releases:
    description: Debian releases of a lab's nodes, as node to release.
    type: dict
    default: {}
  subnet:
    description: Subnet of the lab's own network, which no other may overlap.
    type: str
    default: ""
  pools:
    description: Address pools that must not overlap O(subnet), as owner to CIDR.
    type: dict
    default: {}
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Check the topology
  dockernet.lab.topology:
    networks: "{{ topology_networks }}"
    containers: "{{ topology_containers }}"
    nodes: "{{ groups.engines }}"
    flavour: mode
  run_once: true
"""

RETURN = r""" # """
