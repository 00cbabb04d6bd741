# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest

from controller.keeper import Description, describe, description, guest_described
from controller.place import Place

ALONE = Description(pid=1, started=0.0, kind="bus-master", interrupts="msix")


def test_a_card_is_described_with_its_guest_while_it_has_one(tmp_path: Path) -> None:
    place = Place(tmp_path)
    describe(place, ALONE)
    with guest_described(place, "tcg"):
        found = description(place)
        assert found is not None
        assert found.accelerator == "tcg"
    assert description(place) == ALONE


def test_a_guest_that_is_interrupted_is_described_no_longer(tmp_path: Path) -> None:
    place = Place(tmp_path)
    describe(place, ALONE)

    def interrupted() -> None:
        with guest_described(place, "tcg"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert description(place) == ALONE


def test_the_description_of_a_card_that_ended_first_does_not_come_back(tmp_path: Path) -> None:
    place = Place(tmp_path)
    describe(place, ALONE)
    with guest_described(place, "tcg"):
        place.description.unlink()
    assert description(place) is None


def test_a_card_that_nobody_described_stays_so(tmp_path: Path) -> None:
    with guest_described(Place(tmp_path), "tcg"):
        assert description(Place(tmp_path)) is None
