# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run shows: real runs of small playbooks on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PLAY = """
- name: A play
  hosts: all
  connection: local
  gather_facts: false
  tasks:
"""


def shown(tmp_path: Path, tasks: str, *options: str) -> str:
    """The screen of a run with the given tasks on two hosts."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY + "".join(f"    {line}\n" for line in tasks.splitlines()))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "one,two", *options, str(playbook)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False).stdout


def lines_before_recap(screen: str) -> list[str]:
    # Without the times, which a task only has where the machine was slow.
    lines = [re.sub(r" +[0-9]+\.[0-9] s", "", line) for line in screen.partition("PLAY RECAP")[0].splitlines()]
    return [line.rstrip() for line in lines if line.strip()]


def test_a_task_is_one_line_with_the_hosts_that_it_changed(tmp_path):
    screen = shown(
        tmp_path,
        "- {name: Keep, ansible.builtin.command: 'true', changed_when: false}\n"
        "- {name: Change, ansible.builtin.command: 'true', changed_when: inventory_hostname == 'two'}\n"
        "- {name: Skip, ansible.builtin.command: 'true', when: false}\n",
    )
    play, kept, changed = lines_before_recap(screen)
    assert play == "A play"
    assert kept.split() == ["✓", "Keep"]
    assert changed.split() == ["●", "Change", "two"]
    assert "two                        : ok=2    changed=1" in screen


def test_a_failure_is_its_sentence_once_for_all_hosts(tmp_path):
    screen = shown(tmp_path, "- {name: Refuse, ansible.builtin.fail: {msg: 'No room: make some.'}}\n")
    assert lines_before_recap(screen) == ["A play", "  ✗ Refuse", "    No room: make some."]


def test_a_command_that_failed_shows_what_it_wrote(tmp_path):
    screen = shown(tmp_path, "- {name: Break, ansible.builtin.command: 'ls /there/is/none', changed_when: false}\n")
    assert "/there/is/none" in screen


def test_with_v_all_is_shown(tmp_path):
    screen = shown(tmp_path, "- {name: Keep, ansible.builtin.command: 'true', changed_when: false}\n", "-v")
    assert "TASK [Keep]" in screen
    assert "ok: [one]" in screen


def test_tasks_of_a_stage_stand_under_its_name(tmp_path):
    (tmp_path / "stage.yml").write_text("- {name: Look, ansible.builtin.command: 'true', changed_when: false}\n")
    screen = shown(
        tmp_path,
        "- name: Tell\n"
        "  ansible.builtin.include_tasks: stage.yml\n"
        "  loop: [{name: One, slug: 1-one}, {name: Two, slug: 2-two}]\n"
        "  loop_control: {loop_var: stage}\n",
    )
    lines = [line.strip() for line in lines_before_recap(screen)]
    assert lines == ["Stage 1: One", "✓ Look", "Stage 2: Two", "✓ Look"]


STATUS = """- name: Look
  dockernet.lab.node_info: {engine: false}
  ignore_unreachable: true
  register: look
- name: Show
  dockernet.lab.status:
    {networks: [], containers: [], nodes: [], flavour: none, addresses: {one: 10.9.0.1},
     looks: {one: "{{ look }}"}}
  run_once: true
"""


def test_of_a_status_the_text_alone_is_shown(tmp_path):
    screen = shown(tmp_path, STATUS)
    text, rest = screen.strip().split("\n\n", 1)
    assert text == "Cluster: no Swarm"
    assert rest.startswith("NODE  ADDRESS   UP")
    assert "RECAP" not in screen


def test_of_a_status_a_host_that_cannot_be_reached_is_in_the_text_alone(tmp_path):
    unreachable = ("--extra-vars", "ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1")
    screen = shown(tmp_path, STATUS, *unreachable)
    assert "✗ Look" not in screen
    assert "✗ one cannot be reached:" in screen
    assert "RECAP" not in screen
