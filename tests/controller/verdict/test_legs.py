# SPDX-License-Identifier: GPL-2.0-or-later
"""The legs of a thorough demo name only what exists, and each kind of card takes every way of its driver."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nicrig.verdict.guest_trouble import TROUBLE_DOC
from nicrig.verdict.legs import KINDS, LEGS, Echo, Fault, Leg, Unkind, one_path
from nicrig_device.faults.table import FAULTS

DRIVER = Path(__file__).parents[3] / "guest_driver"
DECLARED = set(
    re.findall(
        r"module_param(?:_named|_cb)?\((\w+),", "".join(path.read_text() for path in sorted(DRIVER.rglob("*.c")))
    )
)
CHOICES = {"map_registers", "pool_memory", "async_memory", "update_memory", "cached_memory", "scattered", "fragments"}
"""The parameters that choose another way that NDIS allows."""


def parameters(leg: Leg) -> set[str]:
    return {each.partition("=")[0] for each in leg.parameters}


def test_each_leg_has_a_name_of_its_own() -> None:
    assert len({leg.name for leg in LEGS}) == len(LEGS)


@pytest.mark.parametrize("leg", LEGS, ids=lambda leg: leg.name)
def test_a_leg_names_parameters_faults_and_trouble_that_exist(leg: Leg) -> None:
    assert parameters(leg) <= DECLARED
    assert {step.name for step in leg.steps if isinstance(step, Fault)} <= set(FAULTS)
    assert set(leg.excused) <= set(TROUBLE_DOC)


def test_all_ways_of_a_driver_are_taken() -> None:
    assert set().union(*map(parameters, LEGS)) >= CHOICES


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_echoes_more_frames_than_an_index_has_values(kind: str) -> None:
    counts = [sum(step.frames for step in leg.steps if isinstance(step, Echo)) for leg in LEGS if kind in leg.kinds]
    assert max(counts) > 1 << 16


@pytest.mark.parametrize("leg", [one_path(1000), *LEGS], ids=lambda leg: leg.name)
def test_each_leg_ends_with_frames(leg: Leg) -> None:
    assert not isinstance(leg.steps[-1], Fault | Unkind)


@pytest.mark.parametrize("count", [1, 2, 999])
def test_the_short_demo_has_as_many_frames_as_you_want(count: int) -> None:
    assert sum(step.frames for step in one_path(count).steps if isinstance(step, Echo)) == count
