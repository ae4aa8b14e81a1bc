# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared topology, and whose it is."""

from __future__ import annotations


class ModuleDocFragment:
    """`dockernet.lab.topology` for all of it, and parts of it where a module takes no more."""

    DOCUMENTATION = r"""
options:
  networks:
    description: The topology's networks.
    type: list
    elements: dict
    required: true
  containers:
    description:
      - The topology's containers. Each is on C(networks), or by its C(network_mode) on V(bridge), V(host) or V(none).
    type: list
    elements: dict
    required: true
  nodes:
    description: The names of all nodes that the topology may name.
    type: list
    elements: str
    required: true
"""

    FLAVOUR = r"""
options:
  flavour:
    description: The Swarm that placed the containers, V(none) for plain engines.
    type: str
    choices: [classic, mode, none]
    default: none
"""

    OWNER = r"""
options:
  owner:
    description: Value of the label C(org.dockernet.lab), normally the name of the lab.
    type: str
    default: dockernet
    aliases: [lab]
"""
