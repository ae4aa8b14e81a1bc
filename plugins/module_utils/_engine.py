# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to an engine: one connected client of the Docker SDK, or one sentence why not."""

from __future__ import annotations

import os
import traceback
from typing import Any

from ansible_collections.dockernet.lab.plugins.module_utils._contexts import in_use

try:
    import docker
    from docker import errors as docker_errors
    from requests import exceptions as requests_errors
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None

LOCAL_SOCKET = "unix:///var/run/docker.sock"


class EngineError(Exception):
    """The engine cannot be used. The text is a whole sentence for the user."""


def connect(docker_host: str = LOCAL_SOCKET, timeout: int = 60) -> Any:
    """Return a `docker.APIClient` (low-level) for the engine or classic Swarm at `docker_host`.

    timeout: seconds that one request may take.
    Raises EngineError where the SDK is missing or nobody answers.
    """
    if IMPORT_ERROR is not None:
        raise EngineError(
            "The Docker SDK for Python is missing for this node's Python: install the package python3-docker there."
        )
    try:
        # 'auto' asks the other side: a classic Swarm speaks API 1.30, its engines more.
        return docker.APIClient(base_url=docker_host, version="auto", timeout=timeout)
    except (docker_errors.DockerException, requests_errors.RequestException) as error:
        if "Permission denied" in str(error):
            raise EngineError(
                f"No rights on the engine at {docker_host}: run as root, or as a user in the group 'docker'."
            ) from error
        silent = any(word in str(error) for word in ("FileNotFoundError", "Connection refused"))
        detail = "" if silent else f" ({error})"
        raise EngineError(
            f"No engine answers at {docker_host}: start it (systemctl start docker), or name another.{detail}"
        ) from error


def host_from_environment() -> str:
    """Where the docker command line would go: DOCKER_HOST, else the docker context in use, else the local socket.

    Raises EngineError where that is inside a lab: whoever makes or removes labs is not meant to do so in there.
    """
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    if IMPORT_ERROR is not None:
        return LOCAL_SOCKET
    lab = in_use()
    if lab:
        raise EngineError(
            f"The docker context in use, '{lab.name}', leads into a node of the lab '{lab.lab}', and labs are not "
            "inside: 'docker context use default' first (or unset DOCKER_CONTEXT)."
        )
    context = docker.ContextAPI.get_current_context()
    return str(context.Host or LOCAL_SOCKET) if context else LOCAL_SOCKET


def connect_from_environment() -> Any:
    """The same for the engine that the docker command line would use."""
    return connect(host_from_environment())
