# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared topology: what a user wrote, checked as a whole and held as data.

`parse` is the only way in. It reads all entries before it answers, so a user sees
every problem of a file at once, one sentence each.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Union

from ._sides import bare, six

FLAVOURS = ("classic", "mode", "none")
DRIVERS = ("bridge", "overlay")
# Networks that an engine makes itself. A container is on one of the first three by its `network_mode`.
BRIDGE, HOST, NONE = NETWORK_MODES = ("bridge", "host", "none")
PREDEFINED_NETWORKS = (*NETWORK_MODES, "ingress", "docker_gwbridge")

NETWORK_KEYS = ("name", "driver", "nodes", "internal", "subnet", "subnet6", "gateway", "options", "labels")
BRIDGE_KEYS = ("name", "subnet", "subnet6", "options")  # what can be said of the engines' own bridge
ATTACHMENT_KEYS = ("name", "aliases", "address", "address6")
CONTAINER_KEYS = (
    "name", "node", "image", "command", "env", "labels", "ports", "listens",
    "hostname", "extra_hosts", "constraints", "affinities", "networks", "network_mode",
)  # fmt: skip

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_PORT = re.compile(r"(?:(?P<ip>[0-9.]+):)?(?P<host>\d+):(?P<container>\d+)(?:/(?P<protocol>tcp|udp))?")
# docker/swarm 1.2.9, scheduler/filter/expr.go
_CONSTRAINT = re.compile(r"[a-zA-Z_][a-zA-Z0-9\-_.]+(==|!=)~?\S+")
_AFFINITY = re.compile(r"container(==|!=)(?P<container>\S+)")


class Problem(NamedTuple):
    """One thing that is wrong, and the entry that says it (the raw value, to tell its origin)."""

    entry: object
    sentence: str


class TopologyError(ValueError):
    """A topology that cannot be built. `problems` holds all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(problem.sentence for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Network:
    """A network. A `bridge` network is local: each node that needs it has its own, and so has each of `nodes`.

    subnet6: the IPv6 subnet, without which it carries IPv4 alone.
    """

    name: str
    driver: str = "bridge"
    nodes: tuple[str, ...] = ()
    internal: bool = False
    subnet: str | None = None
    subnet6: str | None = None
    gateway: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """True where containers of two nodes never share this network."""
        return self.driver != "overlay"

    @property
    def is_predefined(self) -> bool:
        """True for the engines' own default bridge: no resolver answers there, and nobody makes or removes it."""
        return self.name in PREDEFINED_NETWORKS

    @property
    def sides(self) -> tuple[str, ...]:
        """The address families that it carries, as `_sides` names them."""
        return (self.name, six(self.name)) if self.subnet6 else (self.name,)


@dataclass(frozen=True)
class Attachment:
    """A container's place on one network: the further names and the fixed addresses that it asks for."""

    network: str
    aliases: tuple[str, ...] = ()
    address: str | None = None
    address6: str | None = None

    def fixed(self, side: str) -> str | None:
        """The fixed address on one side of the network."""
        return self.address if side == self.network else self.address6


class Affinity(NamedTuple):
    """With which other container a container must (`together`) or must not share its node."""

    container: str
    together: bool


@dataclass(frozen=True)
class Container:
    """A container. `node` is None where the Swarm chooses it.

    network_mode: one of NETWORK_MODES, for a container on none of the declared networks, whose name nobody answers.
        One in mode `host` or `none` has no attachment: it has no address of its own.
    """

    name: str
    node: str | None
    attachments: tuple[Attachment, ...]
    image: str = "box"
    command: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    listens: tuple[int, ...] = ()
    hostname: str | None = None
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    affinities: tuple[Affinity, ...] = ()
    network_mode: str | None = None

    def attachment(self, network: str) -> Attachment | None:
        """The attachment to `network`, None where there is none."""
        return next((a for a in self.attachments if a.network == network), None)


