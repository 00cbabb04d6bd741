# SPDX-License-Identifier: GPL-2.0-or-later
"""One ring from the driver's side (docs/datasheet.md sections 4 to 6): posts, looks for DONE, takes back.

Ownership: a descriptor is the card's from `post` until `completed` has counted it. The driver keeps a shadow of what
each slot must hold while the card may not write it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.barrier import full_barrier
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import DESCRIPTOR, Descriptors, Status
from nicrig_device.spec.layout import Register
from nicrig_device.spec.registers import CARD_BLOCK, EVENT_BLOCK, INDEX_BITS, QUEUE_BLOCK
from tests.fakes.bus import Bus, Control
from tests.fakes.rules import expect

INDEX_MASK = (1 << INDEX_BITS) - 1
KICK_OFFSET = CARD_BLOCK.address(registers.KICK)
SLEEPING_WORD = EVENT_BLOCK.address(registers.SLEEPING) // 4


class RingFullError(Exception):
    """More descriptors than the ring has room for: reap or receive first."""


def distance(ahead: int, behind: int) -> int:
    """How many indices `ahead` is ahead of `behind`, modulo the index's width."""
    return (ahead - behind) & INDEX_MASK


def ring_doorbell(bus: Bus, word: int, value: int, control: Control | None = None) -> bool:
    """Section 6: the doorbell, a full barrier, and KICK when the card says that it sleeps; whether it was kicked.

    The kick goes by `control`, or by the bus.
    """
    bus.doorbells[word] = value
    full_barrier()
    sleeping = bool(bus.doorbells[SLEEPING_WORD])
    if sleeping:
        (control or bus).write_control(KICK_OFFSET, 1)
    return sleeping


@dataclass(frozen=True)
class RingWords:
    """Indices into BAR2's words of a ring's doorbell, arm word and head."""

    tail: int
    arm: int
    head: int

    @classmethod
    def of(cls, registers_: tuple[Register, Register, Register], pair: int) -> RingWords:
        return cls(*(QUEUE_BLOCK.address(register, pair) // 4 for register in registers_))


class DriverRing:
    """`size` descriptors at device address `address`. Section 6: only the transmit doorbell needs a kick."""

    def __init__(self, bus: Bus, words: RingWords, address: int, size: int, *, transmit: bool) -> None:
        self.name = "transmit" if transmit else "receive"
        self.transmit = transmit
        self.words = words
        self.address = address
        self.size = size
        self.head = 0
        """Index up to which the driver has taken back."""
        self.tail = 0
        """Index up to which the driver has posted."""
        self.kicks = 0
        self._bus = bus
        self._slots: Descriptors = bus.memory.view(address, size * DESCRIPTOR.itemsize).view(DESCRIPTOR)
        self._slots[:] = np.zeros((), DESCRIPTOR)
        self._shadow: Descriptors = np.zeros(size, DESCRIPTOR)

    @property
    def posted(self) -> int:
        """Descriptors that the driver has given and not taken back."""
        return distance(self.tail, self.head)

    @property
    def room(self) -> int:
        return self.size - self.posted

    def slots_of(self, index: int, count: int) -> npt.NDArray[np.int64]:
        """Slot numbers of `count` descriptors from a ring index on."""
        return (index + np.arange(count)) % self.size

    def post(self, descriptors: Descriptors) -> npt.NDArray[np.int64]:
        """Write these descriptors, ring the doorbell, kick if this ring's needs it; the slots that they took."""
        if len(descriptors) > self.room:
            raise RingFullError(f"{self.name} ring of {self.size} has room for {self.room}, not {len(descriptors)}")
        where = self.slots_of(self.tail, len(descriptors))
        self._slots[where] = descriptors
        self._shadow[where] = descriptors
        self.tail = (self.tail + len(descriptors)) & INDEX_MASK
        if self.transmit:
            self.kicks += ring_doorbell(self._bus, self.words.tail, self.tail)
        else:
            self._bus.doorbells[self.words.tail] = self.tail
        return where

    def completed(self) -> int:
        """How many of the posted descriptors are done.

        Section 5: write-back is in ring order and HEAD follows it. So what HEAD covered before the look is done, and
        when a descriptor is seen done, a second look finds all before it done.
        """
        published = self._published()
        slots = self.slots_of(self.head, self.posted)
        done = (self._slots["status"][slots] & Status.DONE) != 0
        count = len(done) if done.all() else int(done.argmin())
        expect(published <= count, 5, f"{self.name} head covers {published} from {self.head:#x}, {count} are done")
        if done[count:].any():
            last = int(np.flatnonzero(done)[-1])
            again = (self._slots["status"][slots[:last]] & Status.DONE) != 0
            expect(again.all(), 5, f"{self.name} index {self.head + last} was written back before one ahead of it")
        return count

    def _published(self) -> int:
        """How many descriptors past the driver's head the card's HEAD covers."""
        word = int(self._bus.doorbells[self.words.head])
        published = distance(word, self.head)
        inside = word <= INDEX_MASK and published <= self.posted
        expect(inside, 5, f"{self.name} head {word:#x} is not between {self.head:#x} and the doorbell {self.tail:#x}")
        return published

    def take(self, count: int) -> tuple[Descriptors, Descriptors]:
        """The next `count` done descriptors, as written back and as posted. They are the driver's; HEAD covers them."""
        where = self.slots_of(self.head, count)
        got, posted = self._slots[where], self._shadow[where]
        self._bus.wait(lambda: self._published() >= count, f"{self.name} head to cover {count} done descriptors")
        self._shadow[where] = got
        self.head = (self.head + count) & INDEX_MASK
        return got, posted

    def check_idle(self) -> None:
        """Section 5: the card writes no descriptor that is the driver's."""
        mine = self.slots_of(self.tail, self.room)
        same = self._slots[mine] == self._shadow[mine]
        expect(bool(same.all()), 5, f"{self.name} slot {mine[~same][:1]} is the driver's, and it changed")

    def untouched(self) -> tuple[npt.NDArray[np.int64], Descriptors]:
        """Slots, and what was posted in them, that the card has not given back."""
        where = self.slots_of(self.head, self.posted)
        waiting = where[(self._slots["status"][where] & Status.DONE) == 0]
        return waiting, self._shadow[waiting]
