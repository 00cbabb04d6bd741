# SPDX-License-Identifier: GPL-2.0-or-later
"""Each bug in tests/driver_bugs/ can be made, and the demo finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nicrig.provision import module, provided
from nicrig.provision.sources import GUEST_DRIVER
from tests.guest_driver.driver_bugs import FOLDER, names, patched

FOUND: dict[str, set[str]] = {
    "stored-after-posted": {"hand_over_receive_changed", "R97"},
    "posted-before-indicated": set(),
}
"""By bug, what must be among the violations when the card is unkind."""


@pytest.mark.parametrize("name", names())
def test_each_bug_applies_and_says_what_it_is(name: str, tmp_path: Path) -> None:
    before = {path: (GUEST_DRIVER / path).read_bytes() for path in module.sources()}
    top = patched(name, tmp_path)
    assert {path for path in before if (top / path).read_bytes() != before[path]} != set()
    assert (FOLDER / f"{name}.patch").read_text().partition("\n\n")[0].endswith(".")


@pytest.mark.soak
@pytest.mark.system
@pytest.mark.parametrize("name", names())
async def test_each_bug_compiles_without_a_warning(name: str, tmp_path: Path) -> None:
    said: list[str] = []
    await module.make(tmp_path / "built", provided().root, said.append, patched(name, tmp_path))
    assert said == []
