# SPDX-License-Identifier: GPL-3.0-or-later
"""Real probes in a real network namespace of this machine, without an engine."""

from __future__ import annotations

import resource
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils import _exchange
from ansible_collections.dockernet.lab.plugins.module_utils._exchange import run_round
from ansible_collections.dockernet.lab.plugins.module_utils._namespace import network_namespace
from ansible_collections.dockernet.lab.plugins.module_utils._probes import Probe, Source

HOME = Path("/proc/thread-self/ns/net").readlink()


@pytest.fixture
def elsewhere():
    """The id of a process in a network namespace of its own, whose loopback interface is up."""
    addresses = "{ ip address add fd99::1/128 dev lo || true; } && ip address add 10.99.0.1/32 dev lo"
    command = f"ip link set lo up && {addresses} && exec sleep 60"
    process = subprocess.Popen(["unshare", "--net", "sh", "-c", command], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 5
    table = Path(f"/proc/{process.pid}/net/fib_trie")
    try:
        while process.poll() is None and "10.99.0.1" not in table.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.poll() is not None:
            pytest.skip("needs the right to make network namespaces")
        yield process.pid
    finally:
        process.kill()
        process.wait()


def lead_nowhere(pid):
    """Let packets to 192.0.2.0/24 vanish without a word."""
    route = ["ip", "route", "add", "192.0.2.0/24", "dev", "lo"]
    subprocess.run(["nsenter", "--net", "-t", str(pid), *route], check=True)


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
    assert source.seen.pings["192.0.2.1"] == "network is unreachable"
    assert source.seen.answers["bb"] == "time-out"
    assert time.monotonic() - start < 1
    assert Path("/proc/thread-self/ns/net").readlink() == HOME


def test_a_round_ends_at_once_when_all_have_answered(elsewhere):
    source = Source.enter("aa", elsewhere)
    start = time.monotonic()
    run_round([Probe(source, "ping", "10.99.0.1", True)])
    source.close()
    assert time.monotonic() - start < 0.2


def test_connects_say_whether_and_why_not(elsewhere):
    with network_namespace(elsewhere):
        listener = socket.create_server(("10.99.0.1", 80))
    source = Source.enter("aa", elsewhere)
    probes = [
        Probe(source, "tcp", "10.99.0.1:80", True),
        Probe(source, "tcp", "10.99.0.1:81", True),
        Probe(source, "tcp", "192.0.2.1:80", False),
    ]
    start = time.monotonic()
    with listener:
        run_round(probes)
    source.close()
    assert time.monotonic() - start < 0.4
    milliseconds = source.seen.connects.pop("10.99.0.1:80")
    assert isinstance(milliseconds, float)
    assert milliseconds < 100
    assert source.seen.connects == {"10.99.0.1:81": "connection refused", "192.0.2.1:80": "network is unreachable"}


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="needs a kernel with IPv6")
def test_ipv6_is_pinged_and_connected_to_as_ipv4_is(elsewhere):
    with network_namespace(elsewhere):
        listener = socket.create_server(("fd99::1", 80), family=socket.AF_INET6)
    source = Source.enter("aa", elsewhere)
    kinds = {
        "ping": ["fd99::1", "fd98::1"],
        "full": ["fd99::1"],
        "tcp": ["[fd99::1]:80", "[fd99::1]:81", "[fd98::1]:80"],
    }
    start = time.monotonic()
    with listener:
        run_round([Probe(source, kind, subject, False) for kind, subjects in kinds.items() for subject in subjects])
        run_round([Probe(source, "ping", "fd99::1", True)])  # its socket is used again
    source.close()
    assert time.monotonic() - start < 0.5
    seen = source.seen
    for milliseconds in seen.pings.pop("fd99::1"), seen.full_pings.pop("fd99::1"), seen.connects.pop("[fd99::1]:80"):
        assert isinstance(milliseconds, float)
        assert milliseconds < 100
    assert seen.pings == {"fd98::1": "network is unreachable"}
    assert seen.connects == {"[fd99::1]:81": "connection refused", "[fd98::1]:80": "network is unreachable"}


