# SPDX-License-Identifier: GPL-3.0-or-later
"""How wide a text is, and how to make it fit, without a font at hand.

A picture is drawn in whatever font its reader's system has. The widths here are those of DejaVu Sans, the
widest of the fonts that a picture asks for: what fits in it fits in all.
"""

from __future__ import annotations

import functools
import unicodedata

ELLIPSIS = "…"

# Advance widths of U+0020 to U+007E, in thousandths of the font size.
_FIRST = 0x20
_REGULAR = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337,
    636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531,
    1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787,
    603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500,
    500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612,
    635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
)  # fmt: skip
_BOLD = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365,
    696, 696, 696, 696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580,
    1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995, 837, 850,
    733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500,
    500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687,
    716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
)  # fmt: skip
_MONO = 602
_OTHER = 1000  # letters and signs beyond ASCII, none of which is wider
_WIDE = 1050  # East Asian wide characters, emoji

_SLACK = 0.01  # what sums of floats may be off by: room that was made for a text must hold it
_BREAK_AFTER = "-_.:/ "


@functools.lru_cache(maxsize=10_000)
def text_width(text: str, size: float, bold: bool = False, mono: bool = False) -> float:
    """The width of `text` in pixels at a font size of `size` pixels; never less than what a reader sees."""
    return sum(_advance(character, bold, mono) for character in text) * size / 1000


def shorten(text: str, room: float, size: float, bold: bool = False, mono: bool = False) -> str:
    """`text` where it fits in `room` pixels, else as much of it as does, and an ellipsis."""
    if text_width(text, size, bold, mono) <= room + _SLACK:
        return text
    kept = text
    while kept and text_width(kept + ELLIPSIS, size, bold, mono) > room + _SLACK:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


def wrap(text: str, room: float, size: float, lines: int, bold: bool = False) -> tuple[str, ...]:
    """`text` in at most `lines` lines of `room` pixels, broken where names have joints, the last one shortened."""
    found: list[str] = []
    rest = text
    while len(found) < lines - 1 and text_width(rest, size, bold) > room + _SLACK:
        end = _line_end(rest, room, size, bold)
        found.append(rest[:end].rstrip())
        rest = rest[end:]
    return (*found, shorten(rest, room, size, bold))


def _line_end(text: str, room: float, size: float, bold: bool) -> int:
    """Where to break: after the last joint that fits, and in the midst of a word only where its start is long."""
    fits = 1
    while fits < len(text) and text_width(text[: fits + 1], size, bold) <= room + _SLACK:
        fits += 1
    joint = max(text.rfind(character, 0, fits) for character in _BREAK_AFTER) + 1
    return joint if joint >= fits // 3 and joint > 0 else fits


def _advance(character: str, bold: bool, mono: bool) -> int:
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return _WIDE
    if mono:
        return _MONO
    place = ord(character) - _FIRST
    if 0 <= place < len(_REGULAR):
        return (_BOLD if bold else _REGULAR)[place]
    return _OTHER
