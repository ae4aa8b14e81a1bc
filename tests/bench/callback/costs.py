# SPDX-License-Identifier: GPL-3.0-or-later
"""What each task of a run took, as JSON in the file that COSTS names."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: costs
type: aggregate
short_description: What each task took
description:
  - Writes, at the end of a run, a list with the action of each task, when it began and ended in seconds, and, by host,
    what modules say themselves that they took.
options: {}
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Keeps times, and no results, which are large."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "costs"

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[dict[str, Any]] = []

    def v2_playbook_on_task_start(self, task: Any, **_more: Any) -> None:
        """Begin a task's entry, which ends the one before."""
        self._end()
        self.tasks.append({"action": task.action, "begin": time.time(), "took": {}})

    def v2_runner_on_ok(self, result: Any) -> None:
        """Keep what a module says that it took."""
        self.tasks[-1]["took"][result.host.get_name()] = result.result.get("took")

    def v2_playbook_on_stats(self, _stats: Any) -> None:
        """Write all."""
        self._end()
        Path(os.environ["COSTS"]).write_text(json.dumps(self.tasks), encoding="utf-8")

    def _end(self) -> None:
        if self.tasks:
            self.tasks[-1]["end"] = time.time()
