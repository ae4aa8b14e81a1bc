#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: topology_containers
short_description: Make the containers of a topology, and their connections, as declared
description:
  - Creates, starts, connects and disconnects the declared containers, all in one call for an engine, or for all
    engines of a classic Swarm.
  - A container is created anew where its image, command, environment, labels, ports, hostname, extra hosts or
    constraints change, and in a classic Swarm where its node changes. A change of its networks, aliases or
    addresses connects and disconnects it while it runs.
  - Only containers with the label C(org.dockernet.lab) and the owner's name as value are touched. Where somebody
    else has a container of a declared name, the module fails before it changes anything.
  - Connections to networks that are not declared are left alone, and so are containers that are not declared.
attributes:
  check_mode:
    support: full
    description: Says what it would change, and changes nothing. Does not look for images and networks.
  diff_mode:
    support: full
    description: Shows what differs in each container before and after.
options:
  containers:
    description:
      - All declared containers, those of other nodes too. One of the owner's that is declared for another node is
        removed from this one.
      - Each has C(name), C(networks) (names, or mappings of C(name), C(aliases), C(address)), C(node), and if wanted
        C(image), C(command), C(env), C(labels), C(ports), C(listens), C(hostname), C(extra_hosts), C(constraints).
    type: list
    elements: raw
    required: true
  networks:
    description: All declared networks. A container leaves one of them, and no other, if it is not declared to be on it.
    type: list
    elements: raw
    required: true
  owner:
    description: Value of the label C(org.dockernet.lab), normally the name of the lab.
    type: str
    default: dockernet
    aliases: [lab]
  flavour:
    description:
      - V(classic) if O(docker_host) is the manager of a classic Swarm. It places the containers of all nodes, by
        C(constraint:node==NODE) and the containers' own constraints.
      - With V(mode) and V(none) the call handles the containers of O(node).
    type: str
    choices: [classic, mode, none]
    default: none
  node:
    description: Name of the node that O(docker_host) is the engine of. Required unless O(flavour=classic).
    type: str
  docker_host:
    description: URL of the engine or of the classic Swarm, as in V(tcp://192.168.99.10:3375).
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description: Seconds to wait until the containers' networks are to be seen on the engine.
    type: int
    default: 30
  state:
    description: V(absent) removes the owner's containers of the declared names.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Images must be there; none is pulled.
  - A container is started again with its engine (restart policy C(unless-stopped)).
  - Where the cluster store still holds the endpoint of a container that is gone, the module says how to remove it and
    does not do so itself, since it may be a living container's on another node.
requirements: [python3-docker]
author: [The dockernet authors (@dockernet)]
"""

EXAMPLES = r"""
- name: Make this node's containers
  dockernet.lab.topology_containers:
    networks:
      - {name: linux, driver: overlay}
    containers:
      - {name: ubuntu1, node: swl-demo0, networks: [linux]}
      - {name: web, node: swl-demo1, image: nginx, networks: [{name: linux, aliases: [www]}], ports: ["8080:80"]}
    node: "{{ inventory_hostname }}"
    owner: swarm

- name: Have a classic Swarm place all containers
  dockernet.lab.topology_containers:
    networks: "{{ topology_networks }}"
    containers: "{{ topology_containers }}"
    flavour: classic
    docker_host: tcp://192.168.99.10:3375
  run_once: true
"""

RETURN = r"""
containers:
  description: The declared containers that the call handles, and those that it removes, by name.
  returned: always
  type: dict
  contains:
    id: {description: ID; none for one that is not there., type: str}
    node: {description: Node that it is on. In a classic Swarm the one that the Swarm chose., type: str}
    state: {description: State in the engine's words., type: str}
    addresses: {description: Its address on each of its networks., type: dict}
    action:
      description: C(created), C(recreated), C(connected), C(started), C(unpaused), C(removed) or C(none).
      type: str
    reasons: {description: Why it was created anew or removed., type: list, elements: str}
  sample:
    ubuntu1:
      id: 5f3c
      node: swl-demo0
      state: running
      addresses: {linux: 10.0.0.2}
      action: created
      reasons: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._container_plan import ObservedContainer, Plan, difference, plan_absent, plan_present
from ..module_utils._engine import LOCAL_SOCKET, EngineError, connect
from ..module_utils._engine_call import REFUSALS, words
from ..module_utils._engine_containers import EngineContainers
from ..module_utils._topology import FLAVOURS, Topology, TopologyError, nodes_named, parse


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "containers": {"type": "list", "elements": "raw", "required": True},
            "networks": {"type": "list", "elements": "raw", "required": True},
            "owner": {"type": "str", "default": "dockernet", "aliases": ["lab"]},
            "flavour": {"type": "str", "choices": list(FLAVOURS), "default": "none"},
            "node": {"type": "str"},
            "docker_host": {"type": "str", "default": LOCAL_SOCKET},
            "timeout": {"type": "int", "default": 30},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("flavour", "mode", ["node"]), ("flavour", "none", ["node"])],
        supports_check_mode=True,
    )
    try:
        run(module)
    except (TopologyError, EngineError) as error:
        module.fail_json(msg=str(error))
    except REFUSALS as error:
        module.fail_json(
            msg=f"The engine at {module.params['docker_host']} does not answer as it should: {words(error)}"
        )


def run(module: AnsibleModule) -> None:
    params = module.params
    topology = _declared(params)
    engine = EngineContainers(
        connect(params["docker_host"]), topology, params["owner"], params["flavour"], params["node"], params["timeout"]
    )
    seen = engine.observe()
    plan = _plan(params, topology, seen, engine.node)
    before = {step.name: difference(step) for step in plan.containers if step.action != "none"}
    diff = {
        "before": {name: sides[0] for name, sides in before.items()},
        "after": {name: sides[1] for name, sides in before.items()},
    }
    refusals = list(plan.refusals)
    if not refusals and not module.check_mode:
        refusals = engine.missing(plan)
    if refusals:
        module.fail_json(msg="\n".join(refusals), containers=_summary(plan, seen))
    if not module.check_mode:
        engine.apply(plan)
        seen = engine.outcome(plan) if plan.changed or engine.watched(plan) else seen
    result = {"changed": plan.changed, "containers": _summary(plan, seen), "diff": diff}
    if engine.refusals:
        module.fail_json(msg="\n".join(engine.refusals[name] for name in sorted(engine.refusals)), **result)
    module.exit_json(**result)


def _declared(params: dict[str, Any]) -> Topology:
    # Whether these nodes exist is for the inventory to say; here only one of them is known.
    nodes = nodes_named(params["networks"], params["containers"])
    return parse(params["networks"], params["containers"], nodes, params["flavour"])


def _plan(params: dict[str, Any], topology: Topology, seen: list[ObservedContainer], node: str | None) -> Plan:
    if params["state"] == "absent":
        return plan_absent(topology, seen, params["owner"])
    return plan_present(topology, seen, params["owner"], node)


def _summary(plan: Plan, seen: list[ObservedContainer]) -> dict[str, Any]:
    now = {container.name: container for container in seen}
    summary: dict[str, Any] = {}
    for step in plan.containers:
        container = now.get(step.name)
        summary[step.name] = {
            "id": container.id if container else None,
            "node": container.node if container else step.declared.node if step.declared else None,
            "state": container.state if container else "absent",
            "addresses": {name: end.address for name, end in container.endpoints.items()} if container else {},
            "action": step.action,
            "reasons": list(step.reasons),
        }
    return summary


if __name__ == "__main__":
    main()
