# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS packets, as far as asking for an address needs them (RFC 1035): one question, A or AAAA records."""

from __future__ import annotations

import socket
import struct

RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}

_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_A, _AAAA, _IN = 1, 28, 1
_RECURSION_DESIRED = 0x0100


def question(number: int, name: str, wants_ipv6: bool = False) -> bytes:
    """A packet that asks for the A records of `name`, or for its AAAA records.

    number: 0 to 65535, comes back in the reply.
    """
    labels = (label.encode("ascii") for label in name.split("."))
    encoded = b"".join(bytes([len(label)]) + label for label in labels)
    kind = _AAAA if wants_ipv6 else _A
    return _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0) + encoded + struct.pack("!BHH", 0, kind, _IN)


def reply(packet: bytes) -> tuple[int, list[str] | str]:
    """Return the number of the question, and the addresses or the name of the error.

    Raises ValueError where the packet is no reply.
    """
    try:
        number, flags, questions, answers, _, _ = _HEADER.unpack_from(packet)
        if not flags & 0x8000:
            raise ValueError("not a reply")
        rcode = flags & 0x000F
        if rcode:
            return number, RCODES.get(rcode, f"RCODE{rcode}")
        offset = _HEADER.size
        for _ in range(questions):
            offset = _after_name(packet, offset) + 4
        addresses = []
        for _ in range(answers):
            offset = _after_name(packet, offset)
            kind, _, _, length = _RECORD.unpack_from(packet, offset)
            offset += _RECORD.size
            family = {(_A, 4): socket.AF_INET, (_AAAA, 16): socket.AF_INET6}.get((kind, length))
            if family:
                (raw,) = struct.unpack_from(f"{length}s", packet, offset)
                addresses.append(socket.inet_ntop(family, raw))
            offset += length
    except (struct.error, IndexError, OSError) as error:
        raise ValueError(f"not a whole reply: {error}") from error
    return number, addresses


def _after_name(packet: bytes, offset: int) -> int:
    """Where a name that starts at `offset` ends: at a zero length, or after a pointer of two octets."""
    while packet[offset]:
        if packet[offset] >= 0xC0:
            return offset + 2
        offset += packet[offset] + 1
    return offset + 1
