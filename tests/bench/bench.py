#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time the classic lab: built by a plain shell script, by the playbook, and by the playbook once more.

Both build the same on this machine, in turns, in labs of their own that are removed at the end. A lab that runs already
stays untouched (and takes its share of the machine). Exits 0 where all limits are kept, 1 where one is missed or a run
failed, 2 where the measurement cannot be made.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from labs import ROOT, BenchError, Lab, end_in_order, finish_undisturbed, lock, machine, obstacle, run

RAW = ROOT / "tests/bench/raw_swarm.sh"

LAB = "bench"
SUBNET = "192.168.79.0/24"
FLAVOUR = "classic"
IMAGES = ("dockernet/node:11", "box", "swarm:1.2.9")

# The script builds no more than this.
CONTAINERS = [
    {"name": f"ubuntu{number + 1}", "node": f"{LAB}-demo{number}", "networks": ["linux"]} for number in (0, 1)
]

RATIO_LIMIT = 1.5
SECOND_RUN_LIMIT = 12.0  # seconds


@dataclass
class Times:
    """Seconds, one value per round."""

    raw: list[float] = field(default_factory=list)
    unsaid: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    verification: list[float] = field(default_factory=list)


def play_again(lab: Lab) -> float:
    """Run the scenario on the lab that is there. Raises BenchError where that changes anything."""
    seconds: float
    seconds, text = lab.play("swarm.yml")
    hosts = [line for line in text.splitlines() if re.search(r"\bok=\d+ +changed=\d+", line)]
    changed = [line for line in hosts if "changed=0" not in line]
    if changed or not hosts:
        raise BenchError("The playbook's second run changed something:\n" + ("\n".join(changed) or text))
    return seconds


def remove(lab: Lab) -> None:
    """Remove what both have made."""
    run([str(RAW), "down"])
    lab.play("down.yml")


def measure(lab: Lab, rounds: int) -> Times:
    """Let the script and the playbook build the lab in turns."""
    times = Times()
    remove(lab)  # what a run that was killed has left
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}: script", end="", flush=True, file=sys.stderr)
        times.raw.append(run([str(RAW), "up"])[0])
        run([str(RAW), "down"])
        times.unsaid.append(run([str(RAW), "up"], {**os.environ, "RAW_TLS": "unsaid"})[0])
        run([str(RAW), "down"])
        print(", playbook", end="", flush=True, file=sys.stderr)
        times.first.append(lab.play("swarm.yml")[0])
        print(", playbook again", end="", flush=True, file=sys.stderr)
        times.second.append(play_again(lab))
        print(", verification", flush=True, file=sys.stderr)
        times.verification.append(lab.play("verify.yml")[0])
        lab.play("down.yml")
    return times


def table(times: Times) -> tuple[str, bool]:
    """The result for people, and whether all limits are kept."""
    rounds = len(times.raw)

    def row(name: str, values: list[float], limit: str = "", is_kept: bool | None = None) -> str:
        verdict = "" if is_kept is None else "pass" if is_kept else "FAIL"
        columns = "".join(f"{value:9.1f}" for value in values) + f"{statistics.median(values):9.1f}"
        return f"  {name:<24}{columns}   {limit:<8}{verdict}".rstrip()

    raw, unsaid, first, second = map(statistics.median, (times.raw, times.unsaid, times.first, times.second))
    ratio = first / raw
    is_ratio_kept, is_second_kept = ratio <= RATIO_LIMIT, second <= SECOND_RUN_LIMIT
    heads = "".join(f"{f'round {number}':>9}" for number in range(1, rounds + 1))
    ratio_line = f"  {'playbook / script':<24}{'':{9 * rounds}}{ratio:9.2f}   <= {RATIO_LIMIT:<5}"
    unsaid_line = f"  {'playbook / TLS unsaid':<24}{'':{9 * rounds}}{first / unsaid:9.2f}"
    lines = [
        f"  {'seconds':<24}{heads}{'median':>9}   limit",
        "  " + "─" * (24 + 9 * rounds + 9 + 3 + 12),
        row("shell script", times.raw),
        row("the same, TLS unsaid", times.unsaid),
        row("playbook, first run", times.first),
        ratio_line + ("pass" if is_ratio_kept else "FAIL"),
        unsaid_line,
        row("playbook, second run", times.second, f"<= {SECOND_RUN_LIMIT:.0f}", is_second_kept),
        row("verification alone", times.verification),
    ]
    return "\n".join(lines), is_ratio_kept and is_second_kept


def main() -> int:
    """Measure, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured (default 2)")
    rounds = max(1, parser.parse_args().rounds)
    reason = obstacle(IMAGES, FLAVOUR)
    if reason:
        print(reason, file=sys.stderr)
        return 2
    held = lock()
    if held is None:
        return 2
    end_in_order()
    about = machine()
    with held, tempfile.TemporaryDirectory(prefix="dockernet-bench-") as directory:
        lab = Lab(Path(directory), LAB, SUBNET, FLAVOUR, CONTAINERS)
        try:
            times = measure(lab, rounds)
        finally:
            finish_undisturbed()
            print("removing the labs", file=sys.stderr)
            remove(lab)
    text, is_kept = table(times)
    print(f"\nThe classic lab: 3 nodes, Consul, 2 engines, Swarm, overlay network, 2 containers\n{about}\n\n{text}")
    return 0 if is_kept else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)
