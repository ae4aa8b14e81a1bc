# SPDX-License-Identifier: GPL-3.0-or-later
"""What engines and a classic Swarm keep in their cluster store, as data; and which endpoints there nobody has any more.

Pure: keys in, data out. The layout is libnetwork's and libkv's (moby v20.10, datastore, drivers/overlay).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

ROOT = "docker"  # all keys are below it
_MEMBERS = "docker/nodes/"
_SWARM_MEMBERS, _SWARM_LEADER = "docker/swarm/nodes/", "docker/swarm/leader"
_NETWORK, _ENDPOINT, _COUNT, _OVERLAY = (
    f"docker/network/v1.0/{kind}/" for kind in ("network", "endpoint", "endpoint_count", "overlay/network")
)
_SHORTEST = 12  # characters of an ID that is cut short

LIVE, STALE, UNCLEAR = "live", "stale", "unclear"


def parse(tree: Mapping[str, str]) -> dict[str, Any]:
    """Return {engines, swarm, networks, problems} of the keys below `docker`.

    networks: see `_network`; one whose own key is gone while endpoints of it are left has no name. problems: sentences
    on values that are not what they should be.
    """
    problems: list[str] = []
    objects = {kind: dict(_objects(tree, kind, problems)) for kind in (_NETWORK, _ENDPOINT, _COUNT, _OVERLAY)}
    ends: dict[str, list[dict[str, Any]]] = {network: [] for network in objects[_NETWORK]}
    for key, value in objects[_ENDPOINT].items():
        network, _, own = key.partition("/")
        ends.setdefault(network, []).append(_endpoint(own, value))
    return {
        "engines": _below(tree, _MEMBERS),
        "swarm": {"leader": tree.get(_SWARM_LEADER, ""), "nodes": _below(tree, _SWARM_MEMBERS)},
        "networks": [
            {
                **_network(network, objects[_NETWORK].get(network, {}), objects[_OVERLAY].get(network, {})),
                "endpoint_count": objects[_COUNT].get(network, {}).get("Count"),
                "endpoints": sorted(endpoints, key=lambda each: str(each["name"])),
            }
            for network, endpoints in ends.items()
        ],
        "problems": problems,
    }


def _below(tree: Mapping[str, str], root: str) -> list[str]:
    return sorted(key[len(root) :] for key in tree if key.startswith(root))


def _objects(tree: Mapping[str, str], root: str, problems: list[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    for key, text in sorted(tree.items()):
        if key.startswith(root):
            try:
                value = json.loads(text)
                if not isinstance(value, dict):
                    raise ValueError("not an object")
            except ValueError as error:
                problems.append(f"The value of '{key}' is no JSON object: {error}.")
            else:
                yield key[len(root) :].strip("/"), value


def _network(id_: str, value: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": id_,
        "name": value.get("name", ""),
        "driver": value.get("networkType", ""),
        "scope": value.get("scope", ""),
        "internal": bool(value.get("internal")),
        "created": value.get("created", ""),
        "labels": value.get("labels") or {},
        "subnets": _pools(value) or [subnet.get("SubnetIP", "") for subnet in overlay.get("subnets") or []],
    }


def _pools(network: Mapping[str, Any]) -> list[str]:
    """The subnets, which libnetwork writes as JSON in JSON in JSON."""
    found = []
    for kind in ("ipamV4Info", "ipamV6Info"):
        try:
            infos = json.loads(network.get(kind) or "[]") or []
            found += [json.loads(info["IPAMData"])["Pool"] for info in infos]
        except (ValueError, KeyError, TypeError):
            return []
    return found


def _endpoint(id_: str, value: Mapping[str, Any]) -> dict[str, Any]:
    interface = value.get("ep_iface") or {}
    both = (str(interface.get(key) or "").partition("/")[0] for key in ("addr", "addrv6"))
    addresses = [address for address in both if address not in ("", "<nil>")]  # 1.9 writes an address that is not there
    return {
        "id": id_,
        "name": value.get("name", ""),
        "node": value.get("locator") or "",
        "address": addresses[0] if addresses else "",
        "addresses": addresses,
        "mac": interface.get("mac") or "",
        "aliases": value.get("myAliases") or [],
    }


class Engine(NamedTuple):
    """What an engine has. known: IDs of endpoints or containers, or names of containers. problem: why nobody knows."""

    known: frozenset[str] = frozenset()
    problem: str = ""


def known_to(listed: Any) -> frozenset[str]:
    """What an engine has, of a list of IDs and names, or of a result of `hosts_file_info` or `node_info`.

    In a result, containers that are not running do not count: they have no endpoints. Raises ValueError, also where a
    result has only some of the engine's containers: the endpoints of the others would look stale.
    """
    if isinstance(listed, Mapping):
        is_complete = listed.get("complete") or listed.get("state") == "answers"
        listed = listed.get("containers")
        if not (is_complete and isinstance(listed, list)):
            raise ValueError("it is no result that has all containers of the engine")
    if not isinstance(listed or [], list):
        raise ValueError("it is neither the URL of the engine nor a list of what it has")
    found: set[str] = set()
    for entry in listed or []:
        found |= _of_result(entry) if isinstance(entry, Mapping) else {str(entry)}
    return frozenset(found)


def _of_result(container: Mapping[str, Any]) -> set[str]:
    if container.get("state") not in ("running", "paused"):
        return set()
    ends = [end for end in (container.get("networks") or {}).values() if isinstance(end, Mapping)]
    ids = {str(end["endpoint_id"]) for end in ends if end.get("endpoint_id")}
    return ids or {str(container.get("name", ""))}


def host_of(place: str) -> str:
    """The host of `tcp://HOST:PORT`, `HOST:PORT` or `HOST`: what the store calls an engine's locator."""
    rest = place.rpartition("://")[2].partition("/")[0]
    host = rest.rpartition(":")[0] if rest.count(":") == 1 or rest.startswith("[") else rest
    return host.strip("[]")


