# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges the rules of NDIS 5.1 while the driver runs, at the detail that it records."""

from __future__ import annotations

from collections import Counter, deque

from nicrig.recorder.reader import Recorder
from nicrig.verdict.live import LiveVerdict
from nicrig.verifier.functions import Detail
from nicrig.verifier.verdict import Violation

KEPT = 8


class Judging:
    """`last` has the newest violations, `counts` counts all by rule; `records` were judged, `lost` were not."""

    def __init__(self, recorder: Recorder) -> None:
        self.detail = Detail.OFF
        self.last: deque[Violation] = deque(maxlen=KEPT)
        self._recorder = recorder
        self._before: list[LiveVerdict] = []
        self._verdict: LiveVerdict | None = None
        self._shown = 0

    async def catch_up(self) -> None:
        """Judge what was recorded so far."""
        if self._recorder.detail != self.detail:
            self._change(self._recorder.detail)
        if self._verdict is None:
            return
        await self._verdict.catch_up()
        found = self._verdict.verifier.violations
        self.last.extend(found[self._shown :])
        self._shown = len(found)

    @property
    def counts(self) -> Counter[str]:
        """Violations by rule."""
        made: Counter[str] = Counter()
        for verdict in self._verdicts():
            made.update(verdict.verifier.verdict.counts)
        return made

    @property
    def records(self) -> int:
        return sum(verdict.verifier.verdict.events for verdict in self._verdicts())

    @property
    def lost(self) -> int:
        return sum(verdict.verifier.verdict.lost for verdict in self._verdicts())

    def _change(self, detail: Detail) -> None:
        """Start a new verdict, because each has one detail. It does not have what the driver did before."""
        if self._verdict is not None:
            self._before.append(self._verdict)
        self._verdict, self._shown = None, 0
        if detail is not Detail.OFF:
            self._verdict = LiveVerdict(self._recorder, detail)
            if self.detail is not Detail.OFF:
                self._verdict.verifier.lost(0)
        self.detail = detail

    def _verdicts(self) -> list[LiveVerdict]:
        return [*self._before, *([self._verdict] if self._verdict else [])]
