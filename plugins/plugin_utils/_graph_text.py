# SPDX-License-Identifier: GPL-3.0-or-later
"""A topology as text that other tools draw: Mermaid (GitHub and GitLab show it in pages) and Graphviz' dot.

Nodes are clusters of their containers, networks are bars that containers hang from, and a wrong link is red. Of a local
network each node has its own, inside its cluster, as the engines have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture import NETWORK_COLOURS, printable
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_cut import States, is_home, machines_of
from ansible_collections.dockernet.lab.plugins.plugin_utils._picture_shapes import NOT_ASKED
from ansible_collections.dockernet.lab.plugins.plugin_utils._run import Run
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import NO_VALUE, WRONG

RED, GREY = "#CF222E", "#7B8797"
_UNPROVEN = {NO_VALUE: "no value", NOT_ASKED: "not asked"}


@dataclass(frozen=True)
class _Bar:
    """A network, or one node's instance of a local one."""

    key: str
    label: str
    colour: str
    ink: str


@dataclass(frozen=True)
class _Group:
    """A node with the bars and containers inside it: key and label of each."""

    key: str
    label: str
    bars: list[_Bar]
    containers: list[tuple[str, str]]


@dataclass(frozen=True)
class _Link:
    container: str
    bar: str
    state: str


class _Graph:
    """What both languages tell. Keys are made here, since names may be words of the language."""

    def __init__(self, run: Run, links: States) -> None:
        topology = run.placed
        homes = [machine for machine in run.machines if run.store and is_home(machine, run.store, topology)]
        machines = machines_of(topology, [machine for machine in run.machines if machine not in homes])
        keys = {container.name: f"c{number}" for number, container in enumerate(topology.containers)}
        bars: dict[str, _Bar] = {}
        self.groups: list[_Group] = []
        self.links: list[_Link] = []
        self.store = run.store
        self.homes = [str(home["name"]) for home in homes]
        for number, machine in enumerate(machines):
            local: dict[str, _Bar] = {}
            for container in machine.containers:
                for attachment in container.attachments:
                    network = attachment.network
                    key = _key(topology, network) + (f"_{number}" if topology.network(network).is_local else "")
                    holder = local if topology.network(network).is_local else bars
                    bar = holder.setdefault(network, _bar(topology, network, key))
                    state = (links or {}).get(container.name, {}).get(network, NO_VALUE if links else "")
                    self.links.append(_Link(keys[container.name], bar.key, state))
            inside = [(keys[container.name], container.name) for container in machine.containers]
            label = "\n".join(filter(None, (machine.name, machine.address, ", ".join(machine.roles))))
            self.groups.append(_Group(f"node{number}", label, list(local.values()), inside))
        used = {*bars, *(attachment.network for c in topology.containers for attachment in c.attachments)}
        idle = {n.name: _bar(topology, n.name, _key(topology, n.name)) for n in topology.networks if n.name not in used}
        self.bars = [*bars.values(), *idle.values()]


def _key(topology: Topology, name: str) -> str:
    return f"net{next(number for number, network in enumerate(topology.networks) if network.name == name)}"


def _bar(topology: Topology, name: str, key: str) -> _Bar:
    network = topology.network(name)
    number = topology.networks.index(network)
    kind = "the engine's own" if network.is_predefined else network.driver
    more = [kind, network.subnet, "internal" if network.internal else None]
    colour, ink = NETWORK_COLOURS[number % len(NETWORK_COLOURS)][0]
    return _Bar(key, "\n".join((name, ", ".join(filter(None, more)))), colour, ink)


# Mermaid


def mermaid(run: Run, links: States) -> str:
    """Return topology.mmd, a flowchart."""
    graph = _Graph(run, links)
    lines = ["flowchart TB", *(_mermaid_bar(bar) for bar in graph.bars)]
    for group in graph.groups:
        title = group.label.partition("\n")[0]  # Mermaid gives it a line, and draws the containers over any other
        lines.append(f"  subgraph {group.key}[{_mermaid(title)}]")
        lines += [f"  {_mermaid_bar(bar)}" for bar in group.bars]
        lines += [f"    {key}[{_mermaid(name)}]" for key, name in group.containers] or [f"    {group.key}_empty[ ]"]
        lines.append("  end")
    lines += [f"  {link.bar} {_mermaid_line(link.state)} {link.container}" for link in graph.links]
    if graph.store:
        home = "\n".join([graph.store, *graph.homes])
        lines.append(f"  store[({_mermaid(home)})]")
        lines += [f"  {group.key} -.-> store" for group in graph.groups]
    lines += _mermaid_styles(graph)
    return "\n".join(lines) + "\n"


