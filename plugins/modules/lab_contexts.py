#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the docker contexts that lead to a lab's engines."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_contexts
short_description: Keep the docker contexts of a lab
description:
  - Runs on the controller. Gives its user C(docker --context NODE), as C(docker-machine config) once did.
  - A context that this module did not make is never changed nor removed; where it has a name that the lab wants, a
    warning says so.
  - No context is made for an address that this machine does not reach, as where its engine is Docker Desktop's,
    rootless, or another machine's. A warning says so, and how else. A context that is there already stays.
options:
  lab:
    description: Name of the lab.
    type: str
    required: true
  contexts:
    description: All contexts of the lab, as name to address. Others of the lab are removed.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Tries the addresses all the same.
    support: full
  diff_mode:
    support: full
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Make the lab's engines known to the docker command line
  dockernet.lab.lab_contexts:
    lab: swarm
    contexts:
      swl-demo0: tcp://192.168.99.101:2375
      swl-swarm: tcp://192.168.99.101:3375
  delegate_to: localhost
"""

RETURN = r"""
contexts:
  description: The lab's contexts as they are now.
  type: dict
  returned: success
not_reached:
  description: Names of the contexts whose address this machine does not reach.
  type: list
  elements: str
  returned: success
"""

import json
import shutil
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils import _contexts


def docker(*words: str) -> str:
    """Run `docker WORDS` and return what it printed. Raises CalledProcessError."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def existing() -> dict[str, tuple[str, str]]:
    """All contexts of this user, as name -> (description, address)."""
    found = {}
    for line in docker("context", "ls", "--format", "{{json .}}").splitlines():
        context = json.loads(line)
        found[context["Name"]] = (context["Description"], context["DockerEndpoint"])
    return found


def converge(ours: dict[str, str], wanted: dict[str, str], description: str) -> None:
    """Remove what is not wanted as it is, then make what is not there."""
    kept = {name for name, address in ours.items() if wanted.get(name) == address}
    for name in sorted(set(ours) - kept):
        docker("context", "rm", "--force", name)
    for name in sorted(set(wanted) - kept):
        docker("context", "create", name, "--description", description, "--docker", f"host={wanted[name]}")


def foreign_sentence(name: str) -> str:
    """What to say of a context that is somebody else's."""
    return (
        f"The docker context '{name}' is not this lab's and stays as it is, so the lab has none of that name: rename "
        "it (docker context export, rm, import) and run this again, or call the node otherwise in the inventory."
    )


def unreachable_sentence(names: list[str], contexts: dict[str, str]) -> str:
    """Why the contexts called `names` cannot work, and how else their engines are talked to."""
    addresses = ", ".join(dict.fromkeys(contexts[name].partition("://")[2] for name in names))
    ways = [(name, *_way_inside(name, contexts)) for name in names]
    engines = [f"'docker exec {node} docker ...'" for _name, node, option in ways if not option]
    swarms = [f"'docker exec {node} docker {option} ...' for {name}" for name, node, option in ways if option]
    return (
        f"The {_listed(names)} cannot work, since this machine does not reach {addresses} (as where its engine is "
        f"Docker Desktop's, rootless, or another machine's); use {' and '.join(engines[:1] + swarms)} instead."
    )


def _way_inside(name: str, contexts: dict[str, str]) -> tuple[str, str]:
    """The node to enter, and the option that leads on from there: a Swarm's manager is at a node's address too."""
    host, port = contexts[name].partition("://")[2].rsplit(":", 1)
    ports = {int(address.rsplit(":", 1)[1]): other for other, address in contexts.items() if f"//{host}:" in address}
    node = ports[min(ports)]
    return node, "" if node == name else f"--host tcp://{host}:{port}"


def _listed(names: list[str]) -> str:
    return f"docker context{'' if len(names) == 1 else 's'} {', '.join(names)}"


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "lab": {"type": "str", "required": True},
            "contexts": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    declared = module.params["contexts"]
    description = _contexts.description(module.params["lab"])
    if shutil.which("docker") is None:
        if declared:
            module.warn(f"There is no docker command on this machine, and so no {_listed(list(declared))}.")
        module.exit_json(changed=False, contexts={}, not_reached=[])
    try:
        there = existing()
        ours = {name: address for name, (text, address) in there.items() if text == description}
        foreign = [name for name in declared if name in there and name not in ours]
        own = {name: address for name, address in declared.items() if name not in foreign}
        silent = _contexts.unreachable(own.values())
        # One that is there stays: its engine may be down only now.
        wanted = {name: own[name] for name in own if own[name] not in silent or ours.get(name) == own[name]}
        if not module.check_mode:
            converge(ours, wanted, description)
    except subprocess.CalledProcessError as error:
        module.fail_json(msg=f"docker context failed: {error.stderr.strip()}")
    for name in foreign:
        module.warn(foreign_sentence(name))
    unreachable = [name for name in own if own[name] in silent]
    if unreachable:
        module.warn(unreachable_sentence(unreachable, own))
    module.exit_json(
        changed=ours != wanted,
        contexts=wanted,
        not_reached=unreachable,
        diff={
            "before": "".join(f"{name} {address}\n" for name, address in sorted(ours.items())),
            "after": "".join(f"{name} {address}\n" for name, address in sorted(wanted.items())),
        },
    )


if __name__ == "__main__":
    main()
