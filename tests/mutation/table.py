# SPDX-License-Identifier: GPL-3.0-or-later
"""What can break in a lab, and what the verification must say then. Add a line, and run it: `mutate.py NAME`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab import Cell

Commands = list[tuple[str, str]]
Which = Callable[[Cell], bool]


def none(_cell: Cell) -> bool:
    """No cell."""
    return False


@dataclass(frozen=True)
class Mutation:
    """One fault.

    breaks, repairs: commands, and where they run (see `Lab.do`).
    wrong, no_value: which cells are, and no others.
    cause: what the cause of each wrong cell says, as a regular expression; '' where no cell is wrong.
    wait: seconds for which the verification asks again.
    quick: whether it is among the few that every test run tries.
    """

    name: str
    breaks: Commands
    repairs: Commands
    wrong: Which = none
    no_value: Which = none
    cause: str = ""
    flavour: str = "classic"
    wait: float = 3
    variables: dict[str, Any] = field(default_factory=dict)
    quick: bool = False


# Where containers are, for predictions
NODE = {
    "ubuntu0": "mut-demo0", "yard0": "mut-demo0", "yard1": "mut-demo0",
    "ubuntu1": "mut-demo1", "both": "mut-demo1",
    "ubuntu2": "mut-demo2", "web": "mut-demo2",
}  # fmt: skip
MODE = {"ubuntu0": "mum-demo0", "beside0": "mum-demo0", "ubuntu1": "mum-demo1", "beside1": "mum-demo1"}
REACHING = ("ping", "mtu", "tcp")

# Where ubuntu0 is on linux: which number the interface has depends on what was connected before.
DEVICE = "device=$(ip -oneline address show to <ubuntu0 linux> | cut --delimiter=' ' --fields=2)"
FROM_DEMO1 = "--source 192.168.74.102 --protocol udp --dport 4789 --jump DROP"
TO_DEMO1 = "--destination 192.168.74.102 --protocol udp --dport 4789 --jump DROP"
_OVERLAYS = "--protocol $to --match multiport --dports 7946,4789 --jump DROP"
GOSSIP_FROM, GOSSIP_TO = f"--source 192.168.73.102 {_OVERLAYS}", f"--destination 192.168.73.102 {_OVERLAYS}"
# By the API alone: the docker command makes no second network of a name.
SDK = 'python3 -c "import docker; docker.APIClient().'
STALE = f"{sys.executable} tests/mutation/stale_endpoint.py"


def allowed(cell: Cell) -> bool:
    return cell.expected == "allowed"


def own(cell: Cell) -> bool:
    """About one container alone."""
    return cell.source == cell.target


def between(cell: Cell, *names: str) -> bool:
    """About two containers, which are these, whoever asks."""
    return {cell.source, cell.target} == set(names)


def pair_of_nodes(cell: Cell, *nodes: str) -> bool:
    """About two containers on these nodes."""
    return not own(cell) and {NODE.get(cell.source), NODE.get(cell.target)} == set(nodes)


def peer_reaching(cell: Cell, name: str) -> bool:
    """What `name` and its peers should reach of each other."""
    return allowed(cell) and cell.facet in REACHING and not own(cell) and name in (cell.source, cell.target)


def unproven(cell: Cell, *names: str) -> bool:
    """What one of these and others should not reach of each other: of who reaches nobody, silence says nothing."""
    return not allowed(cell) and cell.facet in REACHING and not {cell.source, cell.target}.isdisjoint(names)


def gone(name: str) -> tuple[Which, Which]:
    """A container that does not run: it is not where it should be, and no peer knows or reaches it.

    Its addresses are not to be had, nobody can ask from it, and that others do not reach it says nothing.
    """

    def wrong(cell: Cell) -> bool:
        if own(cell):
            return cell.source == name and cell.facet == "placement"
        return cell.target == name and allowed(cell) and cell.facet in ("name", *REACHING)

    def no_value(cell: Cell) -> bool:
        if cell.source == name:
            return cell.facet not in ("placement", "network")
        return cell.target == name and not wrong(cell) and cell.facet != "hosts_file"

    return wrong, no_value


def dark(node: str) -> tuple[Which, Which]:
    """A node that nobody can look at: nobody knows a name of its containers any more, nor anything else of them."""

    def wrong(cell: Cell) -> bool:
        return NODE.get(cell.source) != node == NODE.get(cell.target) and allowed(cell) and cell.facet == "name"

    def no_value(cell: Cell) -> bool:
        if cell.facet == "network":
            return cell.subject == node
        if NODE[cell.source] == node:
            return True
        return NODE[cell.target] == node and not wrong(cell) and cell.facet != "hosts_file"

    return wrong, no_value


MUTATIONS = [
    # Containers
    Mutation(
        "container-stopped",
        [("mut-demo0", "docker stop --time 0 ubuntu0")],
        [("mut-demo0", "docker start ubuntu0")],
        *gone("ubuntu0"),
        cause=r"^ubuntu0 is not running \(exited",
        quick=True,
    ),
    Mutation(
        "container-paused",
        [("mut-demo0", "docker pause ubuntu0")],
        [("mut-demo0", "docker unpause ubuntu0")],
        # Its kernel answers for it.
        wrong=lambda cell: own(cell) and cell.source == "ubuntu0" and cell.facet == "placement",
        cause="^ubuntu0 is paused$",
    ),
    Mutation(
        "container-killed-and-started-with-another-address",
        [
            ("mut-demo1", "echo <ubuntu1 linux> >/run/before; docker kill ubuntu1"),
            (
                "mut-demo1",
                "until docker run --detach --name filler --network linux --ip $(cat /run/before) box; do "
                "docker rm filler; sleep 0.2; done",
            ),
            ("mut-demo1", "docker start ubuntu1"),
            ("mut-demo1", "test <ubuntu1 linux> != $(cat /run/before)"),
        ],
        [("mut-demo1", "docker rm --force filler")],
        wait=30,
    ),
    Mutation(
        "container-with-another-address-than-declared",
        [
            ("mut-demo2", "docker network disconnect linux ubuntu2"),
            ("mut-demo2", "docker network connect --ip 10.3.0.77 linux ubuntu2"),
        ],
        [
            ("mut-demo2", "docker network disconnect linux ubuntu2"),
            ("mut-demo2", "docker network connect --ip 10.3.0.50 linux ubuntu2"),
        ],
        wrong=lambda cell: own(cell) and cell.source == "ubuntu2" and cell.facet == "attachment",
        cause="^ubuntu2 was connected to linux without the address that is declared for it there$",
    ),
    Mutation(
        "container-disconnected",
        [("mut-demo0", "docker network disconnect linux ubuntu0")],
        [("mut-demo0", "docker network connect linux ubuntu0")],
        wrong=lambda cell: (
            (own(cell) and cell.source == "ubuntu0" and cell.facet in ("attachment", "name"))
            or (
                not own(cell)
                and "ubuntu0" in (cell.source, cell.target)
                and allowed(cell)
                and cell.facet in ("name", *REACHING)
            )
        ),
        no_value=lambda cell: (
            "ubuntu0" in (cell.source, cell.target)
            and (
                cell.facet == "address"
                or cell.subject == "own:linux"
                or (not allowed(cell) and cell.facet in REACHING)
                # Its resolver still answers it, and nobody knows its name.
                or (not allowed(cell) and cell.facet == "name" and cell.target == "ubuntu0")
            )
        ),
        cause="^ubuntu0 is not attached to linux$",
        quick=True,
    ),
    Mutation(
        "container-connected-where-it-should-not-be",
        [("mut-demo0", "docker network connect backend ubuntu0")],
        [("mut-demo0", "docker network disconnect backend ubuntu0")],
        wrong=lambda cell: (
            (not allowed(cell)
            and cell.facet in ("name", *REACHING)
            and (
                (cell.source == "ubuntu0" and cell.target in ("both", "web") and "linux" not in cell.subject)
                or (cell.source == "web" and cell.target == "ubuntu0" and cell.subject in ("ubuntu0", "backend"))
            ))
            # An engine answers a bare name from the first network by name.
            or (cell.facet == "address"
            and (cell.source, cell.target) in (("ubuntu0", "ubuntu0"), ("ubuntu0", "both"), ("both", "ubuntu0"))
            and cell.subject == cell.target)
        ),
        cause="^ubuntu0 is attached to backend, which the topology does not say$",
        quick=True,
    ),
    Mutation(
        "container-renamed",
        [("mut-demo0", "docker rename ubuntu0 ubuntu9")],
        [("mut-demo0", "docker rename ubuntu9 ubuntu0")],
        # Engines that share a cluster store never hear that a container has another name, and go on with the old one.
        wrong=lambda cell: (
            (cell.target == "ubuntu0" and cell.facet == "address" and not own(cell))
            or (gone("ubuntu0")[0](cell) and cell.facet != "name")
        ),
        no_value=lambda cell: (
            gone("ubuntu0")[1](cell) and not (cell.target == "ubuntu0" and cell.facet == "address" and not own(cell))
        ),
        cause="^ubuntu0 is missing: no engine has a container of that name",
    ),
    # Names
    Mutation(
        "hosts-line-that-shadows-a-peer",
        [("mut-demo0", "docker exec ubuntu0 sh -c 'cp /etc/hosts /tmp/hosts; echo 10.3.0.99 ubuntu1 >>/etc/hosts'")],
        [("mut-demo0", "docker exec ubuntu0 sh -c 'cat /tmp/hosts >/etc/hosts'")],
        wrong=lambda cell: (
            (cell.source, cell.target, cell.subject) == ("ubuntu0", "ubuntu1", "ubuntu1")
            and cell.facet in ("address", "hosts_file")
        ),
        cause=r"^the hosts file of ubuntu0 has a line of somebody's own for ubuntu1 \(10.3.0.99\)$",
        quick=True,
    ),
    Mutation(
        "hosts-file-without-localhost",
        [("mut-demo0", "docker exec ubuntu0 sh -c 'cp /etc/hosts /tmp; sed /localhost/d /tmp/hosts >/etc/hosts'")],
        [("mut-demo0", "docker exec ubuntu0 sh -c 'cat /tmp/hosts >/etc/hosts'")],
        wrong=lambda cell: cell.source == "ubuntu0" and cell.subject == "localhost",
        cause="^the hosts file of ubuntu0 lacks a line that its engine has written: somebody has edited it$",
    ),
    Mutation(
        "resolv-conf-edited",
        [
            (
                "mut-demo0",
                "docker exec ubuntu0 sh -c 'cp /etc/resolv.conf /tmp; echo nameserver 127.0.0.1 >/etc/resolv.conf'",
            )
        ],
        [("mut-demo0", "docker exec ubuntu0 sh -c 'cat /tmp/resolv.conf >/etc/resolv.conf'")],
        wrong=lambda cell: cell.source == "ubuntu0" and cell.facet == "name" and allowed(cell),
        no_value=lambda cell: (
            cell.source == "ubuntu0" and (cell.facet == "address" or (cell.facet == "name" and not allowed(cell)))
        ),
        cause="^resolv.conf of ubuntu0 names 127.0.0.1, and not its engine's resolver, 127.0.0.11$",
    ),
    Mutation(
        "dns-nat-rules-flushed",
        [("ubuntu0", "iptables --table nat --flush")],
        [("mut-demo0", "docker restart --time 0 ubuntu0")],
        wrong=lambda cell: cell.source == "ubuntu0" and cell.facet == "name" and allowed(cell),
        no_value=lambda cell: (
            cell.source == "ubuntu0" and (cell.facet == "address" or (cell.facet == "name" and not allowed(cell)))
        ),
        cause="^the resolver of ubuntu0, 127.0.0.11, answers nothing, .*NAT rules .* were flushed",
        quick=True,
    ),
    # Paths
    Mutation(
        "one-pair-dropped",
        [("ubuntu0", "iptables --append OUTPUT --destination <ubuntu1 linux> --jump DROP")],
        [("ubuntu0", "iptables --flush OUTPUT")],
        wrong=lambda cell: between(cell, "ubuntu0", "ubuntu1") and cell.facet in REACHING and allowed(cell),
        cause="^both are there, but no reply comes back: something filters between mut-demo0 and mut-demo1",
        quick=True,
    ),
    Mutation(
        "icmp-dropped",
        [("web", "iptables --append INPUT --protocol icmp --icmp-type echo-request --jump DROP")],
        [("web", "iptables --flush INPUT")],
        wrong=lambda cell: cell.target == "web" and allowed(cell) and cell.facet in ("ping", "mtu"),
        no_value=lambda cell: cell.target == "web" and cell.facet == "ping" and not allowed(cell),
        cause="^connections come through, but pings do not: something .* filters ICMP$",
    ),
    Mutation(
        "one-port-dropped",
        [("web", "iptables --append INPUT --protocol tcp --dport 80 --source <both backend> --jump DROP")],
        [("web", "iptables --flush INPUT")],
        wrong=lambda cell: cell.target == "web" and cell.facet == "tcp" and allowed(cell),
        no_value=lambda cell: cell.target == "web" and cell.facet == "tcp" and not allowed(cell),
        cause="^pings come through, but connections do not: something between mut-demo1 and mut-demo2 filters TCP",
        quick=True,
    ),
    Mutation(
        "forwarding-dropped",
        [("mut-demo0", "iptables --insert DOCKER-USER --jump DROP")],
        [("mut-demo0", "iptables --delete DOCKER-USER --jump DROP")],
        wrong=lambda cell: between(cell, "yard0", "yard1") and cell.facet in REACHING,
        no_value=lambda cell: unproven(cell, "yard0", "yard1"),
        cause="^nothing passes between containers of mut-demo0 in any bridge network",
    ),
    Mutation(
        "route-deleted",
        [("ubuntu0", "ip route del 10.3.0.0/24")],
        [("ubuntu0", f"{DEVICE}; ip route add 10.3.0.0/24 dev $device scope link src <ubuntu0 linux>")],
        wrong=lambda cell: peer_reaching(cell, "ubuntu0"),
        no_value=lambda cell: unproven(cell, "ubuntu0"),
        cause="^ubuntu0 has no route to linux: packets to 10.3.0.[0-9]+ take eth1 and its gateway",
    ),
    Mutation(
        "address-of-a-peer-set-by-hand",
        [
            (
                "ubuntu0",
                f"{DEVICE}; echo $device >/run/device; "
                "ip address flush dev $device; ip address add <ubuntu1 linux>/24 dev $device",
            )
        ],
        [
            (
                "ubuntu0",
                "device=$(cat /run/device); "
                "ip address flush dev $device; ip address add <ubuntu0 linux>/24 dev $device",
            )
        ],
        wrong=lambda cell: (
            (own(cell) and cell.source == "ubuntu0" and cell.facet in ("attachment", "address"))
            or (cell.target == "ubuntu0" and cell.facet == "address")
            # What comes back goes to the one whose address it is.
            or (cell.source == "ubuntu0" and cell.target != "ubuntu1" and peer_reaching(cell, "ubuntu0"))
        ),
        # Whoever answers at that address may be either.
        no_value=lambda cell: (
            (allowed(cell) and cell.facet in REACHING and cell.target in ("ubuntu0", "ubuntu1"))
            or (unproven(cell, "ubuntu1") and cell.target == "ubuntu1")
            or unproven(cell, "ubuntu0")
        ),
        cause="^ubuntu0 and ubuntu1 both have 10.3.0.[0-9]+ on linux$",
    ),
    Mutation(
        "smaller-mtu",
        [("ubuntu0", f"{DEVICE}; ip link set dev $device mtu 1400")],
        [("ubuntu0", f"{DEVICE}; ip link set dev $device mtu 1450")],
        wrong=lambda cell: cell.target == "ubuntu0" and cell.facet == "mtu",
        cause="^small packets pass and those of full size do not: linux has a larger MTU",
        variables={"verify_mtu": True},
        quick=True,
    ),
    Mutation(
        "three-of-ten-packets-lost",
        [("ubuntu0", "iptables --append INPUT --match statistic --mode random --probability 0.3 --jump DROP")],
        [("ubuntu0", "iptables --flush INPUT")],
        wait=30,
    ),
    # Nodes and stores
    Mutation(
        "vxlan-dropped-between-two-nodes",
        [("mut-demo0", f"iptables --insert INPUT {FROM_DEMO1}; iptables --insert OUTPUT {TO_DEMO1}")],
        [("mut-demo0", f"iptables --delete INPUT {FROM_DEMO1}; iptables --delete OUTPUT {TO_DEMO1}")],
        wrong=lambda cell: pair_of_nodes(cell, "mut-demo0", "mut-demo1") and allowed(cell) and cell.facet in REACHING,
        cause="^nothing passes between mut-demo0 and mut-demo1 in any overlay network, while others pass: UDP 4789 is",
        quick=True,
    ),
    Mutation(
        "vxlan-dropped-in-one-direction",
        [("mut-demo0", f"iptables --insert INPUT {FROM_DEMO1}")],
        [("mut-demo0", f"iptables --delete INPUT {FROM_DEMO1}")],
        wrong=lambda cell: pair_of_nodes(cell, "mut-demo0", "mut-demo1") and allowed(cell) and cell.facet in REACHING,
        cause="^nothing passes between mut-demo0 and mut-demo1 in any overlay network, while others pass: UDP 4789 is",
    ),
    Mutation(
        "engine-stopped",
        [("mut-demo2", "systemctl stop docker.socket docker")],
        [("mut-demo2", "systemctl start docker.socket docker; docker start ubuntu2 web")],
        *dark("mut-demo2"),
        cause="^mut-demo2: No engine answers at unix:///var/run/docker.sock",
    ),
    Mutation(
        "node-stopped",
        # In order: an engine that is killed leaves endpoints behind, over which 20.10 starts no container again.
        [("here", "docker stop --time 60 mut-demo2")],
        [
            ("here", "docker start mut-demo2"),
            ("mut-demo2", "until docker start ubuntu2 web; do sleep 0.5; done"),
        ],
        *dark("mut-demo2"),
        cause="^mut-demo2 could not look: .* is not running$",
    ),
    Mutation(
        "second-network-of-that-name",
        [("mut-demo0", SDK + "create_network('linux', driver='bridge', check_duplicate=False)\"")],
        [("mut-demo0", "docker network rm $(docker network ls --quiet --filter driver=bridge --filter name=^linux$)")],
        wrong=lambda cell: (cell.facet, cell.source, cell.subject) == ("network", "linux", "mut-demo0"),
        cause="^several networks on mut-demo0 are called linux: remove all but one",
    ),
    Mutation(
        "stale-endpoint-in-the-store",
        [("here", f"{STALE} add 192.168.74.100 ubuntu1 10.3.0.200")],
        [
            ("here", f"{STALE} remove 192.168.74.100 ubuntu1 10.3.0.200"),
            ("mut-demo0", "while docker exec ubuntu0 nslookup ubuntu1 | grep -q 10.3.0.200; do sleep 0.2; done"),
        ],
        wrong=lambda cell: cell.facet == "address" and cell.target == "ubuntu1",
        cause="^the name 'ubuntu1(.linux)?' resolves to a stale address, which no container of the topology has$",
    ),
    Mutation(
        "store-stopped",
        [("mut-consul", "systemctl stop consul")],
        [("mut-consul", "systemctl start consul")],
        # The last one: some engines miss what is new in the store from then on, until they are started again.
        # What runs goes on, and nobody can look anything up.
        wrong=lambda cell: cell.facet == "network" and cell.source != "yard",
        cause="^mut-demo. does not list .*, though .* is on .*: its engine does not get to the cluster store",
        quick=True,
    ),
    # Swarm mode
    Mutation(
        "namesake-on-another-node",
        [("mum-demo1", "docker run --detach --name ubuntu0 --network linux box")],
        [("mum-demo1", "docker rm --force ubuntu0")],
        wrong=lambda cell: (
            (own(cell) and cell.source == "ubuntu0" and cell.facet == "placement")
            or (cell.facet == "address" and cell.target == "ubuntu0")
        ),
        cause="ubuntu0 .*mum-demo0.*mum-demo1|^ubuntu0 is on mum-demo0, mum-demo1, and should be on mum-demo0 alone$",
        flavour="mode",
        wait=5,
    ),
    Mutation(
        "gossip-and-vxlan-dropped-between-two-nodes",
        [
            ("mum-demo0", f"for to in tcp udp; do iptables --insert INPUT {GOSSIP_FROM}; done"),
            ("mum-demo0", f"for to in tcp udp; do iptables --insert OUTPUT {GOSSIP_TO}; done"),
            ("mum-demo0", "until ! docker exec ubuntu0 nslookup ubuntu1 | grep -q '^Address: 10'; do sleep 0.5; done"),
            ("mum-demo1", "until ! docker exec ubuntu1 nslookup ubuntu0 | grep -q '^Address: 10'; do sleep 0.5; done"),
        ],
        [("mum-demo0", "iptables --flush INPUT; iptables --flush OUTPUT")],
        wrong=lambda cell: (
            allowed(cell) and MODE.get(cell.source) != MODE.get(cell.target) and cell.facet in ("name", *REACHING)
        ),
        no_value=lambda cell: cell.facet == "address" and MODE.get(cell.source) != MODE.get(cell.target),
        cause="UDP 4789, and TCP and UDP 7946, are closed|TCP and UDP 7946 must be open between them",
        flavour="mode",
        wait=1,
    ),
]  # fmt: skip
