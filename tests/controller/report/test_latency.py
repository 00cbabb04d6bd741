# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from nicrig.report.latency import Latency, latencies
from nicrig.verifier.functions import RecordKind
from tests.controller.report import MS, US, Story


def found(story: Story) -> dict[str, list[float]]:
    """Each latency's values in microseconds."""
    return {each.name: np.round(each.seconds * 1e6, 3).tolist() for each in latencies(story.run())}


@pytest.fixture
def story() -> Story:
    made = Story()
    made.tie(US)
    return made


def test_nothing_took_no_time(story: Story) -> None:
    assert found(story) == {}


def test_the_turn_around_is_from_the_same_bytes_to_the_same_bytes(story: Story) -> None:
    slot = 7 << 32  # where the bytes are kept differs, the digest does not
    story.card(1 * MS, "card.frame_in", 0, 0, 60, 0xA)
    story.card(2 * MS, "card.frame_in", 1, 0, 60, 0xB)
    story.card(3 * MS, "card.frame_in", 2, 0, 60, 0xA)
    story.card(5 * MS, "card.frame_out", 0, 0, 60, 0xB | slot)
    story.card(6 * MS, "card.frame_out", 1, 0, 60, 0xA | slot)
    story.card(7 * MS, "card.frame_out", 2, 0, 61, 0xA)  # another length: another frame
    story.card(9 * MS, "card.frame_out", 3, 0, 60, 0xA)
    assert found(story) == {"turn-around": [3000, 5000, 6000]}


def test_a_send_takes_until_its_packet_is_completed(story: Story) -> None:
    story.guest(1 * MS, "MiniportSendPackets", 0xA, kind=RecordKind.ENTER)
    story.guest(2 * MS, "NdisMSendComplete", 0xB)  # sent before the recording began
    story.guest(4 * MS, "NdisMSendComplete", 0xA)
    story.guest(5 * MS, "NdisMSendComplete", 0xA)
    assert found(story) == {"send": [3000]}


def test_a_doorbell_takes_until_the_card_obeys_that_value(story: Story) -> None:
    story.guest(1 * MS, "NdisWriteRegister", 0x1000, 5)
    story.guest(2 * MS, "NdisWriteRegister", 0x1000, 6)
    story.card(2 * MS + 40 * US, "card.doorbell", 1, 6, 0, 64)  # 5 was never seen alone
    assert found(story) == {"doorbell": [40]}


def test_an_interrupt_takes_until_the_handler_runs(story: Story) -> None:
    story.card(1 * MS, "card.interrupt", 0)
    story.card(1 * MS + 10 * US, "card.interrupt", 0)  # the same to the handler
    story.guest(1 * MS + 30 * US, "MiniportISR", kind=RecordKind.ENTER)
    story.guest(3 * MS, "MiniportISR", kind=RecordKind.ENTER)  # not this card's
    assert found(story) == {"interrupt": [30]}


def test_percentiles() -> None:
    latency = Latency("", "", np.arange(101) / 1000)
    assert (latency.percentile(50), latency.percentile(99)) == (0.05, 0.099)
