# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest

from nicrig.rundir.paths import RigPaths
from nicrig.session.daemon import Description, describe, description, guest_described

ALONE = Description(pid=1, started=0.0, kind="bus-master", interrupts="msix")


def test_a_card_is_described_with_its_guest_while_it_has_one(tmp_path: Path) -> None:
    paths = RigPaths(tmp_path)
    describe(paths, ALONE)
    with guest_described(paths, "tcg"):
        found = description(paths)
        assert found is not None
        assert found.accelerator == "tcg"
    assert description(paths) == ALONE


def test_a_guest_that_is_interrupted_is_described_no_longer(tmp_path: Path) -> None:
    paths = RigPaths(tmp_path)
    describe(paths, ALONE)

    def interrupted() -> None:
        with guest_described(paths, "tcg"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert description(paths) == ALONE


def test_the_description_of_a_card_that_ended_first_does_not_come_back(tmp_path: Path) -> None:
    paths = RigPaths(tmp_path)
    describe(paths, ALONE)
    with guest_described(paths, "tcg"):
        paths.description.unlink()
    assert description(paths) is None


def test_a_card_without_a_description_stays_so(tmp_path: Path) -> None:
    with guest_described(RigPaths(tmp_path), "tcg"):
        assert description(RigPaths(tmp_path)) is None
