# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from nicrig.verdict.at_rest import trouble_at_rest
from nicrig_interface.answers import CardState

if TYPE_CHECKING:
    from nicrig.machine.guest_interface import Interface
    from nicrig.session.rig import Rig

pytestmark = pytest.mark.anyio

MAC = "52:54:00:6e:69:63"
CARD = CardState("bus-master", "msix", MAC, True, True, "1.4", 1, 0, True, False, [])
COUNTED = {"rx_indicated": 70, "miniport_rx_ok": 70, "tx_succeeded": 70, "miniport_tx_ok": 70}


class Resting:
    """A rig and its interface at rest. The card has fired `firing` interrupts more each time that it is asked."""

    def __init__(self, *, firing: int = 0, station: str = MAC, **statistics: int) -> None:
        self.card = self.monitor = self
        self._firing, self._station = firing, station
        self._statistics = COUNTED | statistics
        self._asked = 0

    async def counters(self) -> dict[str, int]:
        self._asked += 1
        return {"interrupts": 500 + self._firing * self._asked}

    async def ask(self, command: str, answer: type[CardState]) -> CardState:
        assert (command, answer) == ("query-card", CardState)
        return CARD

    async def station(self) -> bytes:
        return bytes.fromhex(self._station.replace(":", ""))

    async def statistics(self) -> dict[str, int]:
        return self._statistics


async def found(rig: Resting) -> dict[str, int]:
    return await trouble_at_rest(cast("Rig", rig), cast("Interface", rig))


async def test_a_clean_driver_has_no_trouble() -> None:
    assert await found(Resting(firing=10)) == {}


async def test_interrupts_that_no_frame_causes() -> None:
    assert await found(Resting(firing=11)) == {"interrupt-storm": 11}


async def test_another_station_address_than_the_card_s() -> None:
    assert await found(Resting(station="52:54:00:6e:52:54")) == {"wrong-address": 1}


async def test_statistics_that_are_not_what_ndis_counted() -> None:
    assert await found(Resting(miniport_rx_ok=9, miniport_tx_ok=140)) == {"wrong-statistics": 131}
