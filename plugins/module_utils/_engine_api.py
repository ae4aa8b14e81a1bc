# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to the API of an engine or a classic Swarm without the Docker SDK: plain GET requests, with TLS too."""

from __future__ import annotations

import json
import socket
import ssl
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NamedTuple


class ApiError(Exception):
    """There is no answer to be used. The text is a whole sentence for the user."""


class Tls(NamedTuple):
    """Paths of PEM files: whom to trust ('' for the system's own), and who we are ('' for nobody)."""

    ca: str = ""
    cert: str = ""
    key: str = ""


def get(url: str, path: str, tls: Tls | None = None, timeout: float = 10) -> Any:
    """Return what `url` (`tcp://HOST:PORT`, `unix:///PATH`) answers to `GET path`, as JSON says it.

    timeout: seconds that a step of it may take. Raises ApiError.
    """
    kind, _, rest = url.partition("://")
    if kind not in ("tcp", "http", "https", "unix") or not rest:
        raise ApiError(f"'{url}' is no address of an engine: write it as tcp://HOST:PORT or unix:///PATH.")
    if kind == "https" and tls is None:
        tls = Tls()
    connection: HTTPConnection | None = None
    try:
        connection = _Local(rest, timeout) if kind == "unix" else _remote(rest.rstrip("/"), tls, timeout)
        connection.request("GET", path)
        answer = connection.getresponse()
        return _content(url, path, answer)
    except ssl.SSLError as error:
        raise ApiError(f"{url} and this side do not agree on TLS: {error.reason or error}.") from error
    except (OSError, HTTPException, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ApiError(f"{url} does not answer: {problem}.") from error
    finally:
        if connection:
            connection.close()


class _Local(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect. Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _remote(place: str, tls: Tls | None, timeout: float) -> HTTPConnection:
    if tls is None:
        return HTTPConnection(place, timeout=timeout)
    return HTTPSConnection(place, timeout=timeout, context=_context(tls))


def _context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key or None)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(file for file in tls if file)
        raise ApiError(f"The TLS files cannot be used ({files}): {error.strerror or error}.") from error
    return context


def _content(url: str, path: str, answer: HTTPResponse) -> Any:
    body = answer.read().decode(errors="replace")
    if answer.status == 200:
        return json.loads(body)
    if "HTTPS server" in body:
        raise ApiError(f"{url} speaks TLS alone: name its CA, and a certificate with its key where it asks for one.")
    raise ApiError(f"{url} answers {answer.status} {answer.reason} to {path}: {body.strip()[:200]}")
