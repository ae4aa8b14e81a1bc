#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leave in Consul a copy of a container's endpoint under an address of its own, as an engine that has died does.

stale_endpoint.py add|remove SERVER CONTAINER ADDRESS
"""

from __future__ import annotations

import ipaddress
import json
import sys
from typing import Any

from consul import Consul

ENDPOINTS = "docker/network/v1.0/endpoint/"
COUNTS = "docker/network/v1.0/endpoint_count/"
MARK = "0" * 16  # how the copy's ID starts


def main(what: str, server: str, container: str, address: str) -> None:
    store = Consul(server).kv
    for key, endpoint in entries(store):
        is_copy = endpoint["id"].startswith(MARK)
        if endpoint["name"] != container or is_copy != (what == "remove"):
            continue
        if what == "remove":
            store.delete(key)
        else:
            copy = MARK + endpoint["id"][len(MARK) :]
            prefix = ipaddress.ip_interface(endpoint["ep_iface"]["addr"]).network.prefixlen
            interface = {**endpoint["ep_iface"], "addr": f"{address}/{prefix}"}
            store.put(key.replace(endpoint["id"], copy), json.dumps({**endpoint, "id": copy, "ep_iface": interface}))
        count(store, key[len(ENDPOINTS) :].partition("/")[0], 1 if what == "add" else -1)
        return
    sys.exit(f"The store at {server} has no such endpoint of {container}.")


def entries(store: Any) -> list[tuple[str, dict[str, Any]]]:
    """The endpoints in the store, by their keys."""
    found = store.get(ENDPOINTS, recurse=True)[1] or []
    return [(entry["Key"], json.loads(entry["Value"])) for entry in found if entry["Value"]]


def count(store: Any, network: str, by: int) -> None:
    """Engines look at a network's endpoints when the count of these changes."""
    key = f"{COUNTS}{network}/"
    counted = json.loads(store.get(key)[1]["Value"])["Count"]
    store.put(key, json.dumps({"Count": counted + by}))


if __name__ == "__main__":
    main(*sys.argv[1:])
