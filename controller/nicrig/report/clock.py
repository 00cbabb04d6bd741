# SPDX-License-Identifier: GPL-2.0-or-later
"""Fits the guest's clock to the card's, from the recorder's common order of both.

An event of the card is no older than the guest's record before it. An event that the card records at once is no younger
than the guest's record after it. Each such pair bounds how far the card's clock is ahead. A straight line through the
tightest bounds of each window is the fit, because the two clocks run at slightly different speeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

WINDOW = 1_000_000_000
WINDOWS_MAX = 64
"""Nanoseconds of a window, and the most windows: a longer run has longer windows."""
FINEST = 1000.0
"""Nanoseconds: no bounds count as tighter, because a record's time is not taken exactly at its place in the order."""

Times = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bounds:
    """The most, or the least, that the card's clock is ahead: `ahead` at the card's times `when`."""

    when: Times
    ahead: Times

    def tightest(self, window: int, tighter: np.ufunc) -> dict[int, float]:
        """The tightest bound in each window of time."""
        windows = self.when // window
        return {int(number): float(tighter.reduce(self.ahead[windows == number])) for number in np.unique(windows)}

    def beyond(self, offset: float, drift: float) -> Times:
        """By how much a line is above each bound."""
        made: Times = offset + drift * self.when - self.ahead
        return made


@dataclass(frozen=True)
class Clock:
    """The card's clock is ahead of the guest's by `offset` ns at the card's time `origin`, and gains `drift` a ns.

    `error`: the offset is right to so many ns; infinite when no records relate the clocks.
    """

    origin: int = 0
    offset: float = 0.0
    drift: float = 0.0
    error: float = math.inf

    def seconds(self, times: Times, card: Flags) -> npt.NDArray[np.float64]:
        """Seconds of the card's clock since its origin."""
        since = (times - np.int64(self.origin)).astype(np.float64)
        ahead = self.offset + self.drift * (since + self.offset)
        return np.where(card, since, since + ahead) / 1e9


def fit(times: Times, card: Flags, prompt: Flags) -> Clock:
    """Fit a clock to records in the recorder's order: their times, whether the card made each, and whether at once."""
    before, behind = _neighbours(~card)
    above = np.flatnonzero(card & (before >= 0))
    if not len(above):
        return Clock(int(times[0]) if len(times) else 0)
    below = np.flatnonzero(prompt & (behind < len(times)))
    origin = int(times[above].min())
    upper = Bounds(times[above] - origin, times[above] - times[before[above]])
    lower = Bounds(times[below] - origin, times[below] - times[behind[below]])
    window = max(WINDOW, int(upper.when.max()) // WINDOWS_MAX + 1)
    highs, lows = upper.tightest(window, np.minimum), lower.tightest(window, np.maximum)
    both = sorted(highs.keys() & lows.keys())
    if not both:
        return Clock(origin, min(highs.values()))
    high, low = (np.array([side[number] for number in both]) for side in (highs, lows))
    weights = 1 / np.maximum(high - low, FINEST)
    drift, offset = _line((np.array(both) + 0.5) * window, (high + low) / 2, weights)
    # Shift the line to the middle between the upper and the lower bounds.
    above_it, below_it = -upper.beyond(offset, drift).max(), lower.beyond(offset, drift).min()
    offset += (above_it - below_it) / 2
    return Clock(origin, float(offset), drift, float(max(abs(above_it + below_it), FINEST) / 2))


def _neighbours(guest: Flags) -> tuple[Times, Times]:
    """For each record the index of the guest's last record before it, and of its next record after it."""
    count = len(guest)
    places = np.arange(count)
    before = np.maximum.accumulate(np.where(guest, places, -1)) if count else places
    behind = np.minimum.accumulate(np.where(guest, places, count)[::-1])[::-1] if count else places
    return before, behind


def _line(when: Times, offsets: Times, weights: Times) -> tuple[float, float]:
    """Drift and offset."""
    if len(when) == 1:
        return 0.0, float(offsets[0])
    drift, offset = np.polyfit(when, offsets, 1, w=weights)
    return float(drift), float(offset)
