# SPDX-License-Identifier: GPL-3.0-or-later
"""The role `cluster_firewall` on real machines: two members, one stranger, real packets, and rules that cut ssh.

Member wall-a is reached over ssh, as real machines are, and has an engine with a published port. Member wall-b has no
nft yet, and is reached by docker exec.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

docker = pytest.importorskip("docker")

CHECKOUT = Path(__file__).parents[2]
IMAGE = "dockernet/node:12"
SUBNET = "192.168.75.0/24"
ADDRESSES = {"wall-a": "192.168.75.101", "wall-b": "192.168.75.102", "wall-x": "192.168.75.103"}
ADDRESSES6 = {"wall-a": "fd75::a", "wall-b": "fd75::b", "wall-x": "fd75::c"}
MEMBERS = [ADDRESSES["wall-a"], ADDRESSES["wall-b"], ADDRESSES6["wall-a"], ADDRESSES6["wall-b"]]
RULES = "/etc/dockernet/firewall.nft"
UNIT = "/etc/systemd/system/dockernet-firewall.service"
CUT = ["tcp dport 22 drop"]

# Answers on a TCP and a UDP port with what it is sent.
ECHO = """
import socket, sys, threading
def tcp(port):
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        while True:
            server.accept()[0].close()
def udp(port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.bind(("::", port))
        while True:
            server.sendto(*server.recvfrom(100))
for port in map(int, sys.argv[1:]):
    for serve in (tcp, udp):
        threading.Thread(target=serve, args=[port]).start()
"""

PAST_SSH: dict[str, Any] = {"ansible_connection": "community.docker.docker", "ansible_host": "wall-a"}

# Says which of `protocol:address:port` are reached.
ASK = """
import socket, sys
for asked in sys.argv[1:]:
    protocol, address, port = asked.split(",")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as client:
        client.settimeout(0.7)
        try:
            client.connect((address, int(port)))
            if protocol == "udp":
                client.send(b"hello")
                client.recv(100)
        except OSError:
            continue
        print(asked)
"""

# A VXLAN packet of network 42: header, Ethernet to everybody, no more.
FORGE = """
import socket, sys
inner = b"\\xff" * 6 + bytes([2, 0, 0, 0, 0, 9]) + b"\\x08\\x00" + bytes(46)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.sendto(bytes([8, 0, 0, 0, 0, 0, 42, 0]) + inner, (sys.argv[1], 4789))
"""

ESP = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_RAW, 50) as sender:
    sender.sendto(bytes(40), (sys.argv[1], 0))
"""

PREPARE = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: dockernet.lab.lab, tasks_from: plan}
    - ansible.builtin.import_role: {name: dockernet.lab.lab}
- hosts: wall-a
  gather_facts: false
  vars: {ansible_connection: community.docker.docker, ansible_host: wall-a}
  tasks:
    - ansible.builtin.apt: {name: [nftables, openssh-server], update_cache: true}
    - ansible.builtin.file: {path: /root/.ssh, state: directory, mode: "0700"}
    - ansible.builtin.copy: {src: "{{ key }}.pub", dest: /root/.ssh/authorized_keys, mode: "0600"}
    - ansible.builtin.import_role: {name: dockernet.lab.docker_engine}
      vars: {docker_engine_hosts: ["fd://", "tcp://{{ node_address }}:2375"]}
- hosts: wall-a
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: dockernet.lab.lab, tasks_from: images}
    - ansible.builtin.command: docker run --detach --publish 8080:80 --name web box httpd -f -p 80
