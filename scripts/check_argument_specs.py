#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that each role's defaults and its argument_specs.yml say the same.

Prints one sentence for each difference. Exit status: 0 none, 1 some.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[1] / "roles"


def load(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; empty where there is no file, or nothing in it."""
    return (yaml.safe_load(path.read_text()) if path.exists() else None) or {}


def options_of(specs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All options, of all entry points."""
    entry_points = specs.get("argument_specs", {}).values()
    return {name: option for entry in entry_points for name, option in entry.get("options", {}).items()}


def differences(role: Path) -> Iterator[str]:
    """Yield a sentence for each thing that one file says and the other does not."""
    defaults = load(role / "defaults" / "main.yml")
    specs = load(role / "meta" / "argument_specs.yml")
    if not specs:
        yield f"role {role.name} has no meta/argument_specs.yml."
        return
    options = options_of(specs)
    for name in sorted(defaults.keys() - options.keys()):
        yield f"role {role.name}: {name} has a default and is not in argument_specs.yml."
    for name, option in sorted(options.items()):
        if name in defaults and option.get("default") != defaults[name]:
            documented = f"documented as {option['default']!r}" if "default" in option else "not documented"
            yield f"role {role.name}: {name} has the default {defaults[name]!r}, which is {documented}."
        elif name not in defaults and "default" in option:
            yield f"role {role.name}: {name} is documented with the default {option['default']!r} and has none."
        elif name in defaults and option.get("required"):
            yield f"role {role.name}: {name} is documented as required and has a default."
        if not option.get("description"):
            yield f"role {role.name}: {name} has no description in argument_specs.yml."


def main() -> int:
    """Check all roles."""
    found = [sentence for role in sorted(ROLES.iterdir()) for sentence in differences(role)]
    print(
        "\n".join(found) if found else f"Defaults and argument_specs.yml agree in {len(list(ROLES.iterdir()))} roles."
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
