#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get an image onto the engine that carries a lab."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_image
short_description: Get an image onto the engine of this machine, from wherever it can be had
description:
  - "An image is taken from the first of these that has it: the engine itself, an archive in the image cache,
    a registry, Debian's packages (only the images that labs are made of)."
  - Runs on the controller, beside the engine that carries the lab's nodes.
options:
  name:
    description: The image, such as V(box), V(nginx), V(swarm:1.2.9), V(dockernet/node:13) or V(dockernet/etcd:12).
    type: str
    required: true
  files:
    description: Directory that holds the Dockerfiles, one folder each.
    type: path
    required: true
  cache:
    description: Directory that is searched for archives (C(docker save)) called like the image, as C(swarm-1.2.9.tar).
    type: path
    required: true
  mirror:
    description: Debian mirror to build from. Without it, this machine's own where it is a Debian.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    details: Says whether and from where the image could be had; asks the registry without pulling.
  diff_mode:
    support: none
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Get the image of classic Swarm
  dockernet.lab.lab_image:
    name: swarm:1.2.9
    files: "{{ role_path }}/files"
    cache: ~/.cache/dockernet/images
  delegate_to: localhost
"""

RETURN = r"""
source:
  description: Where the image came from, or would come from; V(none) in check mode where it cannot be had.
  type: str
  returned: success
  sample: [engine, archive, registry, packages, none]
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._engine import EngineError, connect_from_environment
from ansible_collections.dockernet.lab.plugins.module_utils._images import RECIPES, RELEASES, Recipe, full_name
from ansible_collections.dockernet.lab.plugins.module_utils._labels import RECIPE

# bullseye is archived: its Release files are past their date.
APT_OPTIONS = ('--aptopt=Acquire::Check-Valid-Until "false"',)

SPACE = 1_500_000_000  # bytes that building an image takes at the most, its base included


class ImageError(Exception):
    """The image cannot be had. The text is a whole sentence for the user."""


class Image:
    """One image, and the ways to get it."""

    def __init__(self, client: Any, name: str, files: Path, cache: Path, mirror: str) -> None:
        self.client = client
        self.name = full_name(name)
        self.files = files
        self.archive = cache / (name.replace("/", "_").replace(":", "-") + ".tar")
        self.mirror = mirror
        self.recipe = RECIPES.get(self.name)

    def source(self) -> str:
        """Where the image can be had from; `none` where nowhere."""
        if self._is_current():
            return "engine"
        if self.archive.is_file():
            return "archive"
        if (self.recipe is None or self.recipe.is_pullable) and self._registry_has_it():
            return "registry"
        return "packages" if self.recipe else "none"

    def get(self, source: str) -> None:
        """Get the image from `source`. Raises ImageError."""
        if source == "archive":
            _run("docker", "load", "--quiet", f"--input={self.archive}")
            if self._labels() is None:
                raise ImageError(
                    f"The archive {self.archive} holds no image '{self.name}': tag it so, and save it again."
                )
        elif source == "registry":
            _run("docker", "pull", "--quiet", self.name)
        elif source == "packages" and self.recipe:
            self._build(self.recipe)
        elif source == "none":
            raise ImageError(
                f"The image '{self.name}' cannot be had: it is not on the engine, there is no archive "
                f"{self.archive}, and no registry that can be reached has it. Do one of these: docker pull "
                f"{self.name}; or docker load it; or put its archive (docker save) there."
            )

    def _labels(self) -> dict[str, str] | None:
        """The labels of the image on the engine; None where it is not there."""
        for image in self.client.images():
            if self.name in (image.get("RepoTags") or []):
                return dict(image.get("Labels") or {})
        return None

    def _is_current(self) -> bool:
        """True where the engine has it: somebody else's as it is, ours if it is built from the present recipe."""
        labels = self._labels()
        if labels is None:
            return False
        return not self.recipe or labels.get(RECIPE) in (None, self.recipe.digest(self.files))

    def _registry_has_it(self) -> bool:
        try:
            self.client.inspect_distribution(self.name)
        except Exception:
            # No route, no such name, no rights: for the user all the same, the next source is tried.
            return False
        return True

    def _build(self, recipe: Recipe) -> None:
        self._check_space()
        release = RELEASES[recipe.release]
        mirror = self.mirror or _own_mirror()
        arguments = {
            "BASE": self._base_of(recipe.base) if recipe.base else self._base(release.codename, mirror),
            "APT_SOURCES": f"deb {mirror} {release.codename} main" if mirror else "",
            "PACKAGES": " ".join(recipe.packages),
            "RELEASE": recipe.release,
            "RECIPE": recipe.digest(self.files),
        }
        options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        _run("docker", "build", "--quiet", f"--tag={self.name}", *options, str(self.files / recipe.folder))

    def _check_space(self) -> None:
        """Refuse to begin what the disk has no room for."""
        root = self.client.info()["DockerRootDir"]
        free = shutil.disk_usage(root).free if Path(root).exists() else SPACE
        if free < SPACE:
            raise ImageError(
                f"The disk of {root} has {free / 1e9:.1f} GB free, and '{self.name}' needs about {SPACE / 1e9:.1f} GB: "
                "make room there (docker image prune), or move the engine's data-root."
            )

    def _base_of(self, name: str) -> str:
        """The name of a base image that is built from a recipe itself: there already, or made now."""
        base = Image(self.client, name, self.files, self.archive.parent, self.mirror)
        base.get(base.source())
        return name

    def _base(self, codename: str, mirror: str) -> str:
        """The name of a base image of Debian `codename`: there already, pulled, or made from packages."""
        own = f"dockernet/debian:{codename}"
        official = f"debian:{codename}-slim"
        there = {tag for image in self.client.images() for tag in image.get("RepoTags") or []}
        for name in (official, f"debian:{codename}", own):
            if name in there:
                return name
        try:
            _run("docker", "pull", "--quiet", official)
        except ImageError:
            _bootstrap(codename, mirror, own)
            return own
        return official