"""

ABSENT = """
- hosts: {hosts}
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {{name: dockernet.lab.{role}, tasks_from: absent}}
"""


def on(node: str, *words: str) -> str:
    """What a command prints on a node."""
    return subprocess.run(["docker", "exec", node, *words], check=True, capture_output=True, text=True).stdout


def reached(source: str, *asked: str) -> list[str]:
    """Which of `protocol,address,port` a node reaches."""
    return on(source, "python3", "-c", ASK, *asked).split()


def table(node: str = "wall-a") -> str:
    """The firewall's table as it is loaded, without its counters' values; empty where it is not."""
    listing = "nft --stateless list table inet dockernet 2>/dev/null || true"
    return on(node, "sh", "-c", listing)


def dropped(entry: str) -> int:
    """How many packets wall-a has dropped for an entry."""
    found = re.search(
        r"counter packets (\d+)", on("wall-a", "nft", "list", "chain", "inet", "dockernet", f"to_{entry}")
    )
    assert found
    return int(found.group(1))


def others() -> str:
    """All rules on wall-a but those of the firewall, counters aside."""
    listed = on("wall-a", "nft", "--stateless", "list", "ruleset") + on("wall-a", "iptables-save")
    listed = re.sub(r"^table inet dockernet \{.*?^\}\n", "", listed, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\[\d+:\d+\]|^#.*\n", "", listed, flags=re.MULTILINE)


@dataclass
class Wall:
    """The three machines, and the plays of this test."""

    directory: Path
    output: str = field(default="", init=False)

    def play(self, text: str, *options: str, fails: bool = False, **variables: Any) -> str:
        """Run a playbook. Returns what it says, in one line."""
        playbook, extra = self.directory / "play.yml", self.directory / "extra.yml"
        playbook.write_text(text)
        extra.write_text(yaml.safe_dump(variables))
        command = [str(CHECKOUT / ".venv/bin/ansible-playbook"), f"--inventory={self.directory}/hosts.yml"]
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.directory),
        }
        done = subprocess.run(
            [*command, f"--extra-vars=@{extra}", *options, str(playbook)],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.output = done.stdout + done.stderr
        print(self.output)
        assert (done.returncode != 0) == fails
        return " ".join(self.output.split())

    def apply(self, *options: str, hosts: str = "wall-a", fails: bool = False, **variables: Any) -> str:
        """Run the play that the role's page shows."""
        page = (CHECKOUT / "roles" / "cluster_firewall" / "README.md").read_text()
        play = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]
        given = {"cluster_firewall_members": MEMBERS, **variables}
        return self.play(play, f"--limit={hosts}", *options, fails=fails, **given)


@pytest.fixture(scope="module")
def wall() -> Iterator[Wall]:
    """The machines, with servers on a member's ports."""
    try:
        docker.APIClient(version="auto").inspect_image(IMAGE)
    except Exception:  # whatever is wrong with it
        pytest.skip(f"no engine with an image '{IMAGE}' answers")
    # Not pytest's directory: the path of ssh's control socket has 108 characters at most.
    directory = Path(tempfile.mkdtemp(prefix="wall-"))
    wall = Wall(directory)
    key = directory / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (directory / "hosts.yml").write_text(yaml.safe_dump(inventory(key)))
    try:
        wall.play(PREPARE, key=str(key))
        for node, address in ADDRESSES6.items():
            on(node, "sysctl", "-q", *(f"net.ipv6.conf.{device}.disable_ipv6=0" for device in ("lo", "eth0")))
            on(node, "ip", "address", "add", f"{address}/64", "dev", "eth0", "nodad")
        subprocess.run(["docker", "exec", "-d", "wall-a", "python3", "-c", ECHO, "7946", "2379", "9999"], check=True)
        on("wall-a", "sh", "-c", "ip link add vx42 up type vxlan id 42 dev eth0 dstport 4789 nolearning")
        on("wall-a", "nft", "add table ip theirs; add chain ip theirs in { type filter hook input priority 5; }")
        yield wall
    finally:
        wall.play(ABSENT.format(hosts="all", role="lab"))
        shutil.rmtree(directory)


def inventory(key: Path) -> dict[str, Any]:
    """Two members and a stranger."""
    hosts: dict[str, dict[str, str]] = {node: {"node_address": address} for node, address in ADDRESSES.items()}
    hosts["wall-a"] |= {
        "ansible_connection": "ssh",
        "ansible_host": ADDRESSES["wall-a"],
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null",
    }
    common = {
        "ansible_connection": "community.docker.docker",
        "ansible_become": False,  # root already, and there is no sudo
        "lab_name": "wall",
        "lab_subnet": SUBNET,
        "lab_release": "12",
        "lab_address": "{{ node_address }}",
    }
    return {"all": {"hosts": hosts, "vars": common}, "cluster": {"hosts": {"wall-a": None, "wall-b": None}}}


