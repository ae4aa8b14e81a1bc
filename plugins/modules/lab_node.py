#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a node of a lab, and wait until it has booted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_node
short_description: Make a node of a lab, as a container with systemd, and wait until it has booted
description:
  - Runs on the controller. A node that is there as it should be stays as it is, and a stopped or paused one runs on.
  - One that was made of another image or with another address is made anew, with an empty C(/var/lib/docker).
  - M(community.docker.docker_container) cannot uncover C(/proc), which an engine inside needs where C(--privileged) is
    not to be had (C(systempaths=unconfined) is the command line's word for empty C(MaskedPaths) and C(ReadonlyPaths)).
extends_documentation_fragment:
  - dockernet.lab.attributes
options:
  name:
    description: Name of the node, its container and its host.
    type: str
    required: true
  image:
    description: Image of the node; must be on the engine.
    type: str
    required: true
  lab:
    description: Name of the lab.
    type: str
    required: true
  flavour:
    description: Flavour that the lab is made for; kept in a label.
    type: str
    default: none
  store:
    description: Kind of cluster store that the lab is made for; kept in a label.
    type: str
    default: ""
  network:
    description: The lab's own network; made by the first of its nodes.
    type: str
    required: true
  subnet:
    description: Subnet of that network, in CIDR notation.
    type: str
    required: true
  address:
    description: The node's fixed address there; it outlives restarts.
    type: str
    required: true
  timeout:
    description: Seconds that the node may take to boot.
    type: int
    default: 60
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Make the node
  dockernet.lab.lab_node:
    name: swl-demo0
    image: dockernet/node:13
    lab: swarm
    network: dockernet-swarm
    subnet: 192.168.99.0/24
    address: 192.168.99.101
  delegate_to: localhost
"""

RETURN = r"""
action:
  description: What was done, V(none), V(started) or V(created).
  type: str
  returned: success
"""

import contextlib
import fcntl
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._engine import EngineError, connect_from_environment
from ansible_collections.dockernet.lab.plugins.module_utils._labels import FLAVOUR, OWNER, SPEC, STORE

with contextlib.suppress(ImportError):  # connect_from_environment says so
    from docker.types import IPAMConfig, IPAMPool

# The machine's clock, kernel and power are not a lab's to change. Without SYS_RESOURCE a node also
# runs where this machine lacks it, which --privileged does not.
DROPPED = ["SYS_RESOURCE", "SYS_TIME", "SYS_MODULE", "SYS_BOOT"]

# systemd answers only once D-Bus is there; 'degraded' is up too, with a unit failed that a lab may not need.
BOOTED = """
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
state=$(systemctl is-system-running --wait); echo "$state"
[ "$state" = running ] || [ "$state" = degraded ]
"""


class Node:
    """One node and its container on this machine's engine."""

    def __init__(self, client: Any, wanted: dict[str, Any]) -> None:
        self.client = client
        self.wanted = wanted
        self.name = wanted["name"]
        found = client.containers(all=True, filters={"name": f"^/{self.name}$"})
        self.found: dict[str, Any] | None = client.inspect_container(found[0]["Id"]) if found else None
        images = client.images(name=wanted["image"])
        self.image_id = images[0]["Id"] if images else None

    def host_config(self) -> dict[str, Any]:
        """All that systemd and an engine need of the machine (kind and footloose give the same)."""
        on_first_cgroups = str(self.client.info().get("CgroupVersion") or "1") == "1"
        return {
            "CapAdd": ["ALL"],
            "CapDrop": DROPPED,
            "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
            "MaskedPaths": [],
            "ReadonlyPaths": [],
            # With cgroup v2, systemd gets a tree of its own; v1 has none to give.
            "CgroupnsMode": "host" if on_first_cgroups else "private",
            "Binds": ["/sys/fs/cgroup:/sys/fs/cgroup:rw"] if on_first_cgroups else [],
            "Tmpfs": {"/run": "", "/run/lock": "", "/tmp": "exec"},  # noqa: S108 - the node's own
            "NetworkMode": self.wanted["network"],
        }

    def config(self) -> dict[str, Any]:
        """The body of the request that creates the container."""
        network = self.wanted["network"]
        return {
            "Image": self.image_id,
            "Hostname": self.name,
            "Labels": {OWNER: self.wanted["lab"], FLAVOUR: self.wanted["flavour"], STORE: self.wanted["store"]},
            "HostConfig": self.host_config(),
            "NetworkingConfig": {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": self.wanted["address"]}}}},
        }

    def problem(self) -> str | None:
        """Why the node cannot be made; None where nothing speaks against it."""
        owner = self.found and self.found["Config"]["Labels"].get(OWNER)
        if self.found and owner != self.wanted["lab"]:
            whose = f"belongs to lab '{owner}'" if owner else "is not a lab's"
            return (
                f"A container '{self.name}' is there and {whose}: rename it (docker rename), "
                "or call the node otherwise in the inventory."
            )
        if self.image_id is None:
            return f"The image '{self.wanted['image']}' of node '{self.name}' is not on this engine."
        return None

    def make_network(self) -> None:
        """Make the lab's network where it is not there. All nodes do this at once, and one of them makes it."""
        with (Path(tempfile.gettempdir()) / f"{self.wanted['network']}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # A filter by name finds parts of names too.
            if not any(network["Name"] == self.wanted["network"] for network in self.client.networks()):
                pool = IPAMPool(subnet=self.wanted["subnet"])
                self.client.create_network(
                    self.wanted["network"],
                    driver="bridge",
                    ipam=IPAMConfig(pool_configs=[pool]),
                    labels={OWNER: self.wanted["lab"]},
                )

    def create(self, config: dict[str, Any]) -> None:
        """Make the container, in the place of one that differs."""
        if self.found:
            self.client.remove_container(self.found["Id"], v=True, force=True)
        self.client.create_container_from_config(config, self.name)

    def run(self) -> None:
        """Start or wake the container."""
        state = self.client.inspect_container(self.name)["State"]
        if state["Paused"]:
            self.client.unpause(self.name)
        elif not state["Running"]:
            self.client.start(self.name)

    def wait(self, timeout: int) -> str | None:
        """Wait until systemd says that it is up. Returns what is wrong, None where nothing is."""
        command = ["timeout", str(timeout), "sh", "-c", BOOTED]
        execution = self.client.exec_create(self.name, command)["Id"]
        output = self.client.exec_start(execution).decode().strip()
        if self.client.exec_inspect(execution)["ExitCode"] == 0:
            return None
        return (
            f"Node '{self.name}' did not boot within {timeout} s (systemd says: {output or 'nothing'}); "
            f"look at docker logs {self.name}, or give it more time."
        )


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "image": {"type": "str", "required": True},
            "lab": {"type": "str", "required": True},
            "flavour": {"type": "str", "default": "none"},
            "store": {"type": "str", "default": ""},
            "network": {"type": "str", "required": True},
            "subnet": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    try:
        node = Node(connect_from_environment(), module.params)
    except EngineError as error:
        module.fail_json(msg=str(error))
    problem = node.problem()
    if problem and not (module.check_mode and node.image_id is None):
        module.fail_json(msg=problem)

    config = node.config()
    spec = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]
    config["Labels"][SPEC] = spec
    before = node.found["Config"]["Labels"].get(SPEC) if node.found else None
    state = node.found["State"]["Status"] if node.found else "absent"
    action = "created" if before != spec else "none" if state == "running" else "started"
    if not module.check_mode:
        if action == "created":
            node.make_network()
            node.create(config)
        if action != "none":
            node.run()
        problem = node.wait(module.params["timeout"])
        if problem:
            module.fail_json(msg=problem)
    module.exit_json(
        changed=action != "none",
        action=action,
        diff={
            "before": f"{node.name} {before or ''} {state}\n",
            "after": f"{node.name} {spec} running\n",
        },
    )


if __name__ == "__main__":
    main()
