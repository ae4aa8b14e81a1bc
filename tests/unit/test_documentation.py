# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation shows is what Ansible takes."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
PAGES = sorted([*CHECKOUT.glob("roles/*/README.md"), *CHECKOUT.glob("docs/*.md"), CHECKOUT / "README.md"])
ENVIRONMENT = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}


def plays(page: Path) -> list[str]:
    """The page's YAML blocks that are plays."""
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    return [block for block in blocks if isinstance(yaml.safe_load(block), list)]


def ansible(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = Path(sys.executable).with_name(command)
    return subprocess.run(
        [path, *arguments], cwd=CHECKOUT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_the_plays_of_a_page_are_plays(page, tmp_path):
    for number, play in enumerate(plays(page)):
        playbook = tmp_path / f"{number}.yml"
        playbook.write_text(play)
        done = ansible("ansible-playbook", "-i", "inventory/example_cluster", "--syntax-check", str(playbook))
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("role", sorted(path.name for path in CHECKOUT.glob("roles/*")))
def test_the_variables_that_a_role_s_page_names_are_the_role_s(role):
    text = (CHECKOUT / "roles" / role / "README.md").read_text()
    defaults = yaml.safe_load((CHECKOUT / "roles" / role / "defaults" / "main.yml").read_text())
    others = [*CHECKOUT.glob("roles/*"), *CHECKOUT.glob("plugins/filter/*.py")]
    named = set(re.findall(rf"\b{role}_[a-z_]+\b", text)) - {other.stem for other in others}
    tasks = "".join(path.read_text() for path in (CHECKOUT / "roles" / role / "tasks").glob("*.yml"))
    assert named <= {*defaults, *re.findall(r"register: (\w+)", tasks)}


def test_every_module_has_documentation_that_ansible_doc_reads():
    modules = sorted(f"dockernet.lab.{path.stem}" for path in CHECKOUT.glob("plugins/modules/*.py"))
    done = ansible("ansible-doc", "--json", "--type", "module", *modules)
    assert done.returncode == 0, done.stderr
    assert all(f'"{module}"' in done.stdout for module in modules)


MODULES = sorted(path.stem for path in CHECKOUT.glob("plugins/modules/*.py"))


class Called(Exception):  # noqa: N818 - it says that a module has come as far as it should
    """The module has made its AnsibleModule, with these arguments."""


def arguments_of(name, monkeypatch):
    """What a module or an action takes, from its code."""
    package = "ansible_collections.dockernet.lab.plugins"
    if (CHECKOUT / "plugins/action" / f"{name}.py").exists():
        return getattr(importlib.import_module(f"{package}.action.{name}"), "ARGUMENTS", None)
    module = importlib.import_module(f"{package}.modules.{name}")

    def catch(argument_spec, **_):
        raise Called(argument_spec)

    monkeypatch.setattr(module, "AnsibleModule", catch)
    with pytest.raises(Called) as called:
        module.main()
    return called.value.args[0]


@pytest.fixture(scope="module")
def documented():
    done = ansible("ansible-doc", "--json", "--type", "module", *(f"dockernet.lab.{name}" for name in MODULES))
    assert done.returncode == 0, done.stderr
    return {name.rpartition(".")[2]: page["doc"] for name, page in json.loads(done.stdout).items()}


@pytest.mark.parametrize("name", MODULES)
def test_the_options_of_a_module_s_page_are_the_module_s(name, documented, monkeypatch):
    """With all that comes from fragments."""
    arguments = arguments_of(name, monkeypatch)
    if arguments is None:
        pytest.skip("its action has no ARGUMENTS to compare")
    told = documented[name].get("options", {})
    assert set(told) == set(arguments)
    for option, argument in arguments.items():
        for key in ("type", "elements", "choices", "default"):
            assert told[option].get(key) == argument.get(key), f"{option}: {key}"
        assert told[option].get("required", False) == argument.get("required", False), option


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_does_in_check_mode_and_in_diff_mode(name, documented):
    attributes = documented[name]["attributes"]
    assert {"check_mode", "diff_mode"} <= set(attributes)


def test_the_example_inventory_passes_the_plan():
    done = ansible("ansible-playbook", "-i", "inventory/example_cluster", "playbooks/plan.yml")
    assert done.returncode == 0, done.stdout
