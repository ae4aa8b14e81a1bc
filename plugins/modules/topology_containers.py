#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: topology_containers
short_description: Make the containers of a topology, and their connections, as declared
description:
  - Creates, starts, connects and disconnects the declared containers, all in one call for an engine, or for all
    engines of a classic Swarm.
  - A container is created anew where its image, command, environment, labels, ports, hostname, extra hosts, network
    mode, constraints or affinities change, in a classic Swarm where its node changes, and where a container that its
    affinity names is on another node than it was. A change of its networks, aliases or addresses connects and
    disconnects it while it runs.
  - A container that names no node is placed by the Swarm. In swarm mode it is a service of one task, with the
    container's name. See O(services).
  - Only containers and services with the label C(org.dockernet.lab) and the owner's name as value are touched. Where
    somebody else has one of a declared name, the module fails before it changes anything.
  - Connections to networks that are not declared are left alone, and so are containers that are not declared.
attributes:
  check_mode:
    support: full
    description:
      - Says what it would change, and changes nothing. Does not look for images and networks.
      - Where a container that an affinity names is to be made anew without a node of its own, it cannot say whether
        those that have the affinity will follow it.
  diff_mode:
    support: full
    description: Shows what differs in each container before and after.
extends_documentation_fragment:
  - dockernet.lab.topology.owner
options:
  containers:
    description:
      - All declared containers, those of other nodes too. One of the owner's that is declared for another node is
        removed from this one.
      - Each has C(name), C(networks) (names, or mappings of C(name), C(aliases), C(address), C(address6)), C(node), and
        if wanted C(image), C(command), C(env), C(labels), C(ports), C(listens), C(hostname), C(extra_hosts).
      - In the place of C(networks) there may be C(network_mode), V(bridge), V(host) or V(none), for one of the networks
        that every engine has of its own. No name is known there. V(host) and V(none) publish no C(ports).
      - With V(classic) and V(mode) C(node) may be left out. The Swarm then chooses one that satisfies C(constraints),
        such as V(storage==ssd) (a label of the engine), V(node!=swl-demo0), or in swarm mode V(node.role==worker), and
        C(affinities), V(container==NAME) to share the node of a container that is declared above and
        V(container!=NAME) not to. Where there are several, its strategy decides, which is to spread them.
    type: list
    elements: raw
    required: true
  networks:
    description: All declared networks. A container leaves one of them, and no other, if it is not declared to be on it.
    type: list
    elements: raw
    required: true
  flavour:
    description:
      - V(classic) if O(docker_host) is the manager of a classic Swarm. It places the containers of all nodes, by
        C(constraint:node==NODE) and the containers' own constraints and affinities.
      - With V(mode) and V(none) the call handles the containers of O(node), with V(mode) see O(services) too.
    type: str
    choices: [classic, mode, none]
    default: none
  node:
    description: Name of the node that O(docker_host) is the engine of. Required unless O(flavour=classic).
    type: str
  services:
    description:
      - With O(flavour=mode), whether the call handles the containers that name no node too. Exactly one manager of the
        swarm must do so, and O(docker_host) must be its engine.
      - Each becomes a service of one task (C(docker service ls)). Its container is called C(NAME.1.TASK) on the node;
        the networks know it as C(NAME). The endpoint mode is C(dnsrr) and ports are published by the node itself, so
        the kernel needs no IPVS. All that changes makes it anew.
      - Swarm mode has no affinities. They become constraints on the node where the other container is at that time.
    type: bool
    default: false
  docker_host:
    description: URL of the engine or of the classic Swarm, as in V(tcp://192.168.99.10:3375).
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description:
      - Seconds to wait until the containers' networks are to be seen on the engine, and until the task of a service
        runs. It does not wait that long where a task has failed twice, or where no node satisfies its constraints.
    type: int
    default: 30
  state:
    description: V(absent) removes the owner's containers of the declared names, and with O(services) its services.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Images must be there; none is pulled.
    In swarm mode the nodes themselves look for the image of a service in its registry first.
  - A container is started again with its engine (restart policy C(unless-stopped)). A service's is started again
    whenever it ends, on another node where its own is lost.
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

- name: Let the Swarm place them, in either flavour
  dockernet.lab.topology_containers:
    networks: "{{ topology_networks }}"
    containers:
      - {name: db, constraints: [storage==ssd], networks: [linux]}
      - {name: cache, affinities: [container==db], networks: [linux]}
      - {name: spare, affinities: [container!=db], networks: [linux]}
      - {name: anywhere, networks: [linux]}
    flavour: "{{ swarm_flavour }}"
    node: "{{ inventory_hostname }}"
    services: "{{ inventory_hostname == groups.swarm_managers[0] }}"
    docker_host: "{{ 'tcp://192.168.99.10:3375' if swarm_flavour == 'classic' else 'unix:///var/run/docker.sock' }}"
  run_once: "{{ swarm_flavour == 'classic' }}"
"""

RETURN = r"""
containers:
  description: The declared containers that the call handles, and those that it removes, by name.
  returned: always
  type: dict
  contains:
    id: {description: ID of the container or of the service; none for one that is not there., type: str}
    node: {description: Node that it is on; of a service where its task runs., type: str}
    state: {description: State in the engine's words; of a service its task's., type: str}
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

from ..module_utils._convergence import Part, converge
from ..module_utils._engine import LOCAL_SOCKET, EngineError, connect
from ..module_utils._engine_call import REFUSALS, words
from ..module_utils._engine_containers import EngineContainers
from ..module_utils._engine_services import EngineServices
from ..module_utils._topology import FLAVOURS, Topology, TopologyError, nodes_named, parse


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "containers": {"type": "list", "elements": "raw", "required": True},
            "networks": {"type": "list", "elements": "raw", "required": True},
            "owner": {"type": "str", "default": "dockernet", "aliases": ["lab"]},
            "flavour": {"type": "str", "choices": list(FLAVOURS), "default": "none"},
            "node": {"type": "str"},
            "services": {"type": "bool", "default": False},
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
    topology = _declared(module.params)
    done = converge(_parts(module.params, topology), module.params["state"], module.check_mode)
    result = {"changed": done.changed, "containers": done.summary(), "diff": done.difference()}
    if done.refusals:
        module.fail_json(msg="\n".join(done.refusals), **result)
    module.exit_json(**result)


def _declared(params: dict[str, Any]) -> Topology:
    # Whether these nodes exist is for the inventory to say; here only one of them is known.
    nodes = nodes_named(params["networks"], params["containers"])
    return parse(params["networks"], params["containers"], nodes, params["flavour"])


def _parts(params: dict[str, Any], topology: Topology) -> list[Part]:
    client = connect(params["docker_host"])
    owner, flavour, timeout = params["owner"], params["flavour"], params["timeout"]
    parts: list[Part] = [EngineContainers(client, topology, owner, flavour, params["node"], timeout)]
    if flavour == "mode" and params["services"]:
        parts.append(EngineServices(client, topology, owner, timeout))
    return parts


if __name__ == "__main__":
    main()
