# SPDX-License-Identifier: GPL-3.0-or-later
"""A declared container as a service of swarm mode in the engine API's own terms, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ._container_plan import ObservedEndpoint, fingerprint
from ._container_request import port_bindings
from ._labels import OWNER, SPEC
from ._service_plan import ObservedService
from ._topology import Attachment, Container

# What a task is in when its process, or the attempt to start it, has come to an end (swarmkit, api/types.proto).
_ENDED = ("complete", "shutdown", "failed", "rejected", "remove", "orphaned")
_FAILED = ("complete", "failed", "rejected")


def creation(container: Container, owner: str, constraints: list[str], further: Iterable[Attachment]) -> dict[str, Any]:
    """The arguments of the SDK's `create_service`.

    constraints: what the scheduler must keep to. further: networks besides those that are declared.
    """
    labels = {**container.labels, OWNER: owner, SPEC: fingerprint(container)}
    spec: dict[str, Any] = {
        "Image": container.image,
        "Labels": labels,
        "Env": [f"{name}={value}" for name, value in container.env.items()],
        "Hosts": [f"{address} {name}" for name, address in container.extra_hosts.items()],
    }
    if container.command is not None:
        spec["Args"] = list(container.command)  # `Command` would be the entrypoint
    if container.hostname is not None:
        spec["Hostname"] = container.hostname
    return {
        "task_template": {
            "ContainerSpec": spec,
            "Networks": [
                {"Target": attachment.network, "Aliases": list(attachment.aliases)}
                for attachment in (*container.attachments, *further)
            ],
            "Placement": {"Constraints": constraints},
            "RestartPolicy": {"Condition": "any"},
        },
        "name": container.name,
        "labels": labels,
        "mode": {"Replicated": {"Replicas": 1}},
        # With a virtual IP nobody could reach it where the kernel has no IPVS.
        "endpoint_spec": {"Mode": "dnsrr", "Ports": _ports(container)},
    }


def observed(
    service: Mapping[str, Any],
    tasks: Iterable[Mapping[str, Any]],
    nodes: Mapping[str, str],
    networks: Mapping[str, str],
) -> ObservedService:
    """An entry of `GET /services` as data.

    tasks: all tasks. nodes, networks: names by ID.
    """
    spec = service["Spec"]
    template = spec["TaskTemplate"]
    own = sorted((t for t in tasks if t.get("ServiceID") == service["ID"]), key=lambda task: str(task["CreatedAt"]))
    failed = [task for task in own if task["Status"]["State"] in _FAILED]
    wanted = [task for task in own if task.get("DesiredState") in ("running", "ready")]
    # While an engine waits to start the next one there may be none that is not ended.
    present = next((task for task in reversed(wanted) if task["Status"]["State"] not in _ENDED), None)
    # A present task has an error too, where there is no node for it. One that just ended has none.
    is_stuck = present is not None and present["Status"].get("Err")
    failure: Mapping[str, Any] = present if present and is_stuck else failed[-1] if failed else {}
    return ObservedService(
        id=service["ID"],
        name=spec["Name"],
        node=nodes.get(present.get("NodeID", "")) if present else None,
        state=present["Status"]["State"] if present else "pending",
        labels=spec.get("Labels") or {},
        endpoints=_endpoints(template, present or {}, networks),
        properties=_properties(spec),
        deviations=tuple(_deviations(spec)),
        task=present["ID"] if present else None,
        failed=frozenset(task["ID"] for task in failed),
        error=failure["Status"].get("Err") or "" if failure else "",
        error_node=nodes.get(failure.get("NodeID", "")),
    )


def has_ended(task: Mapping[str, Any]) -> bool:
    """True where the task's container runs no longer."""
    return task["Status"]["State"] in _ENDED


def _endpoints(
    template: Mapping[str, Any], task: Mapping[str, Any], networks: Mapping[str, str]
) -> dict[str, ObservedEndpoint]:
    addresses = {
        attachment["Network"]["ID"]: attachment["Addresses"][0].split("/")[0]
        for attachment in task.get("NetworksAttachments") or []
        if attachment.get("Addresses")
    }
    return {
        networks.get(item["Target"], item["Target"]): ObservedEndpoint(
            aliases=frozenset(item.get("Aliases") or ()),
            address=addresses.get(item["Target"]),
            network_id=item["Target"],
        )
        for item in template.get("Networks") or []
    }


def _deviations(spec: Mapping[str, Any]) -> Iterable[str]:
    replicas = ((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas")
    if replicas != 1:
        yield f"it has {'a task on every node' if replicas is None else f'{replicas} tasks'}, not one"
    mode = (spec.get("EndpointSpec") or {}).get("Mode")
    if mode != "dnsrr":
        yield f"its endpoint mode is '{mode}', not 'dnsrr'"


def _properties(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the service was created from, in the shape of _container_plan.properties; for reading, not for comparing."""
    template = spec["TaskTemplate"]
    container = template.get("ContainerSpec") or {}
    hosts = [item.split() for item in container.get("Hosts") or []]
    return {
        "image": container.get("Image"),
        "command": container.get("Args"),
        "env": dict(item.split("=", 1) for item in container.get("Env") or [] if "=" in item),
        "labels": {k: v for k, v in (spec.get("Labels") or {}).items() if not k.startswith("org.dockernet.")},
        "ports": sorted(
            f"{port.get('PublishedPort', 0)}:{port['TargetPort']}" + ("" if port["Protocol"] == "tcp" else "/udp")
            for port in (spec.get("EndpointSpec") or {}).get("Ports") or []
        ),
        "hostname": container.get("Hostname"),
        "extra_hosts": {item[1]: item[0] for item in hosts if len(item) > 1},
        "constraints": (template.get("Placement") or {}).get("Constraints"),
    }


def _ports(container: Container) -> list[dict[str, Any]]:
    # Published by the node itself: neither DNS round robin nor a kernel without IPVS has the routing mesh.
    return [
        {
            "Protocol": port.split("/")[1],
            "TargetPort": int(port.split("/")[0]),
            "PublishedPort": int(binding["HostPort"]),
            "PublishMode": "host",
        }
        for port, bindings in port_bindings(container).items()
        for binding in bindings
    ]
