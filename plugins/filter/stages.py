# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter `dockernet.lab.stages`."""

from __future__ import annotations

DOCUMENTATION = r"""
name: stages
short_description: What a topology that is told in stages has come to after each of them
description:
  - Each stage has the networks and containers of those before it, and its own.
  - An entry takes the place of an earlier one of its name.
positional: _input
options:
  _input:
    description: The stages, each with C(name), C(networks) and C(containers).
    type: list
    elements: dict
    required: true
author: [The dockernet authors (@dockernet)]
"""

EXAMPLES = r"""
# The topology in the end, for playbooks that know of no stages
topology_containers: "{{ (topology_stages | dockernet.lab.stages | last).containers }}"
"""

RETURN = r"""
_value:
  description: A mapping for each stage, with C(name), C(slug) (the name as a directory), C(networks), C(containers).
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockernet.lab.plugins.module_utils._stages import accumulate
from ansible_collections.dockernet.lab.plugins.module_utils._topology import TopologyError


def stages(declared: Any) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    try:
        return [stage._asdict() for stage in accumulate(declared)]
    except TopologyError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, Any]:
        """The filters by name."""
        return {"stages": stages}
