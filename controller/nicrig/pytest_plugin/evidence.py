# SPDX-License-Identifier: GPL-2.0-or-later
"""What a failed test's report shows: the last things that card, driver and guest did."""

from __future__ import annotations

from collections.abc import Iterator

from nicrig.pytest_plugin.test_session import TestSession
from nicrig.recorder import recording
from nicrig.text.packet_summary import summary
from nicrig.text.printable import printable_lines
from nicrig.verdict.outcome import violation_lines
from nicrig.verifier.events import Event
from nicrig.verifier.records import CardRegister

LOOKED_THROUGH = 4000
"""How many records are searched for register accesses."""
LAST = 15
"""How many lines each section has at most."""


def sections(session: TestSession) -> Iterator[tuple[str, list[str]]]:
    """The sections: title and lines. A section without lines means that nothing happened."""
    happened = _events(session)
    registers = [event for event in happened if isinstance(event, CardRegister)]
    yield "verdict", session.judgement.lines() if session.judgement else _broken(session)
    yield "last frames", [_frame(frame.way, frame.data) for frame in session.traffic.frames[-LAST:]]
    yield "last registers written", [_register(session, event) for event in registers[-LAST:]]
    yield "last records of driver and card", [recording.text(event) for event in happened[-LAST:]]
    yield "guest log", printable_lines(session.guest_log(), most=LAST)


def _events(session: TestSession) -> list[Event]:
    recorder = session.evidence
    batches = recorder.last(LOOKED_THROUGH)
    found = [event for batch in batches for event in recorder.events(batch.records)]
    return list(filter(recording.declared, found))


def _register(session: TestSession, event: CardRegister) -> str:
    name = session.thread.registers.get((event.bar, event.offset), f"BAR{event.bar} {event.offset:#x}")
    return f"{event.time / 1e9:>12.6f} {name:<24} {event.value:#x}"


def _broken(session: TestSession) -> list[str]:
    return [line for violation in session.live.verifier.firsts[:LAST] for line in violation_lines(violation)]


def _frame(way: str, data: bytes) -> str:
    return f"{way:<3} {len(data):>4} bytes  {summary(data)}"
