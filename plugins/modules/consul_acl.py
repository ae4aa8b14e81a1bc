#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a Consul's policies and tokens."""

from __future__ import annotations

DOCUMENTATION = r"""
module: consul_acl
short_description: Keep policies of a Consul, and a token for each
description:
  - Makes or changes a policy, and a token with this policy alone, for each that is named. Both are called
    C(dockernet-NAME), and all others are left as they are.
  - Tokens are given, not made by Consul, so the same ones hold again where its data was lost. A token that was of this
    name and is not given any more is removed.
  - Waits until Consul lets the management token in, which it does only some time after its servers have a leader.
extends_documentation_fragment:
  - dockernet.lab.attributes
options:
  url:
    description: Where Consul answers.
    type: str
    required: true
  token:
    description: A management token.
    type: str
    required: true
  policies:
    description: Rules of each policy, as kind of resource, then its name or prefix, then V(read), V(write) or V(deny).
    type: dict
    required: true
  tokens:
    description: The token of each policy, a UUID.
    type: dict
    required: true
  ca_path:
    description: File with the CA of Consul's certificate.
    type: path
  client_cert:
    description: File with the certificate that Consul asks for.
    type: path
  client_key:
    description: File with its key.
    type: path
  wait:
    description: Seconds to wait for Consul.
    type: int
    default: 60
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Let engines write their keys
  dockernet.lab.consul_acl:
    url: https://127.0.0.1:8501
    token: "{{ lookup('dockernet.lab.secret', '~/cluster/management') }}"
    policies:
      engine: {key_prefix: {docker/: write}, session_prefix: {"": write}}
    tokens:
      engine: "{{ lookup('dockernet.lab.secret', '~/cluster/engine') }}"
    ca_path: /etc/dockernet/tls/ca.pem
    client_cert: /etc/dockernet/tls/cert.pem
    client_key: /etc/dockernet/tls/key.pem
"""

RETURN = r"""
changes:
  description: What was made, changed or removed, as whole sentences.
  type: list
  elements: str
  returned: success
"""

import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any

from ansible.module_utils.basic import AnsibleModule

PREFIX = "dockernet-"
INTERVAL = 0.25  # seconds


class RefusedError(Exception):
    """Consul did not do what it was asked for."""


class Consul:
    """The API of Consul's ACLs."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.url, self.token = params["url"].rstrip("/"), params["token"]
        try:
            self.context = ssl.create_default_context(cafile=params["ca_path"])
            if params["client_cert"]:
                self.context.load_cert_chain(params["client_cert"], params["client_key"])
        except OSError as error:
            raise RefusedError(f"The certificate cannot be read ({error}).") from error

    def ask(self, path: str, token: str = "", method: str = "GET", body: Any = None) -> Any:
        """An answer, decoded. Raises RefusedError."""
        request = urllib.request.Request(  # noqa: S310 - the user's own URL
            f"{self.url}/v1/acl/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Consul-Token": token or self.token},
        )
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=10) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RefusedError(f"{error.code}: {error.read().decode(errors='replace').strip()}") from error
        except (OSError, ValueError) as error:
            raise RefusedError(str(error)) from error

    def policies(self, wait: int) -> dict[str, Any]:
        """All policies by name, as soon as Consul tells them."""
        deadline = time.monotonic() + wait
        while True:
            try:
                return {policy["Name"]: policy for policy in self.ask("policies")}
            except RefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(INTERVAL)

    def of_token(self, token: str) -> dict[str, Any] | None:
        """What Consul knows of a token, by the token itself."""
        try:
            return dict(self.ask("token/self", token))
        except RefusedError as refused:
            # A token that is unknown is "not found" to all versions, but with another code.
            if "ACL not found" in str(refused):
                return None
            raise


def text_of(rules: dict[str, dict[str, str]]) -> str:
    """A policy's rules as Consul reads them."""
    spelled = {
        kind: {name: {"policy": access} for name, access in names.items()} for kind, names in sorted(rules.items())
    }
    return json.dumps(spelled, sort_keys=True)


class Keeper:
    """Brings policies and tokens to what they shall be."""

    def __init__(self, consul: Consul, does: bool) -> None:
        self.consul, self.does = consul, does
        self.changes: list[str] = []

    def change(self, sentence: str, path: str, body: Any = None, method: str = "PUT") -> None:
        """Do one thing, or only say it."""
        self.changes.append(sentence)
        if self.does:
            self.consul.ask(path, method=method, body=body)

    def keep_policy(self, name: str, rules: str, before: dict[str, Any] | None) -> None:
        """The policy `name`, with these rules."""
        body = {"Name": name, "Description": "Kept by dockernet.lab", "Rules": rules}
        if before is None:
            self.change(f"The policy '{name}' was made.", "policy", body)
        elif self.consul.ask(f"policy/{before['ID']}")["Rules"] != rules:
            self.change(f"The policy '{name}' was changed.", f"policy/{before['ID']}", {"ID": before["ID"], **body})

    def keep_token(self, name: str, token: str, others: list[dict[str, Any]]) -> None:
        """The token of the policy `name`, and no other of that name."""
        body = {"Description": name, "Policies": [{"Name": name}], "Local": False}
        found = self.consul.of_token(token)
        accessor = found["AccessorID"] if found else ""
        if found is None:
            self.change(f"The token '{name}' was made.", "token", {"SecretID": token, **body})
        elif [policy["Name"] for policy in found.get("Policies") or []] != [name] or found["Description"] != name:
            self.change(f"The token '{name}' was changed.", f"token/{accessor}", {"AccessorID": accessor, **body})
        for other in others:
            if other["Description"] == name and other["AccessorID"] != accessor:
                self.change(f"A former token '{name}' was removed.", f"token/{other['AccessorID']}", method="DELETE")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "token": {"type": "str", "required": True, "no_log": True},
            "policies": {"type": "dict", "required": True},
            "tokens": {"type": "dict", "required": True, "no_log": True},
            "ca_path": {"type": "path"},
            "client_cert": {"type": "path"},
            "client_key": {"type": "path", "no_log": False},
            "wait": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    try:
        keeper = Keeper(Consul(module.params), does=not module.check_mode)
        policies = keeper.consul.policies(0 if module.check_mode else module.params["wait"])
        others = keeper.consul.ask("tokens")
        for name, rules in module.params["policies"].items():
            keeper.keep_policy(PREFIX + name, text_of(rules), policies.get(PREFIX + name))
        for name, token in module.params["tokens"].items():
            keeper.keep_token(PREFIX + name, token, others)
    except RefusedError as refused:
        if module.check_mode:  # a Consul that is not secured yet
            module.exit_json(changed=True, changes=[])
        module.fail_json(msg=f"Consul at {module.params['url']} does not let tokens be kept: {refused}")
    diff = {"before": "", "after": "".join(change + "\n" for change in keeper.changes)}
    module.exit_json(changed=bool(keeper.changes), changes=keeper.changes, diff=diff)


if __name__ == "__main__":
    main()