def _own_mirror() -> str:
    """The Debian mirror of this machine's own apt; empty where it is no Debian."""
    release = Path("/etc/os-release")
    if not release.exists() or "\nID=debian\n" not in "\n" + release.read_text():
        return ""
    words = ("apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)", "Created-By: Packages")
    uris = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()
    return next((uri for uri in uris if "security" not in uri), "")


def _bootstrap(codename: str, mirror: str, name: str) -> None:
    """Make a base image from Debian's packages alone."""
    words = ["mmdebstrap", "--variant=minbase", "--include=ca-certificates", *APT_OPTIONS, codename, "-"]
    try:
        make = subprocess.Popen([*words, *([mirror] if mirror else [])], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError as error:
        raise ImageError(
            f"No base image of Debian {codename} can be pulled, and mmdebstrap, which makes one from packages, is "
            f"missing: install it (apt-get install mmdebstrap), or docker load an image debian:{codename}-slim."
        ) from error
    load = subprocess.run(
        ["docker", "import", "-", name], stdin=make.stdout, capture_output=True, text=True, check=False
    )
    _output, errors = make.communicate()
    if make.returncode or load.returncode:
        if load.returncode == 0:
            subprocess.run(["docker", "image", "rm", name], capture_output=True, check=False)
        raise ImageError(_sentence(f"mmdebstrap {codename}", errors.decode() + load.stderr))


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(_sentence(" ".join((words[0], words[1], words[-1])), done.stdout + done.stderr))


def _sentence(what: str, output: str) -> str:
    if "No space left on device" in output or "no space left on device" in output:
        return f"The disk is full: '{what}' could not finish. Make room (docker image prune), then try again."
    lines = [line for line in output.splitlines() if line.strip()]
    return f"'{what}' failed: " + " / ".join(lines[-3:])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "files": {"type": "path", "required": True},
            "cache": {"type": "path", "required": True},
            "mirror": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    try:
        client = connect_from_environment()
        image = Image(client, wanted["name"], Path(wanted["files"]), Path(wanted["cache"]), wanted["mirror"])
        source = image.source()
        if source != "engine" and not module.check_mode:
            image.get(source)
    except (EngineError, ImageError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=source not in ("engine", "none"), source=source)


if __name__ == "__main__":
    main()
