# SPDX-License-Identifier: GPL-2.0-or-later
"""What a failed test's report shows: the last of all that card, driver and guest did in it."""

from __future__ import annotations

from collections.abc import Iterator

from controller import frames, recording
from controller.demo import violation_lines
from controller.pytest_plugin.trial import Trial
from controller.recorder import events
from controller.verifier.events import Event

LOOKED_THROUGH = 4000
"""Records among which the last accesses of registers are looked for."""
LAST = 15
"""Lines of each section."""


def sections(trial: Trial) -> Iterator[tuple[str, list[str]]]:
    """Titles and lines; a section without lines says that there was nothing."""
    happened = _events(trial)
    registers = [event for event in happened if event.function == "card.register"]
    yield "verdict", trial.judgement.lines() if trial.judgement else _broken(trial)
    yield "last frames", [_frame(frame.way, frame.data) for frame in trial.traffic.frames[-LAST:]]
    yield "last registers written", [_register(trial, event) for event in registers[-LAST:]]
    yield "last records of driver and card", [recording.text(event) for event in happened[-LAST:]]
    yield "guest log", trial.guest_log().splitlines()[-LAST:]


def _events(trial: Trial) -> list[Event]:
    recorder = trial.evidence
    batches = recorder.last(LOOKED_THROUGH)
    found = [event for batch in batches for event in events(batch.records, recorder.names)]
    return list(filter(recording.declared, found))


def _register(trial: Trial, event: Event) -> str:
    name = trial.kept.registers.get((event.a, event.b), f"BAR{event.a} {event.b:#x}")
    return f"{event.time / 1e9:>12.6f} {name:<24} {event.c:#x}"


def _broken(trial: Trial) -> list[str]:
    return [line for violation in trial.watch.verifier.violations[:LAST] for line in violation_lines(violation)]


def _frame(way: str, data: bytes) -> str:
    return f"{way:<3} {len(data):>4} bytes  {frames.summary(data)}"
