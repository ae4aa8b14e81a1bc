# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._container_request import addresses, creation, is_image
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Affinity, Attachment, Container

WEB = Container(
    "web",
    "n1",
    (Attachment("front", ("www",), "10.1.0.9"), Attachment("back")),
    ports=("127.0.0.1:8080:80", "53:53/udp", "8081:80"),
    constraints=("storage==ssd",),
)


def test_the_first_network_comes_with_its_aliases_and_address():
    body = creation(WEB, "swarm", "none")
    assert body["HostConfig"]["NetworkMode"] == "front"
    assert body["NetworkingConfig"]["EndpointsConfig"] == {
        "front": {"Aliases": ["www"], "IPAMConfig": {"IPv4Address": "10.1.0.9"}}
    }


@pytest.mark.parametrize("mode", ["bridge", "host", "none"])
def test_a_network_of_the_engine_s_own_is_the_network_mode_and_no_endpoint(mode):
    attachments = (Attachment("bridge"),) if mode == "bridge" else ()
    body = creation(Container("web", "n1", attachments, network_mode=mode), "swarm", "none")
    assert body["HostConfig"]["NetworkMode"] == mode
    assert body["NetworkingConfig"]["EndpointsConfig"] == {}


def test_a_fixed_address_of_each_family_is_asked_for():
    both = replace(WEB, attachments=(Attachment("front", address="10.1.0.9", address6="fd00::9"),))
    ipam = creation(both, "swarm", "none")["NetworkingConfig"]["EndpointsConfig"]["front"]["IPAMConfig"]
    assert ipam == {"IPv4Address": "10.1.0.9", "IPv6Address": "fd00::9"}
    assert addresses(both.attachments[0]) == {"ipv4_address": "10.1.0.9", "ipv6_address": "fd00::9"}


def test_in_swarm_mode_no_one_of_several_networks_is_the_network_mode():
    assert creation(WEB, "swarm", "mode")["HostConfig"]["NetworkMode"] == "default"
    alone = replace(WEB, attachments=WEB.attachments[:1])
    assert creation(alone, "swarm", "mode")["HostConfig"]["NetworkMode"] == "front"


def test_published_ports_keep_address_and_protocol():
    bindings = creation(WEB, "swarm", "none")["HostConfig"]["PortBindings"]
    assert bindings == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostIp": "", "HostPort": "8081"}],
        "53/udp": [{"HostIp": "", "HostPort": "53"}],
    }


def test_only_a_classic_swarm_is_told_where_to_place_it():
    assert creation(WEB, "swarm", "classic")["Env"] == ["constraint:node==n1", "constraint:storage==ssd"]
    assert creation(WEB, "swarm", "none")["Env"] == []


def test_a_classic_swarm_is_told_beside_which_container():
    beside = replace(WEB, node=None, affinities=(Affinity("db", True), Affinity("old", False)))
    assert creation(beside, "swarm", "classic")["Env"] == [
        "constraint:storage==ssd",
        "affinity:container==db",
        "affinity:container!=old",
    ]


def test_what_is_not_declared_is_left_to_the_image():
    body = creation(WEB, "swarm", "none")
    assert "Cmd" not in body
    assert "Hostname" not in body


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("box", True),
        ("box:latest", True),
        ("docker.io/library/box", True),
        ("box:1", False),
        ("ox", False),
        ("registry:5000/box", False),
    ],
)
def test_an_image_is_known_by_its_whole_name(reference, found):
    assert is_image(reference, {"Id": "sha256:bea7", "RepoTags": ["box:latest"]}) is found
