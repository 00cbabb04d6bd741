# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from nicrig.rundir.paths import RigPaths
from nicrig.session.daemon import Description, describe, description, guest_described
from nicrig.session.status import RigState, show
from tests.strategies import damaged

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


@given(damaged([msgspec.json.encode(ALONE)]))
def test_any_description_is_shown_on_one_line_or_is_none(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    paths = RigPaths(tmp_path_factory.mktemp("rig"))
    paths.description.write_bytes(data)
    card = {"kind": "bus-master", "link": True}
    (line,) = show(
        [RigState("dev", "/run/dev", "running", description(paths), card, {"rx_frames": 1, "tx_frames": 2})], json=False
    )
    assert line.isprintable()
