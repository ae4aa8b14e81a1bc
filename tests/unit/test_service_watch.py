# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.dockernet.lab.plugins.module_utils._service_plan import ObservedService
from ansible_collections.dockernet.lab.plugins.module_utils._service_watch import Watch

NOWHERE = "no suitable node (scheduling constraints not satisfied on 2 nodes)"


def seen(state, task="t1", failed=(), error=""):
    return ObservedService("5f3c", "web", "n1", state, task=task, failed=frozenset(failed), error=error)


def verdicts(watch, *looks):
    return [watch.look(service, when) for when, service in looks]


def test_a_container_has_come_up_when_it_goes_on_running():
    watch = Watch(None, 0, timeout=30)
    assert (
        verdicts(watch, (1, None), (2, seen("preparing")), (3, seen("running")), (3.1, seen("running")))
        == [
            "waits",
        ]
        * 4
    )
    assert watch.look(seen("running"), 3.4) == "runs"


def test_another_task_has_to_show_it_again():
    watch = Watch(None, 0, timeout=30)
    assert verdicts(watch, (1, seen("running")), (1.4, seen("running", "t2"))) == ["waits", "waits"]


def test_one_failure_is_forgiven_and_two_are_not():
    watch = Watch(None, 0, timeout=30)
    assert watch.look(seen("ready", "t2", failed=["t1"]), 1) == "waits"
    assert watch.look(seen("ready", "t3", failed=["t1", "t2"]), 7) == "ends"


def test_failures_of_the_past_count_only_with_a_new_one():
    watch = Watch(seen("ready", failed=["a", "b"]), 0, timeout=30)
    assert watch.look(seen("ready", failed=["a", "b"]), 1) == "waits"
    assert watch.look(seen("ready", failed=["b", "c"]), 6) == "ends"


def test_no_node_is_final_once_its_labels_had_their_time():
    watch = Watch(None, 0, timeout=30)
    assert watch.look(seen("pending", error=NOWHERE), 1) == "waits"
    assert watch.look(seen("pending", error=NOWHERE), 5) == "unplaced"
    assert Watch(None, 0, timeout=2).look(seen("pending", error=NOWHERE), 2) == "unplaced"


def test_patience_ends():
    assert verdicts(Watch(None, 0, timeout=30), (29, seen("preparing")), (30, seen("preparing"))) == ["waits", "late"]
