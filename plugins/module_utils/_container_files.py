# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge that reads what a node's containers know of names and addresses: their files, and their namespaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import _addresses, _hosts_file, _namespace, _resolv_conf
from ._engine import EngineError, connect
from ._engine_call import REFUSALS, is_missing, words

_TIMEOUT = 20  # seconds that the engine may take for one answer
_TRIES = 3  # looks at a container that goes away under one
_SHORT_ID = 12  # characters
_UP = ("running", "paused")


class Look(NamedTuple):
    """What one engine's containers have.

    engine: its version. containers: see `entry`; with `asked`, what each was asked for as. listed: of all containers of
    the engine that are up, the addresses by network, as the engine says.
    """

    engine: str
    containers: list[dict[str, Any]]
    listed: dict[str, dict[str, str]]


def look(docker_host: str, wanted: Sequence[str] | None = None) -> Look:
    """Look at the containers of the engine at `docker_host`: all, or those with a name or an ID in `wanted`.

    One that is not there has an entry too. Raises EngineError.
    """
    client = connect(docker_host, timeout=_TIMEOUT)
    try:
        engine = str(client.version()["Version"])
        items = {item["Id"]: item for item in client.containers(all=True)}
        if wanted is None:
            containers = [entry(client, id_, _name(item)) for id_, item in items.items()]
        else:
            containers = [{**_wanted(client, items, name), "asked": name} for name in dict.fromkeys(wanted)]
    except REFUSALS as error:
        raise EngineError(f"The engine at {docker_host} fails: {words(error)}") from error
    finally:
        client.close()
    listed = {_name(item): _addresses_of(item) for item in items.values() if item.get("State") in _UP}
    return Look(engine, sorted(containers, key=lambda each: str(each["name"])), listed)


def _name(item: Mapping[str, Any]) -> str:
    """A container's name; a legacy link adds further ones with a slash inside."""
    names = [str(name).lstrip("/") for name in item.get("Names") or ()]
    return min(names, key=lambda name: name.count("/"), default=str(item["Id"])[:_SHORT_ID])


def _addresses_of(item: Mapping[str, Any]) -> dict[str, str]:
    networks = (item.get("NetworkSettings") or {}).get("Networks") or {}
    return {network: str((end or {}).get("IPAddress") or "") for network, end in networks.items()}


def _wanted(client: Any, items: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    ids = [id_ for id_, item in items.items() if _name(item) == name]
    ids = ids or [id_ for id_ in items if len(name) >= _SHORT_ID and id_.startswith(name)]
    if ids:
        return entry(client, ids[0], _name(items[ids[0]]))
    return {**_empty(name, ""), "state": "missing", "problem": f"The engine has no container '{name}'."}


def entry(client: Any, id_: str, name: str) -> dict[str, Any]:
    """What a container has, whatever becomes of it meanwhile.

    {name, id, state, problem, pid, hostname, networks, hosts_file, hosts, resolver, interfaces}: the last four are None
    where they could not be read, and `problem`, a sentence, says why. state: the engine's, or `vanished`.
    Raises what the engine refuses.
    """
    first = ""  # when it had started as it was seen up
    for _ in range(_TRIES):
        try:
            inspected = client.inspect_container(id_)
        except REFUSALS as error:
            if not is_missing(error):
                raise
            return {**_empty(name, id_), "state": "vanished", "problem": f"{name} was removed while it was looked at."}
        found = _told(name, id_, inspected)
        started = str(inspected["State"].get("StartedAt") or "")
        if found["state"] not in _UP or not found["pid"]:
            return {**found, "problem": _why_not(name, inspected["State"], was_up=bool(first))}
        first = first or started
        if started != first:
            found["problem"] = f"{name} was restarted while it was looked at; this is what it has since."
        try:
            found.update(_read(found["pid"]))
        except (FileNotFoundError, ProcessLookupError):
            continue  # its process is gone: the engine will say what became of it
        except OSError as error:
            return {**found, "problem": f"{name} (process {found['pid']}) could not be entered: {error}."}
        return found
    return {
        **found,
        "problem": f"{name} went away {_TRIES} times while it was looked at: is it restarting all the time?",
    }


def _empty(name: str, id_: str) -> dict[str, Any]:
    return {
        "name": name,
        "id": id_,
        "state": "",
        "problem": "",
        "pid": 0,
        "hostname": "",
        "networks": {},
        **dict.fromkeys(("hosts_file", "hosts", "resolver", "interfaces")),
    }


def _told(name: str, id_: str, inspected: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine says of a container."""
    config, state = inspected["Config"], inspected["State"]
    hostname, domain = str(config.get("Hostname") or ""), str(config.get("Domainname") or "")
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        **_empty(name, id_),
        "state": str(state["Status"]),
        "pid": int(state.get("Pid") or 0),
        "hostname": f"{hostname}.{domain}" if domain else hostname,
        "networks": {
            network: {"address": (end or {}).get("IPAddress") or "", "endpoint_id": (end or {}).get("EndpointID") or ""}
            for network, end in networks.items()
        },
    }


def _why_not(name: str, state: Mapping[str, Any], was_up: bool) -> str:
    """Why a container that is not up could not be read, as a sentence."""
    detail = str(state["Status"])
    if detail == "exited":
        detail += f" {state.get('ExitCode')}"
    if state.get("Error"):
        detail += f": {state['Error']}"
    return f"{name} stopped while it was looked at ({detail})." if was_up else f"{name} is not running ({detail})."


def _read(pid: int) -> dict[str, Any]:
    """What process `pid` has. Raises OSError, FileNotFoundError where it is gone, be it half-way."""
    started = _start(pid)
    text = _file(pid, "/etc/hosts")
    resolver = _resolv_conf.parse(_file(pid, "/etc/resolv.conf"))
    found = {
        "hosts_file": text,
        "hosts": [{"address": line.address, "names": list(line.names)} for line in _hosts_file.parse(text)],
        "resolver": resolver._asdict(),
        "interfaces": [
            {"name": each.name, "mac": each.mac, "addresses": list(each.addresses)}
            for each in _addresses.interfaces(pid)
        ],
    }
    if _start(pid) != started:
        raise ProcessLookupError
    return found


def _file(pid: int, path: str) -> str:
    """A file as process `pid` sees it; '' where it has none, as a container that was made without an engine's."""
    try:
        return _namespace.read_file(pid, path)
    except FileNotFoundError:
        if not Path(f"/proc/{pid}/root").exists():
            raise
        return ""


def _start(pid: int) -> str:
    """When process `pid` started, in ticks since the machine did; tells it from another that has got its number."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
