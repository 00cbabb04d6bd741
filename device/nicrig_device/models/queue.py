# SPDX-License-Identifier: GPL-2.0-or-later
"""A queue as the card sees it: its doorbell and head, and for a ring its descriptors in guest memory (section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nicrig_device.dma import ring_index
from nicrig_device.dma.frames import Offsets
from nicrig_device.dma.memory import OutsideMemoryError
from nicrig_device.ledger.ledger import WHOLE_RING, Touch
from nicrig_device.models.base import Board
from nicrig_device.pci.doorbells import DoorbellPage
from nicrig_device.recorder import Grant, TraceEvent
from nicrig_device.spec.descriptors import DESCRIPTOR, Descriptors, Refusal
from nicrig_device.spec.layout import Register
from nicrig_device.spec.registers import QUEUE_BLOCK
from nicrig_interface.answers import RingState


@dataclass(frozen=True, slots=True)
class QueueWords:
    """Which words of BAR2 belong to a queue, as indices into the page."""

    tail: int
    arm: int
    head: int

    @classmethod
    def of(cls, tail: Register, arm: Register, head: Register) -> QueueWords:
        return cls(*(DoorbellPage.index(QUEUE_BLOCK, register) for register in (tail, arm, head)))


class Queue:
    """`size` slots that go from the driver to the card and back. The driver owns tail, the card owns head."""

    def __init__(self, board: Board, words: QueueWords, size: int, *, transmit: bool) -> None:
        self._words = board.page.words
        self._refusals = board.refusals
        self._trace = board.trace
        self._hooks = board.hooks
        self.enabled = True
        self.words = words
        self.transmit = transmit
        self.size = size
        self.restart()

    def restart(self) -> None:
        """Begin at index 0."""
        self.head = self._tail = 0
        self._refused_tail = 0

    def refuse(self, refusal: Refusal, text: str, index: int = 0, times: int = 1) -> None:
        self._refusals.refuse(refusal, text, transmit=self.transmit, index=index, times=times)

    def posted(self) -> int:
        """How many slots the card owns now. A doorbell out of range is refused once and ignored."""
        if not self.enabled:
            return 0
        tail = self._words[self.words.tail]
        if tail != self._tail:
            if ring_index.valid_tail(tail, self.head, self.size):
                self._tail = tail
                self._refused_tail = tail
                if self._trace.steps:
                    self._trace.add(TraceEvent.DOORBELL, int(self.transmit), tail, self.head, self.size)
            elif tail != self._refused_tail:
                self._refused_tail = tail
                self.refuse(
                    Refusal.DOORBELL, f"doorbell {tail:#x} with head {self.head:#x} and {self.size} slots", tail
                )
        return ring_index.distance(self._tail, self.head)

    def moved(self) -> bool:
        """Whether the doorbell holds something that `posted` has not dealt with."""
        return self.enabled and self._words[self.words.tail] not in (self._tail, self._refused_tail)

    def state(self, name: str, base: int | None = None) -> RingState:
        """Its state, by the doorbell as it is now, valid or not."""
        tail = self._words[self.words.tail]
        obeyed = tail if ring_index.valid_tail(tail, self.head, self.size) else self._tail
        posted = ring_index.distance(obeyed, self.head) if self.enabled else 0
        return RingState(name, 0, self.enabled, base, self.size, self.head, tail, posted)

    def advance(self, count: int) -> None:
        """Give the next `count` slots back: publish head."""
        before = self.head
        published = self.head = ring_index.advance(before, count)
        for hook in self._hooks.armed:
            count = hook.told_count(count, transmit=self.transmit)
            published = ring_index.advance(before, count)
        self._words[self.words.head] = published


class Ring(Queue):
    """Descriptors in guest memory. Off until the driver enables it."""

    def __init__(self, board: Board, words: QueueWords, *, transmit: bool) -> None:
        super().__init__(board, words, 0, transmit=transmit)
        self._memory = board.memory
        self._ledger = board.ledger
        self.enabled = False
        self.life = 0
        """Grows each time the ring is switched off. Work that was under way before must not be finished."""
        self.reset()

    def reset(self) -> None:
        """Off, with base and size at their reset values."""
        self.base = self.size = 0
        self.disable()

    def disable(self) -> None:
        if self.enabled:
            self._trace.add(TraceEvent.DISABLE, int(self.transmit))
        self.enabled = False
        self.life += 1
        self.restart()
        self._view: Descriptors | None = None
        self._made_for: tuple[int, int] | None = None

    def enable(self) -> None:
        """Check the ring and start at index 0. A ring that fails the check is refused and stays off."""
        if not ring_index.valid_shape(self.base, self.size):
            self.refuse(
                Refusal.RING, f"ring of {self.size} descriptors at {self.base:#x} has a wrong size or alignment"
            )
            return
        for word in (self.words.tail, self.words.arm, self.words.head):
            self._words[word] = 0
        self.disable()
        self.enabled = self._attach()
        if self.enabled:
            self._trace.add(TraceEvent.ENABLE, int(self.transmit), self.base, self.size)

    def _attach(self) -> bool:
        """Find the ring in guest memory as it is mapped and granted now. If it is not there, refuse it and go off."""
        self._view = None
        size = self.size * DESCRIPTOR.itemsize
        if not self._ledger.allows(Touch(self.base, size, WHOLE_RING, self.transmit), Grant.READ | Grant.WRITE):
            self.refuse(Refusal.LEDGER, f"ring of {size} bytes at {self.base:#x} is not granted")
            self.disable()
            return False
        try:
            memory = self._memory.view(self.base, size)
        except OutsideMemoryError as error:
            self.refuse(Refusal.RING, f"ring {error}")
            self.disable()
            return False
        self._view = memory.view(DESCRIPTOR)
        self._made_for = self._versions()
        return True

    def _versions(self) -> tuple[int, int]:
        """The versions of memory and grants that the view of the ring depends on."""
        return self._memory.generation, self._ledger.persistent.version

    def fetch(self, count: int) -> Descriptors:
        """The card's own copy of the next `count` descriptors. They are read only here, once.

        Empty when the ring's memory was unmapped or its grant revoked; the ring is off then.
        """
        self._ledger.update()
        if self._made_for != self._versions() and not self._attach():
            return np.zeros(0, DESCRIPTOR)
        assert self._view is not None
        runs = [self._view[first : first + slots] for first, slots in ring_index.segments(self.head, count, self.size)]
        fetched = np.concatenate(runs) if runs else np.zeros(0, DESCRIPTOR)
        for hook in self._hooks.armed:
            fetched = hook.fetched(fetched, transmit=self.transmit)
        return fetched

    def write_back(
        self,
        status: npt.NDArray[np.uint16],
        length: npt.NDArray[np.uint32] | None = None,
        flags: npt.NDArray[np.uint16] | None = None,
    ) -> None:
        """Give the next len(status) descriptors back, status last, and publish head."""
        assert self._view is not None
        for hook in self._hooks.armed:
            hook.write_back(status, transmit=self.transmit)
        done = 0
        for first, slots in ring_index.segments(self.head, len(status), self.size):
            run, part = slice(first, first + slots), slice(done, done + slots)
            if length is not None and flags is not None:
                self._view["length"][run] = length[part]
                self._view["flags"][run] = flags[part]
            self._view["status"][run] = status[part]
            done += slots
        self.advance(len(status))

    def put_status(self, slots: list[int], status: npt.NDArray[np.uint16]) -> None:
        """Give single descriptors back, out of order."""
        if self._made_for == self._versions() and self._view is not None:
            self._view["status"][slots] = status

    @staticmethod
    def numbers(index: int, count: int) -> Offsets:
        """The ring indices of `count` descriptors from `index` on."""
        return (index + np.arange(count)) & ring_index.INDEX_MASK
