# SPDX-License-Identifier: GPL-3.0-or-later
"""Of which engine a module speaks."""

from __future__ import annotations


class ModuleDocFragment:
    """`dockernet.lab.engine`, and `dockernet.lab.engine.here` for a module that enters its containers."""

    DOCUMENTATION = r"""
requirements:
  - The Docker SDK for Python (Debian's python3-docker)
options:
  docker_host:
    description: Where the engine listens.
    type: str
    default: unix:///var/run/docker.sock
"""

    HERE = r"""
requirements:
  - root, since it enters the namespaces of containers
  - The Docker SDK for Python (Debian's python3-docker)
options:
  docker_host:
    description: Where the engine listens. It must be the engine of the machine that runs this.
    type: str
    default: unix:///var/run/docker.sock
"""
