# SPDX-License-Identifier: GPL-2.0-or-later
"""A queue as the card sees it: its doorbell and head, and for a ring its descriptors in guest memory (section 5)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from nicrig_device.dma import ring_index
from nicrig_device.dma.frames import Frames, Offsets
from nicrig_device.dma.memory import OutsideMemoryError
from nicrig_device.ledger.ledger import WHOLE_RING, Touch
from nicrig_device.models.base import Board
from nicrig_device.models.handover import HandOver, overlap, some
from nicrig_device.models.status_words import STATUS_DONE
from nicrig_device.pci.doorbells import DoorbellPage
from nicrig_device.recorder import Grant, TraceEvent
from nicrig_device.spec.descriptors import DESCRIPTOR, Descriptors, Refusal, Status
from nicrig_device.spec.findings import HandOverFinding
from nicrig_device.spec.layout import Register
from nicrig_device.spec.registers import BUFFER_MAX, FRAME_MAX, QUEUE_BLOCK
from nicrig_device.timing import Addresses, Lane
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
        self._timing = board.timing
        self._counters = board.counters
        self.lane = Lane(board.timing)
        """What the card does with the queue, in order."""
        self.enabled = True
        self.words = words
        self.transmit = transmit
        self.size = size
        self._waiting = 0
        """How many frames an unkind card has taken for the queue and not written yet."""
        self.restart()

    def restart(self) -> None:
        """Begin at index 0, without the frames that wait."""
        self.head = self._tail = 0
        self._refused_tail = 0
        self.lane.clear()
        self._counters.add("rx_disabled", self._waiting)
        self._waiting = 0

    def refuse(self, refusal: Refusal, text: str, index: int = 0, times: int = 1) -> None:
        self._refusals.refuse(refusal, text, transmit=self.transmit, index=index, times=times)

    def posted(self) -> int:
        """How many slots the card owns now. A doorbell out of range is refused once and ignored."""
        if not self.enabled:
            return 0
        tail = self._words[self.words.tail]
        if tail != self._tail:
            if ring_index.valid_tail(tail, self.head, self.size):
                before, self._tail = self._tail, tail
                self._refused_tail = tail
                if self._timing.unkind:
                    self.handed_over(before, ring_index.distance(tail, before))
                if self._trace.steps:
                    self._trace.add(TraceEvent.DOORBELL, int(self.transmit), tail, self.head, self.size)
            elif tail != self._refused_tail:
                self._refused_tail = tail
                self.refuse(
                    Refusal.DOORBELL, f"doorbell {tail:#x} with head {self.head:#x} and {self.size} slots", tail
                )
        return ring_index.distance(self._tail, self.head)

    def fill(self, frames: Frames, write: Callable[[Frames], None]) -> None:
        """Have `write` put frames into the next slots. An unkind card does it part by part, each at its moment."""
        if not self._timing.unkind:
            write(frames)
            return
        count = max(0, min(self.posted() - self._waiting, len(frames)))
        self._counters.add("rx_no_buffer", len(frames) - count)
        kept = Frames.of(frames.select(slice(count)).tolist())
        self._waiting += count
        for part in self._timing.parts(count):
            self.lane.then(partial(self._fill_now, kept.select(part), write))

    def _fill_now(self, frames: Frames, write: Callable[[Frames], None]) -> None:
        self._waiting -= len(frames)
        write(frames)

    def handed_over(self, index: int, count: int) -> None:
        """The doorbell has covered `count` more slots, from `index` on. Only an unkind card calls this."""

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
        """Give the next `count` slots back, and publish head after that."""
        before = self.head
        self.head = ring_index.advance(before, count)
        self.lane.next(partial(self._publish, before, count))

    def give_up(self) -> None:
        """Give all slots back unsent. What waits in the lane is about slots before them, or about them."""
        self.lane.clear()
        if self.enabled:
            self._done_unsent(self.numbers(self.head, ring_index.distance(self._tail, self.head)) % self.size)
            self.head = self._words[self.words.head] = self._tail

    def _done_unsent(self, slots: Offsets) -> None:
        """Mark these slots as done."""
        raise NotImplementedError

    @staticmethod
    def numbers(index: int, count: int) -> Offsets:
        """The ring indices of `count` slots from `index` on."""
        return (index + np.arange(count)) & ring_index.INDEX_MASK

    def _publish(self, before: int, count: int) -> None:
        published = ring_index.advance(before, count)
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
        self._copies = np.zeros(0, DESCRIPTOR)
        self._sound = np.zeros(0, bool)
        """Which copies the descriptors must still be equal to."""
        self._handed = HandOver(board, board.memory.locate, transmit=transmit)
        self._glanced: tuple[int, int, Descriptors] | None = None
        """A doorbell; the stamp and all descriptors as they were the moment that it was seen."""
        board.timing.watches.append(self)
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
        self.forget()
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
        self._copies, self._sound = np.zeros(self.size, DESCRIPTOR), np.zeros(self.size, bool)
        self._handed.resize(self.size)
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
        if not self._ready():
            return np.zeros(0, DESCRIPTOR)
        fetched = self._handed_back(count) if self._timing.unkind else self._read(self.head, count)
        for hook in self._hooks.armed:
            fetched = hook.fetched(fetched, transmit=self.transmit)
        return fetched

    def _ready(self) -> bool:
        """Look the ring's memory up again if that is needed. Returns whether the ring is still on."""
        self._ledger.update()
        return self._made_for == self._versions() or self._attach()

    def _read(self, index: int, count: int) -> Descriptors:
        """A copy of the descriptors as they are in guest memory now."""
        assert self._view is not None
        runs = [self._view[first : first + slots] for first, slots in ring_index.segments(index, count, self.size)]
        return np.concatenate(runs) if runs else np.zeros(0, DESCRIPTOR)

    def write_back(
        self,
        status: npt.NDArray[np.uint16],
        length: npt.NDArray[np.uint32] | None = None,
        flags: npt.NDArray[np.uint16] | None = None,
    ) -> None:
        """Give the next len(status) descriptors back, status last, and publish head after that."""
        assert self._view is not None
        for hook in self._hooks.armed:
            hook.write_back(status, transmit=self.transmit)
        if self._timing.unkind:
            slots = self.numbers(self.head, len(status)) % self.size
            self._sound[slots] = self._handed.watched[slots] = False
        if length is not None and flags is not None:
            for run, part in self._runs(len(status)):
                self._view["length"][run] = length[part]
                self._view["flags"][run] = flags[part]
        self.lane.next(partial(self._give_back, status))

    def _give_back(self, status: npt.NDArray[np.uint16]) -> None:
        if self._ready():
            assert self._view is not None
            for run, part in self._runs(len(status)):
                self._view["status"][run] = status[part]
            self.advance(len(status))

    def _runs(self, count: int) -> list[tuple[slice, slice]]:
        """The slots of the next `count` descriptors, as parts of the ring and as parts of the `count`."""
        runs, done = [], 0
        for first, slots in ring_index.segments(self.head, count, self.size):
            runs.append((slice(first, first + slots), slice(done, done + slots)))
            done += slots
        return runs

    def _done_unsent(self, slots: Offsets) -> None:
        if self._made_for == self._versions() and self._view is not None:
            self._view["status"][slots] = STATUS_DONE

    # -- what an unkind card keeps of the descriptors ---------------------------------------------------
    def glance(self) -> None:
        """Copy the whole ring: the least that takes time. A driver that rings before it writes is at work now."""
        if self._view is not None and self._made_for == self._versions():
            self._glanced = self._words[self.words.tail], self._trace.stamp(), self._view.copy()

    def _first_seen(self, index: int, count: int) -> tuple[int, Descriptors]:
        """Copies of the descriptors that the doorbell has just covered, and the stamp of the moment it was seen."""
        glanced, self._glanced = self._glanced, None
        if glanced and glanced[0] == self._tail and len(glanced[2]) == self.size:
            return glanced[1], glanced[2][self.numbers(index, count) % self.size]
        return self._trace.stamp(), self._read(index, count)

    def handed_over(self, index: int, count: int) -> None:
        """Copy the descriptors at once, and take their buffers."""
        if not self._ready():
            return
        stamp, copies = self._first_seen(index, count)
        if self._trace.steps and not self.transmit:
            numbers = self.numbers(index, count)
            self._trace.add_buffers(TraceEvent.TAKEN, stamp, numbers, copies, copies["status"])
        self._take(index, copies)

    def _take(self, index: int, copies: Descriptors) -> None:
        """The buffers of these descriptors are the card's from now on."""
        index_of = self.numbers(index, len(copies))
        slots = index_of % self.size
        self._copies[slots] = copies
        incomplete = ((copies["status"] & Status.DONE) != 0) | ~copies.view(np.uint64).reshape(-1, 2).any(axis=1)
        self._sound[slots] = ~incomplete
        self._report(HandOverFinding.INCOMPLETE, index_of[incomplete])
        length = copies["length"].astype(np.int64)
        limit, access = (FRAME_MAX, Grant.READ) if self.transmit else (BUFFER_MAX, Grant.WRITE)
        good = ~incomplete & (length <= limit) & self._memory.locate(copies["address"], length)[1]
        good &= self._ledger.covers(copies["address"], length, access)
        self._handed.take(slots, copies["address"], np.minimum(length, FRAME_MAX), good)

    def _handed_back(self, count: int) -> Descriptors:
        """The copies of the next `count` descriptors. The card looks at them, and at their buffers, again."""
        index = self.numbers(self.head, count)
        self._check(index)
        return self._copies[index % self.size]

    def _check(self, index: Offsets) -> None:
        assert self._view is not None
        slots = index % self.size
        changed = self._sound[slots] & (self._view[slots] != self._copies[slots])
        self._sound[slots[changed]] = False
        self._report(HandOverFinding.DESCRIPTOR_CHANGED, index[changed])
        self._handed.check(slots, index)

    def _report(self, finding: HandOverFinding, index: Offsets) -> None:
        """Report descriptors, by where they lie."""
        if len(index):
            address = (self.base + index % self.size * DESCRIPTOR.itemsize).astype(np.uint64)
            self._handed.report(finding, address, np.full(len(index), DESCRIPTOR.itemsize), index)

    def begin(self) -> None:
        """The card is unkind from now on: what it owns counts as handed over now."""
        if self.enabled and self._ready():
            self._take(self.head, self._read(self.head, ring_index.distance(self._tail, self.head)))

    def forget(self) -> None:
        """Nothing is watched any more."""
        self._glanced = None
        self._sound[:] = False
        self._handed.forget()

    def look(self, chance: random.Random) -> bool:
        """Look at some of what the card owns again. Returns whether it owns anything."""
        owned = self.posted()
        if not owned or self._made_for != self._versions():
            return bool(owned)
        self._check((self.head + some(chance, owned)) & ring_index.INDEX_MASK)
        return True

    def wrote(self, start: Addresses, end: Addresses) -> None:
        """The card itself has written to each [start, end), in the order of their starts."""
        ring = np.array([self.base, self.base + self.size * DESCRIPTOR.itemsize], np.uint64)
        if overlap(ring[:1], ring[1:], start, end).any():
            self._sound[:] = False
        self._handed.wrote(start, end)

    def put_status(self, slots: list[int], status: npt.NDArray[np.uint16]) -> None:
        """Give single descriptors back, out of order."""
        if self._made_for == self._versions() and self._view is not None:
            self._view["status"][slots] = status
