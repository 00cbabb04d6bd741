# SPDX-License-Identifier: GPL-2.0-or-later
"""What the soak does: its clock, its chances, and the last actions, which explain what was found."""

from __future__ import annotations

import time
from collections import Counter, deque
from random import Random

KEPT = 30
"""The last actions of a rig that are shown."""


class ViolationError(Exception):
    """An invariant does not hold."""


class Clock:
    """The time that the soak has."""

    def __init__(self, seconds: float) -> None:
        self._begin = time.monotonic()
        self._seconds = seconds

    @property
    def left(self) -> float:
        return max(0.0, self._seconds - self.now)

    @property
    def over(self) -> bool:
        return not self.left

    @property
    def now(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._begin


class Diary:
    """The actions of one place for rigs, and the chances that it draws from."""

    def __init__(self, name: str, draw: Random, clock: Clock, counts: Counter[str], *, aloud: bool) -> None:
        self.name = name
        self.draw = draw
        self.clock = clock
        self._counts = counts
        self._aloud = aloud
        self._last: deque[str] = deque(maxlen=KEPT)

    def note(self, action: str, details: str = "") -> None:
        """Write an action down before it happens."""
        self._counts[action] += 1
        line = f"{self.clock.now:8.1f} s  {self.name}: {action} {details}".rstrip()
        self._last.append(line)
        if self._aloud:
            print(line, flush=True)

    def last(self) -> str:
        """The last actions, oldest first."""
        return "\n".join(self._last)
