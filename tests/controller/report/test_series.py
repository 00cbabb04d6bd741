# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from nicrig.report import series
from nicrig.report.series import SLICES, Span
from nicrig.verifier.functions import RecordKind
from tests.controller.report import MS, US, Story

WHOLE = Span(0.0, SLICES * 1e-3)
"""A slice is a millisecond."""


def story() -> Story:
    made = Story()
    made.tie(US)
    return made


def test_the_rate_is_what_a_slice_has_by_its_length() -> None:
    made = story()
    for time in (2 * MS + 100 * US, 2 * MS + 200 * US, 7 * MS + 500 * US):
        made.card(time, "card.frame_in", 0, 0, 125)
    run = made.run()
    frames = series.rate("in", run, WHOLE, "card.frame_in")
    assert {place: value for place, value in enumerate(frames.high.tolist()) if value} == {2: 2000, 7: 1000}
    bits = series.rate("in", run, WHOLE, "card.frame_in", bits=True)
    assert bits.high[2] == pytest.approx(2 * 125 * 8 / 1e-3)
    assert bits.most == bits.high[2]


def test_a_ring_holds_what_its_doorbell_says_less_what_the_card_moved() -> None:
    made = story()
    made.card(1 * MS + 100 * US, "card.doorbell", 0, 4, 0xFFFE, 8)  # 6 posted, over the index's wrap
    made.card(3 * MS + 100 * US, "card.write", 0xFFFE)
    made.card(3 * MS + 200 * US, "card.write", 0xFFFF)
    made.card(3 * MS + 300 * US, "card.doorbell", 1, 3, 1, 8)  # the other ring's
    found = series.posted("rx", made.run(), WHOLE, transmit=False)
    assert found is not None
    assert (found.low[1], found.high[1]) == (0, 6)
    assert (found.low[2], found.high[2]) == (6, 6)
    assert (found.low[3], found.high[3]) == (4, 6)
    assert (found.low[-1], found.high[-1]) == (4, 4)


def test_a_card_without_rings_has_no_posted_places() -> None:
    made = story()
    made.card(MS, "card.doorbell", 0, 1, 0, 1)  # a transfer
    assert series.posted("rx", made.run(), WHOLE, transmit=False) is None
    assert series.posted("tx", made.run(), WHOLE, transmit=True) is None


def test_sends_are_outstanding_until_they_are_completed() -> None:
    made = story()
    for time, packet in ((1, 0xA), (2, 0xB)):
        made.guest(time * MS + 500 * US, "MiniportSendPackets", packet, kind=RecordKind.ENTER)
    made.guest(4 * MS + 500 * US, "NdisMSendComplete", 0xA)
    found = series.outstanding("sends", made.run(), WHOLE)
    assert found is not None
    assert found.high[:7].tolist() == [0, 1, 2, 2, 2, 1, 1]
    assert found.low[:7].tolist() == [0, 0, 1, 2, 1, 1, 1]


def test_receives_are_lent_until_they_come_back() -> None:
    made = story()
    made.guest(1 * MS, "NdisMIndicateReceivePacket", 0xA)
    made.guest(2 * MS, "NdisMIndicateReceivePacket", 0xB, 0, 0, series.RESOURCES)  # copied: it comes back at once
    made.guest(3 * MS, "MiniportReturnPacket", 0xA, kind=RecordKind.ENTER)
    found = series.lent("receives", made.run(), WHOLE)
    assert found is not None
    assert (found.most, found.high[-1]) == (1, 0)
    assert series.outstanding("sends", made.run(), WHOLE) is None


def test_traffic_is_from_the_first_frame_to_the_last() -> None:
    made = story()
    made.card(10 * MS, "card.frame_in")
    made.card(20 * MS, "card.frame_out")
    made.card(90 * MS, "card.link")
    span = series.traffic(made.run())
    assert 0.009 < span.begin < 0.010
    assert 0.020 < span.end < 0.021
    assert series.driver(made.run()).end > 0.09
