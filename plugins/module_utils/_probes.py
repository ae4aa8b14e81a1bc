# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge that asks and sends: all questions and pings of all containers of a node, at once, from one loop."""

from __future__ import annotations

import contextlib
import os
import selectors
import struct
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dockernet.lab.plugins.module_utils import _dns, _namespace, _resolver
from ansible_collections.dockernet.lab.plugins.module_utils._observation import SourceObservation

NO_REPLY = "no reply"

# Seconds. A first packet to a peer on another node can take more than one (its engine is looked up on the first miss).
PATIENCE = 2.0  # for what should be answered, in one round
SILENCE = 0.3  # after the last answer that should come, until what stays silent counts as silent
LEAST_SILENCE = 0.5  # the same, from the start of the round
AGAIN = 0.25  # until a packet is sent again: one that was lost must not look like one that was blocked

# Pings to answer at a time: each takes an entry of the kernel's neighbour table, whose limit (1024 by default)
# is one for all namespaces of a machine.
WINDOW = 400
BURST = 64  # packets sent before replies are read again

_ECHO_REQUEST, _ECHO_REPLY, _UNREACHABLE = 8, 0, 3
_ICMP = struct.Struct("!BBHHH")


@dataclass(eq=False)
class Probe:
    """One question or ping. should_answer: whether a round waits for it."""

    source: Source
    kind: str  # 'name' or 'ping'
    subject: str  # the name, or the address
    should_answer: bool
    sent: float = 0.0  # when, as time.monotonic()
    left: float = 0.0  # the same moment, as time.time()
    times: int = 0
    result: Any = None


@dataclass(eq=False)
class Source:
    """A container from which probes are sent, with what they brought so far."""

    seen: SourceObservation
    sockets: _namespace.Sockets | None = None
    ident: int = field(default_factory=lambda: int.from_bytes(os.urandom(2), "big"))
    _waiting: dict[tuple[str, int], Probe] = field(default_factory=dict)
    _number: int = 0

    @classmethod
    def enter(cls, name: str, pid: int) -> Source:
        """Read the container's files and make its sockets; what goes wrong is said in `seen.error`."""
        seen = SourceObservation(name)
        try:
            seen.hosts = _namespace.read_file(pid, "/etc/hosts")
            servers = _resolver.nameservers(_namespace.read_file(pid, "/etc/resolv.conf"))
            seen.server = servers[0] if servers else "127.0.0.1"  # as resolv.conf(5) has it
            source = cls(seen, _namespace.sockets(pid))
        except OSError as error:
            seen.error = f"{name} (process {pid}) could not be entered: {error}"
            return cls(seen)
        return source

    def close(self) -> None:
        """Close its sockets."""
        for each in self.sockets or ():
            each.close()

    def send(self, probe: Probe) -> None:
        """Send a probe; one that the kernel refuses has its result at once."""
        assert self.sockets is not None
        probe.sent, probe.left, probe.times = time.monotonic(), time.time(), probe.times + 1
        self._number = (self._number + 1) % 0x10000
        self._waiting[probe.kind, self._number] = probe
        try:
            if probe.kind == "name":
                self.sockets.udp.sendto(_dns.question(self._number, probe.subject), (self.seen.server, 53))
            else:
                self.sockets.icmp.sendto(_echo(self.ident, self._number), (probe.subject, 0))
        except BlockingIOError:
            pass  # the socket is full; it will be sent again
        except OSError as error:
            probe.result = error.strerror or str(error)

    def receive(self, kind: str) -> None:
        """Read what has come, and give it to the probes that asked for it."""
        assert self.sockets is not None
        # Ends with BlockingIOError, or with an ICMP error that came back for an earlier packet.
        with contextlib.suppress(OSError):
            while True:
                if kind == "name":
                    self._answered(self.sockets.udp.recv(4096))
                else:
                    self._ponged(*_namespace.received(self.sockets.icmp))

    def _answered(self, packet: bytes) -> None:
        try:
            number, answer = _dns.reply(packet)
        except ValueError:
            return
        probe = self._waiting.pop(("name", number), None)
        if probe is not None and probe.result is None:
            probe.result = answer

    def _ponged(self, packet: bytes, sender: str, came: float) -> None:
        header = packet[(packet[0] & 0x0F) * 4 :]
        if len(header) < _ICMP.size:
            return
        kind, _, _, ident, number = _ICMP.unpack_from(header)
        if kind == _UNREACHABLE:
            inner = header[_ICMP.size :]
            original = inner[(inner[0] & 0x0F) * 4 :] if inner else b""
            if len(original) < _ICMP.size:
                return
            _, _, _, ident, number = _ICMP.unpack_from(original)
        probe = self._waiting.get(("ping", number))
        if ident != self.ident or probe is None or isinstance(probe.result, float):
            return
        if kind == _UNREACHABLE:
            probe.result = f"unreachable, says {sender}"
        elif sender == probe.subject:
            probe.result = max(0.0, (came - probe.left) * 1000)

    def start_round(self) -> None:
        """Forget late answers of the round before."""
        self._waiting.clear()

    def keep(self, probe: Probe) -> None:
        """Take a probe's result into the observation."""
        if probe.kind == "name":
            self.seen.answers[probe.subject] = _resolver.TIME_OUT if probe.result is None else probe.result
        else:
            self.seen.pings[probe.subject] = NO_REPLY if probe.result is None else probe.result


