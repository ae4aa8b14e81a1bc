# SPDX-License-Identifier: GPL-3.0-or-later
"""What a compose file promises, as a topology: by the rules of Compose v2 (compose-go's loader, compose-spec).

Only what containers and networks are, and by which names they know each other, is read. Whatever else
would change that and cannot be told as a topology is a problem, never left out in silence; all that
changes nothing about it (volumes, restart, depends_on, ...) is Compose's own business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.dockernet.lab.plugins.module_utils._topology import NETWORK_MODES, Problem, TopologyError

DEFAULT = "default"

# Keys that change who reaches whom in a way that no topology has words for, and what to do instead.
REFUSED = {
    "links": "give the other service 'aliases' on a network that both are on",
    "external_links": "put both containers on one external network",
    "extends": "write the keys here, or share them by a YAML anchor",
    "provider": "only containers can be on a network",
    "domainname": "give the service 'aliases' on its networks",
    "dns_search": "ask for whole names, such as db.backend",
    "dns_opt": "leave it out, so that names are asked for as the engine does",
}
NETWORK_KEYS = (
    "name", "driver", "driver_opts", "external", "internal", "ipam", "labels", "attachable",
    "enable_ipv4", "enable_ipv6",
)  # fmt: skip
ATTACHMENT_KEYS = (
    "aliases", "ipv4_address", "mac_address", "driver_opts", "priority", "gw_priority", "interface_name",
)  # fmt: skip

# Compose's own words
NAME_RULE = (
    "must consist only of lowercase alphanumeric characters, hyphens, and underscores "
    "as well as start with a letter or number"
)

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_PUBLISHED = re.compile(r"(?:[0-9.]+:)?[0-9]+:[0-9]+(?:/(?:tcp|udp))?")


def normalised(name: str) -> str:
    """A name as Compose v2 makes a project's of it (compose-go, NormalizeProjectName)."""
    return "".join(re.findall(r"[a-z0-9_-]", name.lower())).lstrip("_-")


def compose_topology(file: Any, node: str, project: str = "", directory: str = "") -> dict[str, Any]:
    """Return what Compose makes of a compose file on `node`.

    file: the compose file's content.
    project: the project's name as `docker compose -p` gets it; where empty, the file's `name` counts.
    directory: path of the project's directory on the node; where nothing else names the project, it does.
    Returns project (its name), networks and containers (as in topology.yml), and external: the real names of
    networks that must be there before. `networks` holds only those that Compose makes itself.
    Raises TopologyError with all problems.
    """
    reader = _Reader(node)
    content = reader.mapping("Compose file", file)
    reader.project = reader.project_name(project, content, directory)
    reader.networks = reader.all_networks(content)
    containers = reader.containers(content)
    if reader.problems:
        raise TopologyError([Problem(file, sentence) for sentence in reader.problems])
    # Compose makes none that nobody is on.
    used = {attachment["name"] for container in containers for attachment in container.get("networks", ())}
    wanted = [network for network in reader.networks.values() if network["name"] in used]
    return {
        "project": reader.project,
        "networks": [network for network in wanted if "driver" in network],
        "containers": containers,
        "external": [network["name"] for network in wanted if "driver" not in network],
    }


