# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nicrig.report.columns import Run, columns, made_run
from nicrig.verdict.offline import OfflineVerdict
from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.verifier.functions import Detail, Phase, RecordKind
from nicrig.verifier.verifier import Verifier
from nicrig.witnesses.judge import Witnesses

US, MS, SECOND = 1_000, 1_000_000, 1_000_000_000
AHEAD = 5 * SECOND
"""The nanoseconds that the card's clock is ahead of the guest's."""


class Story:
    """Events in order. Times are in ns of the card's clock; the guest's clock is AHEAD behind it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._guest = self._card = 0

    def guest(self, time: int, name: str, *arguments: int, kind: RecordKind = RecordKind.CALL, result: int = 0) -> None:
        self._guest += 1
        self.events.append(_event(self._guest, name, kind, Phase.RUN, time, arguments, result))

    def card(self, time: int, name: str, *arguments: int) -> None:
        assert name in CARD_EVENTS
        self._card += 1
        self.events.append(_event(self._card, name, RecordKind.CALL, Phase.NONE, time + AHEAD, arguments, self._guest))

    def tie(self, time: int) -> None:
        """Guest, card and guest within two microseconds, which fits the clocks."""
        self.guest(time - US, "NdisWriteRegister", 1, 0xAAAA)
        self.card(time, "card.register")
        self.guest(time + US, "NdisWriteRegister", 1, 0xAAAA)

    def run(self) -> Run:
        return run_of(self.events)


def _event(
    sequence: int, name: str, kind: RecordKind, phase: Phase, time: int, arguments: Sequence[int], result: int
) -> Event:
    values = [*arguments, 0, 0, 0, 0][:4]
    return make_event(sequence, name, kind, phase, 0, 0, 0, time, *values, result)


def run_of(events: Sequence[Event], path: Path = Path("made.json")) -> Run:
    """A run of these events, judged."""
    judged = OfflineVerdict(Detail.FRAMES, Verifier(), Witnesses())
    judged.verifier.feed(events)
    judged.witnesses.judge_stream(events)
    sites: dict[str, int] = {}
    return made_run(path, judged, columns(list(events), sites), list(sites))
