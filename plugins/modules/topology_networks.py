#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: topology_networks
short_description: Make the networks of a topology on an engine
description:
  - Creates those of the declared networks that are missing on one engine, on a manager of a swarm, or through the
    manager of a classic Swarm.
  - A network that exists as declared is left alone, whoever made it.
  - A network that exists and differs is never removed or made anew. The module fails before it changes anything, and
    says in which property it differs.
  - Every network that it makes has the label C(org.dockernet.lab) with the owner's name as value.
extends_documentation_fragment:
  - dockernet.lab.attributes
  - dockernet.lab.topology.owner
options:
  networks:
    description:
      - The declared networks, each with C(name) and, if wanted, C(driver) (V(bridge) or V(overlay)), C(internal),
        C(subnet), C(subnet6), C(gateway), C(options) and C(labels).
      - A bridge network with C(subnet6), an IPv6 subnet such as V(fd00:10:1::/64), carries IPv6 beside IPv4. No engine
        carries IPv6 on an overlay network. Engines before 27.0 keep the IPv6 of two bridge networks apart only with
        C(experimental) and C(ip6tables) in their daemon.json.
      - An engine's own V(bridge) is neither made nor changed. With C(subnet), C(subnet6) or C(options), it may be
        declared how C(daemon.json) has it, for those that verify.
      - What is not declared may have any value in a network that exists. Labels are never compared.
    type: list
    elements: raw
    required: true
  only:
    description: Names of the networks that this call is about. All of O(networks) if it is left out.
    type: list
    elements: str
  containers:
    description:
      - The declared containers. With O(node), a bridge network is made only where one of the node's containers, or
        one whose node the Swarm has yet to choose, is on it.
    type: list
    elements: raw
  node:
    description: Name of the node that O(docker_host) is the engine of.
    type: str
  docker_host:
    description:
      - URL of the engine. Overlay networks need a manager of the swarm, one engine with a cluster store, or the
        manager of the classic Swarm, as in V(tcp://192.168.99.10:3375).
      - Have one host make the overlay networks, since two engines that make the same one at once may both succeed.
    type: str
    default: unix:///var/run/docker.sock
  flavour:
    description: The flavour of the Swarm, V(none) for plain engines, with or without a cluster store.
    type: str
    choices: [classic, mode, none]
    default: none
  state:
    description:
      - V(absent) removes those of the networks that have the owner's label. It fails before it removes any where one
        of them is in use.
    type: str
    choices: [present, absent]
    default: present
requirements: [python3-docker]
author: [The dockernet authors (@dockernet)]
"""

EXAMPLES = r"""
- name: Make the overlay networks, once
  dockernet.lab.topology_networks:
    networks:
      - {name: linux, driver: overlay}
      - {name: frontend, driver: overlay, subnet: 10.1.0.0/24}
    owner: swarm
    flavour: classic
    docker_host: tcp://192.168.99.10:3375
  run_once: true

- name: Make the bridge networks that this node's containers need
  dockernet.lab.topology_networks:
    networks: "{{ topology_networks }}"
    only: "{{ topology_networks | rejectattr('driver', 'equalto', 'overlay') | map(attribute='name') }}"
    containers: "{{ topology_containers }}"
    node: "{{ inventory_hostname }}"
"""

RETURN = r"""
networks:
  description: The networks that the call is about, by name.
  returned: success
  type: dict
  contains:
    id: {description: ID; none for one that check mode would create., type: str}
    driver: {description: Driver., type: str}
    subnet: {description: First subnet., type: str}
    subnet6: {description: IPv6 subnet; none where it carries IPv4 alone., type: str}
    scope: {description: C(local), C(global) (of a cluster store) or C(swarm)., type: str}
    action: {description: C(created), C(removed) or C(none)., type: str}
  sample: {linux: {id: 0a5e, driver: overlay, subnet: 10.0.0.0/24, subnet6: null, scope: global, action: created}}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _engine_networks as edge
from ..module_utils._engine import LOCAL_SOCKET, EngineError, connect
from ..module_utils._engine_call import REFUSALS, words
from ..module_utils._network_plan import NetworkPlan, ObservedNetwork, needed, plan_absent, plan_present
from ..module_utils._sides import is_ipv6
from ..module_utils._topology import FLAVOURS, Network, TopologyError, nodes_named, parse


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "networks": {"type": "list", "elements": "raw", "required": True},
            "only": {"type": "list", "elements": "str"},
            "containers": {"type": "list", "elements": "raw"},
            "node": {"type": "str"},
            "owner": {"type": "str", "default": "dockernet", "aliases": ["lab"]},
            "docker_host": {"type": "str", "default": LOCAL_SOCKET},
            "flavour": {"type": "str", "choices": list(FLAVOURS), "default": "none"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
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
    declared = _declared(module.params)
    client = connect(module.params["docker_host"])
    swarm_mode = module.params["flavour"] == "mode"
    if module.params["state"] == "present":
        plan = plan_present(declared, edge.observe(client), swarm_mode)
    else:
        observed = edge.observe(client, endpoints_of=[network.name for network in declared])
        plan = plan_absent(declared, observed, module.params["owner"])
    refusals = list(plan.refusals)
    changed = bool(plan.create or plan.remove)
    seen = list(plan.keep)
    if changed and not refusals and not module.check_mode:
        refusals = edge.apply(client, plan, module.params["owner"], swarm_mode)
        seen = edge.observe(client)
    result = {"changed": changed, "networks": _summary(plan, seen), "diff": _diff(plan)}
    if refusals:
        module.fail_json(msg="\n".join(refusals), **{**result, "changed": changed and not plan.refusals})
    module.exit_json(**result)


def _declared(params: dict[str, Any]) -> tuple[Network, ...]:
    containers = params["containers"]
    nodes = nodes_named(params["networks"], containers)
    topology = parse(params["networks"], containers or [], nodes, params["flavour"])
    return needed(
        topology.networks, None if containers is None else topology.containers, params["node"], params["only"]
    )


def _summary(plan: NetworkPlan, seen: list[ObservedNetwork]) -> dict[str, Any]:
    created = {network.name: network for network in plan.create}
    kept = {network.name for network in plan.keep}
    summary: dict[str, Any] = {
        network.name: {"id": None, "driver": network.driver, **_declared_subnets(network), "action": "created"}
        for network in plan.create
    }
    summary.update({network.name: {**_show(network), "action": "removed"} for network in plan.remove})
    for network in seen:
        if network.name in created or network.name in kept:
            summary[network.name] = {**_show(network), "action": "created" if network.name in created else "none"}
    return summary


def _show(network: ObservedNetwork) -> dict[str, Any]:
    return {
        "id": network.id,
        "driver": network.driver,
        "subnet": next((subnet for subnet in network.subnets if not is_ipv6(subnet)), None),
        "subnet6": next((subnet for subnet in network.subnets if is_ipv6(subnet)), None),
        "scope": network.scope,
    }


def _declared_subnets(network: Network) -> dict[str, str | None]:
    return {"subnet": network.subnet, "subnet6": network.subnet6}


def _diff(plan: NetworkPlan) -> dict[str, Any]:
    gone = {n.name: {"driver": n.driver, "internal": n.internal, "subnets": list(n.subnets)} for n in plan.remove}
    new = {
        n.name: {
            "driver": n.driver,
            "internal": n.internal,
            **_declared_subnets(n),
            "options": dict(n.options),
        }
        for n in plan.create
    }
    return {"before": gone, "after": new}


if __name__ == "__main__":
    main()
