# SPDX-License-Identifier: GPL-3.0-or-later
"""What a compose file promises, by Compose v2's rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.dockernet.lab.plugins.module_utils._compose import compose_topology, normalised
from ansible_collections.dockernet.lab.plugins.module_utils._topology import TopologyError, parse

TUTORIAL = Path(__file__).parents[2] / "playbooks" / "files" / "docker-networking-test" / "compose.yml"


def read(text: str, project: str = "shop", directory: str = "") -> dict[str, Any]:
    return compose_topology(yaml.safe_load(text), "docker0", project, directory)


def problems(text: str, project: str = "shop", directory: str = "") -> list[str]:
    with pytest.raises(TopologyError) as error:
        read(text, project, directory)
    return [problem.sentence for problem in error.value.problems]


def one(text: str) -> dict[str, Any]:
    """The only container of a file whose only service is `db`."""
    container: dict[str, Any]
    (container,) = read(f"services: {{db: {{image: box, {text}}}}}\nnetworks: {{back: {{}}}}")["containers"]
    return container


# The project's name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("docker-networking-test", "docker-networking-test"),
        ("My Project", "myproject"),
        ("__Über_App-1.0", "ber_app-10"),
        ("-_-", ""),
    ],
)
def test_a_name_becomes_a_project_s_as_compose_does_it(name, found):
    assert normalised(name) == found


def test_the_directory_names_the_project_where_nothing_else_does():
    assert read("services: {db: {image: box}}", "", "/srv/My Shop/")["project"] == "myshop"
    assert read("{name: Other Shop, services: {db: {image: box}}}", "", "/srv/shop")["project"] == "othershop"
    assert read("{name: other, services: {db: {image: box}}}", "third", "/srv/shop")["project"] == "third"


def test_a_bad_name_that_was_asked_for_is_refused_in_compose_s_words():
    assert problems("services: {db: {image: box}}", "My Project") == [
        'Compose: invalid project name "My Project": must consist only of lowercase alphanumeric characters, hyphens, '
        "and underscores as well as start with a letter or number; 'myproject' would do."
    ]


def test_a_directory_that_leaves_no_name_is_refused():
    assert problems("services: {db: {image: box}}", "", "/srv/__") == [
        "Compose project: nothing of '/srv/__' can be its name; give it one."
    ]


# Networks


def test_a_service_without_networks_is_on_the_project_s_default_network():
    found = read("services: {db: {image: box}}")
    assert found["networks"] == [{"name": "shop_default", "driver": "bridge"}]
    assert found["containers"] == [
        {
            "name": "shop-db-1",
            "node": "docker0",
            "image": "box",
            "networks": [{"name": "shop_default", "aliases": ["db"]}],
        }
    ]


def test_networks_have_the_project_before_their_key_or_a_name_of_their_own():
    found = read(
        """
        services: {db: {image: box, networks: [back, front]}}
        networks:
          back:
            internal: true
            driver_opts: {com.docker.network.bridge.enable_icc: "false"}
            ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1}]}
          front: {name: shopfront, driver: overlay}
        """
    )
    assert found["networks"] == [
        {
            "name": "shop_back",
            "driver": "bridge",
            "internal": True,
            "options": {"com.docker.network.bridge.enable_icc": "false"},
            "subnet": "10.9.0.0/24",
            "gateway": "10.9.0.1",
        },
        {"name": "shopfront", "driver": "overlay"},
    ]


def test_a_network_that_no_service_is_on_is_not_made():
    found = read("{services: {db: {image: box, networks: [back]}}, networks: {back: , front: }}")
    assert [network["name"] for network in found["networks"]] == ["shop_back"]


@pytest.mark.parametrize(
    ("network", "name"),
    [("{external: true}", "front"), ("{external: true, name: real}", "real"), ("{external: {name: real}}", "real")],
)
def test_an_external_network_is_called_as_it_is_and_not_made(network, name):
    found = read(f"{{services: {{db: {{image: box, networks: [front]}}}}, networks: {{front: {network}}}}}")
    assert found["external"] == [name]
    assert found["networks"] == []
    assert found["containers"][0]["networks"] == [{"name": name, "aliases": ["db"]}]


def test_the_default_network_can_be_another():
    found = read("{services: {db: {image: box}}, networks: {default: {name: real, external: true}}}")
    assert (found["networks"], found["external"]) == ([], ["real"])


# Containers


def test_a_container_has_the_name_that_it_is_given_and_the_service_s_as_alias():
    container = one("container_name: postgres, networks: {back: {aliases: [store, postgres]}}")
    assert container["name"] == "postgres"
    assert container["networks"] == [{"name": "shop_back", "aliases": ["db", "store"]}]


def test_a_service_called_like_its_container_adds_no_alias():
    assert one("container_name: db")["networks"] == [{"name": "shop_default"}]


@pytest.mark.parametrize("number", ["scale: 3", "deploy: {replicas: 3}", "scale: 3, deploy: {replicas: 3}"])
def test_a_service_has_as_many_containers_as_it_is_scaled_to(number):
    names = [c["name"] for c in read(f"services: {{db: {{image: box, {number}}}}}")["containers"]]
    assert names == ["shop-db-1", "shop-db-2", "shop-db-3"]


def test_a_service_with_a_profile_is_not_started():
    found = read("services: {db: {image: box}, debug: {image: box, profiles: [debug]}}")
    assert [container["name"] for container in found["containers"]] == ["shop-db-1"]


def test_a_service_that_is_built_has_the_image_that_compose_tags():
    assert read("services: {db: {build: .}}")["containers"][0]["image"] == "shop-db"


def test_what_a_topology_can_say_of_a_container_is_kept():
    container = one(
        "networks: {back: {ipv4_address: 10.9.0.5}}, hostname: five, x-listens: [80], "
        "extra_hosts: ['printer:10.9.8.7', 'six=::6', 'seven:[::7]'], "
        "ports: ['8080:80', 80, '9000-9001:90-91', {target: 53, published: 5353, protocol: udp, host_ip: 127.0.0.1}]"
    )
    assert container["networks"][0]["address"] == "10.9.0.5"
    assert container["hostname"] == "five"
    assert container["listens"] == [80]
    assert container["extra_hosts"] == {"printer": "10.9.8.7", "six": "::6", "seven": "::7"}
    assert container["ports"] == ["8080:80", "127.0.0.1:5353:53/udp"]


def test_what_changes_no_path_is_passed_over():
    keys = "restart: always, depends_on: [], healthcheck: {disable: true}, dns: [9.9.9.9], expose: [80], x-own: {a: 1}"
    assert one(keys) == one("")


@pytest.mark.parametrize("mode", ["bridge", "host", "none"])
def test_a_network_of_the_engine_s_own_takes_the_place_of_all_others(mode):
    read_file = read(f"services: {{db: {{image: box, network_mode: {mode}}}}}")
    (container,) = read_file["containers"]
    assert (container["network_mode"], container.get("networks")) == (mode, None)
    assert read_file["networks"] == []
    assert parse(read_file["networks"], read_file["containers"], ["docker0"]).containers[0].network_mode == mode


# What cannot be told


@pytest.mark.parametrize(
    "setting",
    [
        "network_mode: 'service:other'",
        "links: [other]",
        "external_links: [other]",
        "extends: {service: other}",
        "dns_search: [example.org]",
        "domainname: example.org",
    ],
)
def test_a_setting_that_would_change_paths_is_refused_by_name(setting):
    (sentence,) = problems(f"services: {{db: {{image: box, {setting}}}}}")
    assert sentence.startswith(f"Compose file, service 'db': '{setting.split(':')[0]}' cannot be told as a topology; ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "{services: {db: {image: box}}, networks: [back]}",
            "Compose file: 'networks' must be a mapping, like 'key: value'.",
        ),
        (
            "services: {db: {image: box, network_mode: host, networks: [default]}}",
            "Compose file, service 'db': it declares mutually exclusive 'network_mode' and 'networks'; leave one of "
            "them out.",
        ),
        ("db: {image: box}", "Compose file: it has no 'services'; those of a file of version 1 belong under that key."),
        (
            "{services: {db: {image: box}}, include: [other.yml]}",
            "Compose file: 'include' cannot be told as a topology; write what it includes into this file.",
        ),
        (
            "services: {db: {image: box, networks: [back]}}",
            "Compose file, service 'db': it refers to undefined network 'back'; add that to the file's 'networks'.",
        ),
        (
            "services: {db: {image: box, container_name: one, scale: 2}}",
            "Compose file, service 'db': 2 containers cannot all be called 'one'; leave 'container_name' out.",
        ),
        (
            "services: {db: {image: box, scale: 2, deploy: {replicas: 3}}}",
            "Compose file, service 'db': 'scale' and 'deploy: replicas' say different numbers; leave one out.",
        ),
        (
            "services: {db: {image: box, networks: {default: {ipv6_address: '::5'}}}}",
            "Compose file, service 'db', network 'shop_default': 'ipv6_address' cannot be told as a topology; "
            "leave it out.",
        ),
        (
            "{services: {db: {image: box}}, networks: {default: {enable_ipv6: true}}}",
            "Compose file, network 'default': only IPv4 can be told as a topology; "
            "leave 'enable_ipv6' and 'enable_ipv4' out.",
        ),
        (
            "{services: {db: {image: box}}, networks: {default: {ipam: {config: [{}, {}]}}}}",
            "Compose file, network 'default': it has several subnets; a topology's network has one.",
        ),
        (
            "services: {db: {image: 'box:${TAG}'}}",
            "Compose file, service 'db': 'image: box:${TAG}' has a variable that Compose alone fills in; "
            "write the value itself.",
        ),
    ],
)
def test_what_cannot_be_told_is_one_sentence(text, sentence):
    assert problems(text) == [sentence]


def test_all_problems_are_said_at_once():
    assert len(problems("services: {a: {image: box, links: [b]}, b: {image: box, network_mode: 'service:a'}}")) == 2


def test_a_doubled_dollar_is_one_and_no_variable():
    assert one("hostname: a$$b")["hostname"] == "a$b"


# The lab's own file


def test_the_lab_s_compose_file_is_a_topology_that_can_be_proven():
    found = read(TUTORIAL.read_text(), "", "/srv/docker-networking-test")
    topology = parse([*found["networks"], {"name": "frontend"}], found["containers"], ["docker0"])
    assert found["external"] == ["frontend"]
    assert [network.name for network in topology.networks] == [
        "docker-networking-test_default",
        "docker-networking-test_backend",
        "frontend",
    ]
    assert [container.name for container in topology.containers] == [
        "ubuntu1",
        "ubuntu2",
        "ubuntu3",
        "docker-networking-test-web-1",
    ]
