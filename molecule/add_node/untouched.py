#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What adding a node must leave alone: prints, as JSON, since when the other nodes, engines and containers run."""

from __future__ import annotations

import json
import subprocess

OTHERS = ("man-demo0", "man-demo1")
FORMAT = "{{.Name}} {{.Id}} {{.State.StartedAt}} {{.RestartCount}}"
ON_NODE = f"docker inspect --format '{FORMAT}' $(docker ps --all --quiet) | sort; cat /proc/$(pidof dockerd)/stat"


def reading() -> dict[str, list[str]]:
    """By node: its container, its engine's containers and process, each with its start."""
    found = {}
    for node in OTHERS:
        own = _run("docker", "inspect", "--format", FORMAT, node)
        *containers, process = _run("docker", "exec", node, "sh", "-c", ON_NODE)
        # The 20th field after the process' name is its start, in ticks since the machine's (proc(5)).
        found[node] = [*own, *containers, process.rpartition(")")[2].split()[19]]
    return found


def _run(*words: str) -> list[str]:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()


if __name__ == "__main__":
    print(json.dumps(reading()))
