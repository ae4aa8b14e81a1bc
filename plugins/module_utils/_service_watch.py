# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a service's container has come up, told from what is seen of it over time."""

from __future__ import annotations

from ._container_plan import SETTLE
from ._engine_refusal import NO_NODE
from ._service_plan import ObservedService

# Seconds that a node's labels may take to reach the managers, and a host port to be free again.
PLACING = 5.0
# A first failure may come of what a removed container still holds. The Swarm tries again after five seconds.
ATTEMPTS = 2

WAITS, RUNS, ENDS, UNPLACED, LATE = "waits", "runs", "ends", "unplaced", "late"


class Watch:
    """The watch on one service. Times are seconds of a clock that only goes forward."""

    def __init__(self, before: ObservedService | None, now: float, timeout: float) -> None:
        """before: the service as it was before, None for a new one. timeout: seconds until it must run."""
        self._failed = before.failed if before else frozenset()
        self._start = now
        self._timeout = timeout
        self._task: str | None = None
        self._since = now

    def look(self, service: ObservedService | None, now: float) -> str:
        """What has become of it: one of the words above."""
        if service is not None and service.state == "running":
            if service.task != self._task:
                self._task, self._since = service.task, now
            return RUNS if now - self._since >= SETTLE else WAITS
        self._task = None
        if service is not None and len(service.failed) >= ATTEMPTS and service.failed - self._failed:
            return ENDS
        waited = now - self._start
        if service is not None and service.error.startswith(NO_NODE) and waited >= min(PLACING, self._timeout):
            return UNPLACED
        return LATE if waited >= self._timeout else WAITS
