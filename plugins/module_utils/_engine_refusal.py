# SPDX-License-Identifier: GPL-3.0-or-later
"""What engines and Swarms answer when they refuse -> a sentence that says what to do."""

from __future__ import annotations

import re

STALE_ENDPOINT = re.compile(
    r"endpoint with name (?P<endpoint>\S+) already exists(?: in network (?P<network>\S+?))?\.?$"
)
NO_NODE = "no suitable node"  # a task's error in swarm mode (swarmkit, manager/scheduler)
PORT_TAKEN = re.compile(
    r"(?:port is already allocated|address already in use \(host port\)|bind.*address already in use)"
)
# docker/swarm 1.2.9, scheduler/scheduler.go
_NO_NODE = re.compile(r"Unable to find a node that satisfies the following conditions\s*(?P<conditions>.*)", re.DOTALL)

_KNOWN = (
    (
        re.compile(r"No healthy node available in the cluster"),
        "the Swarm has no healthy node: see 'docker info' of the Swarm.",
    ),
    (
        PORT_TAKEN,
        "a host port that it publishes is taken there; declare another under 'ports'.",
    ),
    (
        re.compile(r"Address already in use", re.IGNORECASE),
        "the address that it asks for is another endpoint's; declare another under 'networks', or free it.",
    ),
    (
        re.compile(r"No such image: (\S+)"),
        "its image is not there; load it first.",
    ),
    (
        re.compile(r"already in use by container|name \S+ is already assigned"),
        "a container of that name has appeared meanwhile; see 'docker ps -a'.",
    ),
    (
        re.compile(r"(?:network|Network:) \S+ not found|No such network"),
        "a network of it is not there; create it first, and see that the engine reaches the cluster store.",
    ),
)


def explain(text: str, container: str, node: str | None, attempt: str) -> str:
    """The sentence for a refusal.

    text: the engine's own words. attempt: what was tried, as in `cannot be created`.
    """
    where = f" on node '{node}'" if node else ""
    subject = f"Container '{container}'{where} {attempt}: "
    text = text.strip()
    stale = STALE_ENDPOINT.search(text)
    if stale:
        network = stale["network"] or "NETWORK"
        return (
            f"{subject}network '{network}' still holds an endpoint of the name '{stale['endpoint']}'. If no other "
            f"container has it, an engine died and left it behind: remove it with "
            f"'docker network disconnect -f {network} {stale['endpoint']}' and run this again."
        )
    no_node = _NO_NODE.search(text)
    if no_node:
        return f"{subject}no node of the Swarm {_conditions(no_node['conditions'])}."
    for pattern, sentence in _KNOWN:
        if pattern.search(text):
            return f"{subject}{sentence} ({_one_line(text)})"
    return f"{subject}{_one_line(text)}"


def unbuilt(container: str, other: str) -> str:
    """The sentence for a container that has to wait for another, in vain."""
    return f"Container '{container}' is not created: its affinity names container '{other}', which does not run."


def ended(container: str, node: str | None, said: bytes) -> str:
    """The sentence for a container whose process has ended. said: the end of its log."""
    where = f" on node '{node}'" if node else ""
    lines = said.decode(errors="replace").split("\n")
    # It may have been started, and have said the same, more than once by now.
    told = " | ".join(dict.fromkeys(line.strip() for line in lines if line.strip()))
    return f"Container '{container}'{where} ended right after its start; " + (
        f"its last words: {told}" if told else "it said nothing; see its command."
    )


def unplaced(text: str, container: str, conditions: list[str]) -> str:
    """The sentence for a task of swarm mode that no node gets.

    text: the task's error, which starts with NO_NODE. conditions: what is declared on its node, ready for a sentence.
    """
    found = re.search(r"\((.*)\)", _one_line(text))
    detail = found[1] if found else _one_line(text)
    if "constraints not satisfied" in detail and conditions:
        return (
            f"Container '{container}' cannot be placed: no node of the Swarm satisfies {' and '.join(conditions)} "
            f"({detail})."
        )
    return f"Container '{container}' cannot be placed: no node of the Swarm can take it ({detail})."


def _conditions(text: str) -> str:
    """From `[port 80 (Bridge mode)]`, `[available container slots]`, `[node==n9 (soft=false) a==b (soft=false)]`.

    A Swarm lists all that the container asks for, not what of it no node has.
    """
    found = re.findall(r"\[([^\]]*)\]", text)
    asked = [item for line in found for item in re.split(r"\s*\(soft=\w+\)\s*", line) if re.search("==|!=", item)]
    ports = [port for line in found for port in re.findall(r"^port (\d+)", line.strip())]
    quoted = " and ".join(f"'{item.strip()}'" for item in asked)
    clauses = [f"satisfies {quoted}"] if asked else []
    clauses += [f"has port {port} free" for port in ports]
    # Every container asks for one of those; few engines have a label that limits them.
    if not clauses and "container slots" in text:
        clauses = ["has a container slot left (engine label 'containerslots')"]
    return " and ".join(clauses) or f"satisfies '{_one_line(text)}'"


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