@dataclass(frozen=True)
class Topology:
    """All networks and containers, in the order in which they were declared.

    The engines' own bridge comes last, where a container is on it and nothing has been declared of it.
    """

    networks: tuple[Network, ...]
    containers: tuple[Container, ...]

    def network(self, name: str) -> Network:
        """The network called `name`, or of which that is a side. Raises KeyError where none is."""
        return self._networks[bare(name)]

    def container(self, name: str) -> Container:
        """The container called `name`. Raises KeyError where none is."""
        return self._containers[name]

    @cached_property
    def _networks(self) -> dict[str, Network]:
        return {network.name: network for network in self.networks}

    @cached_property
    def _containers(self) -> dict[str, Container]:
        return {container.name: container for container in self.containers}


def parse(
    networks: Any,
    containers: Any,
    nodes: Iterable[str],
    flavour: str = "none",
    reserved: Mapping[str, str] | None = None,
) -> Topology:
    """Check a declared topology and return it as data.

    networks, containers: lists of mappings, as in topology.yml.
    nodes: names of the nodes that there are.
    flavour: `classic`, `mode`, or `none` where no Swarm places the containers.
    reserved: what a subnet must not overlap, as description -> CIDR.
    Raises TopologyError with all problems.
    """
    reader = _Reader(sorted(nodes), flavour, dict(reserved or {}))
    declared = Topology(reader.networks(networks), ())
    declared = Topology(declared.networks, reader.containers(containers, declared))
    if reader.problems:
        raise TopologyError(reader.problems)
    known = {network.name for network in declared.networks}
    if BRIDGE not in known and any(container.network_mode == BRIDGE for container in declared.containers):
        return Topology((*declared.networks, Network(BRIDGE)), declared.containers)
    return declared


def nodes_named(networks: Any, containers: Any) -> set[str]:
    """The nodes that declared entries name, for those who cannot know which there are."""
    entries = [entry for entry in [*(networks or []), *(containers or [])] if isinstance(entry, Mapping)]
    named = [entry.get("node") for entry in entries]
    for entry in entries:
        named += entry["nodes"] if isinstance(entry.get("nodes"), list) else []
    return {str(node) for node in named if node}


