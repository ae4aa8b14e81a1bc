# SPDX-License-Identifier: GPL-3.0-or-later
"""What the second opinions of all scenarios ask: with docker and ping alone, without the collection's code."""

from __future__ import annotations

import json
from typing import Any

import testinfra


class Node:
    """A node of a lab, seen from outside through `docker exec`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.host = testinfra.get_host(f"docker://{name}")

    def run(self, command: str, *arguments: str) -> str:
        """What a command prints on the node. The test fails where the command does."""
        return str(self.host.check_output(command, *arguments)).strip()

    def inspect(self, what: str, name: str) -> dict[str, Any]:
        """`docker WHAT inspect NAME` on the node."""
        return dict(json.loads(self.run("docker %s inspect %s", what, name))[0])

    def containers(self) -> set[str]:
        """Names of the node's running containers."""
        return set(self.run("docker ps --format '{{.Names}}'").split())

    def pings(self, container: str, target: str) -> bool:
        """Whether one of three pings from a container of the node is answered."""
        return bool(self.host.run("docker exec %s ping -c 3 -W 1 %s", container, target).rc == 0)

    def resolves(self, container: str, name: str) -> set[str]:
        """IPv4 addresses that a container of the node finds for a name."""
        # busybox nslookup fails on the missing AAAA record too, so its exit status says nothing.
        lines = self.host.run("docker exec %s nslookup %s", container, name).stdout.split("Name:")
        return {word for line in lines[1:] for word in line.split() if word.count(".") == 3 and word[0].isdigit()}

    def hosts_file(self, container: str) -> list[list[str]]:
        """The words of each line in a container's hosts file."""
        return [line.split() for line in self.run("docker exec %s cat /etc/hosts", container).splitlines()]
