#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take what an engine that is gone left behind out of the cluster store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_member_absent
short_description: Take what an engine left behind out of the cluster store
description:
  - Runs on a node that stays, after the engine of the one that goes has stopped, or has lost its cluster store.
  - Deletes the keys by which engines and a classic Swarm know the engine, and does not wait until they expire.
  - Disconnects the endpoints that a dead engine never took away (C(docker network disconnect -f)), which frees their
    names and addresses. An endpoint is the engine's where the store says so (its C(locator)).
  - With ZooKeeper there is nothing to do. Keys of engines vanish with their sessions, and there are no endpoints, since
    engines from 17.05 on die of a container on an overlay network of that store (libnetwork#1632).
extends_documentation_fragment:
  - dockernet.lab.attributes
options:
  store:
    description: URL of the cluster store, as engines have it.
    type: str
    required: true
  address:
    description: Address of the engine that goes.
    type: str
    required: true
  port:
    description: Port that it advertised.
    type: int
    default: 2375
  docker_host:
    description: URL of the engine that stays.
    type: str
    default: unix:///var/run/docker.sock
requirements: [python3-docker]
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Take what the node left behind out of the store
  dockernet.lab.cluster_member_absent:
    store: consul://192.168.99.100:8500
    address: 192.168.99.103
  delegate_to: swl-demo0
"""

RETURN = r"""
keys:
  description: The keys that were deleted.
  type: list
  elements: str
  returned: success
  sample: ["docker/nodes/192.168.99.103:2375"]
endpoints:
  description: The endpoints that were disconnected, as network/name.
  type: list
  elements: str
  returned: success
  sample: [linux/ubuntu3]
left:
  description: Sentences on endpoints that the engine refused to disconnect.
  type: list
  elements: str
  returned: success
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._engine import LOCAL_SOCKET, EngineError, connect
from ..module_utils._engine_call import REFUSALS, is_missing, words
from ..module_utils._store_keys import NETWORKS, Store, StoreError, endpoints_of

MEMBERS = ("docker/nodes", "docker/swarm/nodes")  # of engines, and of a classic Swarm


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "store": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 2375},
            "docker_host": {"type": "str", "default": LOCAL_SOCKET},
        },
        supports_check_mode=True,
    )
    if module.params["store"].startswith("zk:"):
        module.exit_json(changed=False, keys=[], endpoints=[], left=[])
    try:
        run(module, connect(module.params["docker_host"]), Store(module.params["store"]))
    except (EngineError, StoreError) as error:
        module.fail_json(msg=str(error))
    except REFUSALS as error:
        module.fail_json(msg=f"The engine at {module.params['docker_host']} refuses: {words(error)}")


def run(module: AnsibleModule, client: Any, store: Store) -> None:
    """Take keys and endpoints away, and exit."""
    address = module.params["address"]
    member = f"{address}:{module.params['port']}"
    keys = [key for root in MEMBERS for key in store.tree(root) if key == f"{root}/{member}"]
    stale = endpoints_of(store.tree(f"{NETWORKS}/endpoint"), address)
    names = {network["Id"]: network["Name"] for network in client.networks()}
    left = []
    if not module.check_mode:
        # Without its key, no engine takes the dead one for a peer while its endpoints go.
        for key in keys:
            store.delete(key)
        left = [said for network, name in stale for said in disconnect(client, network, name, names.get(network))]
    endpoints = [f"{names.get(network, network)}/{name}" for network, name in stale]
    module.exit_json(
        changed=bool(keys or stale),
        keys=keys,
        endpoints=endpoints,
        left=left,
        diff={"before": "".join(f"{line}\n" for line in keys + endpoints), "after": ""},
    )


def disconnect(client: Any, network: str, name: str, called: str | None) -> list[str]:
    """Disconnect a dead engine's endpoint: a sentence where that is refused."""
    try:
        client.disconnect_container_from_network(name, network, force=True)
    except REFUSALS as error:
        if not is_missing(error):
            return [f"Network '{called or network}' keeps the endpoint '{name}': {words(error)}"]
    return []


if __name__ == "__main__":
    main()
