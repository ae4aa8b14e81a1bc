#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time the judge alone: observations of a simulated cluster in, verdicts out. No engine, no network.

Prints, for a lab and for a cluster that is too large to ask all pairs: cells, seconds, cells per second, and memory.
Exits 1 where the large one takes more than its limits.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/unit")]

import conftest  # noqa: E402, F401  # the collection by its full name
from ansible_collections.dockernet.lab.plugins.module_utils._coverage import Scope  # noqa: E402
from ansible_collections.dockernet.lab.plugins.module_utils._reading import World  # noqa: E402
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Topology, parse  # noqa: E402
from ansible_collections.dockernet.lab.plugins.plugin_utils._verdict import judge, summarize  # noqa: E402
from simulation import Cluster  # noqa: E402

SECONDS, MEGABYTES = 10.0, 1024  # for the large one


def declare(nodes: int, containers: int, networks: int) -> tuple[list[str], Topology, float]:
    """Containers in turns on networks, on nodes by lot, every tenth on two; and the seconds of CPU to parse that."""
    names = [f"node{number:04}" for number in range(nodes)]
    declared = [{"name": f"net{number:03}", "driver": "overlay"} for number in range(networks)]
    entries: list[dict[str, Any]] = []
    lot = random.Random(1)  # noqa: S311
    for number in range(containers):
        joined = [f"net{number % networks:03}"]
        if number % 10 == 0 and networks > 1:
            joined.append(f"net{(number + 7) % networks:03}")
        node = lot.choice(names)
        entries.append({"name": f"box{number:05}", "node": node, "networks": joined})
    start = time.process_time()
    topology = parse(declared, entries, names, "classic")
    return names, topology, time.process_time() - start


def measure(nodes: int, containers: int, networks: int, scope: Scope) -> tuple[float, float]:
    """Print what one cluster took. Returns seconds of CPU, which a busy machine does not stretch, and megabytes."""
    names, topology, parsing = declare(nodes, containers, networks)
    recorded = Cluster(topology, dict.fromkeys(names, "20.10.5"), "classic").world(scope=scope)
    before = _megabytes()
    start, start_cpu = time.perf_counter(), time.process_time()
    world = World(topology, recorded.nodes, recorded.sources, "classic", scope)
    verdicts = judge(world)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    summary = summarize(verdicts)
    coverage = world.coverage(each.cell for each in verdicts)
    print(f"{nodes} nodes, {containers} containers, {networks} networks")
    print(f"    {coverage}")
    print(f"    {summary}")
    print(f"    {parsing:.1f} s of CPU to read the topology, {cpu:.1f} s to judge ({seconds:.1f} s until it was done)")
    print(f"    {len(verdicts) / cpu:.0f} cells per second of CPU")
    print(f"    {_megabytes():.0f} MB at most, of which {_megabytes() - before:.0f} MB to judge")
    if summary.correct != summary.total:
        raise SystemExit("A sound cluster was not found correct: this measures nothing.")
    return parsing + cpu, _megabytes()


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Measure both."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None).parse_args()
    measure(2, 102, 1, Scope())
    seconds, megabytes = measure(1000, 10_000, 200, Scope("mesh"))
    is_kept = seconds <= SECONDS and megabytes <= MEGABYTES
    print(f"limits: {SECONDS:.0f} s of CPU, {MEGABYTES} MB: {'pass' if is_kept else 'FAIL'}")
    return int(not is_kept)


if __name__ == "__main__":
    sys.exit(main())
