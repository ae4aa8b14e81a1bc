# SPDX-License-Identifier: GPL-3.0-or-later
"""A declared container in the engine API's own terms, and back."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ._container_plan import fingerprint
from ._labels import OWNER, SPEC
from ._placement import expressions
from ._topology import NETWORK_MODES, Attachment, Container

_IPAM_KEYS = {"ipv4_address": "IPv4Address", "ipv6_address": "IPv6Address"}


def creation(container: Container, owner: str, flavour: str) -> dict[str, Any]:
    """The body of `POST /containers/create`: everything but the second and further networks.

    Engines before API 1.44 take one network there, so the others are connected before the start.
    """
    mode = container.network_mode
    first = None if mode else container.attachments[0]
    # In swarm mode an overlay network is on a node only while a container there has joined it. An engine (26.1,
    # normalizeNetMode) that joins another network first, at any start, then misses the one that is the network
    # mode, and the container does not start. With the default mode it joins exactly the named networks.
    several = flavour == "mode" and len(container.attachments) > 1
    config: dict[str, Any] = {
        "Image": container.image,
        "Env": [f"{name}={value}" for name, value in container.env.items()],
        "Labels": {**container.labels, OWNER: owner, SPEC: fingerprint(container)},
        "ExposedPorts": {port: {} for port in port_bindings(container)},
        "HostConfig": {
            "NetworkMode": first.network if first and not several else mode or "default",
            "PortBindings": port_bindings(container),
            "ExtraHosts": [f"{name}:{address}" for name, address in container.extra_hosts.items()],
            # A node's restart starts its containers again, unless somebody stopped them.
            "RestartPolicy": {"Name": "unless-stopped"},
        },
        "NetworkingConfig": {"EndpointsConfig": {first.network: _endpoint(first)} if first else {}},
    }
    if flavour == "classic":
        config["Env"] += expressions(container)
    if container.command is not None:
        config["Cmd"] = list(container.command)
    if container.hostname is not None:
        config["Hostname"] = container.hostname
    return config


def addresses(attachment: Attachment) -> dict[str, str]:
    """The fixed addresses as arguments of the SDK's `connect_container_to_network`."""
    fixed = (attachment.address, attachment.address6)
    return {f"ipv{ipaddress.ip_address(address).version}_address": address for address in fixed if address}


def properties_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """What an inspected container was created from, in the shape of _container_plan.properties.

    What its image added is in it too, since an engine does not tell them apart: for reading, not for comparing.
    """
    config, host = info["Config"], info["HostConfig"]
    return {
        "image": config.get("Image"),
        "command": config.get("Cmd"),
        "env": dict(item.split("=", 1) for item in config.get("Env") or [] if "=" in item),
        "labels": {
            name: value
            for name, value in (config.get("Labels") or {}).items()
            if not name.startswith(("org.dockernet.", "com.docker.swarm."))
        },
        "ports": sorted(_ports(host.get("PortBindings") or {})),
        "hostname": config.get("Hostname"),
        "extra_hosts": dict(item.split(":", 1) for item in host.get("ExtraHosts") or [] if ":" in item),
        "network_mode": host["NetworkMode"] if host.get("NetworkMode") in NETWORK_MODES else None,
    }


def is_image(reference: str, item: Mapping[str, Any]) -> bool:
    """True where `item`, an entry of `GET /images/json`, is what `reference` names."""
    names = [*(item.get("RepoTags") or []), *(item.get("RepoDigests") or [])]
    return _full(reference) in names or item.get("Id", "").split(":")[-1] == reference.split(":")[-1]


def _full(reference: str) -> str:
    for prefix in ("docker.io/", "library/"):
        reference = reference[len(prefix) :] if reference.startswith(prefix) else reference
    return reference if ":" in reference.rsplit("/", 1)[-1] or "@" in reference else f"{reference}:latest"


def _endpoint(attachment: Attachment) -> dict[str, Any]:
    endpoint: dict[str, Any] = {}
    if attachment.aliases:
        endpoint["Aliases"] = list(attachment.aliases)
    fixed = {_IPAM_KEYS[name]: address for name, address in addresses(attachment).items()}
    if fixed:
        endpoint["IPAMConfig"] = fixed
    return endpoint


def port_bindings(container: Container) -> dict[str, list[dict[str, str]]]:
    """The published ports: `127.0.0.1:8080:80/udp` -> {'80/udp': [{'HostIp': '127.0.0.1', 'HostPort': '8080'}]}."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for text in container.ports:
        published, _, protocol = text.partition("/")
        host, port = published.rsplit(":", 1)
        address, _, host_port = host.rpartition(":")
        binding = {"HostIp": address, "HostPort": host_port}
        bindings.setdefault(f"{port}/{protocol or 'tcp'}", []).append(binding)
    return bindings


def _ports(bindings: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for port, hosts in bindings.items():
        number, _, protocol = port.partition("/")
        for host in hosts or []:
            address = f"{host['HostIp']}:" if host.get("HostIp") else ""
            found.append(f"{address}{host['HostPort']}:{number}" + ("" if protocol == "tcp" else f"/{protocol}"))
    return found
