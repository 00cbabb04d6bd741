# SPDX-License-Identifier: GPL-2.0-or-later
"""What a fault is: a declaration, and what it puts around methods of the card while it is armed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from nicrig_device.card import Card
from nicrig_device.models.catalogue import KINDS

Later: TypeAlias = Callable[[Callable[[], None], float], None]
EVERY_KIND = tuple(KINDS)


@dataclass(frozen=True, slots=True)
class Wrap:
    """The method `name` of a part of the card; `around` takes the honest one and gives the one that misbehaves."""

    part: object
    name: str
    around: Callable[[Any], Any]


class Trigger:
    """Counts what comes by, from when the fault was armed, and says which of it is struck: `count` from `at` on."""

    def __init__(self, at: int, count: int, later: Later, done: Callable[[], None]) -> None:
        self.at = at
        self.count = count
        self.later = later
        """Calls a function in so many seconds, on the card's thread."""
        self._done = done
        self.passed = self.fired = 0

    @property
    def reached(self) -> bool:
        """Whether the next is struck."""
        return self.passed >= self.at - 1

    def peek(self, number: int) -> range:
        """Which of the next `number` are struck."""
        first = self.at - 1 - self.passed
        return range(min(max(first, 0), number), min(max(first + self.count, 0), number))

    def among(self, number: int) -> list[int]:
        """The same, and they have come by."""
        struck = list(self.peek(number))
        self.passed += number
        self.strike(len(struck))
        return struck

    def next(self) -> bool:
        """One comes by: whether it is struck."""
        return bool(self.among(1))

    def strike(self, number: int = 1) -> None:
        """So many were struck; after `count` of them the fault is over."""
        self.fired += number
        if self.fired >= self.count:
            self._done()


@dataclass(frozen=True, slots=True)
class Fault:
    """A declaration: what the card does, what a correct driver does then, and what `at` and `count` count."""

    name: str
    does: str
    driver: str
    counts: str
    wraps: Callable[[Card, Trigger], list[Wrap]]
    kinds: tuple[str, ...] = EVERY_KIND
