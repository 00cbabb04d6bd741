# SPDX-License-Identifier: GPL-2.0-or-later
"""When a vector fires: arm words and moderation (docs/datasheet.md section 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nicrig_device.dma.barrier import full_barrier
from nicrig_device.dma.ring_index import INDEX_MASK, distance
from nicrig_device.pci.doorbells import DoorbellPage
from nicrig_device.spec.layout import Register
from nicrig_device.spec.registers import EVENT_ARM

ENABLE = EVENT_ARM.field("ENABLE").mask


@dataclass(slots=True)
class Source:
    """One arm word and the count that it is compared with."""

    vector: int
    arm: int
    """Index of the arm word in the doorbell page."""
    head: int
    """Index of the word that counts completions or events."""
    moderated: bool = False
    fired: int = 0
    """The arm word that the last message answered."""
    due_since: float | None = None
    late: float = 0.0


class Moderation:
    """How long a receive interrupt may wait, and for how many completions."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self.reset()

    def reset(self) -> None:
        self.set(self._register.reset)

    def set(self, word: int) -> None:
        self.word = word & self._register.mask
        self.seconds = self._register.field("MICROSECONDS").of(self.word) / 1e6
        self.frames = max(1, self._register.field("FRAMES").of(self.word))


class Interrupts:
    """Fires at most one message for each distinct arm word."""

    def __init__(
        self,
        page: DoorbellPage,
        sources: list[Source],
        moderation: Moderation,
        fire: Callable[[int], None],
        late: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._words = page.words
        self._sources = sources
        self._moderation = moderation
        self._fire = fire
        self._late = late
        self.unmasked = False

    def reset(self) -> None:
        """As after power on: masked, nothing fired, no moderation."""
        self.unmasked = False
        self._moderation.reset()
        for source in self._sources:
            source.fired = 0
            source.due_since = None

    def forget(self, arm: int) -> None:
        """The card has zeroed the arm word at this index: the next value there is new."""
        for source in self._sources:
            if source.arm == arm:
                source.fired = 0

    def work(self, now: float) -> float | None:
        """Fire what is due. Returns when the next moderated vector is due (seconds, monotonic clock), or None."""
        if not self.unmasked:
            return None
        full_barrier()  # publish completions before the arm words are read
        next_due: float | None = None
        for source in self._sources:
            arm = self._words[source.arm]
            if not arm & ENABLE or arm == source.fired:
                continue
            waiting = distance(self._words[source.head], arm & INDEX_MASK)
            if not waiting:
                source.due_since = None
                continue
            due = self._due(source, waiting, now)
            if due <= now:
                source.fired = arm
                source.due_since = None
                self._fire(source.vector)
            else:
                next_due = due if next_due is None else min(due, next_due)
        return next_due

    def _due(self, source: Source, waiting: int, now: float) -> float:
        """When this source's message is due."""
        if source.due_since is None:
            source.due_since, source.late = now, self._late()
        if source.moderated and waiting < self._moderation.frames:
            return source.due_since + max(self._moderation.seconds, source.late)
        return source.due_since + source.late
