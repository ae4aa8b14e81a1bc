# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to ZooKeeper's keys: its protocol as far as reading a tree needs it (zookeeper.jute; 3.4 to 3.9)."""

from __future__ import annotations

import socket
import struct

from ._store_keys import StoreError

TIMEOUT = 5  # seconds that one server may take
_GET_CHILDREN, _GET_DATA, _CLOSE = 8, 4, -11
_NO_NODE, _NO_AUTH = -101, -102
_DIRECTORY = b"\x01"  # what libkv writes where there is no value


def tree(servers: list[str], prefix: str, path: str) -> dict[str, str]:
    """All keys with a value below `path`, without `prefix`, from the first of `servers` that answers.

    Raises StoreError.
    """
    problems = []
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), TIMEOUT) as connection:
                return _Session(connection).tree(f"/{prefix}{path}", len(prefix) + 1)
        except (OSError, ValueError, struct.error) as error:
            problems.append(f"{server} does not answer ({getattr(error, 'strerror', None) or error})")
    raise StoreError(f"The cluster store cannot be asked for its keys: {'; '.join(problems)}.")


class _Session:
    """A session that reads, and watches nothing."""

    def __init__(self, connection: socket.socket) -> None:
        """Raises OSError."""
        self._connection = connection
        self._number = 0
        # Protocol 0, nothing seen yet, milliseconds that the session lives without a word, no session, no password.
        self._send(struct.pack("!iqiq", 0, 0, TIMEOUT * 1000, 0) + _buffer(bytes(16)))
        self._receive()

    def tree(self, root: str, cut: int) -> dict[str, str]:
        """All keys with a value at and below `root`, less their first `cut` characters."""
        found = {}
        waiting = [root]
        while waiting:
            path = waiting.pop()
            children = self._ask(_GET_CHILDREN, path)
            data = self._ask(_GET_DATA, path)
            if children is None or data is None:
                continue  # it has gone meanwhile
            waiting += [f"{path.rstrip('/')}/{name}" for name in _names(children)]
            value = _first_buffer(data)
            if value not in (b"", _DIRECTORY):
                found[path[cut:]] = value.decode(errors="replace")
        self._send(struct.pack("!ii", self._number + 1, _CLOSE))
        return found

    def _ask(self, operation: int, path: str) -> bytes | None:
        """What is said of `path`; None where there is no such. Raises OSError."""
        self._number += 1
        self._send(struct.pack("!ii", self._number, operation) + _buffer(path.encode()) + b"\0")
        packet = self._receive()
        _number, _transaction, error = struct.unpack_from("!iqi", packet)
        if error == _NO_NODE:
            return None
        if error:
            raise OSError(f"{path}: {'no rights' if error == _NO_AUTH else f'ZooKeeper error {error}'}")
        return packet[16:]

    def _send(self, packet: bytes) -> None:
        self._connection.sendall(_buffer(packet))

    def _receive(self) -> bytes:
        (length,) = struct.unpack("!i", self._exactly(4))
        return self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        packet = b""
        while len(packet) < length:
            part = self._connection.recv(length - len(packet))
            if not part:
                raise OSError("it closed the connection")
            packet += part
        return packet


def _buffer(content: bytes) -> bytes:
    return struct.pack("!i", len(content)) + content


def _first_buffer(packet: bytes) -> bytes:
    (length,) = struct.unpack_from("!i", packet)
    return packet[4 : 4 + max(0, length)]


def _names(packet: bytes) -> list[str]:
    (count,) = struct.unpack_from("!i", packet)
    names, offset = [], 4
    for _ in range(max(0, count)):
        name = _first_buffer(packet[offset:])
        names.append(name.decode())
        offset += 4 + len(name)
    return names
