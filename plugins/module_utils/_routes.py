# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way a container's packets take, from its kernel's routing table: pure.

Who answers at an address is the peer of that address only where the packet went through the network that they share.
Through another interface, it is somebody else who has the same address there.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

_UP, _REJECT = 0x1, 0x200  # RTF_UP, RTF_REJECT of linux/route.h
_LOOPBACK = "lo"


class Route(NamedTuple):
    """destination: with prefix length, as 10.3.0.0/24. gateway: '' where the destination is on the link itself."""

    destination: str
    gateway: str
    interface: str


class Table:
    """A routing table to be asked. Of policy rules and further tables it knows nothing."""

    def __init__(self, routes: Iterable[Route]) -> None:
        parsed = ((ipaddress.ip_network(route.destination, strict=False), route) for route in routes)
        # The kernel takes the longest prefix, and lists better metrics of one prefix first.
        self._routes = sorted(
            ((net.version, int(net.network_address), int(net.netmask), route) for net, route in parsed),
            key=lambda entry: -entry[2],
        )

    def way(self, address: str) -> Route | None:
        """The route to an address; None where there is none. Raises ValueError where it is no address."""
        version, number = _number(address)
        for its_version, network, mask, route in self._routes:
            if its_version == version and number & mask == network:
                return route
        return None


@lru_cache(maxsize=65536)
def _number(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)


def parse(route: str, ipv6_route: str = "") -> list[Route]:
    """The routes in the text of /proc/PID/net/route and /proc/PID/net/ipv6_route (proc(5))."""
    return [*_parse4(route), *_parse6(ipv6_route)]


def _parse4(text: str) -> Iterator[Route]:
    for line in text.splitlines()[1:]:
        interface, destination, gateway, flags, *_, mask = line.split()[:8]
        if int(flags, 16) & _UP and not int(flags, 16) & _REJECT:
            network = ipaddress.ip_network(f"{_address4(destination)}/{_address4(mask)}")
            yield Route(str(network), _address4(gateway) if int(gateway, 16) else "", interface)


def _address4(text: str) -> str:
    """Of eight hexadecimal digits, in the byte order of the machine, which was that of all Dockers so far: little."""
    return socket.inet_ntoa(bytes.fromhex(text)[::-1])


def _parse6(text: str) -> Iterator[Route]:
    for line in text.splitlines():
        destination, prefix, _, _, gateway, _, _, _, flags, interface = line.split()
        if interface != _LOOPBACK and int(flags, 16) & _UP and not int(flags, 16) & _REJECT:
            network = f"{_address6(destination)}/{int(prefix, 16)}"
            yield Route(network, _address6(gateway) if int(gateway, 16) else "", interface)


def _address6(text: str) -> str:
    return str(ipaddress.IPv6Address(bytes.fromhex(text)))
