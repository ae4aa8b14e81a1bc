# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._labels import OWNER
from ansible_collections.dockernet.lab.plugins.module_utils._network_plan import (
    ObservedNetwork,
    needed,
    plan_absent,
    plan_present,
)
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Attachment, Container, Network

LINUX = Network("linux", driver="overlay", subnet="10.1.0.0/24")
THERE = ObservedNetwork("0a5e", "linux", "overlay", "global", subnets=("10.1.0.0/24",), gateways=("10.1.0.1/24",))


def observed(**changes):
    return ObservedNetwork(**{**THERE.__dict__, **changes})


def test_a_missing_network_is_created():
    plan = plan_present([LINUX], [])
    assert plan.create == (LINUX,)
    assert not plan.refusals


def test_a_network_as_declared_is_kept_whoever_made_it():
    plan = plan_present([LINUX], [THERE])
    assert plan.keep == (THERE,)
    assert not plan.create
    assert not plan.refusals


def test_names_are_compared_whole():
    others = [observed(name="linux2"), observed(name="swl-demo0/linux", driver="bridge"), observed(id="linux99")]
    assert plan_present([LINUX], others[:2]).create == (LINUX,)
    assert plan_present([Network("linux99")], others).create == (Network("linux99"),)


@pytest.mark.parametrize(
    ("declared", "there", "sentence"),
    [
        ({"driver": "bridge"}, {}, "exists with driver 'overlay' (declared: 'bridge')"),
        ({"internal": True}, {}, "internal false (declared: true)"),
        ({"subnet": "10.2.0.0/24"}, {}, "subnet '10.1.0.0/24' (declared: '10.2.0.0/24')"),
        ({"subnet6": "fd00:1::/64"}, {}, "subnet6 '10.1.0.0/24' (declared: 'fd00:1::/64')"),
        ({"gateway": "10.1.0.9"}, {}, "gateway '10.1.0.1/24' (declared: '10.1.0.9')"),
        ({"options": {"mtu": "1400"}}, {"options": {"mtu": "1450"}}, "option 'mtu' '1450' (declared: '1400')"),
        ({"options": {"mtu": "1400"}}, {}, "option 'mtu' '' (declared: '1400')"),
    ],
)
def test_a_network_that_differs_is_refused_and_never_replaced(declared, there, sentence):
    plan = plan_present([Network(**{**LINUX.__dict__, **declared})], [observed(**there)])
    assert sentence in plan.refusals[0]
    assert "docker network rm linux" in plan.refusals[0]
    assert not plan.create
    assert not plan.remove


def test_what_was_not_declared_may_have_any_value():
    there = observed(options={"com.docker.network.driver.overlay.vxlanid_list": "256"}, labels={"a": "b"})
    assert plan_present([Network("linux", driver="overlay")], [there]).keep == (there,)
    assert plan_present([Network("linux", driver="overlay", gateway="10.1.0.1")], [THERE]).keep == (THERE,)


def test_an_overlay_that_no_plain_container_can_join_is_refused_in_swarm_mode_only():
    assert "attachable false (declared: true)" in plan_present([LINUX], [THERE], swarm_mode=True).refusals[0]
    attachable = observed(attachable=True)
    assert plan_present([LINUX], [attachable], swarm_mode=True).keep == (attachable,)


def test_two_networks_of_one_name_are_refused():
    plan = plan_present([LINUX], [THERE, observed(id="1b6f")])
    assert plan.refusals[0].startswith("2 networks are called 'linux': 0a5e (overlay), 1b6f (overlay).")


def test_only_the_owners_unused_networks_are_removed():
    ours = observed(labels={OWNER: "swarm"})
    assert plan_absent([LINUX], [ours], "swarm").remove == (ours,)
    assert plan_absent([LINUX], [THERE], "swarm").keep == (THERE,)
    assert plan_absent([LINUX], [observed(labels={OWNER: "other"})], "swarm").remove == ()
    used = observed(labels={OWNER: "swarm"}, endpoints=("web", "db"))
    plan = plan_absent([LINUX], [used], "swarm")
    assert plan.remove == ()
    assert plan.refusals[0].startswith("Network 'linux' is in use by 'db', 'web'")


def test_a_bridge_is_needed_only_where_a_container_is_on_it():
    here, there = Network("here"), Network("there")
    containers = [
        Container("a", "n1", (Attachment("here"),)),
        Container("b", "n2", (Attachment("there"), Attachment("linux"))),
    ]
    networks = [LINUX, here, there]
    assert needed(networks, containers, "n1", None) == (LINUX, here)
    assert needed(networks, containers, "n3", None) == (LINUX,)
    assert needed(networks, containers, "n1", ["here", "there"]) == (here,)
    assert needed(networks, None, "n1", None) == tuple(networks)
    anywhere = [Container("a", None, (Attachment("there"),))]
    assert needed(networks, anywhere, "n1", ["there"]) == (there,)


def test_the_engines_own_bridge_is_neither_made_nor_removed():
    bridge = Network("bridge")
    legacy = Container("legacy", "n1", (Attachment("bridge"),), network_mode="bridge")
    assert needed([LINUX, bridge], [legacy], "n1", None) == (LINUX,)
    assert needed([bridge], None, None, ["bridge"]) == ()
