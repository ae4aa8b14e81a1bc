# SPDX-License-Identifier: GPL-3.0-or-later
"""`status` as text: a heading, then a table each of nodes, networks and containers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology
from ansible_collections.dockernet.lab.plugins.plugin_utils import _status_nodes
from ansible_collections.dockernet.lab.plugins.plugin_utils._status import (
    AGENT,
    MANAGER,
    ContainerRow,
    NetworkRow,
    NodeSeen,
    container_rows,
    network_rows,
)
from ansible_collections.dockernet.lab.plugins.plugin_utils._text_table import Cell, Paint, plain, table

WIDTH = 110  # characters
MOST_NODES = 6  # names in a cell
FLAVOURS = {"classic": "classic Swarm", "mode": "swarm mode", "none": "no Swarm"}
SOMEBODYS = "not in the topology"
# The engine's words for a time (go-units, HumanDuration), as the column UP has them.
_TIMES = {
    r"Less than a second": "0 s",
    r"About a minute": "1 min",
    r"About an hour": "1 h",
    r"(\d+) seconds?": r"\1 s",
    r"(\d+) minutes": r"\1 min",
    r"(\d+) hours": r"\1 h",
}


class Subject(NamedTuple):
    """Whose status it is. name: as in `The lab 'swarm'`; stage: where the story has come to, if there is one."""

    name: str
    flavour: str
    store: str = ""
    stage: str = ""


def text(subject: Subject, topology: Topology, nodes: Sequence[NodeSeen], paint: Paint = plain) -> str:
    """The whole text. `paint` knows the styles `head`, `bad` and `dim`."""
    lines = [paint(line, "head") for line in textwrap.wrap(_heading(subject, nodes), WIDTH)]
    lines += ["", *table(_status_nodes.HEADS, _status_nodes.rows(nodes, subject.flavour), WIDTH, paint)]
    for sentence in _status_nodes.problems(nodes, subject.flavour):
        wrapped = textwrap.wrap(f"✗ {sentence}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        lines += [paint(line, "bad") for line in wrapped]
    networks = network_rows(topology, subject.flavour, nodes)
    heads: tuple[str, ...] = ("NETWORK", "DRIVER", "SCOPE", "SUBNET", "NODES", "")
    body = [_network(row, nodes) for row in networks]
    lines += ["", *(table(heads, body, WIDTH, paint) if body else ["No networks but the engines' own."])]
    containers = container_rows(topology, nodes)
    heads = ("CONTAINER", "NODE", "STATE", "IMAGE", "NETWORKS", "PORTS", "")
    body = [_container(row) for row in containers]
    lines += ["", *(table(heads, body, WIDTH, paint) if body else ["No containers."])]
    return "\n".join(lines)


def _heading(subject: Subject, nodes: Sequence[NodeSeen]) -> str:
    parts = [FLAVOURS.get(subject.flavour, subject.flavour)]
    if subject.store:
        leader = _status_nodes.store_leader(nodes)
        name = next((node.name for node in nodes if leader and node.address == leader), leader)
        parts.append(f"cluster store {subject.store}" + (f", led by {name}" if name else ""))
    if subject.stage:
        parts.append(subject.stage)
    return f"{subject.name}: {'; '.join(parts)}"


def _network(row: NetworkRow, nodes: Sequence[NodeSeen]) -> list[Cell]:
    seen = row.seen
    if row.state == "there":
        where = Cell(_names(row.nodes, nodes))
    else:
        where = Cell(row.state, "bad" if row.state == "missing" else "dim")
    note = Cell() if row.declared else Cell(SOMEBODYS, "dim")
    if row.lacking and row.state == "there":
        note = Cell(f"missing on {', '.join(row.lacking)}", "bad")
    return [Cell(seen.name), Cell(seen.driver), Cell(seen.scope), Cell("\n".join(seen.subnets)), where, note]


def _names(names: Sequence[str], nodes: Sequence[NodeSeen]) -> str:
    if len(names) <= MOST_NODES:
        return ", ".join(names)
    engines = [node for node in nodes if node.engine]
    if len(names) == len(engines):
        return f"all {len(names)} engines"
    return f"{', '.join(names[:MOST_NODES])} and {len(names) - MOST_NODES} more"


def _container(row: ContainerRow) -> list[Cell]:
    note = Cell()
    if row.belongs:
        note = Cell(f"declared for {row.belongs}", "bad")
    elif not row.declared:
        note = Cell("the Swarm's own" if row.name in (MANAGER, AGENT) else SOMEBODYS, "dim")
    style = {"running": "", "unknown": "dim"}.get(row.state, "bad")
    return [
        Cell(row.name),
        Cell(row.node),
        Cell(_short(row.status) or row.state, style),
        Cell(row.image),
        Cell("\n".join(f"{name} {address}".rstrip() for name, address in row.networks.items())),
        Cell("\n".join(row.ports)),
        note,
    ]


def _short(status: str) -> str:
    for words, short in _TIMES.items():
        status = re.sub(words, short, status)
    return status
