# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to a container's network: its namespace, entered by the id of one of its processes.

A socket belongs for good to the namespace in which it was made, so one process can hold sockets of many
containers and needs to be inside only while it makes them.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ansible_collections.dockernet.lab.plugins.module_utils._routes import Route, parse
from ansible_collections.dockernet.lab.plugins.module_utils._sides import is_ipv6

_CLONE_NEWNET = 0x40000000
_SIOCGIFADDR, _SIOCGIFHWADDR = 0x8915, 0x8927
_ADDRESS = slice(20, 24)  # of struct ifreq: 16 octets of name, then a sockaddr_in
_HWADDR = slice(18, 24)
_ICMP_FILTER = 1
_ECHO_REPLY, _UNREACHABLE = 0, 3
_ECHO_REPLY6, _UNREACHABLE6, _TOO_LARGE6 = 129, 1, 2
_SO_TIMESTAMPNS = 35
_IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE = 10, 3  # sets DF, and heeds no MTU but the interface's own
_IP_MTU = 14
_IPV6_MTU_DISCOVER, _IPV6_MTU = 23, 24
_BUFFER = 4 * 1024 * 1024  # bytes; room for the replies to a whole burst
# Level, option to send no fragments, option to ask for the MTU; by whether it is IPv6.
_MTU_OPTIONS = (
    (socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_MTU),
    (socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _IPV6_MTU),
)
_TCP_RTT = slice(68, 72)  # of struct tcp_info: tcpi_rtt, in microseconds

_LIBC = ctypes.CDLL(None, use_errno=True)  # os.setns is there from Python 3.12 on only


class Interface(NamedTuple):
    """A network interface. address: IPv4, '' where it has none."""

    name: str
    mac: str
    address: str


@contextlib.contextmanager
def network_namespace(pid: int) -> Iterator[None]:
    """Be in the network namespace of process `pid`. Raises OSError (ENOENT where it is gone, EPERM without root).

    Holds for the calling thread.
    """
    there = _open(pid)
    try:
        with _inside(there):
            yield
    finally:
        os.close(there)


@contextlib.contextmanager
def _inside(namespace: int) -> Iterator[None]:
    home = _open("thread-self")
    try:
        _enter(namespace)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def _open(process: int | str) -> int:
    return os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def interfaces(pid: int) -> list[Interface]:
    """The interfaces that process `pid` has. Raises OSError as `network_namespace`."""
    with network_namespace(pid), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        return [
            Interface(
                name,
                ":".join(f"{octet:02x}" for octet in _ask(asker, _SIOCGIFHWADDR, name, _HWADDR)),
                socket.inet_ntoa(raw) if (raw := _ask(asker, _SIOCGIFADDR, name, _ADDRESS)) else "",
            )
            for _, name in socket.if_nameindex()
        ]


def _ask(asker: socket.socket, request: int, interface: str, part: slice) -> bytes:
    try:
        return fcntl.ioctl(asker, request, struct.pack("16s24x", interface.encode()))[part]
    except OSError:  # EADDRNOTAVAIL: it has no address
        return b""


class Sockets(NamedTuple):
    """Sockets of one container. `icmp` receives echo replies and 'unreachable' only, and when they came."""

    namespace: int
    udp: socket.socket
    icmp: socket.socket

    def mtu(self, address: str) -> int:
        """Bytes that the interface towards `address` takes at once. Raises OSError."""
        level, discover, mtu = _MTU_OPTIONS[is_ipv6(address)]
        with _inside(self.namespace), socket.socket(_family(address), socket.SOCK_DGRAM) as asker:
            asker.setsockopt(level, discover, _IP_PMTUDISC_PROBE)
            asker.connect((address, 9))  # which sends nothing
            return asker.getsockopt(level, mtu)

    def tcp(self, address: str) -> socket.socket:
        """A further one, to connect to `address` with. Raises OSError."""
        with _inside(self.namespace):
            return socket.socket(_family(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)

    def icmp6(self) -> socket.socket:
        """A further one, as `icmp` is, for IPv6; its packets come without their IP headers. Raises OSError."""
        with _inside(self.namespace):
            icmp = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        unwanted = [0xFFFFFFFF] * 8  # struct icmp6_filter: a bit for each type
        for kind in (_ECHO_REPLY6, _UNREACHABLE6, _TOO_LARGE6):
            unwanted[kind // 32] &= ~(1 << kind % 32)
        icmp.setsockopt(socket.IPPROTO_ICMPV6, _ICMP_FILTER, struct.pack("8I", *unwanted))
        return _prepared(icmp)

    def close(self) -> None:
        """Close them, and let the namespace go."""
        self.udp.close()
        self.icmp.close()
        os.close(self.namespace)


def sockets(pid: int) -> Sockets:
    """Make the sockets with which process `pid` would ask and ping. Raises OSError as `network_namespace`."""
    namespace = _open(pid)
    try:
        with _inside(namespace):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except OSError:
        os.close(namespace)
        raise
    wanted = 0xFFFFFFFF & ~(1 << _ECHO_REPLY | 1 << _UNREACHABLE)
    icmp.setsockopt(socket.SOL_RAW if hasattr(socket, "SOL_RAW") else 255, _ICMP_FILTER, struct.pack("I", wanted))
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    udp.setblocking(False)
    return Sockets(namespace, udp, _prepared(icmp))


def _prepared(icmp: socket.socket) -> socket.socket:
    """The socket, so that it says when packets came, cuts none up, and has room."""
    level, discover, _ = _MTU_OPTIONS[icmp.family == socket.AF_INET6]
    icmp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    icmp.setsockopt(level, discover, _IP_PMTUDISC_PROBE)
    icmp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    icmp.setblocking(False)
    return icmp


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if is_ipv6(address) else socket.AF_INET


def received(sock: socket.socket) -> tuple[bytes, str, float]:
    """Return a packet of `icmp`, its sender, and when the kernel got it (seconds of time.time()).

    The time at which a busy process comes to read it would say nothing of the network. Raises OSError.
    """
    packet, ancillary, _, sender = sock.recvmsg(2048, 64)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("ll", data[: struct.calcsize("ll")])
            return packet, sender[0], seconds + nanoseconds / 1e9
    return packet, sender[0], time.time()


def round_trip(connected: socket.socket) -> float:
    """Milliseconds that the kernel measured between its SYN and the answer."""
    info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128)
    return int.from_bytes(info[_TCP_RTT], sys.byteorder) / 1000


def routes(pid: int) -> list[Route]:
    """The routing table that process `pid` has. Raises OSError."""
    return parse(*(_route_file(pid, name) for name in ("route", "ipv6_route")))


def _route_file(pid: int, name: str) -> str:
    with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
        return Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii")
    return ""


def neighbours_refused() -> int:
    """How often the kernel had no room for a further neighbour since it was started; 0 where it does not say.

    Its table is one for all network namespaces, and only the first of these sees the count.
    """
    return sum(_table_fulls(path.read_text(encoding="ascii")) for path in Path("/proc/net/stat").glob("*_cache"))


def _table_fulls(text: str) -> int:
    names, *rows = text.splitlines()
    if "table_fulls" not in names.split():
        return 0  # of routes, not of neighbours
    column = names.split().index("table_fulls")
    return sum(int(row.split()[column], 16) for row in rows)  # one row per processor


def read_file(pid: int, path: str) -> str:
    """A text file as process `pid` sees it. Raises OSError."""
    return Path(f"/proc/{pid}/root{path}").read_text(encoding="utf-8", errors="replace")
