# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels on all that the collection makes on an engine: what carries none of them is somebody else's."""

from __future__ import annotations

OWNER = "org.dockernet.lab"  # the lab or cluster that a thing belongs to
SPEC = "org.dockernet.spec"  # on containers: hash of what they were created from (see _container_plan.fingerprint)
FLAVOUR = "org.dockernet.flavour"  # on nodes: the flavour that they were made for
STORE = "org.dockernet.store"  # on nodes: the kind of cluster store that they were made for, '' for none
RECIPE = "org.dockernet.recipe"  # on images: hash of what they were built from
