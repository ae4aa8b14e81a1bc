# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of `status`: all nodes' looks in, one text out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.color import ANSIBLE_COLOR
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology, TopologyError, parse
from ansible_collections.dockernet.lab.plugins.plugin_utils._status import NodeSeen, closest_stage
from ansible_collections.dockernet.lab.plugins.plugin_utils._status_text import WIDTH, Subject, text
from ansible_collections.dockernet.lab.plugins.plugin_utils._text_table import plain

ARGUMENTS = {
    "lab": {"type": "str", "default": ""},
    "networks": {"type": "list", "elements": "dict", "required": True},
    "containers": {"type": "list", "elements": "dict", "required": True},
    "stages": {"type": "list", "elements": "dict", "default": []},
    "nodes": {"type": "list", "elements": "str", "required": True},
    "flavour": {"type": "str", "required": True},
    "store": {"type": "str", "default": ""},
    "addresses": {"type": "dict", "required": True},
    "roles": {"type": "dict", "default": {}},
    "machine": {"type": "dict", "default": {}},
    "looks": {"type": "dict", "required": True},
}

# Select Graphic Rendition, ECMA-48
STYLES = {"head": "1", "bad": "31", "dim": "2"}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """See plugins/modules/status.py for the documentation."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make the text; the result of the task."""
        super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(ARGUMENTS)
        try:
            shown = self._shown(args)
        except TopologyError as error:
            return {"failed": True, "changed": False, "msg": str(error)}
        return {"changed": False, "msg": shown, "_ansible_verbose_always": True}

    def _shown(self, args: Mapping[str, Any]) -> str:
        lab = args["lab"]
        nothing = _nothing(lab, args["machine"]) if lab else ""
        if nothing:
            return "\n".join(textwrap.wrap(nothing, WIDTH, break_on_hyphens=False))
        topology, stage = _topology(args)
        subject = Subject(f"Lab '{lab}'" if lab else "Cluster", args["flavour"], args["store"], stage)
        # With -v the result is shown as data, where escape sequences are but noise.
        paint = _paint if ANSIBLE_COLOR and not self._display.verbosity else plain
        return text(subject, topology, nodes_seen(args), paint)


def _paint(words: str, style: str) -> str:
    return f"\033[{STYLES[style]}m{words}\033[0m" if style and words else words


def _nothing(lab: str, machine: Mapping[str, Any]) -> str:
    """The one sentence where there is no lab to look at."""
    if machine.get("failed") or "nodes" not in machine:
        return f"The lab '{lab}' cannot be looked for: {machine.get('msg', '')}".strip()
    return "" if machine["nodes"] else f"The lab '{lab}' is not there: 'make {lab}' builds it."


def _topology(args: Mapping[str, Any]) -> tuple[Topology, str]:
    """What is declared, by the stage that what is there comes closest to; and that stage's name."""
    if not args["stages"]:
        return parse(args["networks"], args["containers"], args["nodes"], args["flavour"]), ""
    stages = [parse(each["networks"], each["containers"], args["nodes"], args["flavour"]) for each in args["stages"]]
    number = closest_stage(stages, nodes_seen(args))
    return stages[number - 1], f"stage {number} of {len(stages)}, {args['stages'][number - 1]['name']}"


def nodes_seen(args: Mapping[str, Any]) -> list[NodeSeen]:
    """All nodes that are declared, and what else has the lab's label."""
    there: Mapping[str, Mapping[str, str]] = args["machine"].get("nodes", {})
    found = []
    for name, address in args["addresses"].items():
        roles = tuple(role for role, names in args["roles"].items() if name in names)
        roles += ("engine",) if name in args["nodes"] else ()
        look = args["looks"].get(name) or {}
        state, problem = _state(name, args["lab"], there, look)
        found.append(NodeSeen(name, address, roles, state, problem, look.get("look") or {}, name in there))
    for name in sorted(set(there) - set(args["addresses"])):
        state = there[name]["state"]
        problem = f"{name} is of this lab, and not in its inventory: 'make down' removes it with the rest."
        found.append(NodeSeen(name, state="not declared" if state == "running" else state, problem=problem))
    return found


def _state(name: str, lab: str, there: Mapping[str, Mapping[str, str]], look: Mapping[str, Any]) -> tuple[str, str]:
    """`up`, or a word and a sentence why there is no look at the node."""
    if look.get("look"):
        return "up", ""
    if lab and name not in there:
        return "missing", f"{name} is not there: 'make {lab}' makes it."
    container = there.get(name, {"state": "running", "status": ""})
    if container["state"] == "paused":
        return "paused", f"{name} is paused: 'docker unpause {name}' lets it go on."
    if container["state"] != "running":
        return "stopped", f"{name} is stopped ({container['status']}): 'docker start {name}' starts it."
    said = " ".join(str(look.get("msg") or "it took no part in this run").split()).removeprefix("Task failed: ")
    # Of a module that could not even start, only the last line of its errors says why.
    errors = str(look.get("module_stderr") or "").strip().splitlines()
    said = (errors[-1] if errors else said).rstrip(".")
    if look.get("unreachable"):
        return "unreachable", f"{name} cannot be reached: {said}."
    return "unknown", f"{name} cannot be looked at: {said}."
