# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container resolves a name, as rules: the hosts file first, then its resolver (glibc's and musl's order).

Names are asked as they are, absolute: engines write `options ndots:0`, with which musl never applies a
search domain and glibc only after the name itself has failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Union

from ansible_collections.dockernet.lab.plugins.module_utils import _hosts_file
from ansible_collections.dockernet.lab.plugins.module_utils._sides import is_ipv6, is_six

TIME_OUT = "time-out"
IN_FILE = "its hosts file"
ENGINES_RESOLVER = "127.0.0.11"  # of engines from 1.10 on, in every network but the default one

# What a resolver said to one question: addresses, or why there are none (NXDOMAIN, SERVFAIL, `time-out`, ...).
Answer = Union[list[str], str]


class Resolution(NamedTuple):
    """What became of a name: the addresses (none where it does not resolve), and where that was said."""

    addresses: tuple[str, ...]
    said: str


def nameservers(resolv_conf: str) -> list[str]:
    """The servers of a resolv.conf in order: comments and comment headers ignored (resolv.conf(5))."""
    words = (line.split() for line in resolv_conf.splitlines())
    return [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]


def resolve(name: str, hosts: list[_hosts_file.Line], answers: Mapping[str, Answer], server: str) -> Resolution:
    """Resolve `name` to IPv4 addresses, or `name/6` to IPv6 ones, as the container would.

    answers: what the resolver at `server` said, by name; a name that is not there was never asked.
    """
    # Of one family, since each is looked for by itself (glibc's nss_files, musl's name_from_hosts).
    in_file = [address for address in _hosts_file.addresses(hosts, name) if is_ipv6(address) == is_six(name)]
    if in_file:
        return Resolution(tuple(in_file), IN_FILE)
    answer = answers.get(name, "never asked")
    if isinstance(answer, str):
        return Resolution((), f"{answer} at {server}" if answer == TIME_OUT else f"{answer} from {server}")
    if not answer:
        return Resolution((), f"an empty answer from {server}")
    return Resolution(tuple(answer), server)


def has_answered(answers: Mapping[str, Answer]) -> bool:
    """Whether the resolver said anything to anybody, be it a no."""
    return any(not isinstance(answer, str) or answer.isupper() for answer in answers.values())
