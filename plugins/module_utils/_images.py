# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images a lab can build, and from what."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Release:
    """A Debian release that nodes are made of, and what its engine can do (docker.io's changelog)."""

    codename: str
    engine: str
    stores: tuple[str, ...]
    packages: tuple[str, ...] = ()


# Debian's engine has no consul store since 20.10.17+dfsg1-1; 23.0 removed all stores.
RELEASES = {
    "11": Release("bullseye", "20.10.5", ("consul", "etcd", "zk"), ("consul",)),
    "12": Release("bookworm", "20.10.24", ("etcd", "zk")),
    "13": Release("trixie", "26.1", (), ("docker-cli", "docker-compose")),
}

# In a node: what the roles would otherwise have to install into each one anew.
NODE_PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "python3-apt", "python3-docker", "python3-dnspython",
    "python3-requests", "iproute2", "iptables", "procps", "kmod", "ca-certificates", "docker.io",
)  # fmt: skip


# The servers of cluster stores, each in an image of its own: nodes install nothing while a lab is made. Debian's
# package `zookeeper` would bring a desktop's Java; the server itself is in its library.
STORE_PACKAGES = {"etcd": ("etcd-server",), "zookeeper": ("default-jre-headless", "libzookeeper-java")}


@dataclass(frozen=True)
class Recipe:
    """How an image is built: the folder of its Dockerfile, the release of its base, its packages.

    base: the image that it is a layer on, where that is built from a recipe too; else Debian of that release.
    """

    folder: str
    release: str
    packages: tuple[str, ...] = ()
    is_pullable: bool = False
    base: str = ""

    def digest(self, files: Path) -> str:
        """Hash of all that the image is built from; `files` holds the folders."""
        text = (files / self.folder / "Dockerfile").read_text()
        base = [RECIPES[self.base].digest(files)] if self.base else []
        return hashlib.sha256("\n".join([text, self.release, *self.packages, *base]).encode()).hexdigest()[:12]


RECIPES = {
    **{
        f"dockernet/node:{number}": Recipe("node", number, NODE_PACKAGES + release.packages)
        for number, release in RELEASES.items()
    },
    **{
        f"dockernet/{name}:12": Recipe("store", "12", packages, base="dockernet/node:12")
        for name, packages in STORE_PACKAGES.items()
    },
    # bullseye's static busybox finds no names: its glibc (2.31) would load NSS modules that the image has not.
    "box:latest": Recipe("box", "12"),
    "nginx:latest": Recipe("nginx", "12", is_pullable=True),
}


def full_name(image: str) -> str:
    """The name with its tag, as engines list it."""
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"
