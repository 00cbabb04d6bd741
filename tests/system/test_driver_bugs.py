# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers with a bug that is no changed call (tests/driver_bugs/): an unkind card shows them, and names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nicrig.provision import provided
from tests.guest_driver.driver_bugs import built, demo

pytestmark = [pytest.mark.system, pytest.mark.soak, pytest.mark.anyio]

FOUND = {
    "completed-before-done": {"R88", "R97", "hand_over_send_changed"},
    "flags-for-status": {"R103", "hand_over_incomplete"},
    "posted-before-indicated": {"corrupted"},
    "stored-after-posted": {"R97", "hand_over_receive_changed"},
}
"""By bug, what the verdict names at least."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all bugs are compiled, one after the other."""
    return tmp_path_factory.mktemp("driver-bugs")


@pytest.mark.parametrize("name", FOUND)
async def test_a_bug_is_found_and_named(name: str, folder: Path) -> None:
    provision = await built(name, provided(), folder)
    outcome = await demo(provision, "unkind")
    assert set(outcome.verdict.violations) | set(map(str, outcome.verdict.counts)) >= FOUND[name]
