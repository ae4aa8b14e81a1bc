# SPDX-License-Identifier: GPL-3.0-or-later
"""The role `compose`, run on a second project beside the scenario's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

sys.path.append(str(Path(__file__).parents[2] / "shared"))
from second_opinion import Node

SCENARIO = Path(__file__).parents[1]
CHECKOUT = SCENARIO.parents[1]

NODE = Node("mco-demo0")
FILE = {
    "services": {"one": {"image": "box", "pull_policy": "never", "networks": ["default", "frontend"]}},
    "networks": {"frontend": {"external": True}},
}
ENVIRONMENT = {
    **os.environ,
    "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
    "ANSIBLE_STDOUT_CALLBACK": "dockernet.lab.progress",
    "ANSIBLE_NOCOLOR": "1",
}


class Project:
    """A compose file on the controller, and the role."""

    def __init__(self, path: Path) -> None:
        self.path = path / "compose.yml"

    def play(self, *options: str, file: object = FILE, **variables: str) -> tuple[int, str]:
        """Run the role. Returns exit status and output, in one line of single spaces."""
        self.path.write_text(file if isinstance(file, str) else yaml.safe_dump(file))
        variables = {"compose_source": str(self.path), "compose_directory": "/srv/second", **variables}
        done = subprocess.run(
            [
                Path(sys.executable).with_name("ansible-playbook"),
                f"--inventory={SCENARIO / 'inventory'}",
                f"--extra-vars={json.dumps(variables)}",
                *options,
                SCENARIO / "project.yml",
            ],
            cwd=CHECKOUT,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout, done.stderr)
        return done.returncode, " ".join(done.stdout.split())

    def changes(self, *options: str, **variables: object) -> int:
        """Run the role, which succeeds. Returns how many tasks changed something."""
        status, output = self.play(*options, **variables)  # type: ignore[arg-type]
        assert status == 0
        return int(output.rpartition("changed=")[2].split()[0])

    def refusal(self, **variables: object) -> str:
        """Run the role, which fails and changes nothing. Returns what it says."""
        before = state()
        status, output = self.play(**variables)  # type: ignore[arg-type]
        assert status != 0
        assert "changed=0" in output
        assert state() == before
        return output


def state() -> list[str]:
    """All networks and containers of the node, and what is in /srv."""
    commands = ("docker network ls --quiet", "docker ps --all --quiet --no-trunc", "find /srv")
    return [NODE.run(command) for command in commands]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    yield Project(tmp_path)
    for name in ("second", "third"):
        NODE.run("docker compose --project-name %s down", name)
    NODE.run("rm -rf /srv/second")


def test_a_project_comes_goes_and_leaves_the_external_network(project: Project) -> None:
    before = NODE.containers()
    assert project.changes("--check") == 2
    assert NODE.containers() == before
    assert project.changes() == 2
    assert NODE.containers() == {*before, "second-one-1"}
    assert project.changes() == 0
    assert project.changes("--check") == 0
    assert project.changes("--check", compose_state="absent") == 2
    assert NODE.containers() == {*before, "second-one-1"}
    assert project.changes(compose_state="absent") == 2
    assert NODE.containers() == before
    networks = NODE.run("docker network ls --format '{{.Name}}'").split()
    assert "frontend" in networks
    assert "second_default" not in networks
    assert project.changes(compose_state="absent") == 0


def test_a_service_that_the_file_no_longer_has_is_removed(project: Project) -> None:
    two = {**FILE, "services": {**FILE["services"], "two": FILE["services"]["one"]}}
    project.changes(file=two)
    assert "second-two-1" in NODE.containers()
    assert project.changes("--check") == 2
    assert "second-two-1" in NODE.containers()
    assert project.changes() == 2
    assert "second-two-1" not in NODE.containers()


def test_a_project_can_be_given_a_name(project: Project) -> None:
    project.changes(compose_project="third")
    assert "third-one-1" in NODE.containers()


@pytest.mark.parametrize("name", ["My Project", "-shop", "shop.web"])
def test_a_bad_name_is_refused_in_compose_s_words(project: Project, name: str) -> None:
    assert (
        f'in /srv/second: invalid project name "{name}": must consist only of lowercase alphanumeric characters, '
        "hyphens, and underscores as well as start with a letter or number. Nothing was changed."
    ) in project.refusal(compose_project=name)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ({"services": {"one": {"image": "box", "netwroks": []}}}, "services.one Additional property netwroks is not"),
        ("services: [", "yaml: line 1: did not find expected node content. Nothing was changed."),
        (
            {**FILE, "networks": {"frontend": {"external": True, "name": "nowhere"}}},
            "network nowhere not found. Make that network first: one that is external is not made by Compose. "
            "Nothing was changed.",
        ),
    ],
)
def test_a_file_that_compose_cannot_take_is_refused_before_anything_is_changed(
    project: Project, file: object, sentence: str
) -> None:
    assert sentence in project.refusal(file=file)
