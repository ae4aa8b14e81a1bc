# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge that asks a cluster store whether it is there, and who leads it."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

TIMEOUT = 1.5  # seconds that one server may take


class StoreLook(NamedTuple):
    """What came of asking. leader: its address; empty where there is none, None where the store does not tell."""

    url: str
    reached: bool
    leader: str | None = None
    problem: str = ""


def look(url: str) -> StoreLook:
    """Ask the servers of the store at `url` (`consul://HOST:PORT`, `etcd://A:PORT,B:PORT/prefix`, `zk://...`)."""
    kind, _, rest = url.partition("://")
    if kind not in _ASK:
        return StoreLook(url, False, problem=f"'{url}' is no cluster store that can be asked")
    reached = False
    leader: str | None = None
    problems = []
    for server in rest.partition("/")[0].split(","):
        host, _, port = server.rpartition(":")
        try:
            said = _ASK[kind](host, int(port))
        except (OSError, ValueError, HTTPException) as error:
            problems.append(f"{server} does not answer ({_words(error)})")
            continue
        reached = True
        leader = said if said is not None else leader
        if leader:
            break
    return StoreLook(url, reached, leader, "" if reached else "; ".join(problems))


def _consul(host: str, port: int) -> str | None:
    """Any server knows the leader: `"192.168.99.100:8300"`, or `""`."""
    body = _get(host, port, "/v1/status/leader")
    return None if body is None else str(json.loads(body)).rpartition(":")[0]


def _etcd(host: str, port: int) -> str | None:
    """A server tells what itself is (etcd 3.4, the v2 API, which engines use too)."""
    body = _get(host, port, "/v2/stats/self")
    return None if body is None else (host if json.loads(body).get("state") == "StateLeader" else "")


def _zookeeper(host: str, port: int) -> str | None:
    """The same; `srvr` is the one word that every release answers unasked-for (4lw.commands.whitelist)."""
    with socket.create_connection((host, port), TIMEOUT) as connection:
        connection.settimeout(TIMEOUT)
        connection.sendall(b"srvr")
        said = b""
        while chunk := connection.recv(4096):
            said += chunk
    if b"Mode:" not in said:  # 'This ZooKeeper instance is not currently serving requests'
        return "" if said else None
    return host if any(mode in said for mode in (b"Mode: leader", b"Mode: standalone")) else ""


_ASK = {"consul": _consul, "etcd": _etcd, "zk": _zookeeper}


def _get(host: str, port: int, path: str) -> str | None:
    """The answer's body; None where it is no success, as of a store that wants TLS: it is there, and tells nothing."""
    connection = HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else None
    finally:
        connection.close()


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
