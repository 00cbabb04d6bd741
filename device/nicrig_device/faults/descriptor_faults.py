# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of a bus master in descriptors and buffers: it does things at another time, or in another buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nicrig_device.card import Card
from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.dma.ring_index import advance
from nicrig_device.faults.fault import FaultHook, Trigger, memory_of, put
from nicrig_device.hooks import Chosen
from nicrig_device.models.bus_master.bus_master import BusMaster
from nicrig_device.models.queue import Ring
from nicrig_device.models.status_words import refused_status
from nicrig_device.recorder import TraceEvent
from nicrig_device.spec.descriptors import DESCRIPTOR, Descriptors, Flag, Refusal
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN
from nicrig_device.wire.framing import framed

LATE_SECONDS, DATA_LATE_SECONDS = 0.01, 0.05
"""How late a descriptor or a send is, and how late the data: the driver must have read the buffer before."""
LINE = 64
"""Bytes of a cache line."""
CUT = 16
"""Bytes that a send loses."""
AHEAD = 100
"""How many descriptors further on a misdirected frame is written."""

Status = npt.NDArray[np.uint16]


def rings(card: Card) -> tuple[Ring, Ring]:
    """The receive and the transmit ring."""
    assert isinstance(card.kind, BusMaster), "a fault that needs DESCRIPTORS is only for a bus master"
    return card.kind.rx, card.kind.tx


def descriptor_at(card: Card, ring: Ring, ahead: int) -> Descriptors:
    """The descriptor this far ahead of head, as it lies in guest memory now: one element, or none if not mapped."""
    address = ring.base + (ring.head + ahead) % ring.size * DESCRIPTOR.itemsize
    return memory_of(card, address, DESCRIPTOR.itemsize).view(DESCRIPTOR)


class RingFault(FaultHook):
    """A fault of a bus master, with its rings."""

    def __init__(self, card: Card, trigger: Trigger) -> None:
        super().__init__(card, trigger)
        self.rx, self.tx = rings(card)

    def later(self, ring: Ring, act: Callable[[], None], seconds: float = LATE_SECONDS) -> None:
        """Call it later, unless the ring is switched off before: no DMA follows that."""
        life = ring.life
        self.trigger.later(lambda: act() if ring.enabled and ring.life == life else None, seconds)


# -- receive ----------------------------------------------------------------------------------------
class LateFrame(NamedTuple):
    """A frame that is written later."""

    number: int
    address: int
    frame: bytes


class DataLast(RingFault):
    """The struck frames are written, and recorded, after their descriptors went back."""

    def __init__(self, card: Card, trigger: Trigger) -> None:
        super().__init__(card, trigger)
        self._addresses: list[int] = []
        self._late: list[LateFrame] = []

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if not transmit:
            self._addresses = descriptors["address"].tolist()
        return descriptors

    def written(self, frames: Frames, chosen: Chosen) -> Chosen:
        now = chosen.copy()
        for number in self.trigger.peek(len(frames)):
            if chosen[number]:
                frame = frames.select(slice(number, number + 1)).tolist()[0]
                self._late.append(LateFrame(advance(self.rx.head, number), self._addresses[number], frame))
                now[number] = False
        return now

    def write_back(self, status: Status, *, transmit: bool) -> None:
        if not transmit:
            for late in self._late:
                self.later(self.rx, partial(self._write, late), DATA_LATE_SECONDS)
            self._late.clear()
            self.trigger.among(len(status))

    def _write(self, late: LateFrame) -> None:
        trace = self.card.trace
        stamp = trace.stamp()
        frame = Frames.of([late.frame])
        if put(self.card, late.address, frame.data) and trace.frames:
            trace.add_frames(TraceEvent.FRAME_IN, stamp, late.number, np.array([late.address], np.uint64), frame)


class RestoredBuffer(RingFault):
    """A part of the buffer holds what it held before the frame was written. The card records that it wrote all."""

    def __init__(self, card: Card, trigger: Trigger, part: slice) -> None:
        super().__init__(card, trigger)
        self._part = part
        self._before: list[tuple[int, Bytes]] = []

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if not transmit:
            for descriptor in descriptors[self.trigger.peek(len(descriptors))]:
                address, size = int(descriptor["address"]), min(int(descriptor["length"]), FRAME_MAX)
                self._before.append((address, memory_of(self.card, address, size).copy()))
        return descriptors

    def write_back(self, status: Status, *, transmit: bool) -> None:
        if not transmit:
            for address, before in self._before:
                put(self.card, address + (self._part.start or 0), before[self._part])
            self._before.clear()
            self.trigger.among(len(status))