def of(address: str) -> list[str]:
    """What a member reaches there: the engine, and gossip and the store over TCP and UDP."""
    ports = ["tcp,{},7946", "udp,{},7946", "tcp,{},2379"] + ([] if ":" in address else ["tcp,{},2375"])
    return [port.format(address) for port in ports]


def test_check_says_what_would_come_and_changes_nothing(wall: Wall) -> None:
    said = wall.apply("--check", "--diff", hosts="cluster")
    assert "+ tcp dport { 2375, 2376 } jump to_engine" in said
    assert said.count("changed=1") == 2
    assert table() == ""
    for node in ("wall-a", "wall-b"):
        assert on(node, "sh", "-c", f"ls {RULES} {UNIT} /run/dockernet-firewall 2>/dev/null || true") == ""
    assert on("wall-b", "sh", "-c", "command -v nft || true") == ""


def test_members_reach_the_ports_and_strangers_do_not(wall: Wall) -> None:
    asked = [*of(ADDRESSES["wall-a"]), *of(ADDRESSES6["wall-a"])]
    assert reached("wall-x", *asked) == asked
    before = others()

    wall.apply(hosts="cluster")
    assert reached("wall-b", *asked) == asked
    assert reached("wall-a", *asked) == asked
    assert reached("wall-x", *asked) == []
    assert dropped("engine") > 0
    # What is no port of the cluster's, and what is published by a container, is as it was.
    left = [f"tcp,{ADDRESSES['wall-a']},{port}" for port in (22, 8080, 9999)]
    assert reached("wall-x", *left) == left
    assert others() == before

    assert wall.apply(hosts="cluster").count("changed=0") == 2
    assert wall.apply("--check", "--diff", hosts="cluster").count("changed=0") == 2


def test_clients_reach_the_apis_alone(wall: Wall) -> None:
    wall.apply(cluster_firewall_clients=[ADDRESSES["wall-x"]])
    address = ADDRESSES["wall-a"]
    assert reached("wall-x", *of(address)) == [f"tcp,{address},2379", f"tcp,{address},2375"]


def test_an_entry_can_be_changed_taken_out_and_added(wall: Wall) -> None:
    ports = {"etcd": {}, "gossip": {"udp": [7946]}, "app": {"tcp": ["9990-9999"]}, "ipsec": {"protocols": ["esp"]}}
    wall.apply(cluster_firewall_ports=ports)
    address = ADDRESSES["wall-a"]
    asked = [*of(address), f"tcp,{address},9999"]
    assert reached("wall-x", *asked) == [f"tcp,{address},7946", f"tcp,{address},2379"]
    on("wall-b", "python3", "-c", ESP, address)
    assert dropped("ipsec") == 0
    on("wall-x", "python3", "-c", ESP, address)
    assert dropped("ipsec") == 1


def test_a_forged_vxlan_packet_is_dropped(wall: Wall) -> None:
    def received() -> int:
        return int(on("wall-a", "cat", "/sys/class/net/vx42/statistics/rx_packets"))

    wall.apply()
    before = received()
    on("wall-x", "python3", "-c", FORGE, ADDRESSES["wall-a"])
    assert dropped("vxlan") == 1
    assert received() == before
    on("wall-b", "python3", "-c", FORGE, ADDRESSES["wall-a"])
    assert dropped("vxlan") == 1
    assert received() == before + 1


