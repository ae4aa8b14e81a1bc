# SPDX-License-Identifier: GPL-3.0-or-later
"""A table as lines of text: aligned, no wider than it may be, painted where that is wanted."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import NamedTuple

GAP = "  "
NARROWEST = 8  # characters that a column keeps
ELLIPSIS = "…"

Paint = Callable[[str, str], str]


class Cell(NamedTuple):
    """A cell's text, which may have several lines, and its style: empty, or what the painter knows."""

    text: str = ""
    style: str = ""


def plain(text: str, _style: str) -> str:
    """The painter for readers without colour."""
    return text


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], width: int, paint: Paint = plain) -> list[str]:
    """The lines of a table. A column that is empty in all rows is left out, with its head.

    width: characters that a line may have. The widest columns give way: they wrap, and where that is not enough, words
    are cut.
    """
    used = [column for column in range(len(heads)) if any(row[column].text for row in rows)]
    body = [[Cell(heads[column], "head") for column in used], *([row[column] for column in used] for row in rows)]
    widths = _widths(body, width)
    return [line for row in body for line in _lines(row, widths, paint)]


def _widths(body: Sequence[Sequence[Cell]], width: int) -> list[int]:
    columns = list(zip(*body))
    widths = [max(len(line) for cell in column for line in cell.text.split("\n")) for column in columns]
    words = [max((len(word) for cell in column for word in cell.text.split()), default=0) for column in columns]
    room = width - len(GAP) * (len(widths) - 1)
    for least in (words, [NARROWEST] * len(widths)):
        while sum(widths) > room:
            able = [place for place in range(len(widths)) if widths[place] > least[place]]
            if not able:
                break
            widths[max(able, key=widths.__getitem__)] -= 1
    return widths


def _lines(row: Sequence[Cell], widths: Sequence[int], paint: Paint) -> list[str]:
    wrapped = [_wrapped(cell.text, width) for cell, width in zip(row, widths)]
    found = []
    for line in zip_longest(*wrapped, fillvalue=""):
        # Padded before it is painted: what paints has no width.
        last = max((place for place, text in enumerate(line) if text), default=0)
        cells = [
            paint(text, cell.style) + (" " * (width - len(text)) if place < last else "")
            for place, (text, cell, width) in enumerate(zip(line, row, widths))
            if place <= last
        ]
        found.append(GAP.join(cells))
    return found


def _wrapped(text: str, width: int) -> list[str]:
    found = []
    for line in text.split("\n"):
        pieces = textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
        found += [piece if len(piece) <= width else piece[: width - 1] + ELLIPSIS for piece in pieces]
    return found
