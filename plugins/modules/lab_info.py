#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""See which nodes of a lab are there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_info
short_description: See which nodes of a lab are there, and in what state their containers are
description:
  - Runs on the controller, beside the engine that carries the lab's nodes, and changes nothing.
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
options:
  lab:
    description: Name of the lab.
    type: str
    required: true
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Look for the lab's nodes
  dockernet.lab.lab_info:
    lab: swarm
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
flavour:
  description: The flavour that the lab was made for; empty where none of its nodes is there.
  type: str
  returned: success
store:
  description: The kind of cluster store that it was made for; empty where none of its nodes is there, or it has none.
  type: str
  returned: success
nodes:
  description: The nodes that are there, as name to the state of the container and the engine's words for it.
  type: dict
  returned: success
  sample:
    swl-demo0: {state: running, status: Up 5 minutes}
    swl-demo1: {state: exited, status: Exited (137) 2 minutes ago}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._engine import EngineError, connect_from_environment
from ansible_collections.dockernet.lab.plugins.module_utils._engine_call import REFUSALS, words
from ansible_collections.dockernet.lab.plugins.module_utils._labels import FLAVOUR, OWNER, STORE


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"lab": {"type": "str", "required": True}}, supports_check_mode=True)
    try:
        client = connect_from_environment()
        # Both labels: what else has the lab's name is not a node.
        found = client.containers(all=True, filters={"label": [f"{OWNER}={module.params['lab']}", FLAVOUR]})
    except EngineError as error:
        module.fail_json(msg=str(error))
    except REFUSALS as error:
        module.fail_json(msg=f"The engine of this machine does not answer as it should: {words(error)}")
    module.exit_json(
        changed=False,
        flavour=found[0]["Labels"][FLAVOUR] if found else "",
        store=found[0]["Labels"].get(STORE, "") if found else "",
        nodes={
            node["Names"][0].lstrip("/"): {"state": node["State"], "status": node["Status"]}
            for node in found
            if node["Names"]
        },
    )


if __name__ == "__main__":
    main()
