# SPDX-License-Identifier: GPL-2.0-or-later
"""When the card does its work: at once, or at any moment that the datasheet allows (docs/datasheet.md section 18)."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.frames import Bytes
from nicrig_device.spec.registers import FRAME_MAX

Addresses: TypeAlias = npt.NDArray[np.uint64]

KIND, UNKIND = "kind", "unkind"
SEED_DEFAULT = 1
LATE_SECONDS = 0.002
"""How late a step is at most."""
LOOK_SECONDS = 0.001
"""How long the card waits on average before it looks again at what was handed over."""


def parse_timing(text: str) -> int | None:
    """The seed of `unkind[:SEED]`, or None for `kind`. Raises ValueError for any other text."""
    name, colon, seed = text.partition(":")
    if text == KIND:
        return None
    if name == UNKIND and (not colon or (seed.isascii() and seed.isdecimal())):
        return int(seed or SEED_DEFAULT)
    raise ValueError(f"timing {text!r} is not kind, unkind or unkind:SEED, with a SEED from 0")


class Watch(Protocol):
    """What was handed over on one ring."""

    def begin(self) -> None:
        """The card is unkind from now on: what it owns counts as handed over now."""

    def forget(self) -> None:
        """Nothing is watched any more."""

    def look(self, chance: random.Random) -> bool:
        """Look at some of it again. Returns whether there is anything to look at."""

    def wrote(self, start: Addresses, end: Addresses) -> None:
        """The card itself has written to each [start, end), in the order of their starts."""


class Timing:
    """A card is kind when it starts."""

    def __init__(self) -> None:
        self.lanes: list[Lane] = []
        self.watches: list[Watch] = []
        self.seed: int | None = None
        self._draw(0)

    @property
    def unkind(self) -> bool:
        return self.seed is not None

    @property
    def name(self) -> str:
        """As `parse_timing` takes it."""
        return KIND if self.seed is None else f"{UNKIND}:{self.seed}"

    def set(self, seed: int | None) -> None:
        """Be unkind with this seed, or kind. Steps that wait are taken first."""
        for lane in self.lanes:
            lane.finish()
        for watch in self.watches:
            watch.forget()
        self.seed = seed
        if seed is not None:
            self._draw(seed)
            for watch in self.watches:
                watch.begin()

    def _draw(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.noise: Bytes = np.frombuffer(self._random.randbytes(FRAME_MAX), np.uint8)
        """What the first bytes of each posted buffer hold while the card owns it."""
        self._look_at = 0.0

    def moment(self) -> float:
        """How many seconds the next step is late: none, in half of all cases."""
        if self.seed is None or self._random.random() < 0.5:
            return 0.0
        return self._random.uniform(0, LATE_SECONDS)

    def part(self, count: int) -> int:
        """How many of `count` things the card does in one go, at least 1."""
        return count if self.seed is None or count < 2 else self._random.randint(1, count)

    def parts(self, count: int) -> Iterator[slice]:
        """Slices that cover `count` things."""
        first = 0
        while first < count:
            some = self.part(count - first)
            yield slice(first, first + some)
            first += some

    def wrote(self, address: Addresses, length: npt.NDArray[np.integer]) -> None:
        """The card has written to these ranges of guest memory: what changes there is its own doing."""
        if self.seed is None or not len(address):
            return
        order = address.argsort()
        start = address[order]
        for watch in self.watches:
            watch.wrote(start, start + length[order].astype(np.uint64))

    def due(self, now: float) -> float | None:
        """Take the steps that are due. Returns when the next thing is, in seconds of the monotonic clock, or None."""
        if self.seed is None:  # a kind card has taken them all
            return None
        dues = [*(lane.work(now) for lane in self.lanes), self._look(now)]
        return min((due for due in dues if due is not None), default=None)

    def _look(self, now: float) -> float | None:
        if now >= self._look_at:
            self._look_at = now + self._random.uniform(0, 2 * LOOK_SECONDS)
            owns = [watch.look(self._random) for watch in self.watches]
            if not any(owns):
                return None
        return self._look_at


class Lane:
    """Steps that the card takes one after the other, each at its moment. A kind card takes them at once."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._steps: deque[Callable[[], object]] = deque()
        self._at: float | None = None
        self._running = False
        timing.lanes.append(self)

    @property
    def busy(self) -> bool:
        return bool(self._steps) or self._running

    def then(self, step: Callable[[], object]) -> None:
        """Take this step after all others."""
        self._steps.append(step)
        self._go()

    def next(self, step: Callable[[], object]) -> None:
        """Take this step before all that wait."""
        self._steps.appendleft(step)
        self._at = None
        self._go()

    def clear(self) -> None:
        """Take none of the steps that wait."""
        self._steps.clear()
        self._at = None

    def finish(self) -> None:
        """Take all steps now."""
        while self._steps:
            self._take()

    def work(self, now: float) -> float | None:
        """Take what is due. Returns when the next step is, or `now` when the lane has become free, or None."""
        if not self._steps:
            return None
        self._go(now)
        return self._at if self._steps else now

    def _go(self, now: float | None = None) -> None:
        if self._running:
            return
        while self._steps:
            if self._at is None:
                late = self._timing.moment()
                if late:
                    self._at = time.monotonic() + late
                    return
            elif self._at > (time.monotonic() if now is None else now):
                return
            self._take()

    def _take(self) -> None:
        self._at = None
        self._running = True
        try:
            self._steps.popleft()()
        finally:
            self._running = False
