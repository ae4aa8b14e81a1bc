# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.dockernet.lab.plugins.module_utils._container_plan import changed_properties
from ansible_collections.dockernet.lab.plugins.module_utils._labels import OWNER
from ansible_collections.dockernet.lab.plugins.module_utils._service_request import creation, observed
from ansible_collections.dockernet.lab.plugins.module_utils._topology import Attachment, Container

WEB = Container(
    "web",
    None,
    (Attachment("front", ("www",)),),
    command=("httpd", "-f"),
    env={"A": "b"},
    labels={"tier": "1"},
    hostname="shop",
    extra_hosts={"db": "10.9.9.9"},
    ports=("8080:80", "53:53/udp"),
)
NODES = {"node1": "n1", "node2": "n2"}


def task(name, state, desired="running", node="node1", created="1", **status):
    return {
        "ID": name,
        "ServiceID": "5f3c",
        "CreatedAt": created,
        "NodeID": node,
        "DesiredState": desired,
        "Status": {"State": state, **status},
        "NetworksAttachments": [{"Network": {"ID": "net1"}, "Addresses": ["10.0.1.6/24"]}],
    }


def service(**spec):
    body = creation(WEB, "swarm", [], [])
    template = {**body["task_template"], "Networks": [{"Target": "net1", "Aliases": ["www"]}]}
    known = {"Name": "web", "Labels": body["labels"], "TaskTemplate": template, "Mode": body["mode"]}
    return {"ID": "5f3c", "Spec": {**known, "EndpointSpec": body["endpoint_spec"], **spec}}


def look(*tasks, **spec):
    return observed(service(**spec), tasks, NODES, {"net1": "front"})


def test_a_service_has_one_task_that_peers_reach_without_a_virtual_address():
    body = creation(WEB, "swarm", ["node.hostname==n1"], [Attachment("net2")])
    assert body["mode"] == {"Replicated": {"Replicas": 1}}
    assert body["endpoint_spec"]["Mode"] == "dnsrr"
    template = body["task_template"]
    assert template["Placement"] == {"Constraints": ["node.hostname==n1"]}
    assert [network["Target"] for network in template["Networks"]] == ["front", "net2"]
    assert template["Networks"][0]["Aliases"] == ["www"]


def test_its_container_is_what_is_declared():
    body = creation(WEB, "swarm", [], [])
    spec = body["task_template"]["ContainerSpec"]
    assert "Command" not in spec
    assert (spec["Args"], spec["Env"], spec["Hostname"]) == (["httpd", "-f"], ["A=b"], "shop")
    assert spec["Hosts"] == ["10.9.9.9 db"]
    assert spec["Labels"] == body["labels"]
    assert (body["labels"][OWNER], body["labels"]["tier"]) == ("swarm", "1")


def test_its_ports_are_the_nodes_own():
    assert creation(WEB, "swarm", [], [])["endpoint_spec"]["Ports"] == [
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "host"},
        {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 53, "PublishMode": "host"},
    ]


def test_a_service_is_where_its_task_is():
    seen = look(task("t1", "running"))
    assert (seen.node, seen.state, seen.task) == ("n1", "running", "t1")
    assert seen.endpoints["front"].address == "10.0.1.6"
    assert seen.endpoints["front"].aliases == {"www"}
    assert (seen.deviations, seen.failed) == ((), frozenset())
    assert changed_properties(WEB, seen) == []
    assert seen.properties["ports"] == ["53:53/udp", "8080:80"]
    assert seen.properties["extra_hosts"] == {"db": "10.9.9.9"}


def test_tasks_that_failed_tell_why_and_where():
    gone = task("t1", "failed", "shutdown", "node2", "1", Err="task: non-zero exit (3)")
    seen = look(task("t2", "ready", "ready", created="2"), gone, {**task("other", "running"), "ServiceID": "else"})
    assert (seen.node, seen.state, seen.task) == ("n1", "ready", "t2")
    assert (seen.failed, seen.error, seen.error_node) == ({"t1"}, "task: non-zero exit (3)", "n2")


def test_a_task_that_was_moved_on_purpose_did_not_fail():
    seen = look(task("t1", "shutdown", "shutdown", "node2"), task("t2", "running", created="2"))
    assert (seen.node, seen.failed) == ("n1", frozenset())


def test_without_a_task_it_is_nowhere():
    seen = look()
    assert (seen.node, seen.state, seen.task) == (None, "pending", None)


def test_what_somebody_changed_is_said():
    assert look(Mode={"Replicated": {"Replicas": 0}}).deviations == ("it has 0 tasks, not one",)
    assert look(Mode={"Global": {}}).deviations == ("it has a task on every node, not one",)
    assert look(EndpointSpec={"Mode": "vip"}).deviations == ("its endpoint mode is 'vip', not 'dnsrr'",)
