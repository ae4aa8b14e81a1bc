#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load the nftables table of a cluster's firewall so that a wrong one comes off by itself."""

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall_table
short_description: Load the nftables table C(inet dockernet), which comes off by itself unless it is kept
description:
  - Has nft check the rules before anything is changed, then replaces the table in one transaction. No other table is
    touched.
  - Before it loads them, it arms a timer on the host that puts back the former table after O(rollback) seconds. A
    second call with O(state=kept), over a new connection, disarms it and writes the rules to
    C(/etc/dockernet/firewall.nft), which C(dockernet-firewall.service) loads at boot. Where the rules have cut that
    connection, nobody needs to come to the host.
  - A table that somebody has flushed or changed by hand is loaded again.
  - The host needs systemd, and nft 0.9.8 or later.
options:
  state:
    description:
      - V(loaded) loads O(rules), and arms the rollback.
      - V(kept) keeps what was loaded, over a reboot too; it fails where the host has put back the former table already.
      - V(absent) removes table, unit and files.
    type: str
    choices: [loaded, kept, absent]
    default: loaded
  rules:
    description: What nft shall load; it must begin by deleting the table, and name no other one.
    type: str
    default: ""
  rollback:
    description: Seconds until the host puts back the former table.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Load the rules
  dockernet.lab.firewall_table:
    rules: "{{ lookup('ansible.builtin.template', 'firewall.nft.j2') }}"
  register: firewall

- name: Connect anew
  ansible.builtin.meta: reset_connection

- name: Keep them, since they let this connection through
  dockernet.lab.firewall_table:
    state: kept
  when: firewall.armed
"""

RETURN = r"""
installed:
  description: Whether there is an nft. Where there is none, nothing is done.
  type: bool
  returned: success
armed:
  description: Whether the host will put back the former table, unless the new one is kept.
  type: bool
  returned: success
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils import _nftables as nftables


def differences(rules: str) -> list[dict[str, str]]:
    """What the host has, against what it shall have; empty where they are the same."""
    before, listing, kept = nftables.content(nftables.RULES), nftables.loaded(), nftables.content(nftables.LISTING)
    table = "nft list table " + " ".join(nftables.TABLE)
    unit = str(nftables.UNIT)
    at_boot = "started at boot\n"
    found = []
    if before != rules:
        found.append({"before_header": str(nftables.RULES), "before": before, "after": rules})
    if before == rules and listing != kept:
        found.append({"before_header": table, "before": listing, "after": kept})
    if not nftables.persists():
        found.append({"before_header": unit, "before": "", "after": at_boot})
    return [{**each, "after_header": each["before_header"]} for each in found]


def load(module: AnsibleModule, rules: str, rollback: int) -> dict[str, Any]:
    """Load the rules where they are not loaded. Returns the result."""
    try:
        if not module.check_mode:
            nftables.put_back_now()
        diff = differences(rules)
        nftables.check(rules)
        only_unit = [each["before_header"] for each in diff] == [str(nftables.UNIT)] and nftables.loaded()
        armed = bool(diff) and not only_unit and not module.check_mode
        if armed:
            nftables.propose(rules, rollback)
        elif diff and not module.check_mode:
            nftables.persist()
    except nftables.RefusedError as refused:
        wrong = nftables.what_is_wrong(str(refused), rules)
        module.fail_json(msg=f"nft refuses the firewall's rules, and nothing was changed: correct {wrong}.")
    return {"changed": bool(diff), "installed": True, "armed": armed, "diff": diff}


def keep(module: AnsibleModule) -> dict[str, Any]:
    """Keep what was loaded. Returns the result."""
    if not module.check_mode and not nftables.keep():
        module.fail_json(
            msg="The host has put back its former firewall already: nobody came over a new connection in time."
        )
    return {"changed": True, "installed": True, "armed": False}


def remove(module: AnsibleModule) -> dict[str, Any]:
    """Remove all that this module has made. Returns the result."""
    there = [str(path) for path in nftables.leftovers()]
    listing = nftables.loaded() if nftables.installed() else ""
    if (there or listing) and not module.check_mode:
        nftables.remove()
    before = "".join(f"{path}\n" for path in there) + listing
    return {
        "changed": bool(before),
        "installed": nftables.installed(),
        "armed": False,
        "diff": {"before": before, "after": ""},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["loaded", "kept", "absent"], "default": "loaded"},
            "rules": {"type": "str", "default": ""},
            "rollback": {"type": "int", "default": 60},
        },
        required_if=[("state", "loaded", ["rules"])],
        supports_check_mode=True,
    )
    state, rules = module.params["state"], module.params["rules"]
    try:
        if state == "absent":
            result = remove(module)
        elif not nftables.installed():
            # --check tells what would come of it, once nft is installed.
            diff = {"before_header": str(nftables.RULES), "after_header": str(nftables.RULES), "before": ""}
            unknown = {"installed": False, "armed": False, "diff": {**diff, "after": rules}}
            result = {"changed": module.check_mode, **unknown}
        elif state == "kept":
            result = keep(module)
        else:
            result = load(module, rules, module.params["rollback"])
    except nftables.RefusedError as refused:
        module.fail_json(msg=f"The firewall is not as it should be: {refused}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
