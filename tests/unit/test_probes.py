# SPDX-License-Identifier: GPL-3.0-or-later
"""Real probes in a real network namespace of this machine, without an engine."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._probes import Probe, Source, run_round

HOME = Path("/proc/thread-self/ns/net").readlink()


@pytest.fixture
def elsewhere():
    """The id of a process in a network namespace of its own, whose loopback interface is up."""
    command = "ip link set lo up && ip address add 10.99.0.1/32 dev lo && exec sleep 60"
    process = subprocess.Popen(["unshare", "--net", "sh", "-c", command], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 5
    addresses = Path(f"/proc/{process.pid}/net/fib_trie")
    try:
        while process.poll() is None and "10.99.0.1" not in addresses.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.poll() is not None:
            pytest.skip("needs the right to make network namespaces")
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_sockets_belong_to_the_namespace_that_was_entered(elsewhere):
    source = Source.enter("aa", elsewhere)
    probes = [
        Probe(source, "ping", "10.99.0.1", True),
        Probe(source, "ping", "192.0.2.1", False),
        Probe(source, "name", "bb", False),
    ]
    start = time.monotonic()
    source.seen.server = "127.0.0.1"  # where nobody listens
    run_round(probes)
    source.close()
    assert source.seen.error == ""
    assert isinstance(source.seen.pings["10.99.0.1"], float)
    assert source.seen.pings["192.0.2.1"] == "Network is unreachable"
    assert source.seen.answers["bb"] == "time-out"
    assert time.monotonic() - start < 1
    assert Path("/proc/thread-self/ns/net").readlink() == HOME


def test_a_round_ends_at_once_when_all_have_answered(elsewhere):
    source = Source.enter("aa", elsewhere)
    start = time.monotonic()
    run_round([Probe(source, "ping", "10.99.0.1", True)])
    source.close()
    assert time.monotonic() - start < 0.2


def test_a_process_that_is_gone_is_said_and_not_raised():
    seen = Source.enter("aa", 2**22 + 1).seen
    assert seen.error.startswith("aa (process 4194305) could not be entered: ")
