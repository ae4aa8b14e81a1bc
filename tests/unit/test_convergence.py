# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from ansible_collections.dockernet.lab.plugins.module_utils._container_plan import (
    ContainerPlan,
    ObservedContainer,
    Plan,
    fingerprint,
    plan_present,
)
from ansible_collections.dockernet.lab.plugins.module_utils._convergence import converge
from ansible_collections.dockernet.lab.plugins.module_utils._labels import OWNER, SPEC
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Affinity, Attachment, Container, Topology

ON = (Attachment("front"),)
DB = Container("db", None, ON, constraints=("storage==ssd",))
WEB = Container("web", None, ON, affinities=(Affinity("db", True),))
CACHE = Container("cache", None, ON, affinities=(Affinity("web", True),))


def on(node, container):
    labels = {OWNER: "swarm", SPEC: fingerprint(container)}
    return ObservedContainer("5f3c", container.name, node, "running", labels)


class Swarm:
    """A Swarm that puts whatever names no other container on `chosen`."""

    def __init__(self, *containers, chosen="n2", there=()):
        self.topology = Topology((), containers)
        self.chosen = chosen
        self.there = {container.name: container for container in there}
        self.refusals = {}
        self.refused: tuple[str, ...] = ()
        self.took = []

    def observe(self):
        return list(self.there.values())

    def plan(self, seen, _state):
        # Without networks: what is observed here has no endpoints.
        planned = plan_present(self.topology, seen, "swarm", None)
        return Plan(tuple(replace(s, connect=()) for s in planned.containers), planned.refusals)

    def missing(self, _plan):
        return list(self.refused)

    def clear(self, plan):
        self.took.append([step.name for step in plan.containers if step.action != "none"])

    def build(self, plan):
        for step in plan.containers:
            if step.create:
                ties = [self.there[a.container].node for a in step.declared.affinities]
                self.there[step.name] = on(ties[0] if ties else self.chosen, step.declared)

    def outcome(self, _plan, _seen):
        return self.observe()


def shown(done):
    return {name: (c["action"], c["node"]) for name, c in done.summary().items()}


def test_containers_follow_one_that_the_swarm_puts_elsewhere():
    swarm = Swarm(DB, WEB, CACHE, there=[on("n1", replace(DB, constraints=())), on("n1", WEB), on("n1", CACHE)])
    done = converge([swarm], "present", check=False)
    assert shown(done) == dict.fromkeys(("db", "web", "cache"), ("recreated", "n2"))
    assert swarm.took == [["db"], ["web"], ["cache"]]
    assert done.changed
    assert "being on node 'n2'" in done.summary()["web"]["reasons"][0]
    assert set(done.difference()["after"]) == {"db", "web", "cache"}
    assert not converge([swarm], "present", check=False).changed


def test_check_mode_takes_no_step():
    swarm = Swarm(DB)
    done = converge([swarm], "present", check=True)
    assert (done.changed, swarm.took, shown(done)) == (True, [], {"db": ("created", None)})


def test_nothing_is_done_while_something_is_missing():
    swarm = Swarm(DB)
    swarm.refused = ("No image.",)
    done = converge([swarm], "present", check=False)
    assert (done.refusals, done.changed, swarm.took) == (["No image."], False, [])


class Gone(Swarm):
    def plan(self, _seen, _state):
        return Plan((ContainerPlan("db", observed=on("n1", DB), remove=True, reasons=("the Swarm chooses",)),))


def test_a_container_that_goes_from_one_part_to_the_other_is_made_anew():
    done = converge([Gone(DB), Swarm(DB)], "present", check=True)
    assert done.summary()["db"]["action"] == "recreated"
    assert done.summary()["db"]["reasons"] == ["the Swarm chooses"]
