# SPDX-License-Identifier: GPL-3.0-or-later
"""`classic_swarm_info` where there is no Swarm, and its examples with an answer that a Swarm 1.2.9 gave.

A real Swarm is asked in molecule/swarm_classic.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from test_info_modules import engine, run_examples, run_module

__all__ = ["engine"]

RECORDED = {
    "SystemStatus": [
        ["Role", "primary"],
        ["Strategy", "spread"],
        ["Filters", "health, port"],
        ["Nodes", "1"],
        [" swl-demo0", "192.168.99.101:2375"],
        ["  \u2514 Status", "Healthy"],
        ["  \u2514 Containers", "5 (5 Running, 0 Paused, 0 Stopped)"],
    ],
    "ServerVersion": "swarm/1.2.9",
}


class Replay(BaseHTTPRequestHandler):
    """Answers as a manager does."""

    def do_GET(self) -> None:
        assert self.path == "/info"
        body = json.dumps(RECORDED)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def manager() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Replay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_its_examples_run(manager: str, tmp_path: Path) -> None:
    asked, _asserted = run_examples("classic_swarm_info", tmp_path, {}, {"tcp://192.168.99.101:3375": manager})
    assert (asked["role"], asked["version"], asked["filters"]) == ("primary", "1.2.9", ["health", "port"])
    assert asked["nodes"][0]["containers"]["running"] == 5


def test_an_engine_is_no_manager(engine) -> None:
    result = run_module("classic_swarm_info", manager=engine.url)
    assert result["failed"]
    assert result["msg"].startswith(f"{engine.url} answers, and is no manager of a classic Swarm")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"manager": "tcp://127.0.0.1:1"}, "tcp://127.0.0.1:1 does not answer: Connection refused."),
        ({"manager": "192.168.99.101:3375"}, "'192.168.99.101:3375' is no address of an engine"),
        (
            {"manager": "tcp://127.0.0.1:1", "ca_cert": "/there/is/no.pem"},
            "The TLS files cannot be used (/there/is/no.pem)",
        ),
    ],
)
def test_a_manager_that_cannot_be_asked_is_one_sentence(asked: dict[str, object], said: str) -> None:
    result = run_module("classic_swarm_info", **asked)
    assert result["failed"]
    assert said in result["msg"]


def test_who_speaks_another_protocol_is_said(manager: str) -> None:
    result = run_module("classic_swarm_info", manager=manager, ca_cert="/etc/ssl/certs/ca-certificates.crt")
    assert "do not agree on TLS" in result["msg"]
