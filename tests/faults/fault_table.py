# SPDX-License-Identifier: GPL-3.0-or-later
"""What can fail in a cluster, and what must hold then. Add a line, and run it: `faults.py NAME`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fault_lab import CONTAINERS, MANAGERS, NODES, FaultLab
from lab import Cell
from table import gone

Hit = list[str]
Which = Callable[[Cell, Hit], bool]


def none(_cell: Cell, _hit: Hit) -> bool:
    """No cell."""
    return False


def network_unknown(cell: Cell, hit: Hit) -> bool:
    """Engines without a store do not show its networks, and run on what is on them."""
    return cell.facet == "network" and cell.subject in hit


# Who is hit
def leader(lab: FaultLab) -> Hit:
    return [lab.leader()]


def follower(lab: FaultLab) -> Hit:
    """One that manages no Swarm, where there is such a one."""
    return [next(node for node in reversed(NODES) if node != lab.leader())]


def followers(lab: FaultLab) -> Hit:
    """Two of three servers: the majority."""
    return [node for node in NODES if node != lab.leader()]


def everyone(_lab: FaultLab) -> Hit:
    return list(NODES)


def primary(lab: FaultLab) -> Hit:
    return [lab.manager("primary")]


def last(_lab: FaultLab) -> Hit:
    """A node that manages no Swarm."""
    return [next(node for node in NODES if node not in MANAGERS)]


@dataclass(frozen=True)
class Fault:
    """One fault.

    hits: the nodes that it hits.
    breaks, repairs: commands, each of which is run on all of these before the next one; NODE in it is the node's name,
    and 'here: ' before it means this machine. No repairs: it heals by itself.
    until: what is waited for before the verification looks, in words, and whether it is so.
    says: commands, on a node that is hit, and what each of them must say then (regular expression).
    wrong, no_value: which cells are, while it lasts, and no others.
    loses: whether containers of a node that is hit may miss pings. All others never may.
    swarm: whether it needs a Swarm.
    quick: whether it is among the few that the scenario's own run tries.
    """

    name: str
    hits: Callable[[FaultLab], Hit]
    breaks: list[str]
    repairs: list[str]
    until: tuple[str, Callable[[FaultLab, Hit], object]]
    says: list[tuple[str, str]] = field(default_factory=list)
    wrong: Which = none
    no_value: Which = none
    loses: bool = False
    swarm: bool = False
    quick: bool = False


def answers(lab: FaultLab, hit: Hit) -> bool:
    """Whether a server that is not hit answers with what the leader confirms."""
    sound = next(node for node in NODES if node not in hit)
    return bool(lab.answers(sound))


def silent(lab: FaultLab, _hit: Hit) -> bool:
    """Whether no server answers so."""
    return not any(lab.answers(node) for node in NODES)


def engine_answers(lab: FaultLab, hit: Hit) -> bool:
    """Whether the engine of the node answers."""
    return bool(lab.engine_answers(hit[0]))


def across(cell: Cell, hit: Hit) -> bool:
    """About a container of a node that is hit, and one of another node."""
    return (NODE.get(cell.source) in hit) != (NODE.get(cell.target) in hit)


NODE = {container: node for node, container in CONTAINERS.items()}
REACHING = ("ping", "mtu", "tcp")
OTHERS = " ".join(address for node, address in NODES.items() if node in MANAGERS)
# On one of them; a server that has no data yet takes it from the others.
RESTORE = "test NODE != mha-demo0 || consul snapshot restore /run/consul.snap"
START = ["systemctl start consul"]
STOP = ["systemctl stop consul"]

FAULTS = [
    Fault(
        "consul-leader-killed",
        leader,
        ["systemctl kill --signal=KILL consul"],
        [],  # systemd starts it again
        until=("the store answers", answers),
        quick=True,
    ),
    Fault(
        "consul-server-gone",
        follower,
        STOP,
        START,
        until=("the store answers", answers),
        says=[
            ("docker network inspect linux", "No such network"),
            ("docker run --rm --network linux box true", "network linux not found"),
        ],
        wrong=network_unknown,
        quick=True,
    ),
    Fault(
        "consul-leader-gone",
        leader,
        STOP,
        START,
        until=("the store answers", answers),
        wrong=network_unknown,
    ),
    Fault(
        "consul-majority-gone",
        followers,
        STOP,
        START,
        until=("the store is silent", silent),
        says=[
            ("docker network ls --format '{{.Name}}' | sort | xargs", "^bridge docker_gwbridge host none$"),
            ("docker run --rm --network linux box true", "network linux not found"),
        ],
        wrong=lambda cell, _hit: cell.facet == "network",
        quick=True,
    ),
    Fault(
        "consul-all-restarted",
        everyone,
        STOP,
        START,
        until=("the store is silent", silent),
        wrong=network_unknown,
    ),
    Fault(
        "manager-killed",
        primary,
        ["docker kill swarm-manager"],
        ["docker start swarm-manager"],
        until=("the other manager is primary", lambda lab, hit: lab.manager("primary") not in ("", *hit)),
        swarm=True,
    ),
    Fault(
        "agent-killed",
        last,
        ["docker kill swarm-agent"],
        ["docker start swarm-agent"],
        until=("two nodes in the Swarm", lambda lab, _hit: lab.healthy(lab.manager("primary")) == len(NODES) - 1),
        swarm=True,
    ),
    Fault(
        "engine-restarted",
        last,
        ["systemctl restart docker"],
        [],
        until=("the engine answers", engine_answers),
        loses=True,
    ),
    Fault(
        "engine-killed",
        last,
        ["systemctl kill --kill-who=main --signal=KILL docker"],
        # systemd starts the engine again. That then stops what still runs, as if a user did so, and so does not start
        # it again under the policy `unless-stopped` (20.10: daemon.restore, containerStop).
        ["docker start ubuntu2"],
        until=("the engine has stopped its containers", lambda lab, _hit: lab.stopped("ubuntu2")),
        wrong=lambda cell, _hit: gone("ubuntu2")[0](cell),
        no_value=lambda cell, _hit: gone("ubuntu2")[1](cell),
        loses=True,
    ),
    Fault(
        "node-restarted",
        last,
        ["here: docker restart NODE"],
        [],
        until=("the engine answers", engine_answers),
        loses=True,
    ),
    Fault(
        "node-partitioned",
        last,
        [
            f"for other in {OTHERS}; do iptables --insert INPUT --source $other --jump DROP; "
            "iptables --insert OUTPUT --destination $other --jump DROP; done"
        ],
        ["iptables --flush INPUT; iptables --flush OUTPUT"],
        until=("its server has no leader", lambda lab, hit: not lab.answers(hit[0])),
        wrong=lambda cell, hit: network_unknown(cell, hit) or (cell.facet in REACHING and across(cell, hit)),
        loses=True,
    ),
    Fault(
        "consul-data-lost-on-one-server",
        last,
        [*STOP, "rm --recursive --force /var/lib/consul/*"],
        START,
        until=("the store answers", answers),
        wrong=network_unknown,
    ),
    Fault(
        "consul-data-lost-and-restored",
        everyone,
        ["consul snapshot save -stale /run/consul.snap", *STOP, "rm --recursive --force /var/lib/consul/*"],
        [*START, "until consul kv get -keys ''; do sleep 0.5; done", RESTORE],
        until=("the store is silent", silent),
        wrong=network_unknown,
    ),
    Fault(
        "store-starts-last",
        everyone,
        ["systemctl stop docker", *STOP, "systemctl start --no-block docker", "sleep 2", *START],
        # A container that joined its network before its engine knew the store was never announced to the others.
        ["name=NODE; docker restart --time 0 ubuntu${name#mha-demo}"],
        until=("all but the paths is there", lambda lab, _hit: not lab.lacks()),
        wrong=lambda cell, _hit: cell.facet in REACHING and cell.source != cell.target,
        loses=True,
    ),
    Fault(
        "node-killed",
        last,
        ["here: docker kill NODE"],
        # The engine that boots cannot enter the overlay network's namespace, which it takes for there still ("could not
        # get network sandbox"), whoever starts a container on it. The one that starts after that makes a new one.
        ["here: docker start NODE", "until docker version; do sleep 0.5; done", "systemctl restart docker"],
        until=("the store answers", answers),
        no_value=lambda cell, hit: (
            (cell.facet == "network" and cell.subject in hit)
            or NODE.get(cell.source) in hit
            or (NODE.get(cell.target) in hit and cell.facet not in ("name", "hosts_file"))
        ),
        loses=True,
    ),
]
