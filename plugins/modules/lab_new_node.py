#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work out the node that a lab is to get besides those of its inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_new_node
short_description: Check that a lab can get one more node, and work out its address and its container
description:
  - Runs on the controller, beside the engine that carries the lab's nodes. Changes nothing.
  - Fails with one sentence where the name or the address cannot be the node's, or the lab is not there.
options:
  name:
    description: Name of the node.
    type: str
    required: true
  address:
    description: Its address; without it, the next one above those of the lab's engines.
    type: str
    default: ""
  lab:
    description: Name of the lab.
    type: str
    required: true
  subnet:
    description: Subnet of the lab's own network, as the inventory has it.
    type: str
    required: true
  addresses:
    description: The addresses of all hosts of the lab's inventory, by name; the node itself may be one.
    type: dict
    required: true
  engines:
    description: Those of them that have an engine.
    type: list
    elements: str
    required: true
  groups:
    description: Names of the inventory's groups, which no node can be called.
    type: list
    elements: str
    default: []
  member_of:
    description: Groups that the node will be in.
    type: list
    elements: str
    default: [engines]
  networks:
    description: The topology's networks.
    type: list
    elements: dict
    default: []
  containers:
    description: Names of the topology's containers.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Work out what the node is
  dockernet.lab.lab_new_node:
    name: swl-demo2
    lab: swarm
    subnet: 192.168.99.0/24
    addresses: {swl-consul: 192.168.99.100, swl-demo0: 192.168.99.101, swl-demo1: 192.168.99.102}
    engines: [swl-demo0, swl-demo1]
    member_of: [engines, swarm_agents]
    networks: [{name: linux, driver: overlay}]
    containers: [ubuntu1, ubuntu2]
  delegate_to: localhost
"""

RETURN = r"""
known:
  description: Whether the inventory has the node already. The other values are then empty.
  type: bool
  returned: success
address:
  description: The node's address.
  type: str
  returned: success
  sample: 192.168.99.103
containers:
  description: The containers that it brings, as in a topology.
  type: list
  elements: dict
  returned: success
  sample: [{name: ubuntu3, node: swl-demo2, networks: [linux]}]
text:
  description: The inventory file of the node.
  type: str
  returned: success
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils import _new_node
from ansible_collections.dockernet.lab.plugins.module_utils._engine import EngineError, connect_from_environment
from ansible_collections.dockernet.lab.plugins.module_utils._labels import OWNER


def look(client: Any, wanted: dict[str, Any]) -> _new_node.Lab:
    """The lab as its inventory and this machine's engine have it."""
    ours = {"label": f"{OWNER}={wanted['lab']}"}
    networks = client.networks(filters=ours)
    ends = client.inspect_network(networks[0]["Id"])["Containers"] if networks else {}
    return _new_node.Lab(
        name=wanted["lab"],
        wanted_subnet=wanted["subnet"],
        subnet=networks[0]["IPAM"]["Config"][0]["Subnet"] if networks else None,
        nodes=tuple(container["Names"][0].lstrip("/") for container in client.containers(filters=ours)),
        addresses=wanted["addresses"],
        engines=tuple(wanted["engines"]),
        groups=tuple(wanted["groups"]),
        taken={end["IPv4Address"].partition("/")[0]: end["Name"] for end in ends.values()},
    )


def foreign_problem(client: Any, name: str, lab: str) -> str | None:
    """Whether a container of that name is there which is not this lab's."""
    for container in client.containers(all=True, filters={"name": f"^/{name}$"}):
        owner = container["Labels"].get(OWNER)
        if owner != lab:
            whose = f"belongs to lab '{owner}'" if owner else "is not a lab's"
            return f"A container '{name}' is there and {whose}: call the node otherwise."
    return None


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "default": ""},
            "lab": {"type": "str", "required": True},
            "subnet": {"type": "str", "required": True},
            "addresses": {"type": "dict", "required": True},
            "engines": {"type": "list", "elements": "str", "required": True},
            "groups": {"type": "list", "elements": "str", "default": []},
            "member_of": {"type": "list", "elements": "str", "default": ["engines"]},
            "networks": {"type": "list", "elements": "dict", "default": []},
            "containers": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    name, address = wanted["name"], wanted["address"]
    try:
        client = connect_from_environment()
    except EngineError as error:
        module.fail_json(msg=str(error))
    lab = look(client, wanted)
    problem = (
        _new_node.name_problem(name, lab)
        or _new_node.lab_problem(lab)
        or foreign_problem(client, name, wanted["lab"])
        or _new_node.address_problem(name, address, lab)
    )
    if problem:
        module.fail_json(msg=problem)

    known = name in lab.addresses
    if known:
        module.exit_json(changed=False, known=True, address=lab.addresses[name], containers=[], text="")
    address = address or _new_node.next_address(lab) or ""
    brought = _new_node.containers(name, wanted["containers"], wanted["networks"])
    module.exit_json(
        changed=False,
        known=False,
        address=address,
        containers=brought,
        text=_new_node.inventory(name, address, wanted["subnet"], wanted["member_of"], brought),
    )


if __name__ == "__main__":
    main()
