# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to a cluster store's keys: read a tree of them, delete one. Consul's and etcd's (v2 API) over plain HTTP."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

TIMEOUT = 5  # seconds that one server may take
NETWORKS = "docker/network/v1.0"  # libnetwork's root (facts: libnetwork, datastore)


class StoreError(Exception):
    """The store cannot be asked. The text is a whole sentence for the user."""


class Store:
    """The keys of the store at a URL as engines have it (`consul://HOST:PORT/prefix`, `etcd://A:PORT,B:PORT`)."""

    def __init__(self, url: str) -> None:
        """Raises StoreError where the store is of a kind that does not speak HTTP (zk)."""
        self.kind, _, rest = url.partition("://")
        if self.kind not in ("consul", "etcd"):
            raise StoreError(f"The cluster store '{self.kind}' shows its keys to nobody who speaks HTTP.")
        servers, _, prefix = rest.partition("/")
        self.servers = servers.split(",")
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def tree(self, path: str) -> dict[str, str]:
        """All keys with a value below `path`, without the URL's prefix; none where there is no such path."""
        if self.kind == "consul":
            items = json.loads(self._ask("GET", f"/v1/kv/{self._quoted(path)}/?recurse") or "[]")
            return {self._own(item["Key"]): _decoded(item["Value"]) for item in items if item["Value"]}
        found = self._ask("GET", f"/v2/keys/{self._quoted(path)}?recursive=true")
        return {self._own(key): value for key, value in _leaves(json.loads(found)["node"])} if found else {}

    def delete(self, key: str) -> bool:
        """Delete one key; whether it was there."""
        root = "/v1/kv/" if self.kind == "consul" else "/v2/keys/"
        if self._ask("GET", root + self._quoted(key)) is None:
            return False
        self._ask("DELETE", root + self._quoted(key))
        return True

    def _quoted(self, key: str) -> str:
        return urllib.parse.quote(self.prefix + key)

    def _own(self, key: str) -> str:
        return key.strip("/").removeprefix(self.prefix)

    def _ask(self, method: str, path: str) -> str | None:
        """The answer of the first server that gives one; None where it says that there is no such key."""
        problems = []
        for server in self.servers:
            try:
                request = urllib.request.Request(f"http://{server}{path}", method=method)
                with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - http alone
                    return str(answer.read().decode())
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return None
                problems.append(f"{server} answers {error.code} {error.reason}")
            except OSError as error:
                problems.append(f"{server} does not answer ({getattr(error, 'reason', error)})")
        raise StoreError(f"The cluster store cannot be asked for its keys: {'; '.join(problems)}.")


def endpoints_of(tree: Mapping[str, str], address: str) -> list[tuple[str, str]]:
    """The endpoints of the engine that advertises `address`, as (ID of the network, name of the endpoint).

    tree: what is below `NETWORKS/endpoint`. An endpoint's `locator` is the address of its engine.
    """
    found = []
    for key, value in sorted(tree.items()):
        endpoint = json.loads(value)
        if endpoint.get("locator") == address:
            found.append((key.split("/")[-2], endpoint["name"]))
    return found


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode()


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not node.get("dir"):
        yield node["key"], node["value"]
    for child in node.get("nodes") or []:
        yield from _leaves(child)
