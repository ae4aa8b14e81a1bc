# SPDX-License-Identifier: GPL-3.0-or-later
"""The two sides of a network that carries IPv4 and IPv6: `linux` stands for its IPv4 side, `linux/6` for the other.

So it is with names: `web` is asked for its A records, `web/6` for its AAAA records. No name has a slash of its own.
"""

from __future__ import annotations

_SIX = "/6"


def six(name: str) -> str:
    """The IPv6 side of a network, or of a name."""
    return name + _SIX


def is_six(name: str) -> bool:
    """Whether an IPv6 side is meant."""
    return name.endswith(_SIX)


def bare(name: str) -> str:
    """A network or name without its side."""
    return name[: -len(_SIX)] if name.endswith(_SIX) else name


def is_ipv6(address: str) -> bool:
    """Whether an address is one of IPv6."""
    return ":" in address


def with_port(address: str, port: str) -> str:
    """An address with a port, as RFC 3986 writes them."""
    return f"[{address}]:{port}" if is_ipv6(address) else f"{address}:{port}"


def without_port(end: str) -> tuple[str, str]:
    """The address and the port of what `with_port` made."""
    address, _, port = end.rpartition(":")
    return address.strip("[]"), port
