#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merge settings into an engine's daemon.json, if that engine can have them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine_config
short_description: Merge settings into daemon.json, never against the engine's own command line
description:
  - Reads which engine is installed and what it can do, and refuses settings that this engine cannot have before
    anything is touched.
  - Merges O(options) into the engine's configuration file. Keys that are not named stay as they are.
  - An engine does not start with one option both as a flag and in the file. Flags in the unit's command line whose
    options are in the file are taken out, with a drop-in of the unit (the distribution's C(-H fd://) against C(hosts)).
    With a cluster store, the drop-in also lets a store on the same machine start before the engine and stop after it.
  - Reports a change until the engine was started with what this module wrote, and with the certificates and keys that
    the settings name, also where an earlier run broke off.
extends_documentation_fragment:
  - dockernet.lab.attributes
options:
  options:
    description: Settings as in daemon.json. A null removes the key.
    type: dict
    default: {}
  environment:
    description:
      - The engine's environment, for what it takes from nowhere else, as C(CONSUL_HTTP_TOKEN). It is never shown, and
        kept in a file that only root may read. What a unit says itself, systemd tells everybody on the machine.
    type: dict
    default: {}
  path:
    description: The configuration file.
    type: path
    default: /etc/docker/daemon.json
  unit:
    description: Name of the engine's systemd unit.
    type: str
    default: docker.service
  flavour:
    description: Flavour of Swarm that the engine shall serve; decides what it must be able to do.
    type: str
    choices: [classic, mode, none]
    default: none
  check_only:
    description: Only say whether the engine can have the settings.
    type: bool
    default: false
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Give the engine a cluster store
  dockernet.lab.docker_engine_config:
    options:
      cluster-store: consul://192.168.99.100:8500
      cluster-advertise: 192.168.99.101:2375
    flavour: classic
"""

RETURN = r"""
installed:
  description: Whether there is an engine. Where there is none, nothing else is done.
  type: bool
  returned: always
version:
  description: Version of the engine.
  type: str
  returned: when installed
  sample: 20.10.5
sdk:
  description: Whether this host's Python has the Docker SDK, which the modules that talk to the engine need.
  type: bool
  returned: success
unit_changed:
  description: Whether systemd must read its units again.
  type: bool
  returned: success
"""

import importlib.util
import json
import mmap
import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockernet.lab.plugins.module_utils._daemon_config import (
    Engine,
    config_problems,
    drop_in,
    environment_file,
    files_of,
    merge,
    with_tls_said,
)


def output_of(*words: str) -> str:
    """What a command prints; empty where it cannot be run."""
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def command_line(unit: str) -> str:
    """The unit's own command line, without our drop-in; empty where there is no such unit."""
    # The file itself is read: systemd's `show` tells only what holds with all drop-ins.
    fragment = output_of("systemctl", "show", "--property=FragmentPath", "--value", unit).strip()
    if not fragment:
        return ""
    text = Path(fragment).read_text().replace("\\\n", " ")
    lines = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    return str(lines[-1]) if lines else ""


def stores_of(binary: str) -> tuple[str, ...]:
    """The cluster stores that an engine was built with: a Go binary names the packages that are in it."""
    packages = {"consul": b"libkv/store/consul", "etcd": b"libkv/store/etcd", "zk": b"libkv/store/zookeeper"}
    with Path(binary).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return tuple(store for store, package in packages.items() if text.find(package) >= 0)


def look(unit: str, wants_store: bool) -> Engine | None:
    """The engine that is installed; None where there is none."""
    line = command_line(unit)
    if not line:
        return None
    binary = shlex.split(line)[0].lstrip("-@:+!")
    version = re.search(r"version ([^\s,]+)", output_of(binary, "--version"))
    if version is None:
        return None
    return Engine(version.group(1), stores_of(binary) if wants_store else (), line)


def mark_of(unit: str) -> Path:
    """A file that is touched whenever settings are written. A reboot takes it away, and starts the engine anew."""
    return Path(f"/run/dockernet-settings-of-{unit}")


def waits_for_restart(unit: str, files: list[str]) -> bool:
    """Whether the engine has run since before its settings were last written, or a file that it read then."""
    times = [mark_of(unit).stat().st_mtime] if mark_of(unit).exists() else []
    # A file that was moved there keeps its time of modification, not that of its change.
    times += [Path(file).stat().st_ctime for file in files if Path(file).exists()]
    if not times:
        return False
    started = output_of("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", unit).strip()
    seconds_up = time.monotonic() - int(started or 0) / 1_000_000
    return seconds_up > time.time() - max(times)


def read(module: AnsibleModule, path: Path) -> dict[str, Any]:
    """The configuration as it is. Fails where it is no JSON, so that nothing is lost."""
    text = path.read_text() if path.exists() else ""
    try:
        config = json.loads(text or "{}")
    except ValueError as error:
        module.fail_json(msg=f"{path} is not valid JSON ({error}): repair or remove it, then run this again.")
    if not isinstance(config, dict):
        module.fail_json(msg=f"{path} holds no JSON object: repair or remove it, then run this again.")
    return dict(config)


def secret_text(module: AnsibleModule) -> str:
    """What the environment's file shall hold; empty where there shall be none."""
    try:
        return environment_file(module.params["environment"])
    except ValueError as error:
        module.fail_json(msg=str(error))
    return ""


def write_secret(path: Path, text: str) -> None:
    """Replace a file that only root may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.touch(mode=0o600)
    new.chmod(0o600)
    new.write_text(text)
    new.replace(path)


def write_unit(path: Path, text: str) -> None:
    """Write the drop-in, or take it away."""
    if text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    else:
        path.unlink()


def write(module: AnsibleModule, path: Path, text: str) -> None:
    """Replace the file's text in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    if path.exists():
        module.backup_local(str(path))
    module.atomic_move(str(new), str(path))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "options": {"type": "dict", "default": {}},
            "environment": {"type": "dict", "default": {}, "no_log": True},
            "path": {"type": "path", "default": "/etc/docker/daemon.json"},
            "unit": {"type": "str", "default": "docker.service"},
            "flavour": {"type": "str", "default": "none", "choices": ["classic", "mode", "none"]},
            "check_only": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    options, unit = module.params["options"], module.params["unit"]
    sdk = importlib.util.find_spec("docker") is not None
    path = Path(module.params["path"])
    before = read(module, path)
    after = merge(before, options)
    engine = look(unit, "cluster-store" in after)
    if engine is None:
        module.exit_json(changed=False, installed=False, sdk=sdk, unit_changed=False)
        return

    after = with_tls_said(after, engine.command_line)
    problems = config_problems(engine, after, module.params["flavour"])
    if problems:
        module.fail_json(msg="\n".join(problems), installed=True, version=engine.version)

    unit_path = Path(f"/etc/systemd/system/{unit}.d/dockernet.conf")
    unit_before = unit_path.read_text() if unit_path.exists() else ""
    secret_path = Path(f"/etc/dockernet/environment-of-{unit}")
    secret_before = secret_path.read_text() if secret_path.exists() else ""
    secret_after = secret_text(module)
    unit_after = drop_in(engine, after, str(secret_path) if secret_after else "")
    differs = after != before or unit_after != unit_before or secret_after != secret_before
    waits = waits_for_restart(unit, files_of(after))
    if differs and not module.params["check_only"] and not module.check_mode:
        mark_of(unit).touch()
        if after != before:
            write(module, path, json.dumps(after, indent=2, sort_keys=True) + "\n")
        if secret_after and secret_after != secret_before:
            write_secret(secret_path, secret_after)
        if unit_after != unit_before:
            write_unit(unit_path, unit_after)
        if secret_before and not secret_after:
            secret_path.unlink()
    module.exit_json(
        changed=not module.params["check_only"] and (differs or waits),
        installed=True,
        version=engine.version,
        sdk=sdk,
        unit_changed=not module.params["check_only"] and (unit_after != unit_before or waits),
        diff=[
            {
                "before_header": str(path),
                "after_header": str(path),
                "before": json.dumps(before, indent=2, sort_keys=True) + "\n",
                "after": json.dumps(after, indent=2, sort_keys=True) + "\n",
            },
            {
                "before_header": str(unit_path),
                "after_header": str(unit_path),
                "before": unit_before,
                "after": unit_after,
            },
        ],
    )


if __name__ == "__main__":
    main()