class _Reader:
    """Reads a compose file and keeps what is wrong with it."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.project = ""
        self.networks: dict[str, dict[str, Any]] = {}  # by the keys that services call them; external ones: name alone
        self.problems: list[str] = []

    # The project

    def project_name(self, project: str, content: Mapping[str, Any], directory: str) -> str:
        """The project's name: -p as it is, or nothing; `name` and the directory's as they can be."""
        if project:
            if not _PROJECT.fullmatch(project):
                hint = f"; '{normalised(project)}' would do." if normalised(project) else "."
                self._say("Compose", f'invalid project name "{project}": {NAME_RULE}{hint}')
            return project
        declared = self.text("Compose file", "name", content.get("name") or "")
        name = normalised(declared or PurePosixPath(directory).name)
        if not name:
            self._say("Compose project", f"nothing of '{declared or directory}' can be its name; give it one.")
        return name

    # Networks

    def all_networks(self, content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The declared networks and the default one, by their keys."""
        if content.get("include"):
            self._say("Compose file", "'include' cannot be told as a topology; write what it includes into this file.")
        declared = {DEFAULT: None, **self.mapping("Compose file", content.get("networks"), "networks")}
        return {str(key): self._network(str(key), raw) for key, raw in declared.items()}

    def _network(self, key: str, raw: Any) -> dict[str, Any]:
        where = f"Compose file, network '{key}'"
        entry = self.mapping(where, raw)
        self._check_keys(where, entry, NETWORK_KEYS)
        name = self.text(where, "name", entry.get("name") or "")
        external = entry.get("external")
        if isinstance(external, Mapping):  # files of version 2 and 3
            return {"name": self.text(where, "external", external.get("name") or name or key)}
        if self.flag(where, entry, "external", False):
            return {"name": name or key}
        if self.flag(where, entry, "enable_ipv6", False) or not self.flag(where, entry, "enable_ipv4", True):
            self._say(where, "only IPv4 can be told as a topology; leave 'enable_ipv6' and 'enable_ipv4' out.")
        network: dict[str, Any] = {"name": name or f"{self.project}_{key}"}
        network["driver"] = self.text(where, "driver", entry.get("driver") or "bridge")
        if self.flag(where, entry, "internal", False):
            network["internal"] = True
        options = self.mapping(where, entry.get("driver_opts"), "driver_opts")
        if options:
            network["options"] = {
                str(option): self.text(where, str(option), value) for option, value in options.items()
            }
        return {**network, **self._addresses(where, entry)}

    def _addresses(self, where: str, entry: Mapping[str, Any]) -> dict[str, str]:
        ipam = self.mapping(where, entry.get("ipam"), "ipam")
        if ipam.get("driver") not in (None, "default"):
            self._say(where, f"addresses from '{ipam['driver']}' cannot be told as a topology; leave 'driver' out.")
        pools = self.sequence(where, ipam.get("config"), "ipam: config")
        if len(pools) > 1:
            self._say(where, "it has several subnets; a topology's network has one.")
        pool = self.mapping(where, pools[0] if pools else None, "ipam: config")
        return {key: self.text(where, key, pool[key]) for key in ("subnet", "gateway") if pool.get(key)}

    # Containers

    def containers(self, content: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The containers of all services that `docker compose up` starts."""
        services = self.mapping("Compose file", content.get("services"), "services")
        if not services:
            self._say("Compose file", "it has no 'services'; those of a file of version 1 belong under that key.")
        found = []
        for service, raw in services.items():
            entry = self.mapping(f"Compose file, service '{service}'", raw)
            if not entry.get("profiles"):
                found += self._replicas(str(service), entry)
        return found

    def _replicas(self, service: str, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
        where = f"Compose file, service '{service}'"
        for key, instead in REFUSED.items():
            if entry.get(key):
                self._say(where, f"'{key}' cannot be told as a topology; {instead}.")
        named = self.text(where, "container_name", entry.get("container_name") or "")
        number = self._scale(where, entry)
        if named and number > 1:
            self._say(where, f"{number} containers cannot all be called '{named}'; leave 'container_name' out.")
        container = {
            "node": self.node,
            "image": self.text(where, "image", entry.get("image") or f"{self.project}-{service}"),
            **self._networks(where, entry, service, named),
            **self._settings(where, entry),
        }
        names = [named or f"{self.project}-{service}-{index}" for index in range(1, number + 1)]
        return [{"name": name, **container} for name in names]

    def _scale(self, where: str, entry: Mapping[str, Any]) -> int:
        deploy = self.mapping(where, entry.get("deploy"), "deploy")
        given = [value for value in (entry.get("scale"), deploy.get("replicas")) if value is not None]
        if not all(str(value).isdigit() for value in given):
            self._say(where, f"'scale' is a number of containers, not '{given[0]}'.")
            return 1
        if len({int(value) for value in given}) > 1:
            self._say(where, "'scale' and 'deploy: replicas' say different numbers; leave one out.")
        return int(given[0]) if given else 1

    def _networks(self, where: str, entry: Mapping[str, Any], service: str, named: str) -> dict[str, Any]:
        """Its networks, or which one of the engine's own takes their place."""
        mode = self.text(where, "network_mode", entry.get("network_mode") or "")
        if mode and entry.get("networks"):
            self._say(where, "it declares mutually exclusive 'network_mode' and 'networks'; leave one of them out.")
        elif mode in NETWORK_MODES:
            return {"network_mode": mode}
        elif mode:
            instead = "leave it out, and give the service 'networks'"
            self._say(where, f"'network_mode' cannot be told as a topology; {instead}.")
        return {"networks": self._attachments(where, entry, service, named)}

    def _attachments(self, where: str, entry: Mapping[str, Any], service: str, named: str) -> list[dict[str, Any]]:
        raw = entry.get("networks") or [DEFAULT]
        wanted = raw if isinstance(raw, Mapping) else dict.fromkeys(map(str, self.sequence(where, raw, "networks")))
        found = []
        for key, settings in wanted.items():
            if key in self.networks:
                attachment = self._attachment(where, str(self.networks[key]["name"]), settings)
                # The container's own name counts as an alias too, and says nothing new.
                aliases = [alias for alias in dict.fromkeys([service, *attachment.pop("aliases")]) if alias != named]
                found.append({**attachment, **({"aliases": aliases} if aliases else {})})
            else:
                self._say(where, f"it refers to undefined network '{key}'; add that to the file's 'networks'.")
        return found

    def _attachment(self, where: str, network: str, raw: Any) -> dict[str, Any]:
        where += f", network '{network}'"
        settings = self.mapping(where, raw)
        self._check_keys(where, settings, ATTACHMENT_KEYS)
        aliases = [
            self.text(where, "aliases", alias) for alias in self.sequence(where, settings.get("aliases"), "aliases")
        ]
        attachment: dict[str, Any] = {"name": network, "aliases": aliases}
        if settings.get("ipv4_address"):
            attachment["address"] = self.text(where, "ipv4_address", settings["ipv4_address"])
        return attachment

    def _settings(self, where: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """What else a topology says about a container, as far as it is given."""
        hostname = self.text(where, "hostname", entry.get("hostname") or "")
        settings = {
            "hostname": hostname,
            "extra_hosts": self._extra_hosts(where, entry.get("extra_hosts")),
            "ports": self._ports(where, entry),
            "listens": self.sequence(where, entry.get("x-listens"), "x-listens"),
        }
        return {key: value for key, value in settings.items() if value}

    def _extra_hosts(self, where: str, raw: Any) -> dict[str, str]:
        if not isinstance(raw, Mapping):
            lines = [str(line) for line in self.sequence(where, raw, "extra_hosts")]
            parts = [line.partition("=" if "=" in line else ":") for line in lines]
            raw = {name: address for name, _separator, address in parts}
        return {str(name): self.text(where, "extra_hosts", address).strip("[]") for name, address in raw.items()}

    def _ports(self, where: str, entry: Mapping[str, Any]) -> list[str]:
        """Published ports, as far as they are fixed: which one an engine chooses from a range nobody can promise."""
        found = []
        for port in self.sequence(where, entry.get("ports"), "ports"):
            if isinstance(port, Mapping):
                host = f"{port['host_ip']}:" if port.get("host_ip") else ""
                port = f"{host}{port.get('published')}:{port.get('target')}/{port.get('protocol', 'tcp')}"
            if _PUBLISHED.fullmatch(str(port)):
                found.append(str(port))
        return found

    # What all values have in common

    def _say(self, where: str, sentence: str) -> None:
        self.problems.append(f"{where}: {sentence}")

    def _check_keys(self, where: str, entry: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in entry:
            if key not in known and not str(key).startswith("x-"):
                self._say(where, f"'{key}' cannot be told as a topology; leave it out.")

    def text(self, where: str, key: str, value: Any) -> str:
        """A value as text. One with a variable in it is known to Compose alone."""
        text = str(value)
        if "$" in text.replace("$$", ""):
            self._say(where, f"'{key}: {text}' has a variable that Compose alone fills in; write the value itself.")
        return text.replace("$$", "$")

    def flag(self, where: str, entry: Mapping[str, Any], key: str, default: bool) -> bool:
        """A value that is true or false."""
        value = entry.get(key)
        if value is None:
            return default
        if str(value).lower() not in ("true", "false"):
            self._say(where, f"'{key}' is true or false, not '{value}'.")
        return str(value).lower() == "true"

    def mapping(self, where: str, value: Any, key: str = "") -> Mapping[str, Any]:
        """A mapping; an empty one where there is none."""
        if value is not None and not isinstance(value, Mapping):
            self._say(where, f"{repr(key) + ' ' if key else ''}must be a mapping, like 'key: value'.")
            return {}
        return value or {}

    def sequence(self, where: str, value: Any, key: str) -> list[Any]:
        """A list; an empty one where there is none."""
        if value is not None and not isinstance(value, list):
            self._say(where, f"'{key}' must be a list.")
            return []
        return value or []
