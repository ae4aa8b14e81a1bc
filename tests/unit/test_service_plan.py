# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._container_plan import ObservedEndpoint, fingerprint
from ansible_collections.dockernet.lab.plugins.module_utils._labels import OWNER, SPEC
from ansible_collections.dockernet.lab.plugins.module_utils._service_plan import ObservedService, plan_services
from ansible_collections.dockernet.lab.plugins.module_utils._topology import (
    Affinity,
    Attachment,
    Container,
    Network,
    Topology,
)

NETWORKS = (Network("front", "overlay"), Network("back", "overlay"))
DB = Container("db", "n1", (Attachment("front"),))
WEB = Container("web", None, (Attachment("front", ("www",)),), env={"A": "b"})


def running(container=WEB, node="n1", **changes):
    endpoints = {a.network: ObservedEndpoint(frozenset(a.aliases)) for a in container.attachments}
    labels = {OWNER: "swarm", SPEC: fingerprint(container)}
    seen = ObservedService("5f3c", container.name, node, "running", labels, endpoints, task="t1")
    return replace(seen, **changes)


def plan(*containers, seen=()):
    return plan_services(Topology(NETWORKS, containers), seen, "swarm")


def step(*containers, seen=()):
    planned = plan(*containers, seen=seen)
    assert not planned.refusals
    return planned.containers[-1]


def test_a_container_that_names_no_node_is_made():
    assert step(WEB).action == "created"


def test_a_service_as_declared_is_left_alone():
    assert step(WEB, seen=[running()]).action == "none"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image": "nginx"}, "image changes"),
        ({"env": {}}, "env changes"),
        ({"constraints": ("storage==ssd",)}, "constraints changes"),
        ({"attachments": (Attachment("front"),)}, "network 'front' changes"),
        ({"attachments": (*WEB.attachments, Attachment("back"))}, "network 'back' changes"),
    ],
)
def test_any_change_makes_a_new_service(change, reason):
    planned = step(replace(WEB, **change), seen=[running()])
    assert planned.action == "recreated"
    assert planned.reasons == (reason,)


def test_a_service_that_somebody_scaled_is_made_anew():
    planned = step(WEB, seen=[running(deviations=("it has 0 tasks, not one",))])
    assert (planned.action, planned.reasons) == ("recreated", ("it has 0 tasks, not one",))


def test_a_new_service_keeps_the_networks_that_are_not_declared():
    seen = running()
    seen = replace(seen, endpoints={**seen.endpoints, "theirs": ObservedEndpoint(frozenset({"w"}))})
    assert step(WEB, seen=[seen]).action == "none"
    assert step(replace(WEB, image="nginx"), seen=[seen]).connect == (Attachment("theirs", ("w",)),)


def test_it_follows_the_container_that_its_affinity_names():
    beside = replace(WEB, affinities=(Affinity("db", True),))
    assert step(DB, beside, seen=[running(beside, node="n1")]).action == "none"
    moved = step(DB, beside, seen=[running(beside, node="n2")])
    assert moved.reasons == ("affinity 'container==db' does not hold, 'db' being on node 'n1'",)


def test_a_service_gives_way_to_a_container_that_names_its_node():
    planned = step(replace(WEB, node="n2"), seen=[running()])
    assert (planned.action, planned.reasons) == ("removed", ("its node is 'n2' now",))
    assert not plan(replace(WEB, node="n2"), seen=[running(labels={})]).containers


def test_a_service_of_somebody_else_is_refused():
    planned = plan(WEB, seen=[running(labels={})])
    assert not planned.containers
    assert planned.refusals[0].startswith("A service 'web' exists in the Swarm without the label org.dockernet.lab=")


def test_a_port_at_one_address_is_refused():
    planned = plan(replace(WEB, ports=("127.0.0.1:8080:80",)))
    assert planned.refusals[0].startswith("Container 'web' publishes '127.0.0.1:8080:80' at one address")
    assert not plan(replace(WEB, ports=("8080:80",))).refusals
