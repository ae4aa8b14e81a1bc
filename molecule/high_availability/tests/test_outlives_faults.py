# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick part of tests/faults, on this scenario's cluster: real faults. `make faults` tries the rest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "tests/faults"))
from fault_lab import FaultLab
from fault_table import FAULTS, Fault
from faults import run


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.quick], ids=lambda fault: fault.name)
def test_containers_go_on_and_the_cluster_is_whole_again(fault: Fault) -> None:
    outcome = run(FaultLab(), fault)
    print(outcome)
    assert outcome.problems == []
