# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from nicrig.report import lanes
from nicrig.report.lanes import CARD, FINEST, SECTIONS, axis
from nicrig.verifier.events import CARD_EVENTS
from nicrig.verifier.functions import FUNCTIONS, RecordKind
from tests.controller.report import MS, Story


def test_whatever_is_recorded_has_a_lane() -> None:
    assert {function.section for function in FUNCTIONS} == set(SECTIONS)
    assert sorted(name for names in CARD.values() for name in names) == sorted(CARD_EVENTS)


def test_a_mark_is_where_its_record_is() -> None:
    story = Story()
    for time in (0, 25, 100):
        story.card(time * MS, "card.interrupt")
    story.card(50 * MS, "card.doorbell")
    found = {lane.name: (lane.marks.tolist(), lane.count) for lane in axis(story.run()).lanes}
    assert found == {
        "card: interrupts": ([0, FINEST // 4, FINEST], 3),
        "card: doorbells": ([FINEST // 2], 1),
    }


def test_a_broken_rule_has_its_mark() -> None:
    story = Story()
    story.guest(0, "MiniportInitialize", 0x10F0, kind=RecordKind.ENTER)
    story.guest(5 * MS, "NdisMInitializeScatterGatherDma", 1, 1514)  # R01: before NdisMSetAttributesEx
    story.guest(10 * MS, "NdisMSleep")
    broken = axis(story.run()).lanes[0]
    assert (broken.name, broken.marks.tolist()) == ("broken rules", [FINEST // 2])


def test_many_records_share_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MARKS_MAX", 100)
    story = Story()
    for time in range(1000):
        story.card(time * MS, "card.interrupt")
        story.card(time * MS, "card.doorbell")
    made = axis(story.run())
    assert 50 < sum(len(lane.marks) for lane in made.lanes) <= 100
    assert sum(lane.count for lane in made.lanes) == 2000
    assert made.places < FINEST


def test_a_run_without_time_is_all_at_one_place() -> None:
    story = Story()
    story.card(0, "card.reset")
    assert [lane.marks.tolist() for lane in axis(story.run()).lanes] == [[0]]
    assert axis(Story().run()).lanes == []
