#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove a lab from this machine's engine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_absent
short_description: Remove all that a lab made on this machine's engine, and nothing else
description:
  - Runs on the controller. Removes the containers (with their volumes) and networks that carry the lab's label.
    Images stay, so that the next lab is quick.
extends_documentation_fragment:
  - dockernet.lab.attributes
options:
  lab:
    description: Name of the lab. Without it, every lab of this machine.
    type: str
  node:
    description: Only this node of the lab, with its volumes.
    type: str
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Remove the lab
  dockernet.lab.lab_absent:
    lab: swarm
  delegate_to: localhost
"""

RETURN = r"""
removed:
  description: Names of the containers and networks that were removed.
  type: list
  elements: str
  returned: success
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._engine import EngineError, connect_from_environment
from ansible_collections.dockernet.lab.plugins.module_utils._labels import FLAVOUR, OWNER


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"lab": {"type": "str"}, "node": {"type": "str"}}, supports_check_mode=True)
    label = f"{OWNER}={module.params['lab']}" if module.params["lab"] else OWNER
    try:
        client = connect_from_environment()
    except EngineError as error:
        module.fail_json(msg=str(error))
    node = module.params["node"]
    only = {"name": f"^/{node}$"} if node else {}
    containers = client.containers(all=True, filters={"label": [label, FLAVOUR], **only})
    networks = [] if node else client.networks(filters={"label": label})

    def remove(container: dict[str, Any]) -> None:
        # A node is not asked to shut down: nothing in it is kept, and its volumes go with it.
        client.remove_container(container["Id"], v=True, force=True)

    if not module.check_mode:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(remove, containers))
        for network in networks:
            client.remove_network(network["Id"])
    removed = sorted(container["Names"][0].lstrip("/") for container in containers)
    removed += sorted(network["Name"] for network in networks)
    module.exit_json(
        changed=bool(removed),
        removed=removed,
        diff={"before": "".join(f"{name}\n" for name in removed), "after": ""},
    )


if __name__ == "__main__":
    main()
