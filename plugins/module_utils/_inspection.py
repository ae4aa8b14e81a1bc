# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge that looks at one engine: which of the topology's networks and containers it has, and in what state."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.dockernet.lab.plugins.module_utils import _addresses, _namespace
from ansible_collections.dockernet.lab.plugins.module_utils._engine import EngineError, connect
from ansible_collections.dockernet.lab.plugins.module_utils._engine_call import REFUSALS, is_missing, words
from ansible_collections.dockernet.lab.plugins.module_utils._observation import (
    ContainerObservation,
    EndpointObservation,
    NetworkObservation,
    NodeObservation,
)
from ansible_collections.dockernet.lab.plugins.module_utils._sides import is_ipv6, six
from ansible_collections.dockernet.lab.plugins.module_utils._topology import NONE, Topology

_TIMEOUT = 20  # seconds that an engine may take for one answer
_SETTLING = 5.0  # seconds that a container may take to get from 'created' to 'running'
_UNSETTLED = ("created", "restarting")
_SERVICE = "com.docker.swarm.service.name"  # the label by which an engine tells whose task a container is


def look(node: str, docker_host: str, topology: Topology, flavour: str, wait: float) -> NodeObservation:
    """Return what the engine at `docker_host` has of the topology.

    In flavour `mode` a container that names no node is a service: the engine has its tasks, under names of their own.
    Waits, for `wait` seconds at most, while one of them is on its way up, or the engine does not list a network that
    one of them is on: its cluster store may be on its way up too. An engine that does not answer is an observation
    too: it is in `error`.
    """
    start = time.monotonic()
    try:
        client = connect(docker_host, timeout=_TIMEOUT)
    except EngineError as error:
        return NodeObservation(node, error=f"{node}: {error}")
    try:
        engine = str(client.version()["Version"])
        while True:
            containers = _containers(client, topology, flavour)
            networks = _networks(client, topology)
            passed = time.monotonic() - start
            is_settled = passed > _SETTLING or not any(c.state in _UNSETTLED and not c.problem for c in containers)
            if passed > wait or (is_settled and not _unlisted(containers, networks, topology)):
                return NodeObservation(node, engine, "", tuple(containers), tuple(networks))
            time.sleep(0.2)
    except REFUSALS as error:
        return NodeObservation(node, error=f"{node}: the engine at {docker_host} fails: {words(error)}")
    finally:
        client.close()


def _unlisted(
    containers: Iterable[ContainerObservation], networks: Iterable[NetworkObservation], topology: Topology
) -> set[str]:
    """The topology's networks that a running container is on and its engine does not list."""
    used = {endpoint.network for c in containers if c.is_up for endpoint in c.endpoints if endpoint.own_address}
    return used & {network.name for network in topology.networks} - {network.name for network in networks}


def _networks(client: Any, topology: Topology) -> list[NetworkObservation]:
    names = {network.name for network in topology.networks}
    # An engine's own filter matches parts of names.
    return [
        NetworkObservation(
            name=entry["Name"],
            id=entry["Id"],
            driver=entry["Driver"],
            scope=entry["Scope"],
            internal=bool(entry.get("Internal")),
            subnets=tuple(pool["Subnet"] for pool in (entry.get("IPAM") or {}).get("Config") or () if "Subnet" in pool),
        )
        for entry in client.networks()
        if entry["Name"] in names
    ]


def _containers(client: Any, topology: Topology, flavour: str) -> list[ContainerObservation]:
    found = []
    for name, entry in _listed(client.containers(all=True), topology, flavour):
        try:
            found.append(_container(name, client.inspect_container(entry["Id"])))
        except REFUSALS as error:
            if not is_missing(error):  # it was removed since it was listed
                raise
    return found


