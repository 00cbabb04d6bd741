# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import logging
import time

import pytest

from nicrig_device.log import LINES_PER_SECOND, ONCE, TEXT_MAX, Flood, brief, flood, log, traced


class Clock:
    """The monotonic clock, in the hands of the test."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    return made


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_flood_of_one_line_is_cut_off_and_then_counted(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    for number in range(1000):
        log.warning("refused number %d", number)
    assert lines(caplog) == [f"refused number {number}" for number in range(LINES_PER_SECOND)]
    log.warning("another kind")
    assert lines(caplog)[-1] == "another kind"
    clock.now += 1
    log.warning("refused number %d", 1000)
    count = f"{1000 - LINES_PER_SECOND} more lines within a second like: refused number %d"
    assert lines(caplog)[-2:] == [count, "refused number 1000"]


def test_the_count_comes_without_another_line(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    assert flood.due(clock.now) is None
    for _ in range(3):
        log.warning("it failed", extra=ONCE)
    assert flood.due(clock.now) == clock.now + 1
    clock.now += 1
    assert flood.due(clock.now) is None
    assert lines(caplog) == ["it failed", "2 more lines within a second like: it failed"]


def test_a_quiet_line_is_never_cut_off(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    for _ in range(5):
        log.warning("now and then", extra=ONCE)
        clock.now += 1
    assert lines(caplog) == ["now and then"] * 5


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise SystemExit


def test_an_error_is_one_line_of_bounded_length_whatever_its_text() -> None:
    assert brief(ValueError("first\nsecond")) == "ValueError: first"
    assert len(brief(ValueError("x" * 10**6))) == TEXT_MAX + len("ValueError: ")
    assert brief(UnreadableError()) == "UnreadableError: its text cannot be read"
    with pytest.raises(SystemExit) as raised:
        raise SystemExit(3)
    assert traced(raised.value).startswith("SystemExit: 3 (test_log.py, line ")
    assert traced(KeyError("never raised")) == "KeyError: 'never raised'"


def test_all_of_the_card_s_lines_pass_through_one_filter() -> None:
    assert [type(item) for item in logging.getLogger("nicrig_device").filters] == [Flood]
