# SPDX-License-Identifier: GPL-3.0-or-later
"""One round: all questions, pings and connects of all containers of a node, at once, from one loop."""

from __future__ import annotations

import contextlib
import resource
import selectors
import time
from collections import Counter, deque
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from ansible_collections.dockernet.lab.plugins.module_utils._probes import Probe, Source

# Seconds. A first packet to a peer on another node can take more than one (its engine is looked up on the first miss).
PATIENCE = 2.0  # for what should be answered, in one round
SILENCE = 0.3  # after the last answer that should come, until what stays silent counts as silent
LEAST_SILENCE = 0.5  # the same, from the start of the round
AGAIN = 0.25  # until a packet is sent again: one that was lost must not look like one that was blocked
TICK = 0.02  # between looks at what has been silent

# Pings and connects to answer at a time: each takes an entry of the kernel's neighbour table, whose limit (1024 by
# default) is one for all namespaces of a machine.
WINDOW = 400
# Questions at a time. An engine answers some thousands a second; what it cannot answer within AGAIN is asked again,
# which makes it slower still.
QUESTIONS = 128
BRIEF = 0.05  # seconds for which a question that nothing should answer keeps its place
BURST = 64  # packets sent before replies are read again
MOST_FILES = 16_384  # open at a time: each connect has a socket of its own


def run_round(probes: list[Probe]) -> None:
    """Send all probes and wait for what comes back, then keep all results.

    Ends as soon as all that should be answered are and the others have been silent for long enough,
    and after `PATIENCE` seconds without any progress at the latest.
    """
    for batch in _batches(_in_turns(probes)):
        with selectors.DefaultSelector() as selector:
            try:
                _Exchange(batch, selector).run()
            finally:
                for probe in batch:
                    probe.source.keep(probe)


def _in_turns(probes: list[Probe]) -> list[Probe]:
    """First what should be answered; one of each container after the other, so that all resolvers work at once."""
    count: Counter[Source] = Counter()
    turns = []
    for probe in probes:
        turns.append((not probe.should_answer, count[probe.source]))
        count[probe.source] += 1
    return [probe for _, probe in sorted(zip(turns, probes), key=itemgetter(0))]


def _batches(probes: list[Probe]) -> Iterator[list[Probe]]:
    """As few as there can be, none with more connects than files can be opened."""
    room = _files_to_spare() if any(probe.kind == "tcp" for probe in probes) else 0
    batch: list[Probe] = []
    connects = 0
    for probe in probes:
        if probe.kind == "tcp" and connects >= room:
            yield batch
            batch, connects = [], 0
        batch.append(probe)
        connects += probe.kind == "tcp"
    yield batch


def _files_to_spare() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(16, limit - len(list(Path("/proc/self/fd").iterdir())) - 16)


class _Exchange:
    """Sends in bursts, reads what comes, and sends again what is silent."""

    def __init__(self, probes: list[Probe], selector: selectors.BaseSelector) -> None:
        self.selector = selector
        self.unsent = deque(probes)
        self.open: set[Probe] = set()
        # Those that hold a place, by what there are only so many places for.
        self.holding: dict[str, set[Probe]] = {"name": set(), "neighbour": set()}
        self.finished: list[Probe] = []
        self.start = self.last_answer = self.last_look = time.monotonic()
        for source in {probe.source: None for probe in probes}:
            source.start(selector, self.finished)

    def run(self) -> None:
        """Return when it is over."""
        while self.unsent or self.open:
            sent = self._send_burst()
            for key, _ in self.selector.select(0 if sent else TICK / 2):
                key.data()
            now = time.monotonic()
            self._note_finished(now)
            if now - self.last_look >= TICK:
                self.last_look = now
                self._send_again(now)
                self._let_go(now)
                if not self.unsent and self._is_over(now):
                    return

    def _send_burst(self) -> int:
        """Send some of what has not been sent. Returns how many."""
        sent = 0
        while self.unsent and sent < BURST:
            place = _place(self.unsent[0])
            if place and len(self.holding[place]) >= (QUESTIONS if place == "name" else WINDOW):
                break
            probe = self.unsent.popleft()
            probe.source.send(probe)
            self.open.add(probe)
            if place:
                self.holding[place].add(probe)
            sent += 1
        return sent

    def _note_finished(self, now: float) -> None:
        if any(probe.should_answer for probe in self.finished):
            self.last_answer = now
        for waiting in (self.open, *self.holding.values()):
            waiting.difference_update(self.finished)
        self.finished.clear()

    def _send_again(self, now: float) -> None:
        for probe in self.open:
            if now - probe.sent > AGAIN * probe.times and (probe.should_answer or probe.times < 2):
                probe.source.send(probe)

    def _let_go(self, now: float) -> None:
        """What has been lost must not hold its place for ever."""
        for holding in self.holding.values():
            holding -= {p for p in holding if now - p.first > (PATIENCE if p.should_answer else BRIEF)}

    def _is_over(self, now: float) -> bool:
        if now - max(self.start, self.last_answer) > PATIENCE:
            return True
        if now - self.last_answer <= SILENCE or now - self.start <= LEAST_SILENCE:
            return False
        return all(not probe.should_answer and now - probe.sent > AGAIN for probe in self.open)


def _place(probe: Probe) -> str:
    """What it holds a place for, if anything: a ping or connect that is blocked gets no further than its gateway."""
    if probe.kind == "name":
        return "name"
    return "neighbour" if probe.should_answer else ""
