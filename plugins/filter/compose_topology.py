# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter `dockernet.lab.compose_topology`."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockernet.lab.plugins.module_utils._compose import compose_topology as read
from ansible_collections.dockernet.lab.plugins.module_utils._topology import TopologyError

DOCUMENTATION = r"""
name: compose_topology
short_description: What a compose file promises, as a topology
description:
  - Says which networks and containers C(docker compose up) makes of a compose file, by Compose v2's rules, so that
    they are declared once and can be proven.
  - What would change who reaches whom and cannot be told as a topology (V(network_mode), V(links), variables in names)
    is an error.
  - The list C(x-listens) of a service, which Compose passes over, says on which TCP ports its containers listen.
positional: _input, node, project, directory
options:
  _input:
    description: The content of the compose file.
    type: dict
    required: true
  node:
    description: The node that the project runs on.
    type: str
    required: true
  project:
    description: The project's name, as C(docker compose -p) gets it. Without it, C(name) of the file.
    type: str
    default: ""
  directory:
    description: The project's directory on the node. Its name is the project's where nothing else is.
    type: str
    default: ""
author: [The dockernet.lab maintainers]
"""

EXAMPLES = r"""
composed: "{{ lookup('ansible.builtin.file', compose_source) | from_yaml
  | dockernet.lab.compose_topology('docker0', directory=compose_directory) }}"
topology_networks: "{{ composed.networks }}"
topology_containers: "{{ composed.containers }}"
"""

RETURN = r"""
_value:
  description:
    - A mapping with C(project), the project's name; C(networks) and C(containers) that Compose makes, as in a topology;
      and C(external), the names of the networks that must be there before.
  type: dict
"""


def compose_topology(file: Any, node: str, project: str = "", directory: str = "") -> dict[str, Any]:
    """See DOCUMENTATION."""
    try:
        return read(file, node, project, directory)
    except TopologyError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, Any]:
        """The filters by name."""
        return {"compose_topology": compose_topology}
