# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._container_plan import (
    ObservedContainer,
    ObservedEndpoint,
    build_order,
    difference,
    fingerprint,
    plan_absent,
    plan_present,
)
from ansible_collections.dockernet.lab.plugins.module_utils._labels import OWNER, SPEC
from ansible_collections.dockernet.lab.plugins.module_utils._topology import (
    Affinity,
    Attachment,
    Container,
    Network,
    Topology,
)

NETWORKS = (Network("front", subnet="10.1.0.0/24"), Network("back"))
WEB = Container("web", "n1", (Attachment("front", ("www",), "10.1.0.9"),), env={"A": "b"}, ports=("80:80",))


def running(container=WEB, **changes):
    endpoints = {a.network: ObservedEndpoint(frozenset(a.aliases), a.address) for a in container.attachments}
    labels = {OWNER: "swarm", SPEC: fingerprint(container)}
    seen = ObservedContainer("5f3c", container.name, container.node, "running", labels, endpoints)
    return replace(seen, **changes)


DB = Container("db", "n1", (Attachment("back"),))
CLASSIC = ("swarm", None)


def on(node, container):
    return running(container, node=node)


def db_on(node):
    return on(node, DB)


def plan(container=WEB, *observed, node="n1"):
    return plan_present(Topology(NETWORKS, (container,)), observed, "swarm", node)


def step(container=WEB, *observed, node="n1"):
    planned = plan(container, *observed, node=node)
    assert not planned.refusals
    return planned.containers[0]


def of_mode(mode):
    return replace(DB, attachments=(Attachment("bridge"),) if mode == "bridge" else (), network_mode=mode)


def seen_on(mode):
    return running(of_mode(mode), endpoints={mode: ObservedEndpoint()})


@pytest.mark.parametrize("mode", ["bridge", "host", "none"])
def test_a_container_on_a_network_of_the_engine_s_own_stays_as_it_is(mode):
    declared = of_mode(mode)
    topology = Topology((*NETWORKS, Network("bridge")), (declared,))
    assert not plan_present(topology, [seen_on(mode)], "swarm", "n1").changed


@pytest.mark.parametrize("mode", ["bridge", "host", "none"])
def test_a_container_of_another_network_mode_is_made_anew_without_its_own_old_network(mode):
    leaving = step(DB, seen_on(mode))
    assert (leaving.action, leaving.reasons, leaving.connect) == ("recreated", ("network_mode changes",), ())
    joining = step(of_mode(mode), running(DB))
    assert (joining.action, joining.reasons) == ("recreated", ("network_mode changes",))


def test_what_others_connected_comes_back_unless_the_new_mode_has_no_room_for_it():
    by_hand = {"back": ObservedEndpoint(), "bridge": ObservedEndpoint(), "other": ObservedEndpoint()}
    seen = running(DB, endpoints=by_hand)
    renewed = step(replace(DB, image="new"), seen)
    assert [attachment.network for attachment in renewed.connect] == ["bridge", "other"]
    assert step(of_mode("none"), seen).connect == ()
    topology = Topology((*NETWORKS, Network("bridge")), (of_mode("bridge"),))
    (joining,) = plan_present(topology, [seen], "swarm", "n1").containers
    assert [attachment.network for attachment in joining.connect] == ["other"]


def test_a_missing_container_is_created_and_started():
    planned = step()
    assert (planned.action, planned.create, planned.start) == ("created", True, True)


def test_a_container_as_declared_is_left_alone():
    planned = plan(WEB, running())
    assert planned.containers[0].action == "none"
    assert not planned.changed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image": "nginx"}, "image changes"),
        ({"command": ("sleep", "1")}, "command changes"),
        ({"env": {}}, "env changes"),
        ({"env": {"A": "c"}}, "env changes"),
        ({"labels": {"tier": "1"}}, "labels changes"),
        ({"ports": ("81:80",)}, "ports changes"),
        ({"hostname": "w"}, "hostname changes"),
        ({"extra_hosts": {"db": "10.0.0.1"}}, "extra_hosts changes"),
        ({"constraints": ("storage==ssd",)}, "constraints changes"),
        ({"affinities": (Affinity("db", True),)}, "affinities changes"),
    ],
)
def test_what_a_container_cannot_change_makes_a_new_one(change, reason):
    planned = step(replace(WEB, **change), running())
    assert planned.action == "recreated"
    assert planned.reasons == (reason,)


