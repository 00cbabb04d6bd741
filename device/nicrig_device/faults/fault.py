# SPDX-License-Identifier: GPL-2.0-or-later
"""A fault: its declaration, its trigger, and the hook through which it steps into the card while it is armed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nicrig_device.card import Card
from nicrig_device.dma.frames import Bytes
from nicrig_device.dma.memory import OutsideMemoryError
from nicrig_device.hooks import Hook
from nicrig_device.models.base import CardModel, Trait
from nicrig_device.models.catalogue import KINDS
from nicrig_interface.vocabulary import CardKind

Later: TypeAlias = Callable[[Callable[[], None], float], None]


class Trigger:
    """Counts what comes by since the fault was armed, and decides which of it is struck: `count`, from number `at`."""

    def __init__(self, at: int, count: int, later: Later, done: Callable[[Trigger], None]) -> None:
        self.at = at
        self.count = count
        self.later = later
        """Calls a function after this many seconds, on the card's thread."""
        self._done = done
        self.passed = self.fired = 0

    @property
    def reached(self) -> bool:
        """Whether the next one is struck."""
        return self.passed >= self.at - 1

    def peek(self, number: int) -> range:
        """Which of the next `number` are struck, before they come by."""
        first = self.at - 1 - self.passed
        return range(min(max(first, 0), number), min(max(first + self.count, 0), number))

    def among(self, number: int) -> list[int]:
        """`number` come by. Returns which of them are struck."""
        struck = list(self.peek(number))
        self.passed += number
        self.strike(len(struck))
        return struck

    def next(self) -> bool:
        """One comes by. Returns whether it is struck."""
        return bool(self.among(1))

    def strike(self, number: int = 1) -> None:
        """`number` were struck. After `count` of them the fault is over."""
        self.fired += number
        if self.fired >= self.count:
            self._done(self)


class FaultHook(Hook):
    """A fault of one card while it is armed."""

    def __init__(self, card: Card, trigger: Trigger) -> None:
        self.card = card
        self.trigger = trigger


@dataclass(frozen=True, slots=True)
class Fault:
    """A declaration: what the card does, what a correct driver does then, and what `at` and `count` count."""

    name: str
    does: str
    driver: str
    counts: str
    hook: Callable[[Card, Trigger], Hook]
    needs: Trait = Trait.NONE

    def fits(self, kind: type[CardModel]) -> bool:
        """Whether this kind of card can have it."""
        return self.needs in kind.traits

    @property
    def kinds(self) -> tuple[CardKind, ...]:
        """The kinds that can have it."""
        return tuple(kind.name for kind in KINDS.values() if self.fits(kind))


def memory_of(card: Card, address: int, size: int) -> Bytes:
    """Guest memory as it is mapped now, or no bytes if it is not mapped. What changes there is the card's doing."""
    try:
        card.timing.wrote(np.array([address], np.uint64), np.array([size]))
        return card.memory.view(address, size)
    except OutsideMemoryError:
        return np.zeros(0, np.uint8)


def put(card: Card, address: int, data: Bytes) -> bool:
    """Write to guest memory. Returns whether it is mapped."""
    memory = memory_of(card, address, data.size)
    memory[:] = data[: memory.size]
    return bool(memory.size)
