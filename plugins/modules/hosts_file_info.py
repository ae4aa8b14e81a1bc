#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what containers know of names and addresses."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hosts_file_info
short_description: Read hosts file, resolv.conf and own addresses of a node's containers
description:
  - For the containers of a node's engine, returns the hosts file as lines, resolv.conf as data, the addresses of each
    interface as the container's own network namespace has them, and the hostname.
  - Enters the containers' namespaces, so no tool is needed inside of them.
  - A container that is not there, does not run, or stops, restarts or vanishes while it is looked at is in the result,
    with a sentence that says so, and is no failure.
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
  - dockernet.lab.engine.here
options:
  containers:
    description: Names or IDs of the containers to look at. Left out, all of the engine are.
    type: list
    elements: str
author:
  - The dockernet.lab maintainers
seealso:
  - module: dockernet.lab.hosts_file_verify
"""

EXAMPLES = r"""
- name: Look at all containers of the node
  dockernet.lab.hosts_file_info:
  register: look

- name: Look at one
  dockernet.lab.hosts_file_info:
    containers: [ubuntu1]
  register: one

- name: Show its hosts file
  ansible.builtin.debug:
    msg: "{{ one.containers[0].hosts_file }}"
"""

RETURN = r"""
engine:
  description: Version of the engine.
  type: str
  returned: success
  sample: 20.10.5
complete:
  description: Whether these are all containers of the engine.
  type: bool
  returned: success
containers:
  description: The containers, by name.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the container.
      type: str
    id:
      description: ID of the container.
      type: str
    asked:
      description: The name or ID in O(containers) that it is here for; only where that is given.
      type: str
    state:
      description:
        - What the engine says (V(running), V(paused), V(exited), ...); V(missing) where it has no such container, and
          V(vanished) where it was removed meanwhile.
      type: str
    problem:
      description: A sentence where the container could not be read, or was restarted meanwhile; else empty.
      type: str
    pid:
      description: Its first process; 0 where there is none.
      type: int
    hostname:
      description: Its hostname, with its domain.
      type: str
    networks:
      description: The networks that the engine has it on, with address and endpoint as the engine says.
      type: dict
    hosts_file:
      description: The text of C(/etc/hosts); null where it could not be read.
      type: str
    hosts:
      description: The same as lines.
      type: list
      elements: dict
    resolver:
      description: The servers, search domains and options of C(/etc/resolv.conf); null where it could not be read.
      type: dict
    interfaces:
      description: The interfaces with all their addresses, of both families; null where they could not be read.
      type: list
      elements: dict
  sample:
    - name: ubuntu1
      id: 719402482f1d5fc275a354ccc04fe05f9f571910fb6a74bc697330816e35c3b1
      state: running
      problem: ""
      pid: 4711
      hostname: 719402482f1d
      networks:
        linux: {address: 10.0.0.2, endpoint_id: e5b92b9741ca17c80965b87a44b53d0d293c81609bc3ef65b7729c7ddc34ce83}
      hosts_file: "127.0.0.1\tlocalhost\n10.0.0.2\t719402482f1d\n"
      hosts:
        - {address: 127.0.0.1, names: [localhost]}
        - {address: 10.0.0.2, names: [719402482f1d]}
      resolver: {servers: [127.0.0.11], search: [], options: ["ndots:0"]}
      interfaces:
        - {name: lo, mac: "00:00:00:00:00:00", addresses: [127.0.0.1/8]}
        - {name: eth0, mac: "02:42:0a:00:00:02", addresses: [10.0.0.2/24]}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._container_files import look
from ansible_collections.dockernet.lab.plugins.module_utils._engine import LOCAL_SOCKET, EngineError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "containers": {"type": "list", "elements": "str"},
            "docker_host": {"type": "str", "default": LOCAL_SOCKET},
        },
        supports_check_mode=True,
    )
    wanted = module.params["containers"]
    try:
        seen = look(module.params["docker_host"], wanted)
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, engine=seen.engine, complete=wanted is None, containers=seen.containers)


if __name__ == "__main__":
    main()
