#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time the verification of a full matrix: 102 containers of two nodes on one overlay network, each asks each.

The lab is this measurement's own and is removed at the end. No time is told unless every cell of the matrix is there
and correct, in every round. Exits 0 where all limits are kept, 1 where one is missed, a cell is not correct or a run
failed, 2 where the measurement cannot be made.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from labs import ROOT, BenchError, Lab, end_in_order, finish_undisturbed, lock, machine, obstacle, run

LAB = "matrix"
SUBNET = "192.168.78.0/24"
FLAVOUR = "mode"
IMAGES = ("dockernet/node:13", "box")
ENGINES = [f"tcp://192.168.78.{number}:2375" for number in (101, 102)]

NETWORK = "linux"
CONTAINERS = [
    {"name": f"box{number:03}", "node": f"{LAB}-demo{number % 2}", "networks": [NETWORK]} for number in range(102)
]
NAMES = [str(container["name"]) for container in CONTAINERS]
PAIRS = len(NAMES) ** 2  # ordered, and each with itself
SAMPLE = 200  # pairs, by `docker exec`

MODULE_SECONDS, ROLE_SECONDS, MEGABYTES = 2.0, 8.0, 100.0
TIMES_FASTER = 300.0


class Round(NamedTuple):
    """What one verification took, in seconds. look, probe: inside the module, on the slower node. megabytes: there."""

    playbook: float
    role: float
    look: float
    probe: float
    judge: float
    megabytes: float

    @property
    def modules(self) -> float:
        return self.look + self.probe


def verify(lab: Lab) -> tuple[Round, int]:
    """Run `playbooks/verify.yml`. Returns what it took, and how many cells. Raises BenchError unless all are right."""
    costs, report = lab.reports.parent / "costs.json", lab.reports / "report.json"
    costs.unlink(missing_ok=True)
    report.unlink(missing_ok=True)
    more = {"ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests/bench/callback"), "ANSIBLE_CALLBACKS_ENABLED": "costs"}
    try:
        seconds, _ = lab.play("verify.yml", {**more, "COSTS": str(costs)})
    except BenchError as error:
        found = json.loads(report.read_text())["summary"] if report.exists() else {}
        counts = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in found.items() if what != "status")
        raise BenchError(
            f"The matrix is not as promised, so no time is told: {counts or 'no report'}.\n{error}"
        ) from error
    cells = check(json.loads(report.read_text()))
    return took(seconds, json.loads(costs.read_text())), cells


def check(report: dict[str, Any]) -> int:
    """Return the number of cells. Raises BenchError unless each container resolves and reaches each, itself included.

    Reads no more than the report, and expects nothing that the collection says to expect.
    """
    columns, rows = report["cells"]["columns"], report["cells"]["rows"]
    cells = [dict(zip(columns, row)) for row in rows]
    wrong = [cell for cell in cells if cell["verdict"] != "correct"]
    if wrong or report["summary"]["correct"] != len(cells):
        raise BenchError(f"{len(wrong)} of {len(cells)} cells are not correct, the first: {wrong[:1]}")
    proven = {(c["facet"], c["source"], c["target"], c["subject"]) for c in cells if c["observed"] == "allowed"}
    missing = [promise for promise in promises() if promise not in proven]
    if missing:
        raise BenchError(f"{len(missing)} promises are not in the report, the first: {' '.join(missing[0])}")
    return len(cells)


def promises() -> Iterator[tuple[str, str, str, str]]:
    """What must have been seen: facet, source, target, subject."""
    for source in NAMES:
        yield "attachment", source, source, NETWORK
        for target in NAMES:
            for subject in (target, f"{target}.{NETWORK}"):
                yield "name", source, target, subject
                yield "address", source, target, subject
            if target != source:
                yield "ping", source, target, NETWORK


def took(playbook: float, tasks: list[dict[str, Any]]) -> Round:
    """The times of one run of the playbook, from its tasks."""
    look, probe = (task for task in tasks if task["action"].endswith(".network_probe"))
    judge = next(task for task in tasks if task["action"].endswith(".verify"))
    looked, probed = (list(task["took"].values()) for task in (look, probe))
    if not len(looked) == len(probed) == len(ENGINES):
        raise BenchError("Not every node has looked and probed.")
    return Round(
        playbook=playbook,
        role=judge["end"] - look["begin"],
        look=max(each["seconds"] for each in looked),
        probe=max(each["seconds"] for each in probed),
        judge=judge["end"] - judge["begin"],
        megabytes=max(each["memory"] for each in looked + probed) / 1024 / 1024,
    )


def addresses() -> dict[str, str]:
    """Each container's address, as the engines say."""
    form = '{{slice .Name 1}} {{(index .NetworkSettings.Networks "' + NETWORK + '").IPAddress}}'
    found: dict[str, str] = {}
    for engine in ENGINES:
        ids = run(["docker", "--host", engine, "ps", "--quiet", "--no-trunc"])[1].split()
        lines = run(["docker", "--host", engine, "inspect", "--format", form, *ids])[1].splitlines()
        found.update((line.split()[0], line.split()[1]) for line in lines)
    return {name: found[name] for name in NAMES}


