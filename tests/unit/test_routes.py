# SPDX-License-Identifier: GPL-3.0-or-later
"""The routing table as the kernel prints it, and which way it sends a packet."""

from __future__ import annotations

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._routes import Route, Table, parse

OVERLAY = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t00000000\t010019AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000030A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth1\t000019AC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t0000040A\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
OVERLAY6 = """\
fd000000000000000000000000000000 40 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
fd000000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
"""


def test_the_kernels_text_becomes_routes_and_what_it_rejects_does_not() -> None:
    assert parse(OVERLAY, OVERLAY6) == [
        Route("0.0.0.0/0", "172.25.0.1", "eth1"),
        Route("10.3.0.0/24", "", "eth0"),
        Route("172.25.0.0/24", "", "eth1"),
        Route("fd00::/64", "", "eth0"),
        Route("::/0", "fd00::1", "eth0"),
    ]


@pytest.mark.parametrize(
    ("address", "way"),
    [
        ("10.3.0.4", Route("10.3.0.0/24", "", "eth0")),
        ("10.4.0.2", Route("0.0.0.0/0", "172.25.0.1", "eth1")),
        ("fd00::5", Route("fd00::/64", "", "eth0")),
        ("fd01::5", Route("::/0", "fd00::1", "eth0")),
    ],
)
def test_the_longest_prefix_decides(address: str, way: Route) -> None:
    assert Table(parse(OVERLAY, OVERLAY6)).way(address) == way


def test_an_internal_network_leads_nowhere_else() -> None:
    assert Table([Route("10.3.0.0/24", "", "eth0")]).way("10.4.0.2") is None


def test_a_kernel_without_ipv6_has_no_such_routes() -> None:
    assert parse(OVERLAY) == parse(OVERLAY, "")
