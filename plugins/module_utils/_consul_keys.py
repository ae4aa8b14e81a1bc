# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to Consul's keys through py-consul: with an ACL token, and over TLS."""

from __future__ import annotations

import functools

from ._engine_api import Tls
from ._store_keys import StoreError

try:
    import consul
    from requests.exceptions import RequestException, SSLError
except ImportError:
    consul = None

TIMEOUT = 10  # seconds that Consul may take
LEADER = "docker/swarm/leader"


def tree(place: str, prefix: str, path: str, token: str = "", tls: Tls | None = None) -> dict[str, str]:
    """All keys with a value below `path`, without `prefix`, from the Consul at `place` (HOST:PORT).

    tls: files for HTTPS; None for plain HTTP. Raises StoreError.
    """
    if consul is None:
        raise StoreError(
            "py-consul is missing for the Python that asks Consul: 'pip install py-consul' there, or let another "
            "host ask that has it (delegate_to: localhost)."
        )
    host, _, port = place.rpartition(":")
    try:
        client = consul.Consul(
            host=host.strip("[]") if ":" not in host.strip("[]") else host,
            port=int(port),
            token=token or None,
            scheme="http" if tls is None else "https",
            verify=(tls.ca or True) if tls else True,
            cert=(tls.cert, tls.key) if tls and tls.cert else None,
        )
        _limit(client.http)
        _index, items = client.kv.get(f"{prefix}{path}/", recurse=True)
    except SSLError as error:
        raise StoreError(f"Consul at {place} and this side do not agree on TLS: {_inner(error)}.") from error
    except (consul.ConsulException, RequestException, OSError, ValueError) as error:
        raise StoreError(f"Consul at {place} does not tell its keys: {_inner(error)}.") from error
    # A leader that is gone leaves its key, which no session holds any more.
    held = [item for item in items or [] if item["Value"] and (item["Key"] != prefix + LEADER or item.get("Session"))]
    return {item["Key"].strip("/")[len(prefix) :]: item["Value"].decode(errors="replace") for item in held}


def _limit(http: object) -> None:
    """Never wait for ever: py-consul 1.7 knows no time limit, and 1.8 has one of its own."""
    if hasattr(http, "connections_timeout"):
        http.connections_timeout = TIMEOUT
    elif hasattr(http, "session"):
        http.session.request = functools.partial(http.session.request, timeout=TIMEOUT)


def _inner(error: BaseException) -> str:
    """The innermost cause in words: `requests` wraps `Connection refused` four times."""
    reason = error
    while True:
        inner = getattr(reason, "reason", None) or next(
            (arg for arg in reason.args if isinstance(arg, Exception)), None
        )
        if not isinstance(inner, Exception):
            break
        reason = inner
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__).rpartition("> ")[2].rstrip(".")