def run_round(probes: list[Probe]) -> None:
    """Send all probes and wait for what comes back, then keep all results.

    Ends as soon as all that should be answered are and the others have been silent for long enough,
    and after `PATIENCE` seconds without any progress at the latest.
    """
    sources = list({id(probe.source): probe.source for probe in probes}.values())
    with selectors.DefaultSelector() as selector:
        for source in sources:
            source.start_round()
            if source.sockets:
                selector.register(source.sockets.udp, selectors.EVENT_READ, (source, "name"))
                selector.register(source.sockets.icmp, selectors.EVENT_READ, (source, "ping"))
        _exchange(sorted(probes, key=lambda probe: not probe.should_answer), selector)
    for probe in probes:
        probe.source.keep(probe)


def _exchange(probes: list[Probe], selector: selectors.BaseSelector) -> None:
    unsent = deque(probes)
    open_probes: set[Probe] = set()
    start = last_answer = time.monotonic()
    while True:
        _send_burst(unsent, open_probes)
        for key, _ in selector.select(0 if unsent else 0.01):
            source, kind = key.data
            source.receive(kind)
        now = time.monotonic()
        answered = {probe for probe in open_probes if probe.result is not None}
        if any(probe.should_answer for probe in answered):
            last_answer = now
        open_probes -= answered
        for probe in open_probes:
            if now - probe.sent > AGAIN * probe.times and (probe.should_answer or probe.times < 2):
                probe.source.send(probe)
        if unsent:
            continue
        if not open_probes or now - max(start, last_answer) > PATIENCE:
            return
        quiet = now - max(probe.sent for probe in open_probes)
        silent = now - last_answer > SILENCE and now - start > LEAST_SILENCE and quiet > AGAIN
        if silent and not any(probe.should_answer for probe in open_probes):
            return


def _send_burst(unsent: deque[Probe], open_probes: set[Probe]) -> None:
    room = WINDOW - sum(probe.kind == "ping" and probe.should_answer for probe in open_probes)
    for _ in range(min(BURST, len(unsent))):
        if unsent[0].kind == "ping" and unsent[0].should_answer:
            if room <= 0:
                return
            room -= 1
        probe = unsent.popleft()
        probe.source.send(probe)
        open_probes.add(probe)


def _echo(ident: int, number: int) -> bytes:
    body = b"dockernet.lab"
    checksum = _checksum(_ICMP.pack(_ECHO_REQUEST, 0, 0, ident, number) + body)
    return _ICMP.pack(_ECHO_REQUEST, 0, checksum, ident, number) + body


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def close(sources: Iterable[Source]) -> None:
    """Close all sockets."""
    for source in sources:
        source.close()
