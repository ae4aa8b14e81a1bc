#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""See what is on a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_info
short_description: See what is on a node, whatever a topology says
description:
  - Looks at the node's engine, its networks and containers, at the cluster store as this node reaches it, and at the
    Swarm, as far as there are such. Changes nothing; an engine that is stopped stays so, where systemd would start it
    for whoever asks.
  - What does not answer is in the result, and is no failure. M(dockernet.lab.status) makes tables of it.
requirements:
  - The Docker SDK for Python (Debian's python3-docker), where O(engine=true)
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
options:
  engine:
    description: Whether this node has an engine.
    type: bool
    default: true
  docker_host:
    description: Where the engine listens.
    type: str
    default: unix:///var/run/docker.sock
  manager:
    description: Where the manager of a classic Swarm on this node listens, such as V(tcp://192.168.99.101:3375).
    type: str
    default: ""
  store:
    description:
      - URL of the cluster store that this node serves, such as V(consul://192.168.99.100:8500).
      - Left out, the store that the engine uses is asked.
    type: str
    default: ""
  declared_store:
    description: URL of the cluster store to ask where the engine does not answer which it uses.
    type: str
    default: ""
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Look at each node
  dockernet.lab.node_info:
  register: look
"""

RETURN = r"""
look:
  description: What was seen.
  returned: always
  type: dict
  contains:
    up:
      description: Seconds since the node started.
      type: int
    engine:
      description: The engine. All but C(state) and C(problem) is there only where C(state) is V(answers).
      type: dict
      sample:
        state: answers
        problem: ""
        version: 20.10.5
        store: consul://192.168.99.100:8500
        networks: [{name: linux, driver: overlay, scope: global, internal: false, subnets: [10.0.0.0/24]}]
        containers:
          - name: ubuntu1
            is_task: false
            state: running
            status: Up 5 minutes
            image: box
            networks: {linux: 10.0.0.2}
            ports: [8080->80/tcp]
        swarm: {state: inactive, manager: false, node: "", nodes: [], problem: ""}
    manager:
      description: What the classic Swarm's manager says; null where O(manager) is not given.
      type: dict
      sample:
        problem: ""
        role: primary
        nodes: [{name: swl-demo0, address: 192.168.99.101, status: Healthy, error: ""}]
    store:
      description: The cluster store; null where there is none. C(leader) is null where the store does not tell.
      type: dict
      sample: {url: "consul://192.168.99.100:8500", reached: true, leader: 192.168.99.100, problem: ""}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils import _node_look, _store_look
from ansible_collections.dockernet.lab.plugins.module_utils._engine import LOCAL_SOCKET


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "engine": {"type": "bool", "default": True},
            "docker_host": {"type": "str", "default": LOCAL_SOCKET},
            "manager": {"type": "str", "default": ""},
            "store": {"type": "str", "default": ""},
            "declared_store": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    look: dict[str, Any] = {"up": _node_look.seconds_up(), "engine": None, "manager": None, "store": None}
    if wanted["engine"]:
        look["engine"] = _node_look.engine(wanted["docker_host"])
    if wanted["manager"]:
        look["manager"] = _node_look.manager(wanted["manager"])
    url = wanted["store"] or (look["engine"] or {}).get("store", wanted["declared_store"])
    if url:
        look["store"] = _store_look.look(url)._asdict()
    module.exit_json(changed=False, look=look)


if __name__ == "__main__":
    main()
