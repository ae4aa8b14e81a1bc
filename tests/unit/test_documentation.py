# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation shows is what Ansible takes."""

from __future__ import annotations

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
    assert named <= set(defaults)


def test_every_module_has_documentation_that_ansible_doc_reads():
    modules = sorted(f"dockernet.lab.{path.stem}" for path in CHECKOUT.glob("plugins/modules/*.py"))
    done = ansible("ansible-doc", "--json", "--type", "module", *modules)
    assert done.returncode == 0, done.stderr
    assert all(f'"{module}"' in done.stdout for module in modules)


def test_the_example_inventory_passes_the_plan():
    done = ansible("ansible-playbook", "-i", "inventory/example_cluster", "playbooks/plan.yml")
    assert done.returncode == 0, done.stdout
