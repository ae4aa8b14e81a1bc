# SPDX-License-Identifier: GPL-3.0-or-later
"""What images are built from, and when they are built anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.dockernet.lab.plugins.module_utils._images import RECIPES, RELEASES

FILES = Path(__file__).parents[2] / "roles" / "lab" / "files"
STORES = ["dockernet/etcd:12", "dockernet/zookeeper:12"]


@pytest.fixture
def files(tmp_path):
    return Path(shutil.copytree(FILES, tmp_path / "files"))


def digests(files):
    return {name: recipe.digest(files) for name, recipe in RECIPES.items()}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_an_image_on_another_is_built_anew_when_that_one_is(files):
    before = digests(files)
    with (files / "node" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN true\n")
    assert changed(before, digests(files)) == {*(f"dockernet/node:{number}" for number in RELEASES), *STORES}


def test_an_image_under_another_is_not_built_anew_for_it(files):
    before = digests(files)
    with (files / "store" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN true\n")
    assert changed(before, digests(files)) == set(STORES)


@pytest.mark.parametrize("name", STORES)
def test_a_store_s_image_is_on_the_node_image_of_its_release(name):
    assert RECIPES[name].base == f"dockernet/node:{RECIPES[name].release}"
    kind = {"dockernet/etcd:12": "etcd", "dockernet/zookeeper:12": "zk"}[name]
    assert kind in RELEASES[RECIPES[name].release].stores
