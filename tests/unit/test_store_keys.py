# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a cluster store as Consul and etcd answer over HTTP, and whose endpoints they are."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._store_keys import Store, StoreError, endpoints_of

KEYS = {
    "lab/docker/nodes/192.168.99.102:2375": "192.168.99.102:2375",
    "lab/docker/nodes/192.168.99.103:2375": "192.168.99.103:2375",
}


class Answers(BaseHTTPRequestHandler):
    """Answers as Consul's KV (/v1/kv/) and etcd's v2 API (/v2/keys/) do."""

    keys: dict[str, str]

    def do_GET(self):
        path, _, query = self.path.replace("%3A", ":").partition("?")
        _, api, _, key = path.split("/", 3)
        wanted = key.strip("/")
        found = {name: value for name, value in self.keys.items() if name == wanted or name.startswith(wanted + "/")}
        if not found:
            self.send_error(404)
        elif api == "v1":
            self._say([{"Key": n, "Value": base64.b64encode(v.encode()).decode()} for n, v in found.items()])
        else:
            leaves = [{"key": f"/{name}", "value": value} for name, value in found.items()]
            self._say({"node": {"key": f"/{wanted}", "dir": True, "nodes": leaves} if query else leaves[0]})

    def do_DELETE(self):
        key = self.path.replace("%3A", ":").split("/", 3)[3]
        self._say(self.keys.pop(key))

    def _say(self, answer):
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def server():
    Answers.keys = dict(KEYS)
    running = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{running.server_port}"
    running.shutdown()


@pytest.mark.parametrize("kind", ["consul", "etcd"])
def test_keys_are_read_and_deleted_below_the_urls_prefix(kind, server):
    store = Store(f"{kind}://{server}/lab")
    assert store.tree("docker/nodes") == {key.removeprefix("lab/"): value for key, value in KEYS.items()}
    assert store.delete("docker/nodes/192.168.99.103:2375")
    assert not store.delete("docker/nodes/192.168.99.103:2375")
    assert list(store.tree("docker/nodes")) == ["docker/nodes/192.168.99.102:2375"]


@pytest.mark.parametrize("kind", ["consul", "etcd"])
def test_a_store_without_such_keys_has_none(kind, server):
    assert Store(f"{kind}://{server}").tree("docker/swarm/nodes") == {}


def test_of_several_servers_the_first_that_answers_is_asked(server):
    assert Store(f"etcd://127.0.0.1:1,{server}/lab").tree("docker/nodes")


def test_a_store_that_does_not_answer_is_named():
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1 does not answer"):
        Store("consul://127.0.0.1:1").tree("docker/nodes")


def test_zookeeper_shows_its_keys_to_nobody_who_speaks_http():
    with pytest.raises(StoreError, match="zk"):
        Store("zk://127.0.0.1:2181")


def test_an_endpoint_is_the_engines_that_it_names_as_its_locator():
    root = "docker/network/v1.0/endpoint"
    tree = {
        f"{root}/n1/e1": json.dumps({"name": "ubuntu2", "locator": "192.168.99.102"}),
        f"{root}/n1/e2": json.dumps({"name": "ubuntu3", "locator": "192.168.99.103"}),
        f"{root}/n2/e3": json.dumps({"name": "ubuntu3", "locator": "192.168.99.103"}),
    }
    assert endpoints_of(tree, "192.168.99.103") == [("n1", "ubuntu3"), ("n2", "ubuntu3")]
    assert endpoints_of(tree, "192.168.99.10") == []