def _mermaid_bar(bar: _Bar) -> str:
    return f"  {bar.key}([{_mermaid(bar.label)}])"


def _mermaid_line(state: str) -> str:
    return {WRONG: "-. wrong .-", **{each: f"-. {word} .-" for each, word in _UNPROVEN.items()}}.get(state, "---")


def _mermaid_styles(graph: _Graph) -> Iterator[str]:
    for bar in [*graph.bars, *(bar for group in graph.groups for bar in group.bars)]:
        yield f"  style {bar.key} fill:{bar.colour},stroke:{bar.colour},color:{bar.ink}"
    yield from (f"  style {group.key} fill:#F5F7FA,stroke:#D5DBE3,color:#1B2430" for group in graph.groups)
    yield from (f"  style {group.key}_empty fill:none,stroke:none" for group in graph.groups if not group.containers)
    for state, colour in ((WRONG, RED), (NO_VALUE, GREY), (NOT_ASKED, GREY)):
        numbers = [str(number) for number, link in enumerate(graph.links) if link.state == state]
        if numbers:
            yield f"  linkStyle {','.join(numbers)} stroke:{colour},stroke-width:3px,color:{colour}"


def _mermaid(text: str) -> str:
    """A label in quotes. Its entities begin with a number sign, and a line break is an element."""
    entities = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\n": "<br>"}
    return f'"{"".join(entities.get(character, character) for character in printable(text))}"'


# Graphviz


def dot(run: Run, links: States) -> str:
    """Return topology.dot; `dot -Tsvg topology.dot` draws it."""
    graph = _Graph(run, links)
    lines = [
        f"graph {_dot(run.lab)} {{",
        f'  label={_dot(f"{run.lab}: {run.outcome}")}; labelloc=t; fontname="sans-serif"; compound=true;',
        '  node [shape=box, style="rounded,filled", fillcolor="#FFFFFF", color="#C3CBD6", fontname="sans-serif"];',
        '  edge [fontname="sans-serif", penwidth=2, color="#505C6C"];',
        *(f"  {_dot_bar(bar)}" for bar in graph.bars),
    ]
    for group in graph.groups:
        lines.append(f"  subgraph cluster_{group.key} {{")
        lines.append(f'    label={_dot(group.label)}; labelloc=b; style="rounded,filled"; color="#D5DBE3";')
        lines.append('    fillcolor="#F5F7FA";')
        lines += [f"    {_dot_bar(bar)}" for bar in group.bars]
        lines += [f"    {key} [label={_dot(name)}];" for key, name in group.containers]
        # What joins a cluster needs a node inside it, and is cut off at its border.
        lines += [f"    {group.key} [shape=point, style=invis];", "  }"]
    lines += [f"  {link.bar} -- {link.container}{_dot_line(link.state)};" for link in graph.links]
    lines += [f"  {below} -- {group.key} [style=invis];" for group in graph.groups for below in _below(group)]
    if graph.store:
        home = "\n".join([graph.store, *graph.homes])
        lines.append(f"  store [shape=cylinder, style=filled, label={_dot(home)}];")
        style = f'penwidth=1, color="{GREY}"'
        lines += [f"  {group.key} -- store [ltail=cluster_{group.key}, {style}];" for group in graph.groups]
    return "\n".join([*lines, "}"]) + "\n"


def _below(group: _Group) -> Iterable[str]:
    return [key for key, _ in group.containers]


def _dot_bar(bar: _Bar) -> str:
    colours = f'fillcolor="{bar.colour}", color="{bar.colour}", fontcolor="{bar.ink}"'
    return f"{bar.key} [label={_dot(bar.label)}, {colours}];"


def _dot_line(state: str) -> str:
    if state == WRONG:
        return f' [color="{RED}", fontcolor="{RED}", style=dashed, penwidth=3, label="wrong"]'
    word = _UNPROVEN.get(state)
    return f' [color="{GREY}", fontcolor="{GREY}", style=dotted, label="{word}"]' if word else ""


def _dot(text: str) -> str:
    """A label in quotes."""
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
