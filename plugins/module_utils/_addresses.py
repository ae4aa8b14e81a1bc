# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge that reads all addresses of a container's interfaces, of both families, from the kernel (rtnetlink(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from . import _namespace

_NETLINK_ROUTE = 0
_GETADDR, _DONE, _ERROR = 22, 3, 2
_REQUEST_DUMP = 0x301
_ADDRESS, _LOCAL = 1, 2  # a peer's address stands in the first, where there is one
_MESSAGE = struct.Struct("=IHHII")  # length, kind, flags, number, port
_ENTRY = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index of the interface
_ATTRIBUTE = struct.Struct("=HH")  # length, kind


class Interface(NamedTuple):
    """A network interface. addresses: in CIDR notation, IPv4 first; with those that belong to this link alone."""

    name: str
    mac: str
    addresses: tuple[str, ...]


def interfaces(pid: int) -> list[Interface]:
    """The interfaces that process `pid` has. Raises OSError (ENOENT where it is gone, EPERM without root)."""
    known = {each.name: each.mac for each in _namespace.interfaces(pid)}
    with _namespace.network_namespace(pid):
        names = dict(socket.if_nameindex())
        found = sorted(_dump(), key=lambda each: ":" in each[1])
    return [
        Interface(name, known.get(name, ""), tuple(address for owner, address in found if owner == index))
        for index, name in names.items()
    ]


def _dump() -> Iterator[tuple[int, str]]:
    """The index of an interface and an address of it, for all of this namespace."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as kernel:
        kernel.settimeout(5)
        kernel.send(_MESSAGE.pack(_MESSAGE.size + _ENTRY.size, _GETADDR, _REQUEST_DUMP, 1, 0) + bytes(_ENTRY.size))
        while True:
            packet = kernel.recv(65536)
            while len(packet) >= _MESSAGE.size:
                length, kind, *_ = _MESSAGE.unpack_from(packet)
                if kind == _ERROR:
                    raise OSError(-struct.unpack_from("=i", packet, _MESSAGE.size)[0], "the kernel tells no addresses")
                if kind == _DONE:
                    return
                yield _entry(packet[_MESSAGE.size : length])
                packet = packet[_aligned(length) :]


def _entry(body: bytes) -> tuple[int, str]:
    family, prefix, _, _, index = _ENTRY.unpack_from(body)
    attributes = {}
    rest = body[_ENTRY.size :]
    while len(rest) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(rest)
        attributes[kind] = rest[_ATTRIBUTE.size : length]
        rest = rest[max(_ATTRIBUTE.size, _aligned(length)) :]
    raw = attributes.get(_LOCAL) or attributes[_ADDRESS]
    return index, f"{socket.inet_ntop(family, raw)}/{prefix}"


def _aligned(length: int) -> int:
    return (length + 3) & ~3