def _listed(
    entries: list[Mapping[str, Any]], topology: Topology, flavour: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    services = {c.name for c in topology.containers if c.node is None and flavour == "mode"}
    names = {c.name for c in topology.containers} - services
    tasks: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        # A legacy link adds further names with a slash inside.
        own = [name for name in (text.lstrip("/") for text in entry["Names"] or ()) if name in names]
        service = (entry.get("Labels") or {}).get(_SERVICE)
        if own:
            yield own[0], entry
        elif service in services:
            tasks.setdefault(service, []).append(entry)
    for service, candidates in tasks.items():
        # An engine keeps some of the tasks that have ended: the one that runs counts, else the newest.
        yield service, max(candidates, key=lambda entry: (entry["State"] == "running", entry["Created"]))


def _container(name: str, inspected: Mapping[str, Any]) -> ContainerObservation:
    state = inspected["State"]
    status = str(state["Status"])
    pid = int(state.get("Pid") or 0)
    problem = str(state.get("Error") or "")
    networks: Mapping[str, Mapping[str, Any]] = inspected["NetworkSettings"].get("Networks") or {}
    interfaces: list[_namespace.Interface] = []
    more: list[_addresses.Interface] = []
    if pid:
        try:
            interfaces = _namespace.interfaces(pid)
            if NONE in networks or any((each or {}).get("GlobalIPv6Address") for each in networks.values()):
                more = _addresses.interfaces(pid)
        except OSError as error:
            problem = f"the network namespace of process {pid} cannot be entered: {error}"
    called = str(inspected["Name"]).lstrip("/")
    return ContainerObservation(
        name=name,
        state=status,
        pid=pid,
        exit_code=int(state.get("ExitCode") or 0),
        since=_seconds_since(str(state.get("StartedAt" if pid else "FinishedAt") or "")),
        hostname=_hostname(inspected["Config"]),
        endpoints=tuple(
            endpoint
            for name, settings in networks.items()
            for endpoint in (
                (_stray(more),)
                if name == NONE
                else (_endpoint(name, settings or {}, interfaces), *_endpoint6(name, settings or {}, more))
            )
        ),
        problem=problem,
        task=called if called != name else "",
        id=str(inspected["Id"]),
    )


def _hostname(config: Mapping[str, Any]) -> str:
    hostname, domain = str(config.get("Hostname") or ""), str(config.get("Domainname") or "")
    return f"{hostname}.{domain}" if domain else hostname


def _endpoint(network: str, settings: Mapping[str, Any], interfaces: list[_namespace.Interface]) -> EndpointObservation:
    """Pair what the engine says with the interface that really is there: by MAC, else by address."""
    address, mac = str(settings.get("IPAddress") or ""), str(settings.get("MacAddress") or "").lower()
    own = [i for i in interfaces if mac and i.mac == mac] or [
        i for i in interfaces if i.address and i.address == address
    ]
    return EndpointObservation(network, address, own[0].address if own else "", mac, own[0].name if own else "")


def _stray(interfaces: list[_addresses.Interface]) -> EndpointObservation:
    """Network `none`, with the first address that a container there has all the same."""
    for interface in interfaces:
        if interface.addresses and interface.name != "lo":
            return EndpointObservation(NONE, "", interface.addresses[0].partition("/")[0], "", interface.name)
    return EndpointObservation(NONE)


def _endpoint6(
    network: str, settings: Mapping[str, Any], interfaces: list[_addresses.Interface]
) -> Iterator[EndpointObservation]:
    """The same of its IPv6 side, where the engine says that there is one."""
    address, mac = str(settings.get("GlobalIPv6Address") or ""), str(settings.get("MacAddress") or "").lower()
    if not address:
        return
    for interface in interfaces:
        own = [text.partition("/")[0] for text in interface.addresses if is_ipv6(text)]
        if address in own or (mac and interface.mac == mac):
            wider = [each for each in own if not ipaddress.IPv6Address(each).is_link_local]
            has = address if address in own else next(iter(wider), "")
            yield EndpointObservation(six(network), address, has, mac, interface.name)
            return
    yield EndpointObservation(six(network), address, "", mac)


def _seconds_since(moment: str) -> int:
    """Seconds since a moment of an engine's JSON (RFC 3339, UTC), on the engine's own clock; -1 for none."""
    try:
        then = datetime.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return -1
    return max(0, int((datetime.now(timezone.utc) - then).total_seconds())) if then.year > 1 else -1