def judge(content: dict[str, Any], engines: Mapping[str, Engine]) -> None:
    """Give each endpoint of `content` its `status`, `why` (a sentence, '' where live) and `cure` (a command, or '').

    engines: by host. Stale is only what is proven to be: the engine that should have it is known not to, or its network
    is gone.
    """
    registered = {host_of(place) for place in content["engines"]}
    for network in content["networks"]:
        for end in network["endpoints"]:
            end["status"], end["why"] = _status(network, end, engines, registered)
            end["cure"] = _cure(network, end) if end["status"] == STALE else ""


def _status(
    network: Mapping[str, Any], end: Mapping[str, Any], engines: Mapping[str, Engine], registered: set[str]
) -> tuple[str, str]:
    what = f"Endpoint '{end['name']}' of network '{network['name'] or network['id']}'"
    if any(_is_known(end, engine.known) for engine in engines.values()):
        return LIVE, ""
    if not network["name"]:
        return STALE, f"{what} is left of a network that is gone."
    node = end["node"]
    if not node:
        return UNCLEAR, f"{what} names no engine: the one that made it advertises no address."
    absent = "" if node in registered else ", which is not registered in the store any more"
    if node not in engines:
        return UNCLEAR, f"{what} is of the engine at {node}{absent}, and nobody told what that engine has."
    if engines[node].problem:
        return UNCLEAR, f"{what} is of the engine at {node}{absent}, which cannot be asked: {engines[node].problem}"
    return STALE, f"{what} is of the engine at {node}{absent}, and that engine has no such endpoint."


def _is_known(end: Mapping[str, Any], known: frozenset[str]) -> bool:
    """Whether one of these IDs and names is that of the endpoint or of its container (whose short ID is an alias)."""
    if end["id"] in known or end["name"] in known:
        return True
    aliases = [alias for alias in end["aliases"] if len(alias) == _SHORTEST]
    return any(
        len(text) >= _SHORTEST and (end["id"].startswith(text) or text.startswith(tuple(aliases))) for text in known
    )


def _cure(network: Mapping[str, Any], end: Mapping[str, Any]) -> str:
    """`disconnect -f` also frees the address and lowers the count, which deleting the key would not (moby#27398)."""
    if network["name"]:
        return f"docker network disconnect -f {network['name']} {end['name']}"
    return f"delete the key {_ENDPOINT}{network['id']}/{end['id']} from the store"
