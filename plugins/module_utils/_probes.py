# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge that asks, pings and connects: what one container sends, and what comes back to it."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dockernet.lab.plugins.module_utils import _dns, _namespace, _resolver
from ansible_collections.dockernet.lab.plugins.module_utils._observation import (
    NO_REPLY,
    NOT_SENT,
    REFUSED,
    SourceObservation,
)

_ECHO_REQUEST, _ECHO_REPLY, _UNREACHABLE = 8, 0, 3
_ICMP = struct.Struct("!BBHHH")
_TOO_LARGE = 4  # a code of `_UNREACHABLE`
_IP_HEADER = 20
_LARGEST = 9000  # bytes; loopback interfaces take more, and no network does

# Not os.strerror's, which speaks the user's language.
_WORDS = {
    errno.ECONNREFUSED: REFUSED,
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: NO_REPLY,
    errno.EMSGSIZE: "larger than the MTU of its interface",
}
# It lacks files, memory, or ports to connect from.
_OF_THE_PROBER = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EADDRNOTAVAIL)


@dataclass(eq=False)
class Probe:
    """One question, ping or connect. should_answer: whether a round waits for it."""

    source: Source
    kind: str  # 'name', 'ping', 'full' (a ping of full size) or 'tcp'
    subject: str  # the name, the address, or 'address:port'
    should_answer: bool
    first: float = 0.0  # when it was sent first, and last, as time.monotonic()
    sent: float = 0.0
    left: float = 0.0  # when it was sent last, as time.time()
    times: int = 0
    connection: socket.socket | None = None
    result: Any = None


@dataclass(eq=False)
class Source:
    """A container from which probes are sent, with what they brought so far."""

    seen: SourceObservation
    sockets: _namespace.Sockets | None = None
    ident: int = field(default_factory=lambda: int.from_bytes(os.urandom(2), "big"))
    _waiting: dict[tuple[str, int], Probe] = field(default_factory=dict)
    _number: int = 0
    _selector: selectors.BaseSelector | None = None
    _finished: list[Probe] = field(default_factory=list)

    @classmethod
    def enter(cls, name: str, pid: int) -> Source:
        """Read the container's files and make its sockets; what goes wrong is said in `seen.error`."""
        seen = SourceObservation(name)
        try:
            seen.hosts = _namespace.read_file(pid, "/etc/hosts")
            servers = _resolver.nameservers(_namespace.read_file(pid, "/etc/resolv.conf"))
            seen.server = servers[0] if servers else "127.0.0.1"  # as resolv.conf(5) has it
            seen.routes = _namespace.routes(pid)
            source = cls(seen, _namespace.sockets(pid))
        except OSError as error:
            seen.error = f"{name} (process {pid}) could not be entered: {error}"
            return cls(seen)
        return source

    def close(self) -> None:
        """Close its sockets."""
        if self.sockets:
            self.sockets.close()

    def start(self, selector: selectors.BaseSelector, finished: list[Probe]) -> None:
        """Forget late answers of the round before. What `selector` gives is to be called as it comes.

        finished: takes each probe that has got its result.
        """
        self._waiting.clear()
        self._selector, self._finished = selector, finished
        if self.sockets:
            selector.register(self.sockets.udp, selectors.EVENT_READ, lambda: self._read("name"))
            selector.register(self.sockets.icmp, selectors.EVENT_READ, lambda: self._read("ping"))

    def keep(self, probe: Probe) -> None:
        """Take a probe's result into the observation, and hang up where there is none yet."""
        self._hang_up(probe)
        if probe.kind == "name":
            self.seen.answers[probe.subject] = _resolver.TIME_OUT if probe.result is None else probe.result
        else:
            kept = {"ping": self.seen.pings, "full": self.seen.full_pings, "tcp": self.seen.connects}[probe.kind]
            kept[probe.subject] = NO_REPLY if probe.result is None else probe.result

    def send(self, probe: Probe) -> None:
        """Send a probe; one that the kernel refuses has its result at once."""
        probe.sent, probe.left, probe.times = time.monotonic(), time.time(), probe.times + 1
        probe.first = probe.first or probe.sent
        try:
            if probe.kind == "tcp":
                self._connect(probe)
            else:
                self._send_packet(probe)
        except BlockingIOError:
            pass  # the socket is full; it will be sent again
        except OSError as error:
            self._finish(probe, _words(error.errno or 0))

    def _finish(self, probe: Probe, result: Any) -> None:
        probe.result = result
        self._finished.append(probe)

    # Questions and pings

    def _send_packet(self, probe: Probe) -> None:
        assert self.sockets is not None
        self._number = (self._number + 1) % 0x10000
        self._waiting["name" if probe.kind == "name" else "ping", self._number] = probe
        if probe.kind == "name":
            self.sockets.udp.sendto(_dns.question(self._number, probe.subject), (self.seen.server, 53))
            return
        size = self.sockets.mtu(probe.subject) - _IP_HEADER if probe.kind == "full" else 0
        self.sockets.icmp.sendto(_echo(self.ident, self._number, size), (probe.subject, 0))

    def _read(self, kind: str) -> None:
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
            self._finish(probe, answer)

    def _ponged(self, packet: bytes, sender: str, came: float) -> None:
        header = packet[(packet[0] & 0x0F) * 4 :]
        if len(header) < _ICMP.size:
            return
        kind, code, _, ident, number = _ICMP.unpack_from(header)
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
            self._finish(probe, f"{'packet too large' if code == _TOO_LARGE else 'unreachable'}, says {sender}")
        elif sender == probe.subject:
            self._finish(probe, max(0.0, (came - probe.left) * 1000))

    # Connections

    def _connect(self, probe: Probe) -> None:
        assert self.sockets is not None and self._selector is not None
        self._hang_up(probe)
        probe.connection = connection = self.sockets.tcp()
        address, _, port = probe.subject.rpartition(":")
        number = connection.connect_ex((address, int(port)))
        if number == errno.EINPROGRESS:
            self._selector.register(connection, selectors.EVENT_WRITE, lambda: self._connected(probe))
        else:
            self._decide(probe, number)

    def _connected(self, probe: Probe) -> None:
        assert probe.connection is not None
        self._decide(probe, probe.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _decide(self, probe: Probe, number: int) -> None:
        assert probe.connection is not None
        result = _words(number) if number else _namespace.round_trip(probe.connection)
        self._hang_up(probe)
        self._finish(probe, result)

    def _hang_up(self, probe: Probe) -> None:
        if probe.connection is None:
            return
        assert self._selector is not None
        with contextlib.suppress(KeyError):  # it was decided before it was waited for
            self._selector.unregister(probe.connection)
        # Not reset: a server should see no more of it than a caller who says nothing.
        probe.connection.close()
        probe.connection = None


def _words(number: int) -> str:
    said = _WORDS.get(number) or os.strerror(number)
    return f"{NOT_SENT}: {said}" if number in _OF_THE_PROBER else said


def _echo(ident: int, number: int, size: int = 0) -> bytes:
    """An echo request of `size` bytes, or of a few."""
    body = b"dockernet.lab".ljust(max(0, min(size, _LARGEST) - _ICMP.size), b".")
    checksum = _checksum(_ICMP.pack(_ECHO_REQUEST, 0, 0, ident, number) + body)
    return _ICMP.pack(_ECHO_REQUEST, 0, checksum, ident, number) + body


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