def test_the_label_of_a_container_without_affinities_is_as_it_was_before_there_were_any():
    assert fingerprint(WEB) == "image=c75d5fbfa79c,env=850aefb1c999,ports=2d2a48daebe3"


def test_a_container_follows_the_one_that_its_affinity_names():
    beside = replace(WEB, node=None, affinities=(Affinity("db", True),))
    moved = plan_present(
        Topology(NETWORKS, (replace(DB, node="n2"), beside)), [db_on("n1"), on("n1", beside)], *CLASSIC
    )
    assert moved.containers[1].reasons == ("affinity 'container==db' does not hold, 'db' being on node 'n2'",)
    stays = plan_present(Topology(NETWORKS, (DB, beside)), [db_on("n1"), on("n1", beside)], *CLASSIC)
    assert not stays.changed


def test_where_the_other_one_will_be_is_not_guessed():
    beside = replace(WEB, node=None, affinities=(Affinity("db", True),))
    anew = replace(DB, node=None, image="nginx")
    planned = plan_present(Topology(NETWORKS, (anew, beside)), [db_on("n1"), on("n2", beside)], *CLASSIC)
    assert [step.action for step in planned.containers] == ["recreated", "none"]


def test_a_node_against_an_affinity_is_refused_before_anything_is_done():
    apart = replace(WEB, affinities=(Affinity("db", False),))
    planned = plan_present(Topology(NETWORKS, (DB, apart)), [], *CLASSIC)
    assert planned.refusals == (
        "Container 'web' is declared for node 'n1', where its affinity 'container!=db' does not hold, 'db' being on "
        "node 'n1': change its node or its affinities.",
    )


def test_whom_an_affinity_names_is_built_first_and_then_whoever_asks_for_an_address():
    beside = replace(WEB, name="beside", affinities=(Affinity("db", True),))
    other = Container("other", None, (Attachment("back"),))
    planned = plan_present(Topology(NETWORKS, (other, replace(DB, node=None), beside)), [], *CLASSIC)
    groups = [[step.name for step in group] for group in build_order(planned.containers)]
    assert groups == [["db"], ["beside"], ["other"]]


def test_what_the_strategy_places_is_built_when_all_others_are_there():
    free = Container("free", None, (Attachment("back"),))
    beside = replace(WEB, name="beside", node=None, affinities=(Affinity("web", True),))
    planned = plan_present(Topology(NETWORKS, (free, WEB, beside)), [], *CLASSIC)
    assert [[step.name for step in group] for group in build_order(planned.containers)] == [
        ["web"],
        ["beside"],
        ["free"],
    ]


def test_the_ports_that_a_container_is_only_said_to_listen_on_change_nothing():
    assert step(replace(WEB, listens=(80,)), running()).action == "none"


def test_the_label_tells_no_secret():
    assert "hunter2" not in fingerprint(replace(WEB, env={"PASSWORD": "hunter2"}))


def test_networks_are_changed_while_the_container_runs():
    moved = replace(WEB, attachments=(Attachment("back"),))
    planned = step(moved, running())
    assert planned.action == "connected"
    assert planned.disconnect == ("front",)
    assert planned.connect == (Attachment("back"),)
    assert not planned.remove
    assert not planned.create


@pytest.mark.parametrize(
    "attachment",
    [
        Attachment("front", ("www", "shop"), "10.1.0.9"),
        Attachment("front", (), "10.1.0.9"),
        Attachment("front", ("www",), "10.1.0.8"),
    ],
)
def test_another_alias_or_address_reconnects_that_endpoint_only(attachment):
    both = replace(WEB, attachments=(*WEB.attachments, Attachment("back")))
    planned = step(replace(both, attachments=(attachment, Attachment("back"))), running(both))
    assert planned.disconnect == ("front",)
    assert planned.connect == (attachment,)


def test_where_no_address_is_declared_any_will_do():
    anywhere = replace(WEB, attachments=(Attachment("front", ("www",)),))
    assert step(anywhere, running()).action == "none"
    assert step(WEB, running(anywhere)).action == "connected"


