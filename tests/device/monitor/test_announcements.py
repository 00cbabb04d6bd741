# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from nicrig_device.monitor.announcements import QUIET_SECONDS, Announcements, ClientChanged
from nicrig_device.recorder import RecordRing, Trace, TraceEvent
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.findings import HandOverFinding, LedgerFinding
from tests.fakes.memory_bus import MemoryBus


@pytest.fixture
def trace() -> Iterator[Trace]:
    rings = (RecordRing(), RecordRing())
    yield Trace(*rings)
    for ring in rings:
        ring.close()


def taken(announcements: Announcements, now: float = 0.0) -> list[dict[str, Any]]:
    """The messages that are sent now, as a client gets them."""
    return [msgspec.json.decode(msgspec.json.encode(message)) for message in announcements.take(now)]


def test_events_come_in_qmp_s_form_in_their_order(trace: Trace) -> None:
    announcements = Announcements(trace)
    before = time.time()
    trace.add(TraceEvent.RESET)
    trace.add(TraceEvent.LINK, 0)
    announcements.note(ClientChanged(connected=True))
    messages = taken(announcements)
    assert [(message["event"], message.get("data")) for message in messages] == [
        ("RESET", None),
        ("LINK_CHANGED", {"up": False}),
        ("CLIENT", {"connected": True}),
    ]
    stamp = messages[0]["timestamp"]
    assert before - 1 <= stamp["seconds"] + stamp["microseconds"] / 1e6 <= time.time()
    assert taken(announcements) == []


def test_a_refusal_and_a_finding_are_violations(trace: Trace) -> None:
    announcements = Announcements(trace)
    trace.add(TraceEvent.REFUSAL, Refusal.ADDRESS, 7, 1)
    trace.add(TraceEvent.LEDGER, LedgerFinding.AFTER_FREE | 1 << 8, 0x1000, 60, 9)
    trace.add(TraceEvent.HAND_OVER, HandOverFinding.SEND_CHANGED | 1 << 8, 0x2000, 61, 8)
    refusal, finding, hand_over = (message["data"] for message in taken(announcements))
    assert refusal == {
        **{"by": "refusal", "name": "ADDRESS", "transmit": True, "index": 7},
        **{"address": None, "length": None, "count": 1},
    }
    assert finding == {
        **{"by": "ledger", "name": "AFTER_FREE", "transmit": True, "index": 9},
        **{"address": 0x1000, "length": 60, "count": 1},
    }
    assert hand_over == {
        **{"by": "hand-over", "name": "SEND_CHANGED", "transmit": True, "index": 8},
        **{"address": 0x2000, "length": 61, "count": 1},
    }


def test_a_violation_is_sent_at_once_and_then_once_a_second_with_a_count(trace: Trace) -> None:
    announcements = Announcements(trace)
    trace.add(TraceEvent.REFUSAL, Refusal.LENGTH, 0, 0)
    assert announcements.due() == 0.0
    assert len(taken(announcements, 100.0)) == 1
    assert announcements.due() is None
    for index in range(1, 6):
        trace.add(TraceEvent.REFUSAL, Refusal.LENGTH, index, 0)
    assert taken(announcements, 100.5) == []
    assert announcements.due() == 100.0 + QUIET_SECONDS
    (message,) = taken(announcements, 101.0)
    assert (message["data"]["count"], message["data"]["index"]) == (5, 5)


def test_one_violation_does_not_quiet_another(trace: Trace) -> None:
    announcements = Announcements(trace)
    trace.add(TraceEvent.REFUSAL, Refusal.LENGTH, 0, 0)
    taken(announcements, 100.0)
    trace.add(TraceEvent.REFUSAL, Refusal.CHAIN, 0, 0)
    assert [message["data"]["name"] for message in taken(announcements, 100.1)] == ["CHAIN"]


def test_ordinary_work_of_the_card_sends_no_event(trace: Trace) -> None:
    announcements = Announcements(trace)
    told = {TraceEvent.RESET, TraceEvent.LINK, TraceEvent.REFUSAL, TraceEvent.LEDGER, TraceEvent.HAND_OVER}
    for event in set(TraceEvent) - told:
        trace.add(event)
    assert announcements.due() is None


def test_a_card_sends_events_for_link_reset_and_refusals() -> None:
    bus = MemoryBus()
    announcements = Announcements(bus.card.trace)
    bus.card.set_link(False)
    bus.card.set_link(False)
    bus.reset()
    bus.read_control(0xFFC)
    assert [message["event"] for message in taken(announcements)] == ["LINK_CHANGED", "RESET", "VIOLATION"]
    bus.close()