class ChangedBuffer(RingFault):
    """A byte in the middle of the frame changes after the card has written and recorded it."""

    def __init__(self, card: Card, trigger: Trigger) -> None:
        super().__init__(card, trigger)
        self._addresses: list[int] = []
        self._middles: list[int] = []

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if not transmit:
            self._addresses = descriptors["address"].tolist()
        return descriptors

    def written(self, frames: Frames, chosen: Chosen) -> Chosen:
        struck = self.trigger.peek(len(frames))
        self._middles = [self._addresses[number] + int(frames.length[number]) // 2 for number in struck]
        return chosen

    def write_back(self, status: Status, *, transmit: bool) -> None:
        if not transmit:
            for address in self._middles:
                memory_of(self.card, address, 1)[:] ^= 0xFF
            self._middles.clear()
            self.trigger.among(len(status))


class StatusLast(RingFault):
    """The card keeps the struck descriptors for a while, and HEAD stops before the first of them."""

    def write_back(self, status: Status, *, transmit: bool) -> None:
        struck = [] if transmit else list(self.trigger.peek(len(status)))
        if struck:
            slots = [advance(self.rx.head, number) % self.rx.size for number in struck]
            self.later(self.rx, partial(self._catch_up, slots, status[struck]))
            status[struck] = 0

    def told_count(self, count: int, *, transmit: bool) -> int:
        struck = [] if transmit else self.trigger.among(count)
        return struck[0] if struck else count

    def _catch_up(self, slots: list[int], status: Status) -> None:
        self.rx.put_status(slots, status)
        self.card.page.words[self.rx.words.head] = self.rx.head


class OverrunBuffer(RingFault):
    """The bytes behind a buffer change when its descriptor is read. The ledger looks there after the frame."""

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if not transmit:
            for descriptor in descriptors[self.trigger.among(len(descriptors))]:
                memory_of(self.card, int(descriptor["address"]) + int(descriptor["length"]), LINE)[:] ^= 0xFF
        return descriptors


class MisdirectedFrame(RingFault):
    """A frame goes into a buffer that was posted for a later one."""

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if not transmit:
            for number in self.trigger.among(len(descriptors)):
                ahead = min(number + AHEAD, self.rx.posted() - 1)
                for later in descriptor_at(self.card, self.rx, ahead):
                    descriptors["address"][number] = later["address"]
        return descriptors


# -- both directions --------------------------------------------------------------------------------
class RefusedCompletion(RingFault):
    """Good descriptors go back with an error."""

    def __init__(self, card: Card, trigger: Trigger, *, transmit: bool) -> None:
        super().__init__(card, trigger)
        self._transmit = transmit

    def write_back(self, status: Status, *, transmit: bool) -> None:
        if transmit == self._transmit:
            status[self.trigger.among(len(status))] = refused_status(Refusal.ADDRESS)


# -- transmit ---------------------------------------------------------------------------------------
class CutSend(RingFault):
    """The card reads a send only in part."""

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if transmit:
            descriptors["length"][self.trigger.among(len(descriptors))] -= CUT
        return descriptors


class ChangedSend(RingFault):
    """The last byte of a send changes in guest memory after the card has read it."""

    def __init__(self, card: Card, trigger: Trigger) -> None:
        super().__init__(card, trigger)
        self._ends: list[int] = []

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if transmit:
            struck = descriptors[self.trigger.peek(len(descriptors))]
            self._ends = [int(descriptor["address"]) + int(descriptor["length"]) - 1 for descriptor in struck]
        return descriptors

    def write_back(self, status: Status, *, transmit: bool) -> None:
        if transmit:
            for address in self._ends:
                memory_of(self.card, address, 1)[:] ^= 0xFF
            self._ends.clear()
            self.trigger.among(len(status))


class ReadLate(RingFault):
    """Sends go back unread. A while later the card sends what lies in their buffers then."""

    def __init__(self, card: Card, trigger: Trigger) -> None:
        super().__init__(card, trigger)
        self._fetched: Descriptors | None = None
        self._sending = False

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if transmit:
            self._fetched = descriptors.copy()
        return descriptors

    def frames_out(self, framed: Bytes, count: int) -> tuple[Bytes, int]:
        if self._sending or self._fetched is None or not self.trigger.among(count):
            return framed, count
        self.later(self.tx, partial(self._send, self._fetched))
        return framed[:0], 0

    def _send(self, descriptors: Descriptors) -> None:
        self._sending = True
        frames = Frames.of(read_frames(self.card, descriptors))
        self.card.egress.hand_over(framed(frames), len(frames))
        self._sending = False


def read_frames(card: Card, descriptors: Descriptors) -> Iterator[bytes]:
    """What lies in the buffers of these descriptors now, without what is no frame any more."""
    frame = b""
    for descriptor in descriptors:
        frame += memory_of(card, int(descriptor["address"]), int(descriptor["length"])).tobytes()
        if descriptor["flags"] & Flag.END_OF_FRAME:
            if FRAME_MIN <= len(frame) <= FRAME_MAX:
                yield frame
            frame = b""
