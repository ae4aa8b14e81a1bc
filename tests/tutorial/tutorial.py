#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the commands of docs/tutorial.md one after the other, and compare what they print with what the page shows.

A block of the page that begins with ```console holds commands (`$ ...`) and below each what it printed; a line `...`
there stands for any lines. Addresses, IDs, times and the like differ from run to run: only where they are the same and
where they are not is compared. A picture follows a comment `<!-- drawn: FILE -->` which names the file that was drawn.

Exits 0 where all is as shown, 1 where something is not, and 0 with a line NOT TESTED where the page's labs are in use.
With --write the page shows what was printed, and its pictures are those that were drawn.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/tutorial.md"
ANYTHING = "..."
LIMIT = 300  # seconds for one command

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PICTURE = re.compile(r"<!-- drawn: (?P<drawn>\S+) -->\n!\[[^\]]*\]\((?P<shown>[^)]+)\)")

# What differs from run to run, and what is written in its place. `{}`: a number for each that differs from the others.
_VARIABLE = (
    (re.compile(r" +\d+\.\d s\b"), ""),  # only slow tasks show their time
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b"), "<address {}>"),
    (re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "<mac {}>"),
    (re.compile(r"\b([0-9a-f]{64}|[0-9a-f]{12}|[a-z0-9]{25})\b"), "<id {}>"),
    (re.compile(r"\b\d+(\.\d+)?(/\d+(\.\d+)?)* ?(ms|s|seconds?|minutes?|min|MiB|GiB|GB|MB)\b"), "<amount>"),
    (re.compile(r"\b(About|Less than) an? (second|minute)\b"), "<amount>"),
    (re.compile(r"\bseq=\d+ ttl=\d+"), "seq=<n> ttl=<n>"),
    (re.compile(r"\bok=\d+"), "ok=<n>"),
    (re.compile(r"\bskipped=\d+"), "skipped=<n>"),
)
# Lines that are there on a fresh machine only.
_OCCASIONAL = re.compile(
    r"^setup: |^\s*. (Get the images that are missing|Raise this machine's limits)|^    (box|nginx)$"
)


@dataclass(frozen=True)
class Command:
    """A command of the page, with what is shown below it. start, end: where that is in the page."""

    line: str
    shown: str
    start: int
    end: int


def commands(page: str) -> list[Command]:
    """All commands, in the order of the page."""
    found = []
    for block in _BLOCK.finditer(page):
        begins = [match.start() for match in re.finditer(r"^\$ ", block[1], re.MULTILINE)]
        for begin, end in zip(begins, [*begins[1:], len(block[1])]):
            text = block[1][begin:end]
            # A command goes on in the next line after a backslash.
            head = re.match(r"\$ ((?:.*\\\n)*.*)\n?", text)
            if head:
                start = block.start(1) + begin + head.end()
                found.append(Command(head[1], text[head.end() :], start, block.start(1) + end))
    return found


def lines(text: str, numbered: bool = True) -> list[str]:
    """The text's lines without what differs from run to run. numbered: whether equals are told from others."""
    seen: dict[str, dict[str, int]] = {}

    def stand_in(match: re.Match[str], pattern: str) -> str:
        numbers = seen.setdefault(pattern, {})
        return pattern.format(numbers.setdefault(match[0], len(numbers) + 1) if numbered else "")

    for expression, pattern in _VARIABLE:
        text = expression.sub(functools.partial(stand_in, pattern=pattern), text)
    kept = [" ".join(line.split()) for line in text.splitlines() if not _OCCASIONAL.match(line)]
    return [line for line in kept if line]


def difference(shown: str, printed: str) -> str:
    """Where the two differ, as a diff; empty where they do not."""
    # Of what is left out nobody can tell which addresses it would have had.
    whole = ANYTHING not in shown.splitlines()
    wanted, found = lines(shown, whole), lines(printed, whole)
    if is_as_shown(wanted, found):
        return ""
    return "\n".join(difflib.unified_diff(wanted, found, "shown", "printed", lineterm="", n=1))


def is_as_shown(shown: list[str], printed: list[str]) -> bool:
    """Whether the printed lines are those shown, where a line `...` may be any number of lines."""
    if not shown:
        return not printed
    if shown[0] == ANYTHING:
        return any(is_as_shown(shown[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and shown[0] == printed[0] and is_as_shown(shown[1:], printed[1:])


def run(line: str) -> str:
    """What a command prints, and its exit status where that is not 0."""
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "120"}
    for name in ("LAB_SUBNET", "SWARM_FLAVOUR", "STAGE", "STORE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DOCKER_CONTEXT"):
        environment.pop(name, None)
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    text = "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())
    text = text.replace(str(ROOT) + "/", "")
    if text:
        text += "\n"
    return text if done.returncode == 0 else f"{text}[exit status {done.returncode}]\n"


def labs_in_use(page: str) -> list[str]:
    """Names of the labs that the page builds and that are there already."""
    built = set(re.findall(r"^\$ make (single_host|compose|multi_host|swarm)\b", page, re.MULTILINE))
    query = ["docker", "ps", "--all", "--format", '{{.Label "org.dockernet.lab"}}']
    there = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()
    return sorted(built.intersection(there))


def check_pictures(text: str, write: bool) -> list[str]:
    """Compare the pictures of a part of the page with those drawn by now; what differs."""
    problems = []
    for match in _PICTURE.finditer(text):
        drawn, shown = ROOT / match["drawn"], PAGE.parent / match["shown"]
        if write:
            shown.parent.mkdir(exist_ok=True)
            shutil.copyfile(drawn, shown)
        elif not drawn.exists() or not shown.exists() or lines(drawn.read_text()) != lines(shown.read_text()):
            problems.append(f"The picture {shown.relative_to(ROOT)} is not the one that was drawn: {match['drawn']}.")
    return problems


def main() -> int:
    """Run all commands; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="have the page show what was printed")
    write = parser.parse_args().write
    page = PAGE.read_text()
    used = labs_in_use(page)
    if used:
        print(f"NOT TESTED: the tutorial, for its labs are in use here: {', '.join(used)} (make down LAB=... first).")
        return 0
    problems: list[str] = []
    written, end = "", 0
    for command in commands(page):
        problems += check_pictures(page[end : command.start], write)
        started = time.monotonic()
        printed = run(command.line)
        wrong = difference(command.shown, printed)
        print(f"{'✗' if wrong else '✓'} {time.monotonic() - started:6.1f} s  {command.line}", flush=True)
        if wrong and not write:
            problems.append(f"$ {command.line}\n{wrong}")
            print(printed, flush=True)
        written += page[end : command.start] + (printed if wrong else command.shown)
        end = command.end
    if write:
        PAGE.write_text(written + page[end:])
    problems += check_pictures(page[end:], write)
    print("\n\n".join(["", *problems]) if problems else "The tutorial shows what its commands print.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