def test_silence_on_a_port_is_no_reply_and_is_not_waited_for_where_it_is_expected(elsewhere):
    lead_nowhere(elsewhere)
    source = Source.enter("aa", elsewhere)
    start = time.monotonic()
    run_round([Probe(source, "tcp", "192.0.2.1:80", False)])
    assert time.monotonic() - start < 1
    run_round([Probe(source, "tcp", "192.0.2.2:80", True)])
    assert time.monotonic() - start > _exchange.PATIENCE
    source.close()
    assert source.seen.connects == {"192.0.2.1:80": "no reply", "192.0.2.2:80": "no reply"}


def test_all_ports_are_tried_where_few_files_can_be_open(elsewhere, monkeypatch):
    lead_nowhere(elsewhere)
    source = Source.enter("aa", elsewhere)
    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(_exchange, "MOST_FILES", before + 48)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 48, limits[1]))
    probes = [Probe(source, "tcp", f"192.0.2.1:{port}", False) for port in range(1000, 1060)]
    try:
        run_round(probes)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        source.close()
    assert list(source.seen.connects.values()) == ["no reply"] * 60


def test_more_lost_probes_than_the_window_takes_end_all_the_same(elsewhere, monkeypatch):
    lead_nowhere(elsewhere)
    monkeypatch.setattr(_exchange, "WINDOW", 10)
    monkeypatch.setattr(_exchange, "PATIENCE", 0.2)
    source = Source.enter("aa", elsewhere)
    lost = [Probe(source, "ping", f"192.0.2.{number}", True) for number in range(1, 21)]
    lost += [Probe(source, "tcp", f"192.0.2.{number}:80", True) for number in range(1, 21)]
    start = time.monotonic()
    run_round([*lost, Probe(source, "ping", "10.99.0.1", True)])
    source.close()
    assert time.monotonic() - start < 3
    assert isinstance(source.seen.pings.pop("10.99.0.1"), float)
    assert {*source.seen.pings.values(), *source.seen.connects.values()} == {"no reply"}


@contextmanager
def resolver(pid, answers):
    """A resolver that listens in a namespace, and waits for a moment of silence before it answers, if it does.

    Gives the names that it was asked for, from one such moment to the next.
    """
    with network_namespace(pid):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    server.settimeout(0.02)
    asked: list[list[str]] = [[]]
    is_over = threading.Event()

    def serve():
        waiting: list[tuple[bytes, tuple[str, int]]] = []
        while not is_over.is_set():
            try:
                packet, sender = server.recvfrom(512)
            except TimeoutError:
                for answer, to in waiting:
                    server.sendto(answer, to)
                if waiting:
                    asked.append([])
                waiting = []
                continue
            asked[-1].append(packet[13 : 13 + packet[12]].decode())
            if answers:
                waiting.append((packet[:2] + b"\x81\x83" + packet[4:], sender))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        is_over.set()
        thread.join()
        server.close()


def test_a_resolver_is_asked_no_more_at_once_than_it_can_answer_and_by_all_containers_in_turns(elsewhere, monkeypatch):
    monkeypatch.setattr(_exchange, "QUESTIONS", 10)
    sources = [Source.enter(name, elsewhere) for name in ("aa", "bb")]
    for source in sources:
        source.seen.server = "127.0.0.1"
    probes = [Probe(source, "name", f"{source.seen.name}{number}", True) for source in sources for number in range(30)]
    with resolver(elsewhere, answers=True) as asked:
        run_round(probes)
    for source in sources:
        source.close()
        assert source.seen.answers == {f"{source.seen.name}{number}": "NXDOMAIN" for number in range(30)}
    assert max(map(len, asked)) <= 10
    assert [name for each in asked for name in each][:4] == ["aa0", "bb0", "aa1", "bb1"]


def test_questions_that_nothing_should_answer_do_not_wait_for_each_other_long(elsewhere, monkeypatch):
    monkeypatch.setattr(_exchange, "QUESTIONS", 10)
    source = Source.enter("aa", elsewhere)
    source.seen.server = "127.0.0.1"
    start = time.monotonic()
    with resolver(elsewhere, answers=False) as asked:
        run_round([Probe(source, "name", f"aa{number}", False) for number in range(60)])
    source.close()
    assert time.monotonic() - start < 2
    assert source.seen.answers == {f"aa{number}": "time-out" for number in range(60)}
    assert {name for each in asked for name in each} == set(source.seen.answers)


def test_a_process_that_is_gone_is_said_and_not_raised():
    seen = Source.enter("aa", 2**22 + 1).seen
    assert seen.error.startswith("aa (process 4194305) could not be entered: ")
