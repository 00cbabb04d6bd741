# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of NDIS 5.1, judged while the driver runs, at whatever detail it records."""

from __future__ import annotations

from collections import Counter, deque

from nicrig.recorder.reader import Recorder
from nicrig.verdict.live import LiveVerdict
from nicrig.verifier.functions import Detail
from nicrig.verifier.verdict import Violation

KEPT = 8


class Judging:
    """`last` has the newest violations, `counts` all of them by rule, `records` and `lost` what was judged and not."""

    def __init__(self, recorder: Recorder) -> None:
        self.detail = Detail.OFF
        self.last: deque[Violation] = deque(maxlen=KEPT)
        self._recorder = recorder
        self._before: list[LiveVerdict] = []
        self._watch: LiveVerdict | None = None
        self._told = 0

    async def catch_up(self) -> None:
        """Judge what was recorded until now."""
        if self._recorder.detail != self.detail:
            self._change(self._recorder.detail)
        if self._watch is None:
            return
        await self._watch.catch_up()
        found = self._watch.verifier.violations
        self.last.extend(found[self._told :])
        self._told = len(found)

    @property
    def counts(self) -> Counter[str]:
        """Violations by rule."""
        made: Counter[str] = Counter()
        for watch in self._watches():
            made.update(watch.verifier.verdict.counts)
        return made

    @property
    def records(self) -> int:
        return sum(watch.verifier.verdict.events for watch in self._watches())

    @property
    def lost(self) -> int:
        return sum(watch.verifier.verdict.lost for watch in self._watches())

    def _change(self, detail: Detail) -> None:
        """A judge knows one detail. What the driver did before is not known to the next one."""
        if self._watch is not None:
            self._before.append(self._watch)
        self._watch, self._told = None, 0
        if detail is not Detail.OFF:
            self._watch = LiveVerdict(self._recorder, detail)
            if self.detail is not Detail.OFF:
                self._watch.verifier.lost(0)
        self.detail = detail

    def _watches(self) -> list[LiveVerdict]:
        return [*self._before, *([self._watch] if self._watch else [])]
