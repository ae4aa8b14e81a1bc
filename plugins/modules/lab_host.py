#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at the machine that is to carry a lab."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_host
short_description: Check that a machine can carry a lab, and raise its limits
description:
  - Runs on the controller, beside the engine that carries the lab's nodes.
  - Says everything that would stop the lab at once, before anything is made.
extends_documentation_fragment:
  - dockernet.lab.attributes
options:
  lab:
    description: Name of the lab.
    type: str
    required: true
  subnet:
    description: Subnet of the lab's own network, in CIDR notation.
    type: str
    required: true
  addresses:
    description: The nodes' fixed addresses, as name to address.
    type: dict
    default: {}
  images:
    description: Images that the lab may want to find on the engine.
    type: list
    elements: str
    default: []
  files:
    description: Directory with the Dockerfiles of the images that can be built.
    type: path
    required: true
  raise_limits:
    description:
      - Raise kernel limits that are too low for a lab of systemd nodes (until the next boot).
      - Without the rights to do so, RV(warnings) says what to set.
    type: bool
    default: false
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Look at this machine
  dockernet.lab.lab_host:
    lab: swarm
    subnet: 192.168.99.0/24
    addresses: {swl-demo0: 192.168.99.101}
    files: "{{ role_path }}/files"
  delegate_to: localhost
"""

RETURN = r"""
flavour:
  description: Flavour of the lab that is already there; empty where none is.
  type: str
  returned: success
store:
  description: Kind of cluster store of the lab that is already there; empty where none is, or it has none.
  type: str
  returned: success
missing:
  description: The images that are not there, or are built from an older recipe.
  type: list
  elements: str
  returned: success
low:
  description: Names of the kernel limits that are still too low.
  type: list
  elements: str
  returned: success
"""

import ipaddress
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._engine import EngineError, connect_from_environment
from ansible_collections.dockernet.lab.plugins.module_utils._images import RECIPES, full_name
from ansible_collections.dockernet.lab.plugins.module_utils._labels import FLAVOUR, OWNER, RECIPE, STORE
from ansible_collections.dockernet.lab.plugins.module_utils._linux import routes

# Each systemd in a node takes a dozen inotify instances; kind's known issues name the same limits.
# The neighbour table is one for all network namespaces: all nodes' and all containers' peers share it.
LIMITS = {
    "fs.inotify.max_user_instances": 1024,
    "fs.inotify.max_user_watches": 262144,
    "net.ipv4.neigh.default.gc_thresh1": 8192,
    "net.ipv4.neigh.default.gc_thresh2": 32768,
    "net.ipv4.neigh.default.gc_thresh3": 65536,
}


def subnet_problems(client: Any, lab: str, subnet: str, addresses: dict[str, str]) -> list[str]:
    """What speaks against `subnet`: its own form, the nodes' addresses, and what this machine already uses."""
    cure = "choose another with LAB_SUBNET=... or lab_subnet, for example 192.168.123.0/24"
    try:
        wanted = ipaddress.IPv4Network(subnet)
    except ValueError as error:
        return [f"lab_subnet '{subnet}' is no IPv4 network address ({error}); {cure}."]
    problems = [
        f"Node '{name}' has address {address}, which is outside lab_subnet {subnet}; give it one inside."
        for name, address in addresses.items()
        if ipaddress.ip_address(address) not in wanted
    ]
    bridges = set()
    for network in client.networks():
        options = network.get("Options") or {}
        bridges.add(options.get("com.docker.network.bridge.name", "br-" + network["Id"][:12]))
        if (network.get("Labels") or {}).get(OWNER) == lab:
            continue
        for config in (network.get("IPAM") or {}).get("Config") or []:
            other = ipaddress.ip_network(config.get("Subnet", "0.0.0.0/32"))
            if other.version == wanted.version and other.overlaps(wanted):
                problems.append(
                    f"lab_subnet {subnet} overlaps {other} of the engine's network '{network['Name']}'; {cure}."
                )
    problems += [
        f"lab_subnet {subnet} overlaps {route} on this machine's interface {interface}; {cure}."
        for interface, route in routes()
        if interface not in bridges and route.overlaps(wanted)
    ]
    return problems


def low_limits() -> dict[str, tuple[int, int]]:
    """The kernel limits that are too low, as name -> (now, wanted)."""
    low = {}
    for name, wanted in LIMITS.items():
        path = Path("/proc/sys") / name.replace(".", "/")
        if path.exists() and int(path.read_text()) < wanted:
            low[name] = (int(path.read_text()), wanted)
    return low


def raise_limits(low: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Raise what is too low; return what could not be raised."""
    refused = {}
    for name, (now, wanted) in low.items():
        try:
            (Path("/proc/sys") / name.replace(".", "/")).write_text(str(wanted))
        except OSError:
            refused[name] = (now, wanted)
    return refused


def missing_images(client: Any, names: list[str], files: Path) -> list[str]:
    """The wanted images that are not on the engine, or were built from an older recipe."""
    there = {tag: image.get("Labels") or {} for image in client.images() for tag in image.get("RepoTags") or []}
    missing = []
    for name in names:
        tag = full_name(name)
        recipe = RECIPES.get(tag)
        if tag not in there or (recipe and there[tag].get(RECIPE, "") not in ("", recipe.digest(files))):
            missing.append(name)
    return missing


def made_for(client: Any, lab: str) -> dict[str, str]:
    """The flavour and the kind of cluster store that the lab's nodes were made for; empty where there are none."""
    for container in client.containers(all=True, filters={"label": [f"{OWNER}={lab}", FLAVOUR]}):
        return {"flavour": container["Labels"][FLAVOUR], "store": container["Labels"].get(STORE, "")}
    return {"flavour": "", "store": ""}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "lab": {"type": "str", "required": True},
            "subnet": {"type": "str", "required": True},
            "addresses": {"type": "dict", "default": {}},
            "images": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "path", "required": True},
            "raise_limits": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    try:
        client = connect_from_environment()
    except EngineError as error:
        module.fail_json(msg=str(error))
    problems = subnet_problems(client, wanted["lab"], wanted["subnet"], wanted["addresses"])
    if problems:
        module.fail_json(msg="\n".join(problems))

    low = low_limits()
    raised = low if wanted["raise_limits"] else {}
    if raised and not module.check_mode:
        refused = raise_limits(low)
        if refused:
            settings = " ".join(f"{name}={value}" for name, (_now, value) in refused.items())
            module.warn(f"Kernel limits are low for a larger lab; as root: sysctl -w {settings}")
        raised = {name: values for name, values in low.items() if name not in refused}
    module.exit_json(
        changed=bool(raised),
        diff={
            "before": "".join(f"{name} = {now}\n" for name, (now, _value) in raised.items()),
            "after": "".join(f"{name} = {value}\n" for name, (_now, value) in raised.items()),
        },
        **made_for(client, wanted["lab"]),
        low=sorted(set(low) - set(raised)),
        missing=missing_images(client, wanted["images"], Path(wanted["files"])),
    )


if __name__ == "__main__":
    main()