def ask_one_by_one() -> dict[str, float]:
    """Ping between SAMPLE pairs with `docker exec`, by name and by address. Returns seconds a pair."""
    ends, lot = addresses(), random.Random(1)  # noqa: S311
    engine_of = {name: ENGINES[number % 2] for number, name in enumerate(NAMES)}
    pairs = [lot.choices(NAMES, k=2) for _ in range(SAMPLE)]
    seconds = {}
    for what, subjects in {"address": ends, "name": {name: name for name in NAMES}}.items():
        started = time.monotonic()
        for source, target in pairs:
            ping = ["ping", "-c1", "-W1", subjects[target]]
            run(["docker", "--host", engine_of[source], "exec", source, *ping])
        seconds[what] = (time.monotonic() - started) / len(pairs)
    return seconds


def table(rounds: list[Round], cells: int, one_by_one: dict[str, float]) -> tuple[str, bool]:
    """The result for people, and whether all limits are kept. Each figure is the median of its rounds."""
    playbook, role, look, probe, judge, megabytes = (statistics.median(values) for values in zip(*rounds))
    modules = statistics.median(each.modules for each in rounds)
    # A ping by name both resolves and reaches, so one of each pair is the same work, and two would flatter.
    ratio = one_by_one["name"] * PAIRS / modules
    is_kept = True

    def row(name: str, value: str, limit: str = "", kept: bool | None = None) -> str:
        nonlocal is_kept
        is_kept = is_kept and kept is not False
        verdict = "" if kept is None else "pass" if kept else "FAIL"
        return f"  {name:<44}{value:>12}   {limit:<10}{verdict}".rstrip()

    lines = [
        row("pairs of containers, and cells, all correct", f"{PAIRS} {cells}"),
        row("playbooks/verify.yml", f"{playbook:.2f} s"),
        row("the role verify", f"{role:.2f} s", f"<= {ROLE_SECONDS:.0f} s", role <= ROLE_SECONDS),
        row("  look, inside the module (slower node)", f"{look:.2f} s"),
        row("  probe, inside the module (slower node)", f"{probe:.2f} s"),
        row("  both", f"{modules:.2f} s", f"<= {MODULE_SECONDS:.0f} s", modules <= MODULE_SECONDS),
        row("  judge and report", f"{judge:.2f} s"),
        row("cells per second, of the modules", f"{cells / modules:.0f}"),
        row("cells per second, of the role", f"{cells / role:.0f}"),
        row("memory of the module at most", f"{megabytes:.0f} MB", f"<= {MEGABYTES:.0f} MB", megabytes <= MEGABYTES),
        row(f"docker exec, ping ADDRESS ({SAMPLE} pairs)", f"{one_by_one['address'] * 1000:.0f} ms"),
        row(f"docker exec, ping NAME ({SAMPLE} pairs)", f"{one_by_one['name'] * 1000:.0f} ms"),
        row("docker exec, ping NAME, all pairs", f"{one_by_one['name'] * PAIRS:.0f} s"),
        row("times faster, of the modules", f"{ratio:.0f}", f">= {TIMES_FASTER:.0f}", ratio >= TIMES_FASTER),
    ]
    return "\n".join(lines), is_kept


def measure(lab: Lab, count: int) -> tuple[str, bool]:
    """Verify the lab `count` times, then ask one by one; as `table`."""
    rounds = []
    for number in range(1, count + 1):
        print(f"round {number} of {count}: verification", file=sys.stderr)
        each, cells = verify(lab)
        rounds.append(each)
    print(f"docker exec for {SAMPLE} pairs, by address and by name", file=sys.stderr)
    return table(rounds, cells, ask_one_by_one())


def main() -> int:
    """Build, measure, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often it is verified (default 3)")
    parser.add_argument("--keep", action="store_true", help="leave the lab there")
    parser.add_argument("--again", action="store_true", help="measure the lab that --keep has left, and leave it too")
    options = parser.parse_args()
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
            if not options.again:
                print(f"building a lab of {len(NAMES)} containers", file=sys.stderr)
                lab.play("down.yml")  # what a run that was killed has left
                print(f"  {lab.play('swarm.yml')[0]:.0f} s", file=sys.stderr)
            text, is_kept = measure(lab, max(1, options.rounds))
        finally:
            if not (options.keep or options.again):
                finish_undisturbed()
                print("removing the lab", file=sys.stderr)
                lab.play("down.yml")
    print(f"\nVerification: {len(NAMES)} containers of 2 nodes on one overlay network, swarm mode\n{about}\n\n{text}")
    return 0 if is_kept else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)
