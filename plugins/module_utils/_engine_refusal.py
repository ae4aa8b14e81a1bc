# SPDX-License-Identifier: GPL-3.0-or-later
"""What engines and Swarms answer when they refuse -> a sentence that says what to do."""

from __future__ import annotations

import re

STALE_ENDPOINT = re.compile(
    r"endpoint with name (?P<endpoint>\S+) already exists(?: in network (?P<network>\S+?))?\.?$"
)
# docker/swarm 1.2.9, scheduler/scheduler.go
_NO_NODE = re.compile(r"Unable to find a node that satisfies the following conditions\s*(?P<conditions>.*)", re.DOTALL)

_KNOWN = (
    (
        re.compile(r"No healthy node available in the cluster"),
        "the Swarm has no healthy node: see 'docker info' of the Swarm.",
    ),
    (
        re.compile(r"(?:port is already allocated|address already in use \(host port\)|bind.*address already in use)"),
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
        return f"{subject}no node of the Swarm satisfies {_conditions(no_node['conditions'])}."
    for pattern, sentence in _KNOWN:
        if pattern.search(text):
            return f"{subject}{sentence} ({_one_line(text)})"
    return f"{subject}{_one_line(text)}"


def _conditions(text: str) -> str:
    # They come as '[node==a]' and '(soft=false)'-like lines, one each.
    found = re.findall(r"\[([^\]]*)\]", text)
    return " and ".join(f"'{item.strip()}'" for item in found) if found else f"'{_one_line(text)}'"


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
