#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify the hosts files of containers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hosts_file_verify
short_description: Verify that hosts files of containers have what they should, and nothing that is stale
description:
  - Reads the hosts files of a node's containers, without any tool inside of them, and says one sentence about each line
    that is missing, wrong, not to be there, or stale.
  - What must be there is said in O(files), or follows from a topology (O(networks), O(containers)) and the version of
    the engine. Engines below 1.10 write a container's peers into its hosts file, as C(name) and C(name.network). Later
    ones write localhost, extra hosts and one line of the container's own for each network, and never a peer.
  - Below 28.0, a container's own lines are gone after it has left a network (moby#34044), so a missing one says nothing
    there.
  - Stale is a line that gives the container's own name an address that it does not have, or the name of a peer an
    address that is not the peer's. Peers share a network with the container, on this engine or, in a topology, on
    any node in O(nodes_seen).
  - Fails where a file is not as it should be, and also where one could not be read.
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
  - dockernet.lab.engine.here
  - dockernet.lab.topology.flavour
options:
  files:
    description:
      - What to expect, by the name or ID of the container.
      - C(present) maps names to the address that the file is to give each, or to a list of them, or to nothing where
        any address will do. Another address of the same family beside them is wrong.
      - C(absent) is a list of names that the file must not have.
      - With neither, only stale lines are looked for.
    type: dict
    default: {}
  networks:
    description: The topology's networks, as M(dockernet.lab.network_probe) takes them.
    type: list
    elements: dict
  containers:
    description: The topology's containers. Those of this node are verified.
    type: list
    elements: dict
  node:
    description: The name of this node in the topology.
    type: str
  nodes:
    description: The names of all nodes that the topology may name. Left out, they are those that it names.
    type: list
    elements: str
  nodes_seen:
    description:
      - What M(dockernet.lab.network_probe) returned as C(seen), by node.
      - It tells the addresses of peers on other nodes.
    type: dict
    default: {}
  stale:
    description: Whether to look for stale lines.
    type: bool
    default: true
  fail:
    description: Whether to fail. Otherwise the result alone tells what is wrong.
    type: bool
    default: true
author:
  - The dockernet.lab maintainers
seealso:
  - module: dockernet.lab.hosts_file_info
  - module: dockernet.lab.network_probe
"""

EXAMPLES = r"""
- name: Expect certain lines
  dockernet.lab.hosts_file_verify:
    files:
      ubuntu1:
        present: {localhost: 127.0.0.1, printer: 10.9.8.7}
        absent: [ubuntu2, ubuntu2.linux]
      ubuntu2: {}

- name: Expect what follows from the topology, and only report
  dockernet.lab.hosts_file_verify:
    node: "{{ inventory_hostname }}"
    networks: "{{ topology_networks }}"
    containers: "{{ topology_containers }}"
    fail: false
  register: hosts_files

- name: Show each wrong line
  ansible.builtin.debug:
    msg: "{{ hosts_files.wrong | map(attribute='sentence') }}"
"""

RETURN = r"""
wrong:
  description:
    - What is wrong. C(kind) is V(missing), V(address) (a name has another address than it should), V(unwanted) or
      V(stale); C(addresses) are those that the file gives the name.
  type: list
  elements: dict
  returned: always
  sample:
    - container: ubuntu1
      kind: stale
      name: ubuntu2
      addresses: [10.0.0.9]
      sentence: >-
        ubuntu1: the line '10.0.0.9 ubuntu2' of its hosts file is stale: ubuntu2 has 10.0.0.3, not 10.0.0.9, which
        nobody has.
not_judged:
  description: What nobody could tell, since a container does not run, vanished, or could not be read; in the same form.
  type: list
  elements: dict
  returned: always
  sample: []
verified:
  description: The containers whose files were to be verified.
  type: list
  elements: str
  returned: always
  sample: [ubuntu1, ubuntu2]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils import _topology
from ansible_collections.dockernet.lab.plugins.module_utils._engine import LOCAL_SOCKET, EngineError
from ansible_collections.dockernet.lab.plugins.module_utils._hosts_check import check, check_topology, parse
from ansible_collections.dockernet.lab.plugins.module_utils._hosts_rules import NOT_READ, Finding
from ansible_collections.dockernet.lab.plugins.module_utils._observation import NodeObservation


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "default": {}},
            "networks": {"type": "list", "elements": "dict"},
            "containers": {"type": "list", "elements": "dict"},
            "node": {"type": "str"},
            "nodes": {"type": "list", "elements": "str"},
            "flavour": {"type": "str", "choices": ["classic", "mode", "none"], "default": "none"},
            "nodes_seen": {"type": "dict", "default": {}},
            "stale": {"type": "bool", "default": True},
            "fail": {"type": "bool", "default": True},
            "docker_host": {"type": "str", "default": LOCAL_SOCKET},
        },
        required_together=[("networks", "containers", "node")],
        supports_check_mode=True,
    )
    try:
        findings, verified = judged(module.params)
    except (EngineError, ValueError) as error:  # a topology's problems are ValueErrors too
        module.fail_json(msg=str(error))
    result: dict[str, Any] = {
        "wrong": [each._asdict() for each in findings if each.kind != NOT_READ],
        "not_judged": [each._asdict() for each in findings if each.kind == NOT_READ],
        "verified": verified,
    }
    if findings and module.params["fail"]:
        module.fail_json(msg="\n".join(each.sentence for each in findings), **result)
    module.exit_json(changed=False, **result)


def judged(asked: dict[str, Any]) -> tuple[list[Finding], list[str]]:
    """What is wrong, and the containers that were looked at. Raises EngineError and ValueError."""
    if not asked["files"] and asked["containers"] is None:
        raise ValueError(
            "Nothing is to be verified: give 'files', or a topology ('networks', 'containers' and 'node')."
        )
    files = parse(asked["files"])
    findings = check(asked["docker_host"], files, asked["stale"]) if files else []
    verified = list(files)
    if asked["containers"] is not None:
        found, names = check_topology(
            (asked["node"], asked["docker_host"]), topology_of(asked), asked["flavour"], seen_of(asked), asked["stale"]
        )
        findings += found
        verified += [name for name in names if name not in verified]
    return findings, verified


def topology_of(asked: dict[str, Any]) -> _topology.Topology:
    """The topology as declared. Raises TopologyError."""
    nodes = asked["nodes"] or [asked["node"], *(str(each["node"]) for each in asked["containers"] if each.get("node"))]
    return _topology.parse(asked["networks"], asked["containers"], list(dict.fromkeys(nodes)), asked["flavour"])


def seen_of(asked: dict[str, Any]) -> dict[str, NodeObservation]:
    """What was seen of other nodes. Raises ValueError."""
    try:
        return {node: NodeObservation.from_json(data) for node, data in asked["nodes_seen"].items() if data}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"'nodes_seen' does not hold what network_probe returned as 'seen': {error}.") from error


if __name__ == "__main__":
    main()
