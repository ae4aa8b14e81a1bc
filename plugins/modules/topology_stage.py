#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: topology_stage
short_description: Tell how far a topology that is told in stages has come on an engine
description:
  - Finds the last stage as which the engine's networks and containers are there. Changes nothing.
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
options:
  stages:
    description: The stages as the filter P(dockernet.lab.stages#filter) returns them.
    type: list
    elements: dict
    required: true
  owner:
    description: Value of the label C(org.dockernet.lab) of the containers that count.
    type: str
    default: dockernet
    aliases: [lab]
  flavour:
    description: V(classic) if O(docker_host) is the manager of a classic Swarm.
    type: str
    choices: [classic, mode, none]
    default: none
  node:
    description: Name of the node that O(docker_host) is the engine of.
    type: str
    required: true
  docker_host:
    description: URL of the engine or of the classic Swarm.
    type: str
    default: unix:///var/run/docker.sock
requirements: [python3-docker]
author: [The dockernet authors (@dockernet)]
"""

EXAMPLES = r"""
- name: See how far the story has come
  dockernet.lab.topology_stage:
    stages: "{{ topology_stages | dockernet.lab.stages }}"
    node: "{{ inventory_hostname }}"
    owner: single_host
"""

RETURN = r"""
reached:
  description: Number of the last stage that the engine has as a whole; 0 where it has none.
  returned: always
  type: int
  sample: 3
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _engine_networks
from ..module_utils._container_plan import plan_present as plan_containers
from ..module_utils._engine import LOCAL_SOCKET, EngineError, connect
from ..module_utils._engine_call import REFUSALS, words
from ..module_utils._engine_containers import EngineContainers
from ..module_utils._network_plan import ObservedNetwork, needed
from ..module_utils._network_plan import plan_present as plan_networks
from ..module_utils._topology import FLAVOURS, TopologyError, nodes_named, parse


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stages": {"type": "list", "elements": "dict", "required": True},
            "owner": {"type": "str", "default": "dockernet", "aliases": ["lab"]},
            "flavour": {"type": "str", "choices": list(FLAVOURS), "default": "none"},
            "node": {"type": "str", "required": True},
            "docker_host": {"type": "str", "default": LOCAL_SOCKET},
        },
        supports_check_mode=True,
    )
    try:
        client = connect(module.params["docker_host"])
        networks = _engine_networks.observe(client)
        reached = [
            number
            for number, stage in enumerate(module.params["stages"], 1)
            if _is_there(stage, networks, client, module.params)
        ]
    except (TopologyError, EngineError) as error:
        module.fail_json(msg=str(error))
    except REFUSALS as error:
        module.fail_json(
            msg=f"The engine at {module.params['docker_host']} does not answer as it should: {words(error)}"
        )
    module.exit_json(changed=False, reached=max(reached, default=0))


def _is_there(stage: dict[str, Any], networks: list[ObservedNetwork], client: Any, params: dict[str, Any]) -> bool:
    """Whether nothing would have to be done to make the stage what it is declared to be."""
    flavour = params["flavour"]
    nodes = nodes_named(stage["networks"], stage["containers"])
    topology = parse(stage["networks"], stage["containers"], nodes, flavour)
    node = None if flavour == "classic" else params["node"]
    wanted = needed(topology.networks, topology.containers, node, None)
    plan = plan_networks(wanted, networks, flavour == "mode")
    if plan.create or plan.refusals:
        return False
    engine = EngineContainers(client, topology, params["owner"], flavour, params["node"], 0)
    steps = plan_containers(topology, engine.observe(), params["owner"], engine.node)
    return not steps.changed and not steps.refusals


if __name__ == "__main__":
    main()
