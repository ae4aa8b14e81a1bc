# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that a lab is to get besides those of its inventory: what it is called, where it is, and what it brings.

Pure: what the inventory and the engine have is handed in.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# What a host may be called (RFC 1123), which its container, its docker context and a pattern of Ansible's can be too.
_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Lab:
    """What is known of a lab. subnet: of its network on the engine, None where there is none; nodes: those that run."""

    name: str
    wanted_subnet: str
    subnet: str | None
    nodes: tuple[str, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)  # of all hosts of its inventory
    engines: tuple[str, ...] = ()  # those of its hosts that have one
    groups: tuple[str, ...] = ()  # names of the inventory's groups
    taken: Mapping[str, str] = field(default_factory=dict)  # address -> container, as the engine has it


def name_problem(name: str, lab: Lab) -> str | None:
    """Why no node can be called `name`."""
    if not name:
        return "Say which node: NODE=swl-demo2, for example."
    if not _HOSTNAME.fullmatch(name):
        return (
            f"'{name}' cannot be a node's name, which is its hostname too: small letters, digits and '-', "
            "63 at most, a letter or digit at both ends."
        )
    if name in lab.groups or name in ("localhost", "all"):
        return f"'{name}' cannot be a node's name: it is a group's of this inventory, or another word of Ansible's."
    return None


def lab_problem(lab: Lab) -> str | None:
    """Why nothing can be added to the lab as it is."""
    if lab.subnet is None or not lab.nodes:
        return f"The lab '{lab.name}' is not there (none of its nodes runs): make it first (make {lab.name})."
    if lab.subnet != lab.wanted_subnet:
        return (
            f"The lab '{lab.name}' is there with subnet {lab.subnet}, and {lab.wanted_subnet} is asked for: "
            f"say LAB_SUBNET={lab.subnet}."
        )
    return None


def address_problem(name: str, address: str, lab: Lab) -> str | None:
    """Why the node cannot have the address; that which it has already is no problem."""
    own = lab.addresses.get(name)
    if own is not None:
        if address and address != own:
            return f"The node '{name}' is there already with address {own}, not {address}: leave ADDRESS out."
        return None
    if not address:
        if next_address(lab) is None:
            return f"The lab's subnet {lab.wanted_subnet} has no address left above its engines': say ADDRESS=..."
        return None
    try:
        wanted = ipaddress.IPv4Address(address)
    except ValueError:
        return f"ADDRESS={address} is no IPv4 address."
    hosts = ipaddress.IPv4Network(lab.wanted_subnet)
    if wanted not in hosts or wanted in (hosts.network_address, hosts.broadcast_address):
        return f"ADDRESS={address} is no host's address in the lab's subnet {lab.wanted_subnet}."
    if wanted == hosts.network_address + 1:
        return f"ADDRESS={address} is this machine's own in the lab's network: say another."
    return _taken(name, address, lab)


def _taken(name: str, address: str, lab: Lab) -> str | None:
    for host, other in lab.addresses.items():
        if other == address:
            return f"ADDRESS={address} is that of the node '{host}': say another, or leave it out."
    holder = lab.taken.get(address)
    if holder is not None and holder != name:
        return f"ADDRESS={address} is that of the container '{holder}': say another, or leave it out."
    return None


def next_address(lab: Lab) -> str | None:
    """The first address above the engines' highest that nobody has; None where there is none."""
    subnet = ipaddress.IPv4Network(lab.wanted_subnet)
    highest = max(
        (ipaddress.IPv4Address(lab.addresses[name]) for name in lab.engines if name in lab.addresses),
        default=subnet.network_address + 1,
    )
    taken = {*lab.addresses.values(), *lab.taken}
    for number in range(int(highest) + 1, int(subnet.broadcast_address)):
        if str(ipaddress.IPv4Address(number)) not in taken:
            return str(ipaddress.IPv4Address(number))
    return None


def containers(node: str, names: Iterable[str], networks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The container that a new node brings: the tutorial's next one, on the first network that all nodes share."""
    shared = [network["name"] for network in networks if network.get("driver") == "overlay"]
    if not shared:
        return []
    numbers = [int(match[1]) for match in (re.fullmatch(r"ubuntu(\d+)", name) for name in names) if match]
    return [{"name": f"ubuntu{max(numbers, default=0) + 1}", "node": node, "networks": shared[:1]}]


def inventory(node: str, address: str, subnet: str, groups: Iterable[str], brought: Iterable[Mapping[str, Any]]) -> str:
    """The text of an inventory file with the node alone, to lie beside the lab's hosts.yml."""
    stem, _, last = address.rpartition(".")
    # As the other hosts' it follows LAB_SUBNET, as far as it can.
    written = f"{{{{ lab_subnet.rpartition('.')[0] }}}}.{last}" if subnet.rpartition(".")[0] == stem else address
    lines = [
        "---",
        f"# A node that was added: make remove_node NODE={node} takes it away again, and this file with it.",
    ]
    for number, group in enumerate(groups):
        lines += [f"{group}:", "  hosts:", f"    {node}:"]
        if number == 0:
            lines.append(f'      node_address: "{written}"')
            lines.append("      node_containers:" + ("" if brought else " []"))
            lines += [f"        - {_flow(container)}" for container in brought]
    return "\n".join(lines) + "\n"


def _flow(container: Mapping[str, Any]) -> str:
    return f"{{name: {container['name']}, node: {container['node']}, networks: [{', '.join(container['networks'])}]}}"
