#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy images from this machine's engine into the engine of a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_image_load
short_description: Copy images from this machine's engine into the engine of a lab's node
description:
  - Runs on the controller. Copies what the node does not have yet, or has in another version, through
    C(docker save) and C(docker load), without a registry.
extends_documentation_fragment:
  - dockernet.lab.attributes
options:
  node:
    description: Name of the node's container.
    type: str
    required: true
  images:
    description: Images that the node shall have.
    type: list
    elements: str
    required: true
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Give the node its images
  dockernet.lab.lab_image_load:
    node: swl-demo0
    images: [box, swarm:1.2.9]
  delegate_to: localhost
"""

RETURN = r"""
loaded:
  description: The images that were copied.
  type: list
  elements: str
  returned: success
"""

import json
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._images import full_name

# Two engines may give one image different IDs (moby's containerd image store does); its layers are the same.
FINGERPRINT = '{"tags": {{json .RepoTags}}, "created": {{json .Created}}, "layers": {{json .RootFS.Layers}}}'


def fingerprints(prefix: list[str], images: list[str]) -> dict[str, tuple[str, list[str]]]:
    """What identifies each of the images that an engine has; `prefix` are the words before `docker`."""
    words = [*prefix, "docker", "image", "inspect", "--format", FINGERPRINT, *images]
    # Fails where one is missing, and prints the others all the same.
    lines = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
    found = [json.loads(line) for line in lines if line]
    tags = {tag: (image["created"], image["layers"]) for image in found for tag in image["tags"]}
    return {image: tags[full_name(image)] for image in images if full_name(image) in tags}


def copy(node: str, images: list[str]) -> str:
    """Copy images into the node. Returns what went wrong, or nothing."""
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as save:
        words = ["docker", "exec", "--interactive", node, "docker", "load", "--quiet"]
        load = subprocess.run(words, stdin=save.stdout, capture_output=True, text=True, check=False)
        errors = save.stderr.read().decode() if save.stderr else ""
    return "" if load.returncode == 0 and save.returncode == 0 else (errors + load.stderr).strip()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "node": {"type": "str", "required": True},
            "images": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    node, images = module.params["node"], module.params["images"]
    here = fingerprints([], images)
    absent = [image for image in images if image not in here]
    if absent and not module.check_mode:
        module.fail_json(
            msg=f"This machine's engine has no image {', '.join(absent)} for '{node}': pull or load it there."
        )
    there = fingerprints(["docker", "exec", node], images)
    missing = [image for image in images if there.get(image) != here.get(image) or image in absent]
    if missing and not module.check_mode:
        problem = copy(node, missing)
        if problem:
            module.fail_json(msg=f"Node '{node}' could not load the images {', '.join(missing)}: {problem}")
    module.exit_json(
        changed=bool(missing),
        loaded=missing,
        diff={"before": "", "after": "".join(f"{node}: image {image}\n" for image in missing)},
    )


if __name__ == "__main__":
    main()
