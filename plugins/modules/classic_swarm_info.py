#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what a classic Swarm says of itself and its nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: classic_swarm_info
short_description: Read what a classic Swarm says of itself and its nodes, as data
description:
  - Asks the manager of a classic Swarm (docker/swarm 1.0 to 1.2.9) for C(GET /info), and returns as data what
    C(docker info) prints of it.
  - A replica tells its own view, and who the primary is.
  - Needs nothing but Python where it runs, be it a node or the controller.
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
options:
  manager:
    description: Where the manager listens, such as V(tcp://192.168.99.101:3375).
    type: str
    required: true
  ca_cert:
    description: File with the CA that signed the manager's certificate. Where it is given, TLS is spoken.
    type: path
  client_cert:
    description: File with the certificate that the manager asks for.
    type: path
  client_key:
    description: File with the key of O(client_cert).
    type: path
  timeout:
    description: Seconds that the manager may take to answer.
    type: int
    default: 10
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Ask the Swarm
  dockernet.lab.classic_swarm_info:
    manager: tcp://192.168.99.101:3375
  register: swarm

- name: Expect every node to be healthy
  ansible.builtin.assert:
    that: swarm.nodes | rejectattr('status', 'equalto', 'Healthy') | length == 0
"""

RETURN = r"""
role:
  description: V(primary) or V(replica); empty where the Swarm is too old to tell (before 1.0).
  type: str
  returned: success
  sample: primary
primary:
  description: Address of the primary, as a replica tells it; else empty.
  type: str
  returned: success
  sample: ""
strategy:
  description: How a node is chosen.
  type: str
  returned: success
  sample: spread
filters:
  description: What a node must pass to be chosen.
  type: list
  elements: str
  returned: success
  sample: [health, port, containerslots, dependency, affinity, constraint, whitelist]
version:
  description: Version of the Swarm; empty where it is too old to tell.
  type: str
  returned: success
  sample: 1.2.9
nodes:
  description: The nodes. What this Swarm does not tell of them is empty or null.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the node; empty where the Swarm has not reached it yet.
      type: str
    address:
      description: Where its engine is asked.
      type: str
    id:
      description: ID of its engine.
      type: str
    status:
      description: V(Healthy), V(Unhealthy), V(Pending) or V(Disconnected).
      type: str
    containers:
      description: How many it has. All but C(total) is null where the node is not healthy, and before Swarm 1.2.
      type: dict
    cpus:
      description: How many are reserved, of how many.
      type: dict
    memory:
      description: How many bytes are reserved, of how many. The Swarm tells four digits of them.
      type: dict
    labels:
      description: The node's labels, those of its engine among them.
      type: dict
    error:
      description: What went wrong when it was last asked.
      type: str
    updated_at:
      description: When it was last asked, by the manager's clock.
      type: str
    server_version:
      description: Version of its engine.
      type: str
  sample:
    - name: swl-demo0
      address: 192.168.99.101:2375
      id: RARP:UXXB:O3UD:2TE7:KKGC:4LZJ:VVNM:AFMW:U5LU:J6OY:EPEH:D4RU
      status: Healthy
      containers: {total: 5, running: 5, paused: 0, stopped: 0}
      cpus: {reserved: 0, total: 2}
      memory: {reserved: 0, total: 26542897889}
      labels: {kernelversion: 6.1.0, operatingsystem: Debian GNU/Linux 11 (bullseye), ostype: linux, storage: ssd}
      error: ""
      updated_at: "2026-11-25T14:31:29Z"
      server_version: 20.10.5+dfsg1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._engine_api import ApiError, Tls, get
from ansible_collections.dockernet.lab.plugins.module_utils._system_status import parse


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "manager": {"type": "str", "required": True},
            "ca_cert": {"type": "path"},
            "client_cert": {"type": "path"},
            "client_key": {"type": "path", "no_log": False},
            "timeout": {"type": "int", "default": 10},
        },
        required_together=[("client_cert", "client_key")],
        supports_check_mode=True,
    )
    asked = module.params
    files = tuple(asked[name] or "" for name in ("ca_cert", "client_cert", "client_key"))
    try:
        info = get(asked["manager"], "/info", Tls(*files) if any(files) else None, asked["timeout"])
    except ApiError as error:
        module.fail_json(msg=f"The Swarm cannot be asked: {error}")
    status = parse((info.get("SystemStatus") if isinstance(info, dict) else None) or [])
    if not status["strategy"]:
        module.fail_json(
            msg=f"{asked['manager']} answers, and is no manager of a classic Swarm: it tells no strategy and no nodes. "
            "An engine listens on 2375 or 2376, a manager by convention on 3375 or 3376."
        )
    kind, _, version = str(info.get("ServerVersion") or "").partition("/")
    module.exit_json(changed=False, version=version if kind == "swarm" else "", **status)


if __name__ == "__main__":
    main()
