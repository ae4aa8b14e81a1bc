# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's hosts file as data, and what engines write into it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ._sides import bare, is_ipv6, is_six


class Line(NamedTuple):
    """One line: an address and the names that it is given."""

    address: str
    names: tuple[str, ...]


def parse(text: str) -> list[Line]:
    """Return the lines of a hosts file that say anything, in order (hosts(5))."""
    lines = []
    for raw in text.splitlines():
        words = raw.split("#", 1)[0].split()
        if len(words) > 1:
            lines.append(Line(words[0], tuple(words[1:])))
    return lines


def addresses(lines: list[Line], name: str) -> list[str]:
    """The addresses of `name`, in order, and of `name/6` those of IPv6; names compare without case."""
    wanted, only_six = bare(name).lower(), is_six(name)
    found = [line.address for line in lines if wanted in (known.lower() for known in line.names)]
    return [address for address in found if is_ipv6(address)] if only_six else found


def lists_peers(engine: str) -> bool:
    """Whether an engine of that version writes the peers of a container into its hosts file.

    Below 1.10 there is no resolver in the engine: each peer has the lines `name` and `name.network`.
    From 1.10 on the file holds localhost, extra hosts and the container's own lines, and never a peer.
    An unknown version counts as 1.10 or later.
    """
    return (0, 0) < release(engine) < (1, 10)


def keeps_own_lines(engine: str) -> bool:
    """Whether each network's own line can be relied on.

    Below 28.0 a container that leaves one network loses its own lines for all of them, and those that it
    gets with a later connect are all that it has (moby#34044, fixed by moby#48857).
    """
    return release(engine) >= (28, 0)


@lru_cache(maxsize=64)
def release(engine: str) -> tuple[int, int]:
    """The first two numbers of an engine's version; (0, 0) where it is not known."""
    numbers = re.match(r"v?(\d+)\.(\d+)", engine)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
