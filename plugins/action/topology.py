# SPDX-License-Identifier: GPL-3.0-or-later
"""Check what a lab or cluster declares, all of it, before anything is touched."""

from __future__ import annotations

import difflib
import ipaddress
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.dockernet.lab.plugins.module_utils._daemon_config import store_url_problem
from ansible_collections.dockernet.lab.plugins.module_utils._images import RELEASES
from ansible_collections.dockernet.lab.plugins.module_utils._stages import Stage, accumulate, check
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Problem, Topology, TopologyError, parse

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # another release keeps it elsewhere: sentences then name the entry alone
    Origin = None

FLAVOURS = ("classic", "mode", "none")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Fails with one sentence for each problem."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, wanted = self.validate_argument_spec(
            {
                "networks": {"type": "raw", "required": True},
                "containers": {"type": "raw", "required": True},
                "nodes": {"type": "list", "elements": "str", "required": True},
                "stages": {"type": "raw", "default": []},
                "stage": {"type": "str", "default": ""},
                "flavour": {"type": "str", "default": "none"},
                "cluster_store": {"type": "str", "default": ""},
                "releases": {"type": "dict", "default": {}},
                "subnet": {"type": "str", "default": ""},
                "pools": {"type": "dict", "default": {}},
            }
        )
        flavour = wanted["flavour"]
        problems = [*_flavour_problems(flavour), *_store_problems(wanted["cluster_store"])]
        if not problems:
            problems += _release_problems(wanted["releases"], flavour, wanted["cluster_store"])
        problems += _pool_problems(wanted["subnet"], wanted["pools"])
        reserved = {"the lab's own network": wanted["subnet"]} if wanted["subnet"] else {}
        try:
            stages = accumulate(self._task.args.get("stages", []))
            problems += check(stages, wanted["nodes"], flavour, reserved)
            problems += _stage_problems(wanted["stage"], stages)
            topology = parse(
                self._task.args["networks"], self._task.args["containers"], wanted["nodes"], flavour, reserved
            )
            if wanted["cluster_store"].startswith("zk:") and not problems:
                told = [parse(stage.networks, stage.containers, wanted["nodes"], flavour, reserved) for stage in stages]
                problems += _zookeeper_problems([topology, *told])
        except TopologyError as error:
            problems += error.problems
        result["changed"] = False
        if problems:
            result["failed"] = True
            result["msg"] = "\n".join(map(_located, problems))
        return result


def _located(problem: Problem) -> str:
    """The problem's sentence behind the file and line that it comes from, where Ansible knows them."""
    origin = Origin.get_tag(problem.entry) if Origin else None
    if origin is None or not origin.path:
        return problem.sentence
    return f"{origin.path}:{origin.line_num}: {problem.sentence}"


def _stage_problems(number: str, stages: list[Stage]) -> list[Problem]:
    if not number or number in [str(place) for place, _stage in enumerate(stages, 1)]:
        return []
    known = "; ".join(f"{place} {stage.name}" for place, stage in enumerate(stages, 1)) or "there is none here"
    return [Problem(number, f"STAGE={number} is no stage's number: {known}.")]


def _flavour_problems(flavour: str) -> list[Problem]:
    if flavour in FLAVOURS:
        return []
    close = difflib.get_close_matches(flavour, FLAVOURS, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else f"; it is one of {', '.join(FLAVOURS)}, and auto in a lab."
    return [Problem(flavour, f"swarm_flavour '{flavour}' is not known{hint}")]


def _store_problems(url: str) -> list[Problem]:
    sentence = store_url_problem(url) if url else None
    return [Problem(url, sentence)] if sentence else []


def _release_problems(releases: dict[str, str], flavour: str, url: str) -> list[Problem]:
    """What is known of a lab's engines before there is one: `releases` is node -> Debian release."""
    problems = []
    for node, number in sorted(releases.items()):
        release = RELEASES.get(str(number))
        if release is None:
            known = ", ".join(RELEASES)
            problems.append(
                Problem(number, f"Node '{node}': lab_release '{number}' is not known; it is one of {known}.")
            )
        elif url and url.partition("://")[0] not in release.stores:
            able = [name for name, other in RELEASES.items() if url.partition("://")[0] in other.stores]
            needed = " that classic Swarm needs" if flavour == "classic" else ""
            other = ", or swarm_flavour 'mode'" if flavour == "classic" else ""
            problems.append(
                Problem(
                    number,
                    f"Node '{node}': the engine {release.engine} of Debian {number} cannot use the cluster store {url}"
                    f"{needed}; choose lab_release {' or '.join(able)}{other}.",
                )
            )
    return problems


def _zookeeper_problems(topologies: list[Topology]) -> list[Problem]:
    """Containers of which an engine would die.

    Since 17.05 an engine looks up a network's endpoint count by its whole key (libnetwork#1632), and libkv's client for
    ZooKeeper lists no more of a key than its last part. So the count is nil, and the engine panics over the first
    container that joins (seen with Debian's 20.10.5 and 20.10.24).
    """
    joining = {
        container.name: container
        for topology in topologies
        for container in topology.containers
        if any(not topology.network(attachment.network).is_local for attachment in container.attachments)
    }
    if not joining:
        return []
    names = ", ".join(f"'{name}'" for name in joining)
    return [
        Problem(
            joining,
            "With ZooKeeper as its cluster store, an engine from 17.05 on dies of the first container on an overlay "
            f"network (libnetwork#1632), and {names} would be on one: choose cluster_store_kind etcd or consul, or put "
            "no container on an overlay network.",
        )
    ]


def _pool_problems(subnet: str, pools: dict[str, str]) -> list[Problem]:
    """Whether networks that the engines number themselves could take the nodes' own addresses."""
    if not subnet:
        return []
    return [
        Problem(
            subnet, f"lab_subnet {subnet} overlaps {pool}, from which {owner} are numbered; choose another LAB_SUBNET."
        )
        for owner, pool in pools.items()
        if ipaddress.ip_network(subnet, strict=False).overlaps(ipaddress.ip_network(pool))
    ]
