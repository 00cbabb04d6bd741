# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers with a bug that is no changed call (tests/driver_bugs/): each is found, and named as the table says."""

from __future__ import annotations

import pytest

from nicrig.provision import provided
from tests.guest_driver.driver_bugs import named, outcome_of, table

pytestmark = [pytest.mark.system, pytest.mark.anyio]

QUICK = ("buffer-lost-one-in-100",)
"""What `make test` runs. The soak runs all."""
FOUND = [name for name, bug in table().items() if bug.names]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.soak) for name in FOUND]
)
async def test_a_bug_is_found_and_named(name: str) -> None:
    assert set(named(await outcome_of(name, provided()))) >= set(table()[name].names)
