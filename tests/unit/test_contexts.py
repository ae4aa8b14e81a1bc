# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose the docker context in use is, and which addresses this machine reaches."""

from __future__ import annotations

import hashlib
import json
import socket

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils import _contexts


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    """A user whose command line has a context of the lab, as docker/cli keeps it, and has chosen it."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    for name, description in (("swl-demo0", _contexts.description("swarm")), ("mine", "Lab of my own")):
        directory = tmp_path / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        directory.mkdir(parents=True)
        (directory / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {"Description": description}}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "swl-demo0"}))
    return tmp_path


def test_a_lab_s_context_in_use_is_known():
    assert _contexts.in_use() == ("swl-demo0", "swarm")


def test_a_context_of_somebody_else_s_is_none_of_a_lab_s(monkeypatch):
    monkeypatch.setenv("DOCKER_CONTEXT", "mine")
    assert _contexts.in_use() is None


def test_docker_host_goes_before_a_context(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")
    assert _contexts.in_use() is None


def test_a_user_without_any_context(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nowhere"))
    assert _contexts.in_use() is None


def test_which_addresses_are_not_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        assert _contexts.unreachable([there, "tcp://127.0.0.1:1", "unix:///run/docker.sock"]) == {"tcp://127.0.0.1:1"}
