# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's resolv.conf as data (resolv.conf(5))."""

from __future__ import annotations

from typing import NamedTuple

from ._resolver import nameservers


class Resolver(NamedTuple):
    """What the file says, in its order. search: domains that are tried behind a name."""

    servers: list[str]
    search: list[str]
    options: list[str]


def parse(text: str) -> Resolver:
    """Read the text: of `search` and `domain` the last line counts, options add up; comments say nothing."""
    search: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        key, *words = line.split() or [""]
        if key == "search":
            search = words
        elif key == "domain":
            search = words[:1]
        elif key == "options":
            options += words
    return Resolver(nameservers(text), search, options)
