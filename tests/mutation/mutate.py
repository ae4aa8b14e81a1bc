#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break one thing of a running lab after the other, and see what the verification says of it.

Of each mutation in table.py: break, verify, compare which cells are wrong or have no value, and their causes, with what
the table predicts; repair, verify that all is correct again. Then, with --untouched N, N verifications in a row while
all cores are busy: none may find anything wrong in a lab that nobody has touched. Exits 1 where a prediction did not
hold.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from lab import Cell, Lab, LabError
from table import MUTATIONS, Mutation

REPAIRED = 60  # seconds that a repaired lab may take
SHOWN = 8  # problems of a mutation; most that go wrong do so in many cells
UNTOUCHED = 30  # the same of one that nobody has touched: what a user has


def main() -> int:
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # so that nothing is left broken, or busy
    chosen = choose(arguments.names, arguments.quick)
    problems = 0
    for flavour in dict.fromkeys(mutation.flavour for mutation in chosen):
        lab = Lab(flavour)
        print(f"A lab of flavour {flavour} is built.", flush=True)
        lab.build()
        for mutation in (each for each in chosen if each.flavour == flavour):
            problems += not run(lab, mutation)
        problems += not stays_correct(lab, arguments.untouched)
        if arguments.keep:
            print(f"It stays: make down with inventory {lab.inventory}.")
        else:
            lab.remove()
    print(f"{len(chosen)} mutations: {len(chosen) - problems} as predicted, {problems} not")
    return 1 if problems else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="MUTATION", help="which; all of them where none is named")
    parser.add_argument("--quick", action="store_true", help="the few that every test run tries")
    parser.add_argument("--untouched", type=int, default=0, metavar="N", help="also N verifications under load")
    parser.add_argument("--keep", action="store_true", help="leave the lab there")
    return parser.parse_args()


def choose(names: list[str], quick: bool) -> list[Mutation]:
    """The mutations asked for. Exits where there is none of a name."""
    known = {mutation.name: mutation for mutation in MUTATIONS}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"There is no mutation {', '.join(unknown)}; there is: {', '.join(known)}.")
    return [known[name] for name in names] or [each for each in MUTATIONS if each.quick or not quick]


def run(lab: Lab, mutation: Mutation) -> bool:
    """Break, verify, repair, verify. Returns whether all was as predicted."""
    started = time.monotonic()
    try:
        try:
            for where, command in mutation.breaks:
                lab.do(where, command)
            cells = lab.verify(mutation.wait, mutation.variables)
        finally:
            for where, command in mutation.repairs:
                lab.do(where, command)
        problems = list(differences(mutation, cells))
        after = [cell for cell in lab.verify(REPAIRED, mutation.variables) if cell.verdict != "correct"]
        problems += [f"after the repair: {cell.about} {cell.verdict}: {cell.evidence} ({cell.cause})" for cell in after]
    except LabError as error:
        problems, cells = [str(error)], []
    wrong = sum(cell.verdict == "wrong" for cell in cells)
    no_value = sum(cell.verdict == "no_value" for cell in cells)
    said = f"{wrong} wrong, {no_value} no value of {len(cells)} cells; {time.monotonic() - started:.0f} s"
    print(f"  {'✗' if problems else '✓'} {mutation.name}: {said}", flush=True)
    show(problems)
    return not problems


def stays_correct(lab: Lab, times: int) -> bool:
    """Verify a sound lab several times under load. Returns whether each time all was correct at once."""
    if not times:
        return True
    started = time.monotonic()
    problems: list[str] = []
    with busy():
        for number in range(1, times + 1):
            cells = lab.verify(UNTOUCHED, {})
            bad = [cell for cell in cells if cell.verdict != "correct"]
            problems += [f"{number}: {cell.about} {cell.verdict}: {cell.evidence} ({cell.cause})" for cell in bad]
    mean = (time.monotonic() - started) / times
    said = f"{times} times {len(cells)} cells under load: {len(problems)} not correct; {mean:.1f} s each"
    print(f"  {'✗' if problems else '✓'} untouched: {said}", flush=True)
    show(problems)
    return not problems


def show(problems: list[str]) -> None:
    for problem in problems[:SHOWN]:
        print(f"      {problem}", flush=True)
    if len(problems) > SHOWN:
        print(f"      and {len(problems) - SHOWN} more", flush=True)


@contextmanager
def busy() -> Iterator[None]:
    """Keep all cores busy meanwhile."""
    words = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(words) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def differences(mutation: Mutation, cells: Iterable[Cell]) -> Iterable[str]:
    """What is not as the table predicts, as sentences."""
    for cell in cells:
        predicted = "wrong" if mutation.wrong(cell) else "no_value" if mutation.no_value(cell) else "correct"
        if cell.verdict != predicted:
            yield f"{cell.about}: {predicted} predicted, {cell.verdict}: {cell.evidence} ({cell.cause})"
        elif cell.verdict == "wrong" and not re.search(mutation.cause, cell.cause):
            yield f"{cell.about}: another cause: {cell.cause or 'none'} (evidence: {cell.evidence})"


if __name__ == "__main__":
    sys.exit(main())
