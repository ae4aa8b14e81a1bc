# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules say of check mode and diff mode."""

from __future__ import annotations


class ModuleDocFragment:
    """`dockernet.lab.attributes` for a module that changes something, `dockernet.lab.attributes.looks` for others."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Says what it would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows what differs before and after.
    support: full
"""

    LOOKS = r"""
attributes:
  check_mode:
    description: Only looks, so it does the same in check mode.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
"""
