#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what engines and a classic Swarm keep in their cluster store, and tell what is stale there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_store_info
short_description: Read what is in a cluster store, and which endpoints there are stale
description:
  - Reads what engines (C(--cluster-store)) and a classic Swarm keep in Consul, etcd (the v2 API) or ZooKeeper, and
    returns it as data.
  - Tells which endpoints are stale, given the engines. A stale one keeps its name and its address taken, and its
    network from being removed. Engines never take one away whose engine is gone.
  - Stale is only what is proven to be. An endpoint of an engine that O(engines) does not have, or that does not answer,
    is unclear. What an engine that was asked does not have is looked for once more, two seconds later.
  - Runs wherever the store and the engines are reached, such as on the controller (C(delegate_to)). Changes nothing.
requirements:
  - py-consul (of the Python that runs this), where the store is Consul
extends_documentation_fragment:
  - dockernet.lab.attributes.looks
options:
  store:
    description: URL of the cluster store as engines have it, such as V(consul://192.168.99.100:8500).
    type: str
    required: true
  token:
    description: ACL token for Consul. It must be allowed to read the keys below C(docker/).
    type: str
  ca_cert:
    description: File with the CA that signed Consul's certificate. Where it is given, HTTPS is spoken.
    type: path
  client_cert:
    description: File with the certificate that Consul asks for.
    type: path
  client_key:
    description: File with the key of O(client_cert).
    type: path
  engines:
    description:
      - The engines, by the address that each advertises, with or without its port.
      - A URL as value (V(tcp://192.168.99.101:2375)) has the engine asked.
      - Otherwise the value is all that the engine has, a list of IDs of endpoints or containers, or of names of
        containers; or a result of M(dockernet.lab.hosts_file_info) of all containers, or the C(look.engine) of
        M(dockernet.lab.node_info). It must not be older than the last container that was started.
      - An empty value says that the engine is gone for good.
    type: dict
    default: {}
  engines_ca_cert:
    description: File with the CA that signed the engines' certificates. Where it is given, they are asked with TLS.
    type: path
  engines_client_cert:
    description: File with the certificate that the engines ask for.
    type: path
  engines_client_key:
    description: File with the key of O(engines_client_cert).
    type: path
author:
  - The dockernet.lab maintainers
seealso:
  - module: dockernet.lab.classic_swarm_info
  - module: dockernet.lab.cluster_member_absent
"""

EXAMPLES = r"""
- name: Read the store, and ask both engines what they have
  dockernet.lab.cluster_store_info:
    store: consul://192.168.99.100:8500
    engines:
      192.168.99.101: tcp://192.168.99.101:2375
      192.168.99.102: tcp://192.168.99.102:2375
  delegate_to: localhost
  run_once: true
  register: store

- name: Show what to type against each stale endpoint
  ansible.builtin.debug:
    msg: "{{ store.stale | map(attribute='cure') }}"

- name: The same after the node .102 was lost for good
  dockernet.lab.cluster_store_info:
    store: consul://192.168.99.100:8500
    engines:
      192.168.99.101: tcp://192.168.99.101:2375
      192.168.99.102: []
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
engines:
  description: Addresses under which engines are registered. One that is gone stays for a minute or two.
  type: list
  elements: str
  returned: success
  sample: ["192.168.99.101:2375", "192.168.99.102:2375"]
swarm:
  description: The classic Swarm's leader (empty where there is none) and its registered nodes.
  type: dict
  returned: success
  sample: {leader: "192.168.99.101:3375", nodes: ["192.168.99.101:2375", "192.168.99.102:2375"]}
networks:
  description: The networks with their endpoints. One without a name is gone, and has left endpoints.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: ID of the network.
      type: str
    name:
      description: Name of the network.
      type: str
    driver:
      description: Its driver.
      type: str
    scope:
      description: Its scope.
      type: str
    internal:
      description: Whether nothing leads out of it.
      type: bool
    created:
      description: When it was made.
      type: str
    labels:
      description: Its labels.
      type: dict
    subnets:
      description: Its subnets.
      type: list
      elements: str
    endpoint_count:
      description: How many endpoints the store counts there; null where it does not.
      type: int
    endpoints:
      description:
        - The endpoints. C(node) is the address of the engine. C(status) is V(live), V(stale) or V(unclear), C(why) a
          sentence where it is not V(live), C(cure) what to do where it is V(stale).
      type: list
      elements: dict
  sample:
    - id: 9a3ce8ef5f52a30f6341b8d9f997acabcf77c4623a226a6c043e3ebeede79969
      name: linux
      driver: overlay
      scope: global
      internal: false
      created: "2026-11-25T13:45:08.772716401Z"
      labels: {}
      subnets: [10.0.0.0/24]
      endpoint_count: 1
      endpoints:
        - id: 48859e6528ffa4e9e6a02c5c8049c4b9048bfe740293f893692c931cdf56799e
          name: ubuntu2
          node: 192.168.99.102
          address: 10.0.0.3
          addresses: [10.0.0.3]
          mac: "02:42:0a:00:00:03"
          aliases: [498b05924ed1]
          status: stale
          why: >-
            Endpoint 'ubuntu2' of network 'linux' is of the engine at 192.168.99.102, and that engine has no such
            endpoint.
          cure: docker network disconnect -f linux ubuntu2
stale:
  description: The endpoints that are stale, each with the name of its C(network).
  type: list
  elements: dict
  returned: success
unclear:
  description: The endpoints of which nobody can say, each with the name of its C(network).
  type: list
  elements: dict
  returned: success
problems:
  description: Sentences on what in the store is not as it should be.
  type: list
  elements: str
  returned: success
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._engine_api import Tls
from ansible_collections.dockernet.lab.plugins.module_utils._store_content import STALE, UNCLEAR
from ansible_collections.dockernet.lab.plugins.module_utils._store_keys import StoreError
from ansible_collections.dockernet.lab.plugins.module_utils._store_survey import survey

FILES = ("ca_cert", "client_cert", "client_key")


def main() -> None:
    """Run the module."""
    files = {f"{whose}{name}": {"type": "path", "no_log": False} for whose in ("", "engines_") for name in FILES}
    module = AnsibleModule(
        argument_spec={
            "store": {"type": "str", "required": True},
            "token": {"type": "str", "no_log": True},
            "engines": {"type": "dict", "default": {}},
            **files,
        },
        required_together=[("client_cert", "client_key"), ("engines_client_cert", "engines_client_key")],
        supports_check_mode=True,
    )
    asked = module.params
    tls = (tls_of(asked, ""), tls_of(asked, "engines_"))
    try:
        content = survey(asked["store"], asked["engines"], asked["token"] or "", tls)
    except (StoreError, ValueError) as error:
        module.fail_json(msg=str(error))
    if not content["engines"] and not content["networks"]:
        module.warn(
            f"There is no key of engines at {asked['store']}: none has ever used it, or under another prefix, or the "
            "token may not read them (Consul shows nothing then, and does not refuse)."
        )
    ends = [{"network": network["name"], **end} for network in content["networks"] for end in network["endpoints"]]
    by_status: dict[str, list[dict[str, Any]]] = {
        status: [end for end in ends if end["status"] == status] for status in (STALE, UNCLEAR)
    }
    module.exit_json(changed=False, **content, **by_status)


def tls_of(asked: dict[str, Any], whose: str) -> Tls | None:
    """The TLS files for the store or the engines; None where none are named."""
    files = [asked[f"{whose}{name}"] or "" for name in FILES]
    return Tls(*files) if any(files) else None


if __name__ == "__main__":
    main()