class _Reader:
    """Reads entries one by one and keeps what is wrong with them."""

    def __init__(self, nodes: list[str], flavour: str, reserved: Mapping[str, str]) -> None:
        self.nodes = dict.fromkeys(nodes)
        self.flavour = flavour
        self.reserved = reserved
        self.problems: list[Problem] = []

    def _say(self, entry: object, sentence: str) -> None:
        self.problems.append(Problem(entry, sentence))

    # Networks

    def networks(self, raw: Any) -> tuple[Network, ...]:
        found: list[Network] = []
        for where, entry in self._entries(raw, "topology_networks", NETWORK_KEYS):
            network = self._network(where, entry)
            if network is None:
                continue
            if any(network.name == other.name for other in found):
                self._say(entry, f"{where}: a network of that name is declared above; give one of them another name.")
                continue
            self._check_overlap(where, entry, network, found)
            found.append(network)
        return tuple(found)

    def _network(self, where: str, entry: Mapping[str, Any]) -> Network | None:
        name = self._name(where, entry, "network")
        if name is None:
            return None
        if name in PREDEFINED_NETWORKS and not (name == BRIDGE and len(entry) > 1 and set(entry) <= set(BRIDGE_KEYS)):
            instead = f"use 'network_mode: {name}'" if name in NETWORK_MODES else "choose another name"
            self._say(entry, f"{where}: every engine has a network '{name}' of its own; {instead}.")
        driver = entry.get("driver", "bridge")
        if driver not in DRIVERS:
            self._say(entry, f"{where}: driver '{driver}' is not known; it is one of {_list(DRIVERS)}.")
        return Network(
            name=name,
            driver=str(driver),
            nodes=self._network_nodes(where, entry, str(driver)),
            internal=self._flag(where, entry, "internal"),
            subnet=self._subnet(where, entry, "subnet", 4),
            subnet6=self._subnet6(where, entry, str(driver)),
            gateway=self._gateway(where, entry),
            options=self._strings(where, entry, "options"),
            labels=self._strings(where, entry, "labels"),
        )

    def _network_nodes(self, where: str, entry: Mapping[str, Any], driver: str) -> tuple[str, ...]:
        nodes = tuple(str(node) for node in self._list(where, entry, "nodes"))
        if nodes and driver == "overlay":
            self._say(entry, f"{where}: an overlay network is no node's own; leave 'nodes' out.")
        for node in nodes:
            self._known_node(where, entry, node)
        return nodes

    def _subnet(self, where: str, entry: Mapping[str, Any], key: str, version: int) -> str | None:
        if entry.get(key) is None:
            return None
        try:
            subnet = ipaddress.ip_network(str(entry[key]))
        except ValueError as error:
            self._say(entry, f"{where}: {key} '{entry[key]}' is no network address: {error}.")
            return None
        if subnet.version != version:
            other = "subnet6" if version == 4 else "subnet"
            self._say(entry, f"{where}: {key} {subnet} is IPv{subnet.version}; give it as '{other}'.")
            return None
        return str(subnet)

    def _subnet6(self, where: str, entry: Mapping[str, Any], driver: str) -> str | None:
        subnet = self._subnet(where, entry, "subnet6", 6)
        if subnet and driver == "overlay":
            # moby#39996, moby#43615, moby#52469: engines take the subnet, and then fail or lose the packets.
            self._say(
                entry,
                f"{where}: no overlay network carries IPv6; leave 'subnet6' out, or make it a bridge.",
            )
        return subnet

    def _gateway(self, where: str, entry: Mapping[str, Any]) -> str | None:
        if entry.get("gateway") is None:
            return None
        return self._address_in(where, entry, "gateway", entry["gateway"], entry.get("subnet"))

    def _check_overlap(self, where: str, entry: object, network: Network, others: list[Network]) -> None:
        taken = [(f"network '{other.name}'", subnet) for other in others for subnet in (other.subnet, other.subnet6)]
        for key, own in ("subnet", network.subnet), ("subnet6", network.subnet6):
            for owner, subnet in [*taken, *self.reserved.items()]:
                if own and subnet and _overlap(own, subnet):
                    self._say(entry, f"{where}: {key} {own} overlaps {subnet} of {owner}; choose one that is free.")

    # Containers

    def containers(self, raw: Any, declared: Topology) -> tuple[Container, ...]:
        found: dict[str, Container] = {}
        read: list[tuple[object, str, Container]] = []
        addresses: dict[tuple[str, str], str] = {}
        for where, entry in self._entries(raw, "topology_containers", CONTAINER_KEYS):
            container = self._container(where, entry, declared)
            if container is None:
                continue
            if container.name in found:
                self._say(entry, f"{where}: a container of that name is declared above; give one of them another name.")
                continue
            for network, address in _fixed_addresses(container):
                owner = addresses.setdefault((network, address), container.name)
                if owner != container.name:
                    self._say(
                        entry,
                        f"{where}: address {address} on network '{network}' is container '{owner}'s; choose another.",
                    )
            if self.flavour == "mode":
                self._check_service(where, entry, container, declared)
            found[container.name] = container
            read.append((entry, where, container))
        self._check_affinities(read)
        return tuple(found.values())

    def _container(self, where: str, entry: Mapping[str, Any], declared: Topology) -> Container | None:
        name = self._name(where, entry, "container")
        if name is None:
            return None
        return Container(
            name=name,
            node=self._node(where, entry),
            attachments=self._attachments(where, entry, declared),
            image=str(entry.get("image", "box")),
            command=self._command(entry),
            env=self._strings(where, entry, "env"),
            labels=self._strings(where, entry, "labels"),
            ports=self._ports(where, entry),
            listens=self._listens(where, entry),
            hostname=None if entry.get("hostname") is None else str(entry["hostname"]),
            extra_hosts=self._extra_hosts(where, entry),
            constraints=self._constraints(where, entry),
            affinities=self._affinities(where, entry),
            network_mode=None if entry.get("network_mode") is None else str(entry["network_mode"]),
        )

    def _check_mode(self, where: str, entry: Mapping[str, Any], mode: str) -> None:
        """What the engines' own networks have not."""
        if mode not in NETWORK_MODES:
            self._say(entry, f"{where}: network_mode '{mode}' is not known; it is one of {_list(NETWORK_MODES)}.")
            return
        if entry.get("networks"):
            self._say(entry, f"{where}: with network_mode '{mode}' it is on no other network; leave 'networks' out.")
        if said := [key for key in ATTACHMENT_KEYS[1:] if key in entry]:
            what = "aliases" if said[0] == "aliases" else "fixed addresses"
            self._say(entry, f"{where}: network_mode '{mode}' knows no {what}; leave '{said[0]}' out.")
        if entry.get("ports") and mode != BRIDGE:
            self._say(entry, f"{where}: with network_mode '{mode}' no port can be published; leave 'ports' out.")

    def _node(self, where: str, entry: Mapping[str, Any]) -> str | None:
        node = entry.get("node")
        if node is None:
            if self.flavour == "none":
                self._say(entry, f"{where}: it names no node, and there is no Swarm that could choose one; add it.")
            return None
        self._known_node(where, entry, str(node))
        return str(node)

    def _known_node(self, where: str, entry: object, node: str) -> None:
        if node not in self.nodes:
            self._say(entry, f"{where}: node '{node}' is not in the inventory{_suggest(node, self.nodes)}")

    def _attachments(self, where: str, entry: Mapping[str, Any], declared: Topology) -> tuple[Attachment, ...]:
        mode = entry.get("network_mode")
        if mode is not None:
            self._check_mode(where, entry, str(mode))
            return (Attachment(BRIDGE),) if mode == BRIDGE else ()
        raw = entry.get("networks")
        if not isinstance(raw, list) or not raw:
            self._say(entry, f"{where}: it is on no network; give it 'networks: [...]' with at least one.")
            return ()
        found: list[Attachment] = []
        for item in raw:
            attachment = self._attachment(where, entry, {"name": item} if isinstance(item, str) else item, declared)
            if attachment is None:
                continue
            if any(attachment.network == other.network for other in found):
                self._say(entry, f"{where}: network '{attachment.network}' is named twice; once is enough.")
                continue
            found.append(attachment)
        return tuple(found)

    def _attachment(self, where: str, entry: Mapping[str, Any], item: Any, declared: Topology) -> Attachment | None:
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
            self._say(entry, f"{where}: '{item}' under 'networks' is neither a network's name nor {{name: ...}}.")
            return None
        self._check_keys(f"{where}, network '{item['name']}'", entry, item, ATTACHMENT_KEYS)
        if item["name"] in NETWORK_MODES:
            instead = f"write 'network_mode: {item['name']}' instead"
            self._say(entry, f"{where}: network '{item['name']}' is the engine's own; {instead}.")
            return None
        try:
            network = declared.network(item["name"])
        except KeyError:
            names = [network.name for network in declared.networks]
            self._say(entry, f"{where}: network '{item['name']}' is not declared{_suggest(item['name'], names)}")
            return None
        aliases = item.get("aliases") or []
        if not isinstance(aliases, list):
            self._say(entry, f"{where}: 'aliases' on network '{network.name}' must be a list of names.")
            aliases = []
        for alias in aliases:
            problem = _name_problem(alias)
            if problem:
                self._say(entry, f"{where}: alias '{alias}' {problem}.")
        return Attachment(
            network.name,
            tuple(str(alias) for alias in aliases),
            self._fixed(where, entry, item, "address", network.subnet),
            self._fixed(where, entry, item, "address6", network.subnet6),
        )

    def _fixed(
        self, where: str, entry: Mapping[str, Any], item: Mapping[str, Any], key: str, subnet: str | None
    ) -> str | None:
        if item.get(key) is None:
            return None
        need = key.replace("address", "subnet")
        return self._address_in(where, entry, f"{key} on '{item['name']}'", item[key], subnet, need)

    def _command(self, entry: Mapping[str, Any]) -> tuple[str, ...] | None:
        command = entry.get("command")
        if command is None:
            return None
        return tuple(str(word) for word in (command if isinstance(command, list) else ["sh", "-c", command]))

    def _ports(self, where: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
        ports = tuple(str(port) for port in self._list(where, entry, "ports"))
        for port in ports:
            match = _PORT.fullmatch(port)
            if not match or not all(0 < int(match[side]) < 65536 for side in ("host", "container")):
                self._say(
                    entry, f"{where}: port '{port}' is not of the form '8080:80', '8080:80/udp' or '127.0.0.1:8080:80'."
                )
        return ports

    def _listens(self, where: str, entry: Mapping[str, Any]) -> tuple[int, ...]:
        ports = self._list(where, entry, "listens")
        for port in ports:
            if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
                self._say(entry, f"{where}: '{port}' under 'listens' is no TCP port (1 to 65535).")
        return tuple(port for port in ports if isinstance(port, int))

    def _extra_hosts(self, where: str, entry: Mapping[str, Any]) -> dict[str, str]:
        hosts = self._strings(where, entry, "extra_hosts")
        for name, address in hosts.items():
            if _address(address) is None:
                self._say(entry, f"{where}: extra host '{name}' has '{address}', which is no address.")
        return hosts

    def _constraints(self, where: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
        constraints = tuple(str(text) for text in self._list(where, entry, "constraints"))
        if constraints and self.flavour == "none":
            self._say(entry, f"{where}: constraints need a Swarm to honour them; name a node instead.")
        for text in constraints:
            if not _CONSTRAINT.fullmatch(text):
                self._say(entry, f"{where}: constraint '{text}' is not of the form 'key==value' or 'key!=value'.")
        return constraints

    def _affinities(self, where: str, entry: Mapping[str, Any]) -> tuple[Affinity, ...]:
        found: list[Affinity] = []
        for text in self._list(where, entry, "affinities"):
            match = _AFFINITY.fullmatch(str(text))
            if match:
                found.append(Affinity(match["container"], match[1] == "=="))
            else:
                form = "'container==name' or 'container!=name'"
                self._say(entry, f"{where}: affinity '{text}' is not of the form {form}.")
        if found and self.flavour == "none":
            self._say(entry, f"{where}: affinities need a Swarm to honour them; name a node instead.")
        return tuple(found)

    def _check_service(self, where: str, entry: object, container: Container, declared: Topology) -> None:
        """What swarm mode cannot do: it chooses nodes for services alone, which are no plain containers."""
        if container.node is not None:
            if container.constraints or container.affinities:
                self._say(entry, f"{where}: swarm mode chooses no node for a container that names one; leave it out.")
            return
        if container.network_mode:
            self._say(entry, f"{where}: swarm mode has no network_mode for a container without a node; add 'node'.")
            return
        for attachment in container.attachments:
            if attachment.address or attachment.address6:
                self._say(entry, f"{where}: swarm mode gives a container that names no node no fixed address.")
            if declared.network(attachment.network).is_local:
                self._say(
                    entry,
                    f"{where}: swarm mode connects a container that names no node to overlay networks alone, "
                    f"and '{attachment.network}' is none.",
                )
        for text in container.constraints:
            if "=~" in text or "*" in text or text.endswith("/"):
                self._say(entry, f"{where}: constraint '{text}': swarm mode knows only 'key==value' and 'key!=value'.")

    def _check_affinities(self, containers: Iterable[tuple[object, str, Container]]) -> None:
        """A Swarm places one container after the other: an affinity can only look back."""
        placed: set[str] = set()
        for entry, where, container in containers:
            for other, _together in container.affinities:
                if other not in placed:
                    self._say(
                        entry, f"{where}: its affinity names container '{other}', which is not declared above it."
                    )
            placed.add(container.name)

    # What entries have in common

    def _entries(self, raw: Any, variable: str, keys: tuple[str, ...]) -> Iterable[tuple[str, Mapping[str, Any]]]:
        if not isinstance(raw, list):
            self._say(raw, f"{variable} must be a list of entries like '- {{name: ...}}'.")
            return
        for number, entry in enumerate(raw, 1):
            where = f"{variable}, entry {number}"
            if not isinstance(entry, Mapping):
                self._say(entry, f"{where}: '{entry}' is not of the form '{{name: ...}}'.")
                continue
            if entry.get("name") is not None:
                where += f" ('{entry['name']}')"
            # What belongs to a network is told of by itself, where there is none.
            self._check_keys(where, entry, entry, (*keys, *ATTACHMENT_KEYS) if "network_mode" in entry else keys)
            yield where, entry

    def _check_keys(self, where: str, entry: object, item: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        for key in item:
            if key not in keys:
                self._say(entry, f"{where}: key '{key}' is not known{_suggest(key, keys)}")

    def _name(self, where: str, entry: Mapping[str, Any], kind: str) -> str | None:
        name = entry.get("name")
        if name is None:
            self._say(entry, f"{where}: it has no name; every {kind} needs 'name: ...'.")
            return None
        problem = _name_problem(name)
        if problem:
            self._say(entry, f"{where}: the name {problem}.")
        return str(name)

    def _list(self, where: str, entry: Mapping[str, Any], key: str) -> list[Any]:
        value = entry.get(key) or []
        if isinstance(value, list):
            return value
        self._say(entry, f"{where}: '{key}' must be a list.")
        return []

    def _flag(self, where: str, entry: Mapping[str, Any], key: str) -> bool:
        value = entry.get(key, False)
        if not isinstance(value, bool):
            self._say(entry, f"{where}: '{key}' is true or false, not '{value}'.")
        return bool(value)

    def _strings(self, where: str, entry: Mapping[str, Any], key: str) -> dict[str, str]:
        value = entry.get(key) or {}
        if not isinstance(value, Mapping):
            self._say(entry, f"{where}: '{key}' must be a mapping, like '{{key: value}}'.")
            return {}
        return {str(name): str(text) for name, text in value.items()}

    def _address_in(
        self, where: str, entry: Mapping[str, Any], what: str, value: Any, subnet: Any, need: str = "subnet"
    ) -> str | None:
        address = _address(value)
        if address is None:
            self._say(entry, f"{where}: {what} '{value}' is no IP address.")
            return None
        if subnet is None:
            self._say(entry, f"{where}: {what} {address} needs a network with a '{need}'.")
            return None
        try:
            inside = address in ipaddress.ip_network(str(subnet))
        except ValueError:
            return None  # the subnet itself has been complained of
        if not inside:
            self._say(entry, f"{where}: {what} {address} is outside subnet {subnet}.")
        return str(address)


def _fixed_addresses(container: Container) -> Iterable[tuple[str, str]]:
    for attachment in container.attachments:
        for address in (attachment.address, attachment.address6):
            if address is not None:
                yield attachment.network, address


_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def _address(value: Any) -> _Address | None:
    try:
        return ipaddress.ip_address(str(value))
    except ValueError:
        return None


def _name_problem(name: Any) -> str | None:
    """Why neither an engine nor DNS could carry `name` (RFC 1035: 63 octets a label, 253 in all)."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"'{name}' must be two or more of letters, digits, '_', '.' and '-', and start with a letter or digit"
    if len(name) > 253 or any(not 0 < len(label) < 64 for label in name.split(".")):
        return f"'{name}' cannot be a DNS name: at most 63 characters between dots, none empty, 253 in all"
    return None


def _overlap(one: str, other: str) -> bool:
    first, second = ipaddress.ip_network(one), ipaddress.ip_network(other)
    return first.version == second.version and first.overlaps(second)


def _suggest(word: Any, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(str(word), known, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known are {_list(known)}." if known else "; there is none."


def _list(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
