#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have swarm mode take its work off a node, and forget it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_node
short_description: Drain a node of swarm mode, and take it out of the Swarm
description:
  - Runs on a manager. Fails where the node is a manager itself.
  - C(community.docker.docker_swarm) takes a node out by its ID alone, and neither drains nor waits.
options:
  name:
    description: The node's hostname. All entries of that name go; a node that joined twice has left some.
    type: str
    required: true
  state:
    description:
      - V(drained) gives the node no more work, and waits until the tasks that it had run elsewhere.
      - V(absent) takes it out of the Swarm, also where it does not answer, and waits until the manager's networks have
        forgotten it, with the names of its containers.
    type: str
    choices: [drained, absent]
    required: true
  timeout:
    description: Seconds to wait. Tasks of V(drained) that no other node can take are no failure.
    type: int
    default: 60
  docker_host:
    description: URL of the manager's engine.
    type: str
    default: unix:///var/run/docker.sock
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
requirements: [python3-docker]
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Have the node's work done elsewhere
  dockernet.lab.swarm_node:
    name: swl-demo2
    state: drained
  delegate_to: swl-demo0
"""

RETURN = r"""
waiting:
  description: Names of services with a task that no node has taken.
  type: list
  elements: str
  returned: state is V(drained)
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._engine import LOCAL_SOCKET, EngineError, connect
from ..module_utils._engine_call import REFUSALS, words

POLL = 0.3  # seconds
RUNNING = ("running", "complete")


class RefusedError(Exception):
    """The node cannot leave. The text is a whole sentence for the user."""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["drained", "absent"], "required": True},
            "timeout": {"type": "int", "default": 60},
            "docker_host": {"type": "str", "default": LOCAL_SOCKET},
        },
        supports_check_mode=True,
    )
    name, state = module.params["name"], module.params["state"]
    try:
        client = connect(module.params["docker_host"])
        nodes = [node for node in client.nodes() if node["Description"].get("Hostname") == name]
        if any(node["Spec"].get("Role") == "manager" for node in nodes):
            raise RefusedError(f"'{name}' is a manager of the Swarm: demote it first (docker node demote {name}).")
        if state == "absent":
            module.exit_json(changed=remove(client, nodes, module.params["timeout"], module.check_mode))
        changed, waiting = drain(client, nodes, module.params["timeout"], module.check_mode)
        module.exit_json(changed=changed, waiting=waiting)
    except (EngineError, RefusedError) as error:
        module.fail_json(msg=str(error))
    except REFUSALS as error:
        module.fail_json(msg=f"The Swarm's manager refuses: {words(error)}")


def remove(client: Any, nodes: list[dict[str, Any]], timeout: float, check: bool) -> bool:
    """Take the nodes out of the Swarm; whether there was one."""
    if check or not nodes:
        return bool(nodes)
    for node in nodes:
        client.remove_node(node["ID"], force=True)
    addresses = {(node.get("Status") or {}).get("Addr") for node in nodes}
    deadline = time.monotonic() + timeout
    # A dead node's names are answered until gossip has found out, some seconds later (libnetwork, networkdb).
    while addresses & peers(client) and time.monotonic() < deadline:
        time.sleep(POLL)
    return True


def peers(client: Any) -> set[str]:
    """Addresses of the nodes that share a network with this one."""
    found = [client.inspect_network(item["Id"]) for item in client.networks() if item.get("Scope") == "swarm"]
    return {peer["IP"] for network in found for peer in network.get("Peers") or []}


def drain(client: Any, nodes: list[dict[str, Any]], timeout: float, check: bool) -> tuple[bool, list[str]]:
    """Give the nodes no more work; whether that was new, and which services have a task that nobody has taken."""
    in_use = [node for node in nodes if node["Spec"].get("Availability") != "drain"]
    identities = {node["ID"] for node in in_use}
    services = {task["ServiceID"] for task in tasks(client) if task.get("NodeID") in identities}
    if not check:
        for node in in_use:
            client.update_node(node["ID"], node["Version"]["Index"], {**node["Spec"], "Availability": "drain"})
    deadline = time.monotonic() + (0 if check else timeout)
    while not check and lacking(client, services, identities) and time.monotonic() < deadline:
        time.sleep(POLL)
    short = set() if check else lacking(client, services, identities)
    return bool(in_use), sorted(client.inspect_service(service)["Spec"]["Name"] for service in short)


def tasks(client: Any) -> list[dict[str, Any]]:
    """The tasks of services that are to run."""
    return [task for task in client.tasks(filters={"desired-state": "running"}) if task.get("ServiceID")]


def lacking(client: Any, services: set[str], drained: set[str]) -> set[str]:
    """Those of the services that have a task which does not run yet, or runs on one of the drained nodes."""
    return {
        task["ServiceID"]
        for task in tasks(client)
        if task["ServiceID"] in services
        and (task.get("NodeID") in drained or (task.get("Status") or {}).get("State") not in RUNNING)
    }


if __name__ == "__main__":
    main()
