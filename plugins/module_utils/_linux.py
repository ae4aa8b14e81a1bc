# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of this machine, read from /proc."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from pathlib import Path


def routes() -> Iterator[tuple[str, ipaddress.IPv4Network]]:
    """Yield (interface, destination) for each IPv4 route except the default one."""
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        interface, destination, _gateway, _flags, _count, _use, _metric, mask = line.split()[:8]
        if mask != "00000000":
            yield interface, ipaddress.IPv4Network((_dotted(destination), _dotted(mask)))


def _dotted(little_endian: str) -> str:
    return socket.inet_ntoa(struct.pack("<L", int(little_endian, 16)))
