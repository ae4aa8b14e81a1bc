#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove what a lab or cluster runs on an engine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: owner_containers_absent
short_description: Remove all containers that a lab or cluster has on one engine
description:
  - Removes the containers that carry an owner's label, whatever made them (the topology, the Swarm's choice, its
    agent), and no others. So their engine itself takes their endpoints off the networks.
  - Tasks of swarm mode's services are left to the Swarm, which takes them away from a node that is drained.
extends_documentation_fragment:
  - dockernet.lab.attributes
  - dockernet.lab.engine
options:
  owners:
    description: Values of the label C(org.dockernet.lab).
    type: list
    elements: str
    required: true
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Remove the cluster's containers from a node that leaves it
  dockernet.lab.owner_containers_absent:
    owners: [swarm]
"""

RETURN = r"""
removed:
  description: Names of the containers that were removed.
  type: list
  elements: str
  returned: success
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._engine import LOCAL_SOCKET, EngineError, connect
from ..module_utils._engine_call import REFUSALS, is_missing, words
from ..module_utils._labels import OWNER

TASK = "com.docker.swarm.task.id"  # label of a service's container
WORKERS = 8  # an engine works on about as many requests at once


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "owners": {"type": "list", "elements": "str", "required": True},
            "docker_host": {"type": "str", "default": LOCAL_SOCKET},
        },
        supports_check_mode=True,
    )
    try:
        removed = remove(connect(module.params["docker_host"]), module.params["owners"], module.check_mode)
    except EngineError as error:
        module.fail_json(msg=str(error))
    except REFUSALS as error:
        module.fail_json(msg=f"The engine at {module.params['docker_host']} refuses: {words(error)}")
    module.exit_json(
        changed=bool(removed),
        removed=removed,
        diff={"before": "".join(f"{name}\n" for name in removed), "after": ""},
    )


def remove(client: Any, owners: list[str], check: bool) -> list[str]:
    """Remove the owners' containers, side by side; their names."""
    ours = [
        container
        for container in client.containers(all=True, filters={"label": OWNER})
        if container["Labels"][OWNER] in owners and TASK not in container["Labels"]
    ]

    def remove_one(container: dict[str, Any]) -> None:
        try:
            client.remove_container(container["Id"], v=True, force=True)
        except REFUSALS as error:
            if not is_missing(error):
                raise

    if not check:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(remove_one, ours))
    return sorted(container["Names"][0].lstrip("/") for container in ours)


if __name__ == "__main__":
    main()
