# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run shows on the screen: one line a task, and whole sentences where something fails."""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: One line a task, with what it changed and how long it took
description:
  - Prints a play's name, then one line for each task when all hosts have done it. Tasks that are included in a loop
    over C(stage) have the stage's C(name) as their heading.
  - Tasks that only lead to others, and hosts that skip a task, are not shown.
  - A failure is shown as its message alone; C(-v) and more show all that the default callback shows.
  - Of a run that ends in M(dockernet.lab.status), its text alone is shown.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in configuration
"""

import re
import sys
import time
from typing import Any

from ansible import constants as C  # noqa: N812 - as everywhere in Ansible
from ansible.plugins.callback.default import CallbackModule as Default

# Actions that show nothing of their own.
SILENT = ("include_role", "import_role", "include_tasks", "import_tasks", "meta", "validate_argument_spec", "set_fact")
# Actions that only look, for one of the next, whose message is all that a run is for.
LOOKS, TEXTS = ("lab_info", "node_info"), ("status",)
SLOW = 1.0  # seconds from which on a task's time is shown
WIDTH = 66
# What Ansible says around the words that matter.
_WRAPPINGS = re.compile(
    r"^Task failed: (Module failed: )?|Data could not be sent to .*? over ssh: |"
    r"^Finalization of task args for '\S+' failed: Error while resolving value for '\S+': |"
    r"The filter plugin 'dockernet\S+' failed: "
)


class CallbackModule(Default):  # type: ignore[misc]
    """The screen."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "dockernet.lab.progress"

    def __init__(self) -> None:
        super().__init__()
        self._heading: str | None = None
        self._task: Any = None
        self._started = 0.0
        self._stage: str | None = None
        self._ok: list[str] = []
        self._changed: list[str] = []
        self._details: list[str] = []
        self._said: set[str] = set()
        self._text_is_all = False

    # A task's line

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Say nothing of the playbook's file."""

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Keep the play's name until one of its tasks has something to show."""
        self._finish()
        if self._is_verbose:
            super().v2_playbook_on_play_start(play)
        self._play = play
        self._heading = play.get_name().strip()

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """A play for hosts that this inventory does not have is no news."""
        self._heading = None

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Begin a line."""
        self._finish()
        if self._is_verbose:
            super().v2_playbook_on_task_start(task, is_conditional)
            return
        self._begin_stage(task)
        self._task, self._started = task, time.monotonic()
        self._ok, self._changed, self._details = [], [], []
        if sys.stdout.isatty() and not self._is_silent(task):
            self._show_heading()
            sys.stdout.write(f"  … {task.name}\r")
            sys.stdout.flush()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler is a task."""
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Nothing to show before there is a result."""

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """What is included shows itself."""

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A host that skips a task is no news."""
        if self._is_verbose:
            super().v2_runner_on_skipped(result)

    def v2_runner_retry(self, result: Any) -> None:
        """Waiting for a state is no failure."""
        if self._is_verbose:
            super().v2_runner_retry(result)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Keep a host's result for the line."""
        if self._is_verbose:
            super().v2_runner_on_ok(result)
            return
        (self._changed if result.result.get("changed") else self._ok).append(result.host.get_name())
        if _action(result.task) in TEXTS:
            self._text_is_all = True
            self._display.display(f"\n{result.result['msg']}\n")
        if _action(result.task) in ("debug", "verify"):
            message = result.result.get("msg", "")
            self._details += [str(line) for line in (message if isinstance(message, list) else [message])]
        if not self._is_silent(result.task):
            self._handle_warnings_and_exception(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Show each step of a task that has several."""
        if self._is_verbose:
            super().v2_runner_item_on_ok(result)
            return
        if self._is_silent(result.task):
            return
        self._show_heading()
        self._display.display(f"    {self._get_item_label(result.result)}", color=C.COLOR_OK)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """The task's own failure says it."""
        if self._is_verbose:
            super().v2_runner_item_on_failed(result)

    # Failures

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Show the message as it is, once, however many hosts have it."""
        self._text_is_all = False
        if self._is_verbose:
            super().v2_runner_on_failed(result, ignore_errors)
            return
        if ignore_errors:
            return
        items = [item for item in result.result.get("results", []) if item.get("failed")] or [result.result]
        for item in items:
            self._fail(result, _message(item))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """The same for a host that cannot be reached."""
        if self._is_verbose:
            super().v2_runner_on_unreachable(result)
            return
        if result.task.ignore_unreachable and _action(result.task) in LOOKS:
            return
        self._fail(result, f"{result.host.get_name()} cannot be reached: {_message(result.result)}")

    def _fail(self, result: Any, message: str) -> None:
        self._show_heading()
        if self._task is not None:
            self._display.display(f"  ✗ {result.task.name}", color=C.COLOR_ERROR)
            self._task = None
        if message not in self._said:
            self._said.add(message)
            self._display.display(_indented(message), color=C.COLOR_ERROR)

    # Lines

    @property
    def _is_verbose(self) -> bool:
        return bool(self._display.verbosity > 0)

    def _is_silent(self, task: Any) -> bool:
        return _action(task) in (*SILENT, *LOOKS, *TEXTS)

    def _begin_stage(self, task: Any) -> None:
        """A task that was included in a loop over stages belongs to one, whose name is a heading."""
        stage = task.get_vars().get("stage")
        name = stage.get("name") if isinstance(stage, dict) else None
        if name and name != self._stage:
            self._heading = f"Stage {stage.get('slug', '').partition('-')[0]}: {name}"
        self._stage = name

    def _show_heading(self) -> None:
        if self._heading:
            self._display.display(f"\n{self._heading}", color=C.COLOR_HIGHLIGHT)
            self._heading = None

    def _finish(self) -> None:
        """Print the line of the task that has just ended."""
        task, self._task = self._task, None
        if task is None or self._is_silent(task) or not (self._ok or self._changed):
            if task is not None and sys.stdout.isatty():
                sys.stdout.write("\033[K")
            return
        self._show_heading()
        seconds = time.monotonic() - self._started
        took = f"{seconds:6.1f} s" if seconds >= SLOW else ""
        hosts = ", ".join(sorted(self._changed))
        line = f"  {'●' if hosts else '✓'} {task.name:<{WIDTH}}{took:>9}  {hosts}"
        self._display.display(line.rstrip(), color=C.COLOR_CHANGED if hosts else C.COLOR_OK)
        for text in self._details:
            self._display.display(_indented(text), color=C.COLOR_HIGHLIGHT)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """End the last line; then what every host did, as always."""
        self._finish()
        if self._is_verbose or not self._text_is_all:
            super().v2_playbook_on_stats(stats)


def _action(task: Any) -> str:
    """The last part of the action's name."""
    return str(task.action.rpartition(".")[2])


def _message(result: dict[str, Any]) -> str:
    """What a failed result says: its message, and what a command that failed wrote."""
    text = str(result.get("msg") or "it failed without a message; run it again with -v")
    text = _WRAPPINGS.sub("", text)
    wrote = str(result.get("stderr") or result.get("stdout") or "") if "rc" in result else ""
    return "\n".join(part for part in (text, str(result.get("details") or ""), wrote) if part).strip()


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
