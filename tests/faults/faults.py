#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have one part of a cluster fail after the other, and see what comes of it.

Of each fault in fault_table.py, while containers ping each other five times a second: break, verify, compare which
cells are wrong or have no value with what the table predicts; repair, wait until the cluster is whole, verify that all
is correct again, count lost pings. Exits 1 where something was not as predicted.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "mutation"))
sys.path.insert(0, str(Path(__file__).parent))
from fault_lab import NODES, FaultLab, Pinger, Pings
from fault_table import FAULTS, Fault
from lab import Cell, LabError

REPAIRED = 60  # seconds for which the verification of a whole cluster may ask again
SHOWN = 8  # problems of a fault; most that go wrong do so in many cells


@dataclass
class Outcome:
    """What came of a fault.

    noticed: seconds from the break until what is awaited then.
    whole, proven: seconds from the repair, or from the break where nobody repairs, until the cluster is whole, and
    until all cells have been tried and are correct (which takes a verification's own time).
    last: what the cluster lacked last before it was whole.
    """

    fault: Fault
    hit: list[str] = field(default_factory=list)
    noticed: float = 0
    wrong: int = 0
    no_value: int = 0
    total: int = 0
    whole: float = 0
    proven: float = 0
    last: str = ""
    pings: list[Pings] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        since = "repair" if self.fault.repairs else "break"
        parts = [f"{'✗' if self.problems else '✓'} {self.fault.name} ({', '.join(self.hit)})"]
        parts.append(f"{self.fault.until[0]} after {self.noticed:.1f} s")
        if self.total:
            parts.append(f"meanwhile {self.wrong} wrong, {self.no_value} no value of {self.total} cells")
        parts.append(f"whole {self.whole:.1f} s after the {since}{f' (last: {self.last})' if self.last else ''}")
        parts.append(f"proven after {self.proven:.1f} s")
        pings = (f"{each.source} -> {each.target}: {each.lost} of {each.sent} pings lost" for each in self.pings)
        gaps = [each.gap for each in self.pings]
        return "; ".join([*parts, *pings, f"longest gap {max(gaps, default=0)} s"])


def main() -> int:
    arguments = parse()
    lab = FaultLab()
    chosen = choose(arguments.names, arguments.quick, lab.flavour)
    if not arguments.here:
        print("The lab is built.", flush=True)
        lab.build()
    problems = 0
    for fault in chosen:
        outcome = run(lab, fault)
        problems += bool(outcome.problems)
        print(f"  {outcome}", flush=True)
        for problem in outcome.problems[:SHOWN]:
            print(f"      {problem}", flush=True)
    if not arguments.here:
        lab.remove()
    print(f"{len(chosen)} faults: {len(chosen) - problems} as predicted, {problems} not")
    return 1 if problems else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="FAULT", help="which; all of them where none is named")
    parser.add_argument("--quick", action="store_true", help="the few that the molecule scenario tries")
    parser.add_argument("--here", action="store_true", help="the lab is there, and stays")
    return parser.parse_args()


def choose(names: list[str], quick: bool, flavour: str) -> list[Fault]:
    """The faults asked for, as far as the lab can have them. Exits where there is none of a name."""
    known = {fault.name: fault for fault in FAULTS}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"There is no fault {', '.join(unknown)}; there is: {', '.join(known)}.")
    chosen = [known[name] for name in names] or [each for each in FAULTS if each.quick or not quick]
    return [fault for fault in chosen if flavour == "classic" or not fault.swarm]


def run(lab: FaultLab, fault: Fault) -> Outcome:
    """Break, verify, repair, verify, while containers ping each other."""
    outcome = Outcome(fault)
    pingers: list[Pinger] = []
    try:
        lab.wait("whole before the fault", lambda: not lab.lacks())
        outcome.hit = fault.hits(lab)
        pingers = [lab.ping(source, target) for source, target in pairs(outcome.hit)]
        try:
            since = time.monotonic()
            meanwhile(lab, outcome)
        finally:
            if fault.repairs:
                since = time.monotonic()
                on_each(lab, outcome.hit, fault.repairs)
        repaired(lab, outcome, since)
    except LabError as error:
        outcome.problems.append(str(error))
    try:
        outcome.pings = [pinger.stop() for pinger in pingers]
    except LabError as error:
        outcome.problems.append(str(error))
    outcome.problems += lost(outcome)
    return outcome


def pairs(hit: list[str]) -> list[tuple[str, str]]:
    """Who pings whom: a node that is not hit one that is, and where there are two such the other."""
    sound = [node for node in NODES if node not in hit]
    if not sound:
        return [(hit[0], hit[1])]
    return [(sound[0], target) for target in (hit[0], *sound[1:2])]


def meanwhile(lab: FaultLab, outcome: Outcome) -> None:
    """Break, wait for what is to come of it, and where somebody must repair it compare with what is predicted."""
    fault, hit = outcome.fault, outcome.hit
    on_each(lab, hit, fault.breaks)
    what, condition = fault.until
    outcome.noticed = lab.wait(what, lambda: condition(lab, hit))
    for command, expected in fault.says:
        said = lab.output(hit[0], command).strip()
        if not re.search(expected, said):
            outcome.problems.append(f"on {hit[0]}, {command} says: {said}")
    if not fault.repairs:
        return
    cells = lab.verify(2, {})
    outcome.total = len(cells)
    outcome.wrong = sum(cell.verdict == "wrong" for cell in cells)
    outcome.no_value = sum(cell.verdict == "no_value" for cell in cells)
    outcome.problems += differences(fault, hit, cells)


def on_each(lab: FaultLab, hit: list[str], steps: list[str]) -> None:
    """Do each step on all nodes that are hit, then the next one. NODE in it is the node; 'here: ' is this machine."""
    for step in steps:
        for node in hit:
            command = step.replace("NODE", node)
            if command.startswith("here: "):
                lab.do("here", command[len("here: ") :])
            else:
                lab.do(node, command)


def repaired(lab: FaultLab, outcome: Outcome, since: float) -> None:
    """Wait until the cluster is whole again, and prove it."""

    def is_whole() -> bool:
        lacks = lab.lacks()
        outcome.last = (lacks or [outcome.last])[0]
        return not lacks

    lab.wait("whole again", is_whole)
    outcome.whole = time.monotonic() - since
    bad = [cell for cell in lab.verify(REPAIRED, {}) if cell.verdict != "correct"]
    outcome.proven = time.monotonic() - since
    outcome.problems += [f"after the repair: {cell.about} {cell.verdict}: {cell.evidence}" for cell in bad]


def differences(fault: Fault, hit: list[str], cells: list[Cell]) -> Iterator[str]:
    """What is not as the table predicts, as sentences."""
    for cell in cells:
        predicted = "wrong" if fault.wrong(cell, hit) else "no_value" if fault.no_value(cell, hit) else "correct"
        if cell.verdict != predicted:
            yield f"{cell.about}: {predicted} predicted, {cell.verdict}: {cell.evidence} ({cell.cause})"


def lost(outcome: Outcome) -> Iterator[str]:
    """Pings that must not be lost, and were."""
    places = {f"ubuntu{node[-1]}": node for node in outcome.hit}
    for pings in outcome.pings:
        if pings.lost and not (outcome.fault.loses and {pings.source, pings.target} & set(places)):
            yield f"{pings.lost} of {pings.sent} pings from {pings.source} to {pings.target} were lost"


if __name__ == "__main__":
    sys.exit(main())
