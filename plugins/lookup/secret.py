# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret of a cluster: made once, kept in a file of the controller, the same in each run."""

from __future__ import annotations

import base64
import os
import secrets
import tempfile
import uuid
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = r"""
name: secret
short_description: A secret that is made once and kept in a file of the controller
description:
  - Returns the text of a file. Where there is none yet, it is made with a new random secret, and with the mode 0600.
  - Of several runs that make it at once, all get the same one.
  - With C(--check) nothing is written.
author:
  - The dockernet.lab maintainers
options:
  _terms:
    description: Paths of the files.
    required: true
  kind:
    description: What is made. V(uuid) is what Consul's tokens are, V(key) 32 bytes in Base64, as its gossip key.
    type: str
    choices: [uuid, key]
    default: uuid
"""

EXAMPLES = r"""
- name: A gossip key for Consul
  ansible.builtin.debug:
    msg: "{{ lookup('dockernet.lab.secret', '~/cluster/gossip', kind='key') | length }} characters"
"""

RETURN = r"""
_raw:
  description: The secrets, in the order of the paths.
  type: list
  elements: str
"""


def new_secret(kind: str) -> str:
    """A random secret."""
    return str(uuid.uuid4()) if kind == "uuid" else base64.b64encode(secrets.token_bytes(32)).decode()


def kept(path: Path, kind: str) -> str:
    """The secret in the file, which is made where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, new = tempfile.mkstemp(dir=path.parent)  # 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(new_secret(kind) + "\n")
        os.link(new, path)
    except FileExistsError:
        pass  # another run was faster
    finally:
        Path(new).unlink()
    return path.read_text().strip()


class LookupModule(LookupBase):  # type: ignore[misc]
    """The lookup."""

    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[str]:
        """The secrets in these files."""
        self.set_options(var_options=variables, direct=kwargs)
        is_check = bool((variables or {}).get("ansible_check_mode"))
        return [self._secret(Path(term).expanduser(), is_check) for term in terms]

    def _secret(self, path: Path, is_check: bool) -> str:
        try:
            if path.exists():
                text = path.read_text().strip()
            else:
                text = new_secret(self.get_option("kind")) if is_check else kept(path, self.get_option("kind"))
        except OSError as error:
            raise AnsibleError(f"The secret '{path}' cannot be kept ({error.strerror}): make it readable.") from error
        if not text:
            raise AnsibleError(f"The secret '{path}' is empty: remove the file, and a new one is made.")
        return text
