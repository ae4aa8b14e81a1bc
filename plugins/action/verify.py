# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of `verify`: all observations in, verdicts and reports out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import SCOPE_ARGUMENTS, Scope, scope_of
from ansible_collections.dockernet.lab.plugins.module_utils._observation import NodeObservation, SourceObservation
from ansible_collections.dockernet.lab.plugins.module_utils._reading import World
from ansible_collections.dockernet.lab.plugins.module_utils._selection import unknown_names
from ansible_collections.dockernet.lab.plugins.module_utils._topology import FLAVOURS, Topology, TopologyError, parse
from ansible_collections.dockernet.lab.plugins.plugin_utils import _report_text
from ansible_collections.dockernet.lab.plugins.plugin_utils._reports import reports
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Run
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import ALL_CORRECT, judge

ARGUMENTS = {
    "lab": {"type": "str", "required": True},
    "networks": {"type": "list", "elements": "dict", "required": True},
    "containers": {"type": "list", "elements": "dict", "required": True},
    "nodes": {"type": "list", "elements": "str", "required": True},
    "flavour": {"type": "str", "choices": list(FLAVOURS), "default": "none"},
    "looks": {"type": "dict", "required": True},
    "probes": {"type": "dict", "required": True},
    "reports": {"type": "path", "required": True},
    "fail": {"type": "bool", "default": True},
    "store": {"type": "str"},
    "addresses": {"type": "dict", "default": {}},
    "roles": {"type": "dict", "default": {}},
    **SCOPE_ARGUMENTS,
}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """See plugins/modules/verify.py for the documentation."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Judge and report; the result of the task."""
        super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(ARGUMENTS)
        try:
            topology = parse(args["networks"], args["containers"], args["nodes"], args["flavour"])
        except TopologyError as error:
            return {"failed": True, "changed": False, "msg": str(error)}
        scope = scope_of(args)
        problem = unknown_names(scope, topology, args["nodes"])
        if not topology.networks and not topology.containers:
            problem = "The topology has no network, so there is nothing to verify."
        if problem:
            return {"failed": True, "changed": False, "msg": problem}

        world = gather(topology, args["looks"], args["probes"], args["flavour"], scope)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        machines = _machines(world, args)
        verdicts = judge(world)
        covered = None if scope.is_whole else world.coverage(each.cell for each in verdicts)
        run = Run(args["lab"], args["flavour"], now, world, verdicts, machines, args["store"], covered)
        directory = Path(args["reports"]).absolute()
        try:
            for name, text in reports(run):
                _write(directory / name, text)
        except OSError as error:
            return {"failed": True, "changed": False, "msg": f"The reports cannot be written: {error}."}
        return _result(run, directory, args["fail"])


def gather(
    topology: Topology,
    looks: Mapping[str, Any],
    probes: Mapping[str, Any],
    flavour: str,
    scope: Scope | None = None,
) -> World:
    """All observations as a World; a node that sent none is in it with the reason."""
    scope = scope or Scope()
    nodes = {}
    for node, result in looks.items():
        if scope.nodes and node not in scope.nodes:
            nodes[node] = NodeObservation(node, error=f"{node} was left out of this run, so nobody looked at it")
        elif "seen" in result:
            nodes[node] = NodeObservation.from_json(result["seen"])
        else:
            nodes[node] = NodeObservation(node, error=_why(node, result))
    world = World(topology, nodes, flavour=flavour, scope=scope)
    world.sources.update({source.name: source for source in _sources(world, probes)})
    return world


def _sources(world: World, probes: Mapping[str, Any]) -> Iterator[SourceObservation]:
    for node, result in probes.items():
        if "probed" in result:
            yield from (SourceObservation.from_json(entry) for entry in json.loads(result["probed"]))
        else:
            on_node = [name for name, place in world.places.items() if place == node]
            yield from (SourceObservation(name, error=_why(node, result)) for name in on_node)


def _why(node: str, result: Mapping[str, Any]) -> str:
    """Why a node has sent nothing, in one line."""
    said = " ".join(str(result.get("msg") or "it took no part in this run").split())
    # Of a module that could not even start, only the last line of its errors says why.
    errors = str(result.get("module_stderr") or "").strip().splitlines()
    if errors:
        said = errors[-1]
    said = said.removeprefix("Task failed: ")
    return f"{node} is unreachable: {said}" if result.get("unreachable") else f"{node} could not look: {said}"


def _machines(world: World, args: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All machines of the lab, as pictures show them."""
    return [
        {
            "name": name,
            "address": args["addresses"].get(name),
            "roles": [role for role, names in args["roles"].items() if name in names],
        }
        for name in dict.fromkeys([*args["addresses"], *world.nodes])
    ]


def _write(path: Path, text: str) -> None:
    """Write a file as a whole: who reads it meanwhile gets the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _result(run: Run, directory: Path, fail: bool) -> dict[str, Any]:
    """The result as callbacks show it: the summary alone as the message, and what is wrong as one text."""
    path, status = str(directory / "report.json"), run.summary.status
    summary, *details = _report_text.lines(run.verdicts, path, str(run.coverage or ""))
    result: dict[str, Any] = {
        "changed": False,
        "failed": fail and status != ALL_CORRECT,
        "msg": summary,
        "status": status,
        "report": path,
        "_ansible_verbose_always": True,  # of a task that went well, callbacks show no more than its name
    }
    return {**result, "details": "\n".join(details)} if details else result
