#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the docker contexts that lead to a lab's engines."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_contexts
short_description: Keep the docker contexts of a lab
description:
  - Runs on the controller. Gives its user C(docker --context NODE), as C(docker-machine config) once did.
  - A context that this module did not make is never changed nor removed.
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
  delegate_to: localhost
"""

RETURN = r"""
contexts:
  description: The lab's contexts as they are now.
  type: dict
  returned: success
"""

import json
import shutil
import subprocess

from ansible.module_utils.basic import AnsibleModule


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


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "lab": {"type": "str", "required": True},
            "contexts": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    wanted = module.params["contexts"]
    mark = f"Lab {module.params['lab']} of dockernet.lab"
    if shutil.which("docker") is None:
        module.exit_json(changed=False, contexts={}, msg="There is no docker command line here, so no contexts either.")
    there = existing()
    foreign = [name for name in wanted if name in there and there[name][0] != mark]
    if foreign:
        module.fail_json(
            msg=f"The docker context '{foreign[0]}' is there and is not this lab's: rename it "
            f"(docker context export, import, rm), or name the lab's nodes otherwise."
        )
    ours = {name: address for name, (description, address) in there.items() if description == mark}
    try:
        for name in ours:
            if ours[name] != wanted.get(name) and not module.check_mode:
                docker("context", "rm", "--force", name)
        for name, address in wanted.items():
            if ours.get(name) != address and not module.check_mode:
                docker("context", "create", name, "--description", mark, "--docker", f"host={address}")
    except subprocess.CalledProcessError as error:
        module.fail_json(msg=f"docker context failed: {error.stderr.strip()}")
    module.exit_json(
        changed=ours != wanted,
        contexts=wanted,
        diff={
            "before": "".join(f"{name} {address}\n" for name, address in sorted(ours.items())),
            "after": "".join(f"{name} {address}\n" for name, address in sorted(wanted.items())),
        },
    )


if __name__ == "__main__":
    main()
