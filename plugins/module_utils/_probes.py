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
from ansible_collections.dockernet.lab.plugins.module_utils._sides import bare, is_ipv6, is_six, without_port

_ECHO_REQUEST, _ECHO_REPLY, _UNREACHABLE = 8, 0, 3
_ICMP = struct.Struct("!BBHHH")
_TOO_LARGE = 4  # a code of `_UNREACHABLE`
_ECHO_REQUEST6, _UNREACHABLE6, _TOO_LARGE6 = 128, 1, 2
_IP_HEADER, _IPV6_HEADER = 20, 40
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
    subject: str  # the name or its IPv6 side, the address, or the address with a port
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
    _icmp6: socket.socket | None = None  # made when it is needed first
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
        if self._icmp6:
            self._icmp6.close()
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
        if self._icmp6:
            selector.register(self._icmp6, selectors.EVENT_READ, lambda: self._read("ping6"))

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
            self._finish(probe, self._words(probe, error.errno or 0))

    def _finish(self, probe: Probe, result: Any) -> None:
        probe.result = result
        self._finished.append(probe)

    def _words(self, probe: Probe, number: int) -> str:
        """Why the kernel refused a probe."""
        address = without_port(probe.subject)[0] if probe.kind == "tcp" else probe.subject
        if number == errno.EADDRNOTAVAIL and is_ipv6(address) and not self._has_ipv6():
            return "no IPv6 address to send from"
        said = _WORDS.get(number) or os.strerror(number)
        return f"{NOT_SENT}: {said}" if number in _OF_THE_PROBER else said

    def _has_ipv6(self) -> bool:
        return any(is_ipv6(route.destination) and route.interface != "lo" for route in self.seen.routes)

    # Questions and pings

    def _send_packet(self, probe: Probe) -> None:
        assert self.sockets is not None
        self._number = (self._number + 1) % 0x10000
        self._waiting["name" if probe.kind == "name" else "ping", self._number] = probe
        if probe.kind == "name":
            question = _dns.question(self._number, bare(probe.subject), wants_ipv6=is_six(probe.subject))
            self.sockets.udp.sendto(question, (self.seen.server, 53))
            return
        ipv6 = is_ipv6(probe.subject)
        header = _IPV6_HEADER if ipv6 else _IP_HEADER
        size = self.sockets.mtu(probe.subject) - header if probe.kind == "full" else 0
        icmp = self._socket6() if ipv6 else self.sockets.icmp
        request = _echo(_ECHO_REQUEST6 if ipv6 else _ECHO_REQUEST, self.ident, self._number, size)
        icmp.sendto(request, (probe.subject, 0))

    def _socket6(self) -> socket.socket:
        assert self.sockets is not None and self._selector is not None
        if self._icmp6 is None:
            self._icmp6 = self.sockets.icmp6()
            self._selector.register(self._icmp6, selectors.EVENT_READ, lambda: self._read("ping6"))
        return self._icmp6

    def _read(self, kind: str) -> None:
        """Read what has come, and give it to the probes that asked for it."""
        assert self.sockets is not None
        # Ends with BlockingIOError, or with an ICMP error that came back for an earlier packet.
        with contextlib.suppress(OSError):
            while True:
                if kind == "name":
                    self._answered(self.sockets.udp.recv(4096))
                elif kind == "ping6" and self._icmp6:
                    self._ponged6(*_namespace.received(self._icmp6))
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
        refusal = ""
        if kind == _UNREACHABLE:
            refusal = "packet too large" if code == _TOO_LARGE else "unreachable"
            inner = header[_ICMP.size :]
            original = inner[(inner[0] & 0x0F) * 4 :] if inner else b""
            if len(original) < _ICMP.size:
                return
            _, _, _, ident, number = _ICMP.unpack_from(original)
        self._take(ident, number, refusal, sender, came)

    def _ponged6(self, packet: bytes, sender: str, came: float) -> None:
        if len(packet) < _ICMP.size:
            return
        kind, _, _, ident, number = _ICMP.unpack_from(packet)
        refusal = {_UNREACHABLE6: "unreachable", _TOO_LARGE6: "packet too large"}.get(kind, "")
        if refusal:
            original = packet[_ICMP.size + _IPV6_HEADER :]
            if len(original) < _ICMP.size:
                return
            _, _, _, ident, number = _ICMP.unpack_from(original)
        self._take(ident, number, refusal, sender, came)

    def _take(self, ident: int, number: int, refusal: str, sender: str, came: float) -> None:
        """Give what came to the probe that it answers. refusal: why the packet came no further, '' for a reply."""
        probe = self._waiting.get(("ping", number))
        if ident != self.ident or probe is None or isinstance(probe.result, float):
            return
        if refusal:
            self._finish(probe, f"{refusal}, says {sender}")
        elif sender == probe.subject:
            self._finish(probe, max(0.0, (came - probe.left) * 1000))

    # Connections

    def _connect(self, probe: Probe) -> None:
        assert self.sockets is not None and self._selector is not None
        self._hang_up(probe)
        address, port = without_port(probe.subject)
        probe.connection = connection = self.sockets.tcp(address)
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
        result = self._words(probe, number) if number else _namespace.round_trip(probe.connection)
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


def _echo(kind: int, ident: int, number: int, size: int = 0) -> bytes:
    """An echo request of `size` bytes, or of a few. The kernel puts another checksum into those of IPv6."""
    body = b"dockernet.lab".ljust(max(0, min(size, _LARGEST) - _ICMP.size), b".")
    checksum = _checksum(_ICMP.pack(kind, 0, 0, ident, number) + body)
    return _ICMP.pack(kind, 0, checksum, ident, number) + body


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
