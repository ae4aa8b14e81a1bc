# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge that reads a cluster store of any kind, and asks engines which endpoints they have."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import _consul_keys, _store_content, _zookeeper_keys
from ._engine_api import ApiError, Tls, get
from ._store_content import STALE, Engine
from ._store_keys import Store, StoreError

_SETTLING = 2.0  # seconds between the two looks that it takes to call an endpoint stale
_TIMEOUT = 5  # seconds that an engine may take
_ALL = "/containers/json?all=1"


def keys(url: str, token: str = "", tls: Tls | None = None) -> dict[str, str]:
    """All keys with a value that engines and a Swarm have in the store at `url`, without the URL's prefix.

    Raises StoreError.
    """
    kind, _, rest = url.partition("://")
    places, _, prefix = rest.partition("/")
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    if kind not in ("consul", "etcd", "zk") or not places:
        raise StoreError(
            f"'{url}' is no cluster store: write it as consul://HOST:PORT, etcd://A:PORT,B:PORT or zk://..."
        )
    if kind == "consul":
        return _consul_keys.tree(places, prefix, _store_content.ROOT, token, tls)
    if token or tls:
        raise StoreError(f"A token and TLS are for Consul; '{kind}' is asked without.")
    if kind == "zk":
        return _zookeeper_keys.tree(places.split(","), prefix, _store_content.ROOT)
    return Store(url).tree(_store_content.ROOT)


def survey(
    url: str, engines: Mapping[str, Any], token: str = "", tls: tuple[Tls | None, Tls | None] = (None, None)
) -> dict[str, Any]:
    """Return what is in the store (`_store_content.parse`), each endpoint judged.

    engines: by address, where an engine is to be asked (a URL), or what it has (see `_store_content.known_to`).
    tls: for the store, and for engines. Raises StoreError, and ValueError on an entry of `engines`.
    """
    content = _store_content.parse(keys(url, token, tls[0]))
    _store_content.judge(content, _known(engines, tls[1]))
    asked = {_store_content.host_of(key) for key, has in engines.items() if isinstance(has, str)}
    doubtful = [end for end in _stale(content) if end["node"] in asked]
    if doubtful:
        # One that was being made or taken away between the two looks is none: ask both again.
        time.sleep(_SETTLING)
        content = _store_content.parse(keys(url, token, tls[0]))
        _store_content.judge(content, _known(engines, tls[1]))
        before = {end["id"] for end in doubtful}
        for end in _stale(content):
            if end["node"] in asked and end["id"] not in before:
                end.update(status=_store_content.UNCLEAR, why=f"{end['why']} It is new: look again.", cure="")
    return content


def _stale(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [end for network in content["networks"] for end in network["endpoints"] if end["status"] == STALE]


def _known(engines: Mapping[str, Any], tls: Tls | None) -> dict[str, Engine]:
    """What each engine has, by host; those that are asked are all asked at once."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = pool.map(lambda name: _engine(name, engines[name], tls), engines)
        return {_store_content.host_of(name): answer for name, answer in zip(engines, answers)}


def _engine(name: str, has: Any, tls: Tls | None) -> Engine:
    if not isinstance(has, str):
        try:
            return Engine(_store_content.known_to(has))
        except ValueError as error:
            raise ValueError(f"engines: '{name}': {error}.") from error
    try:
        containers = get(has, _ALL, tls, _TIMEOUT)
    except ApiError as error:
        return Engine(problem=str(error))
    ends = [end or {} for item in containers for end in _networks(item).values()]
    return Engine(frozenset(end["EndpointID"] for end in ends if end.get("EndpointID")))


def _networks(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return (container.get("NetworkSettings") or {}).get("Networks") or {}
