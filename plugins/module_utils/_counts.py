# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts and lists, in words."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_NAMES = 3


def things(count: int, thing: str = "cell") -> str:
    """A number of things: '1 cell', '2 cells'."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def named(thing: str, names: Sequence[str]) -> str:
    """Things by name, and of many only their number: 'network linux', 'networks a, b', '12 networks'."""
    if len(names) > _MOST_NAMES:
        return things(len(names), thing)
    return f"{thing}{'' if len(names) == 1 else 's'} {', '.join(names)}"
