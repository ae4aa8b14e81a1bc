#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a host's certificate, its key and the authorities that it trusts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_files
short_description: Keep a host's certificate, its key and the authorities that it trusts
description:
  - Writes C(ca.pem), C(cert.pem) and C(key.pem), each in one step. The key is never readable to more than its mode
    says.
  - M(dockernet.lab.certificates) calls it. It needs nothing but Python on the host.
options:
  path:
    description: Directory of the files. It is made where there is none, readable to all, with its parents.
    type: path
    required: true
  state:
    description: V(absent) removes the three files, and the directory where nothing else is in it.
    type: str
    choices: [present, absent]
    default: present
  ca:
    description: Certificates of the trusted authorities, as PEM.
    type: str
  certificate:
    description: The certificate, as PEM.
    type: str
  key:
    description: Its private key, as PEM. It is in no output.
    type: str
  owner:
    description: Who owns the files.
    type: str
    default: root
  group:
    description: A group that may read the key; nobody but the owner may without.
    type: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Remove the files
  dockernet.lab.certificate_files:
    path: /etc/dockernet/tls
    state: absent
"""

RETURN = r"""
before:
  description: What was in C(ca.pem) and C(cert.pem); empty where they were not there.
  type: dict
  returned: success
written:
  description: Names of the files that changed.
  type: list
  elements: str
  returned: success
"""

import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

NAMES = {"ca.pem": "ca", "cert.pem": "certificate", "key.pem": "key"}


def read(path: Path) -> str:
    """The file's text; empty where there is none."""
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def put(module: AnsibleModule, path: Path, text: str, mode: str) -> bool:
    """Have the file hold this text with this owner, group and mode. Whether that changes anything."""
    attributes = module.load_file_common_arguments({**module.params, "path": str(path), "mode": mode}, str(path))
    if path.is_file() and not path.is_symlink() and read(path) == text:
        return bool(module.set_fs_attributes_if_different(attributes, False))
    if not module.check_mode:
        descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            attributes["path"] = new
            module.set_fs_attributes_if_different(attributes, False)
            Path(new).replace(path)
        finally:
            Path(new).unlink(missing_ok=True)
    return True


def keep(module: AnsibleModule, directory: Path) -> list[str]:
    """Write what differs. The names of what did."""
    if not module.check_mode and not directory.is_dir():
        directory.mkdir(parents=True)
        directory.chmod(0o755)
    modes = {"key.pem": "0640" if module.params["group"] else "0600"}
    return [
        name
        for name, option in NAMES.items()
        if put(module, directory / name, module.params[option], modes.get(name, "0644"))
    ]


def remove(module: AnsibleModule, directory: Path) -> list[str]:
    """Remove what is there. The names of what was."""
    there = [name for name in NAMES if (directory / name).exists()]
    if not module.check_mode and there:
        for name in there:
            (directory / name).unlink()
        if not any(directory.iterdir()):
            directory.rmdir()
    return there


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "ca": {"type": "str"},
            "certificate": {"type": "str"},
            "key": {"type": "str", "no_log": True},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str"},
        },
        required_if=[("state", "present", ["ca", "certificate", "key"])],
        supports_check_mode=True,
    )
    directory = Path(module.params["path"])
    before = {name: read(directory / name) for name in ("ca.pem", "cert.pem")}
    try:
        written = (keep if module.params["state"] == "present" else remove)(module, directory)
    except OSError as error:
        module.fail_json(msg=f"{directory} cannot be written: {error}; make it writable, or name another directory.")
    module.exit_json(changed=bool(written), written=written, before=before)


if __name__ == "__main__":
    main()