def test_a_container_is_connected_anew_for_the_sake_of_either_fixed_address():
    both = replace(WEB, attachments=(Attachment("front", address="10.1.0.9", address6="fd00::9"),))
    has = ObservedEndpoint(asked_address="10.1.0.9", asked_address6="fd00:0::9")
    assert step(both, running(both, endpoints={"front": has})).action == "none"
    for lost in replace(has, asked_address=None), replace(has, asked_address6="fd00::8"):
        plan = step(both, running(both, endpoints={"front": lost}))
        assert plan.action == "connected"
        assert plan.fixes_an_address


def test_names_that_engines_answer_for_anyway_reconnect_nothing():
    declared = replace(WEB, hostname="shop", attachments=(Attachment("front", ("web", "shop")),))
    seen = running(declared, endpoints={"front": ObservedEndpoint(frozenset({"shop"}))})
    assert step(declared, seen).action == "none"


def test_endpoints_on_networks_that_are_not_declared_are_never_touched():
    seen = running()
    seen = replace(seen, endpoints={**seen.endpoints, "bridge": ObservedEndpoint(), "theirs": ObservedEndpoint()})
    assert step(WEB, seen).action == "none"


@pytest.mark.parametrize(
    ("state", "action"),
    [
        ("exited", "started"),
        ("created", "started"),
        ("paused", "unpaused"),
        ("restarting", "none"),
        ("dead", "recreated"),
    ],
)
def test_a_container_that_does_not_run_is_brought_back(state, action):
    assert step(WEB, running(state=state)).action == action


def test_a_container_of_somebody_else_is_refused():
    planned = plan(WEB, running(labels={}))
    assert not planned.containers
    assert planned.refusals[0].startswith("A container 'web' exists on node 'n1' without the label org.dockernet.lab=")
    assert plan(WEB, running(labels={OWNER: "other"})).refusals


def test_a_container_declared_for_another_node_leaves_this_one():
    planned = step(replace(WEB, node="n2"), running())
    assert (planned.action, planned.reasons) == ("removed", ("its node is 'n2' now",))
    assert step(replace(WEB, node=None), running()).reasons == ("the Swarm chooses its node now",)
    assert plan(replace(WEB, node="n2"), running(labels={})) == plan(replace(WEB, node="n2"))
    assert not plan(replace(WEB, node="n2")).containers


def test_a_classic_swarm_moves_a_container_by_making_it_anew():
    planned = step(replace(WEB, node="n2"), running(), node=None)
    assert (planned.action, planned.reasons) == ("recreated", ("node changes from 'n1' to 'n2'",))
    assert step(replace(WEB, node=None), running(), node=None).action == "none"


def test_a_name_on_two_nodes_of_a_classic_swarm_is_refused():
    planned = plan(WEB, running(), running(node="n2"), node=None)
    assert planned.refusals == ("A container 'web' exists on the nodes 'n1' and 'n2': remove all but one of them.",)


def test_absent_removes_the_owners_declared_containers_only():
    topology = Topology(NETWORKS, (WEB,))
    seen = [running(), running(labels={}), running(name="other")]
    planned = plan_absent(topology, seen, "swarm")
    assert [(p.name, p.action) for p in planned.containers] == [("web", "removed")]


def test_whoever_asks_for_an_address_goes_first():
    assert step().fixes_an_address
    assert not step(replace(WEB, attachments=(Attachment("front"),))).fixes_an_address
    assert not step(WEB, running()).fixes_an_address


def test_the_difference_shows_what_changes_and_nothing_else():
    declared = replace(WEB, image="nginx")
    before, after = difference(step(declared, running(properties={"image": "box"})))
    assert (before["image"], after["image"]) == ("box", "nginx")
    assert "env" not in after
    assert before["networks"] == after["networks"]
    before, after = difference(step(replace(WEB, attachments=(Attachment("back"),)), running()))
    assert (list(before["networks"]), list(after["networks"])) == (["front"], ["back"])


def test_a_new_container_keeps_what_others_connected_the_old_one_to():
    seen = running()
    seen = replace(seen, endpoints={**seen.endpoints, "theirs": ObservedEndpoint(frozenset({"w"}))})
    planned = step(replace(WEB, image="nginx"), seen)
    assert planned.connect == (Attachment("theirs", ("w",)),)
    assert step(replace(WEB, node="n2"), seen, node=None).connect == ()
