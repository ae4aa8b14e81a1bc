# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets tests import the collection by its full name, as Ansible does, from this checkout."""

from __future__ import annotations

from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

CHECKOUT = Path(__file__).parents[1]

_AnsibleCollectionFinder(paths=[str(CHECKOUT / ".collections")])._install()
