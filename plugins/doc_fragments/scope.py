# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a topology a verification is about."""

from __future__ import annotations


class ModuleDocFragment:
    """`dockernet.lab.scope`, for those that must be given the same."""

    DOCUMENTATION = r"""
options:
  coverage:
    description:
      - Which ordered pairs of containers are asked about. V(full) is all of them.
      - V(mesh) asks for each container by name at least once, and pings between each two nodes on each network at least
        once, and between each two networks to see that these are apart.
      - V(sample) takes O(sample) pairs by lot, the same ones for the same O(seed).
    type: str
    choices: [full, mesh, sample]
    default: full
  sample:
    description: How many pairs O(coverage=sample) takes.
    type: int
    default: 1000
  seed:
    description: Which pairs O(coverage=sample) takes. Another number gives others.
    type: int
    default: 0
  only_networks:
    description: Only what is about these networks, or about a container on one of them alone; all where empty.
    type: list
    elements: str
    default: []
  only_containers:
    description: Only what has one of these containers at either end; all where empty.
    type: list
    elements: str
    default: []
  only_nodes:
    description:
      - The nodes that take part in this run; all of O(nodes) where empty.
      - What cannot be judged from these is not asked, of a container elsewhere all but its promised names.
    type: list
    elements: str
    default: []
  short_ids:
    description: Whether containers are asked for by their short IDs too, which engines from 1.12 on know as names.
    type: bool
    default: false
  full_size:
    description:
      - Whether each ping that is allowed must also come through with a packet as large as the MTU of its sender, which
        nobody may cut up.
    type: bool
    default: false
"""
