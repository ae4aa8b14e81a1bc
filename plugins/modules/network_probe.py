#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: network_probe
short_description: See a topology from one node and from inside its containers
description:
  - Without O(nodes_seen), looks at the node's engine and returns which networks and containers of the topology are
    there, these in what state and with which addresses, as the engine says and as their own namespaces have them.
  - In flavour V(mode), a container that names no node is a service, and its task is looked at.
  - With O(nodes_seen), what all nodes returned before, enters each container of this node and asks from there for
    every name, pings every address, connects to every port in C(listens) and reads the hosts file. No tool is needed
    inside a container.
  - Asks again for what is not as the topology says, until it is or O(wait) seconds have passed.
  - Judges nothing. The action M(dockernet.lab.verify) does.
author:
  - The dockernet.lab maintainers
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
  - dockernet.lab.engine.here
  - dockernet.lab.topology
  - dockernet.lab.topology.flavour
  - dockernet.lab.scope
options:
  node:
    description: The name of this node in the topology.
    type: str
    required: true
  nodes_seen:
    description:
      - RV(seen) of all nodes, by name.
      - A node that returned nothing has an empty entry, or none.
    type: dict
  wait:
    description: Seconds for which what is not as expected is asked again.
    type: float
    default: 30
  asked_at:
    description: When the controller started this task, in seconds since 1970, to compare its clock with the node's.
    type: float
"""

EXAMPLES = r"""
- name: Look at each engine
  dockernet.lab.network_probe:
    node: "{{ inventory_hostname }}"
    nodes: "{{ ansible_play_hosts_all }}"
    networks: "{{ topology_networks }}"
    containers: "{{ topology_containers }}"
  register: look
"""

RETURN = r"""
seen:
  description: What the node's engine has of the topology. C(error) is a sentence where it could not be asked.
  returned: when O(nodes_seen) is not given
  type: dict
  sample:
    node: swl-demo0
    engine: 20.10.5
    error: ""
    clock: 0.4
    containers:
      - name: ubuntu1
        state: running
        pid: 4711
        exit_code: 0
        since: 12
        hostname: 0123456789ab
        problem: ""
        task: ""
        id: 0123456789abcdef
        endpoints:
          - {network: linux, engine_address: 10.0.0.2, own_address: 10.0.0.2, mac: "02:42:0a:00:00:02"}
    networks:
      - {name: linux, id: 0123456789abcdef, driver: overlay, scope: global, internal: false, subnets: [10.0.0.0/24]}
probed:
  description:
    - What each container of the node found out, a list as JSON text, since Ansible takes long over ten thousand values.
    - An answer is a list of addresses or why there is none, a ping or a connect the milliseconds until the reply or why
      there is none.
  returned: when O(nodes_seen) is given
  type: str
  sample: >-
    [{"name":"ubuntu1","error":"","hosts":"127.0.0.1\tlocalhost\n10.0.0.2\t0123456789ab\n","server":"127.0.0.11",
    "answers":{"ubuntu2":["10.0.0.3"],"web":"NXDOMAIN"},"pings":{"10.0.0.3":0.4,"10.1.0.2":"no reply"},
    "connects":{"10.0.0.3:80":0.3,"10.0.0.3:81":"connection refused"},"full_pings":{}}]
took:
  description: What this has taken on the node, in seconds and, at most, in bytes of memory.
  returned: success
  type: dict
  sample: {seconds: 0.7, memory: 31457280}
"""

import json
import resource
import time
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import SCOPE_ARGUMENTS, scope_of
from ansible_collections.dockernet.lab.plugins.module_utils._observation import NodeObservation
from ansible_collections.dockernet.lab.plugins.module_utils._selection import unknown_names
from ansible_collections.dockernet.lab.plugins.module_utils._topology import TopologyError, parse


def main() -> None:
    started = time.time()
    module = AnsibleModule(
        argument_spec={
            "node": {"type": "str", "required": True},
            "networks": {"type": "list", "elements": "dict", "required": True},
            "containers": {"type": "list", "elements": "dict", "required": True},
            "nodes": {"type": "list", "elements": "str", "required": True},
            "flavour": {"type": "str", "choices": ["classic", "mode", "none"], "default": "none"},
            "nodes_seen": {"type": "dict"},
            "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
            "wait": {"type": "float", "default": 30},
            "asked_at": {"type": "float"},
            **SCOPE_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        topology = parse(params["networks"], params["containers"], params["nodes"], params["flavour"])
    except TopologyError as error:
        module.fail_json(msg=str(error))
    scope = scope_of(params)
    if problem := unknown_names(scope, topology, params["nodes"]):
        module.fail_json(msg=problem)
    # Each phase imports only what it needs: the Docker SDK alone takes longer than all probes of a small lab.
    if params["nodes_seen"] is None:
        from ansible_collections.dockernet.lab.plugins.module_utils._inspection import look

        seen = look(params["node"], params["docker_host"], topology, params["flavour"], params["wait"])
        if params["asked_at"]:
            seen = replace(seen, clock=round(started - params["asked_at"], 1))
        module.exit_json(changed=False, seen=seen.to_json(), took=_took(started))

    from ansible_collections.dockernet.lab.plugins.module_utils._reading import World
    from ansible_collections.dockernet.lab.plugins.module_utils._rounds import probe_node

    try:
        nodes = {node: NodeObservation.from_json(data) for node, data in params["nodes_seen"].items() if data}
    except (TypeError, KeyError) as error:
        module.fail_json(msg=f"'nodes_seen' does not hold what network_probe returned as 'seen': {error}.")
    world = World(topology, nodes, flavour=params["flavour"], scope=scope)
    probed = probe_node(world, params["node"], params["wait"])
    text = json.dumps([source.to_json() for source in probed], separators=(",", ":"))
    module.exit_json(changed=False, probed=text, took=_took(started))


def _took(started: float) -> dict[str, float]:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": round(time.time() - started, 3), "memory": memory}


if __name__ == "__main__":
    main()