def test_what_somebody_changed_by_hand_is_put_back(wall: Wall) -> None:
    wall.apply()
    good = table()
    hands = (
        "nft delete table inet dockernet",
        "nft flush chain inet dockernet input",
        f"nft add element inet dockernet members4 {{ {ADDRESSES['wall-x']} }}",
        f"echo >>{RULES}",
        f"systemctl disable --quiet {Path(UNIT).name}",
    )
    for hand in hands:
        on("wall-a", "sh", "-c", hand)
        assert "changed=0" not in wall.apply()
        assert table() == good
    assert "changed=0" in wall.apply()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cluster_firewall_rules": ["tcp dport banana drop"]}, "correct 'tcp dport banana drop': Could not resolve"),
        ({"cluster_firewall_ports": {"app": {"tcp": [99999]}}}, "correct 'tcp dport { 99999 } jump to_app': "),
        ({"cluster_firewall_rules": ["} } flush ruleset"]}, "'} } flush ruleset' in cluster_firewall_rules is not one"),
        ({"cluster_firewall_members": []}, "cluster_firewall_members is empty"),
        ({"cluster_firewall_members": ["wall-a"]}, "'wall-a' in cluster_firewall_members or"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_changes(wall: Wall, wrong: dict[str, Any], said: str) -> None:
    before = (table(), others(), on("wall-a", "cat", RULES))
    assert before[0]
    assert said in wall.apply(fails=True, **wrong)
    assert "changed=0" in wall.output
    assert (table(), others(), on("wall-a", "cat", RULES)) == before
    assert on("wall-a", "sh", "-c", "systemctl is-active dockernet-firewall-rollback.timer || true") == "inactive\n"


def test_rules_that_cut_ssh_come_off_by_themselves(wall: Wall) -> None:
    wall.apply()
    before = (table(), on("wall-a", "cat", RULES))
    said = wall.apply(fails=True, cluster_firewall_rules=CUT, cluster_firewall_rollback=5)
    assert "The new firewall cut 'wall-a' off from here, so the host has put back its former one after 5 s" in said
    assert (table(), on("wall-a", "cat", RULES)) == before
    assert "changed=0" in wall.apply()


def load_without_keeping(wall: Wall, seconds: int) -> None:
    """Load rules that cut ssh, as a run does that is killed before it can keep or take back anything."""
    chain = "chain c { type filter hook input priority 0; tcp dport 22 drop; }"
    rules = f"table inet dockernet\ndelete table inet dockernet\ntable inet dockernet {{\n{chain}\n}}\n"
    task = {"dockernet.lab.firewall_table": {"rules": rules, "rollback": seconds}}
    play = {"hosts": "wall-a", "gather_facts": False, "vars": PAST_SSH}
    wall.play(yaml.safe_dump([{**play, "tasks": [task]}]))


def test_nobody_is_needed_for_the_rollback(wall: Wall) -> None:
    wall.apply()
    before = (table(), on("wall-a", "cat", RULES))
    ssh = f"tcp,{ADDRESSES['wall-a']},22"
    load_without_keeping(wall, 8)
    assert reached("wall-b", ssh) == []
    deadline = time.monotonic() + 12
    while not reached("wall-b", ssh):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert (table(), on("wall-a", "cat", RULES)) == before


def test_after_a_run_that_broke_off_the_rollback_is_to_what_was_kept(wall: Wall) -> None:
    wall.apply()
    before = table()
    load_without_keeping(wall, 300)
    load_without_keeping(wall, 8)
    deadline = time.monotonic() + 20
    while table() != before:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "changed=0" in wall.apply()


def test_it_outlives_a_reboot_and_a_flush_by_others(wall: Wall) -> None:
    wall.apply(hosts="wall-b")
    good = table("wall-b")
    subprocess.run(["docker", "restart", "--time=5", "wall-b"], check=True, capture_output=True)
    bus = "until [ -S /run/dbus/system_bus_socket ]; do sleep 0.1; done"
    on("wall-b", "sh", "-c", f"{bus}; systemctl is-system-running --wait || true")
    assert table("wall-b") == good
    on("wall-b", "systemctl", "start", "nftables")
    on("wall-b", "systemctl", "restart", "nftables")
    assert table("wall-b") == good


def test_absent_takes_away_the_firewall_alone(wall: Wall) -> None:
    wall.apply()
    before = others()
    play = ABSENT.format(hosts="wall-a", role="cluster_firewall")
    assert "changed=1" in wall.play(play, "--check")
    assert table()
    assert "changed=1" in wall.play(play)
    assert table() == ""
    assert others() == before
    left = f"ls -d {RULES} {UNIT} /etc/dockernet /var/lib/dockernet /etc/systemd/system/*/dockernet-firewall* || true"
    assert on("wall-a", "sh", "-c", f"{left} 2>/dev/null") == ""
    asked = of(ADDRESSES["wall-a"])
    assert reached("wall-x", *asked) == asked
    assert "changed=0" in wall.play(play)
