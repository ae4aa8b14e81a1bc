# SPDX-License-Identifier: GPL-3.0-or-later
"""Ping an address five times a second until standard input ends. Prints that it does so, then what became of the pings.

Runs on a node, in the network namespace of one of its containers, which the engine's end does not end.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time

INTERVAL = 0.2  # seconds
LATE = 2.0  # seconds that the last answers may take


def main(address: str) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    ident = os.getpid() & 0xFFFF
    sent: list[float] = []
    answered: set[int] = set()
    over = False
    print("pinging", flush=True)
    while not over:
        ping(sock, address, ident, len(sent))
        sent.append(time.monotonic())
        while not over and (left := sent[-1] + INTERVAL - time.monotonic()) > 0:
            ready, _, _ = select.select([sock, sys.stdin], [], [], left)
            over = sys.stdin in ready
            if sock in ready:
                answered |= answer(sock.recv(2048), address, ident)
    end = time.monotonic() + LATE
    while len(answered) < len(sent) and (left := end - time.monotonic()) > 0:
        if select.select([sock], [], [], left)[0]:
            answered |= answer(sock.recv(2048), address, ident)
    times = [sent[number] for number in sorted(answered)]
    gaps = [later - earlier - INTERVAL for earlier, later in zip(times, times[1:])]
    print(json.dumps({"sent": len(sent), "lost": len(sent) - len(times), "gap": round(max([0, *gaps]), 1)}))


def ping(sock: socket.socket, address: str, ident: int, number: int) -> None:
    """Send an echo request. One that cannot be sent is lost like one that nobody answers."""
    header = struct.pack("!BBHHH", 8, 0, 0, ident, number & 0xFFFF)
    total = sum(struct.unpack("!4H", header))
    total = (total & 0xFFFF) + (total >> 16)
    packet = header[:2] + struct.pack("!H", ~total & 0xFFFF) + header[4:]
    try:
        sock.sendto(packet, (address, 0))
    except OSError:
        return


def answer(packet: bytes, address: str, ident: int) -> set[int]:
    """Number of the ping that this answers; empty for any other packet."""
    length = (packet[0] & 0x0F) * 4
    if socket.inet_ntoa(packet[12:16]) != address or len(packet) < length + 8:
        return set()
    kind, _code, _sum, echoed, number = struct.unpack("!BBHHH", packet[length : length + 8])
    return {number} if kind == 0 and echoed == ident else set()


if __name__ == "__main__":
    main(sys.argv[1])
