# SPDX-License-Identifier: GPL-2.0-or-later
"""Gathers what device and CPU saw of each frame, and the calls that could explain it, from the recorder's events."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from nicrig.verifier.events import CARD_EVENTS, CardEvent, Event
from nicrig.verifier.groups import records_of
from nicrig.verifier.ranges import Ranges
from nicrig.verifier.records import (
    RECORDS,
    CardDisable,
    CardDoorbell,
    CardEnable,
    CardFrameIn,
    CardFrameOut,
    CardInterrupt,
    CardRead,
    CardRefusal,
    CardReset,
    CardWrite,
    MiniportAllocateComplete,
    MiniportHandleInterrupt,
    MiniportInitialize,
    MiniportISR,
    MiniportReturnPacket,
    MiniportSendPackets,
    NdisAdjustBufferLength,
    NdisAllocateBuffer,
    NdisFlushBuffer,
    NdisFreeBuffer,
    NdisMAllocateSharedMemory,
    NdisMCompleteDmaTransfer,
    NdisMFreeSharedMemory,
    NdisMIndicateReceivePacket,
    NdisMRegisterDmaChannel,
    NdisMSendComplete,
    NdisMSetupDmaTransfer,
    NdisMUpdateSharedMemory,
    ScatterGatherElement,
)
from nicrig.witnesses.sighting import NOWHERE, Moved, Seen, Sighting

FrameOf = Callable[[int, int, bool], bytes | None]
"""The bytes of a recorded digest, if they are kept: digest, length, whether the card recorded it."""

LIMIT = 1 << 16
"""The most things of one sort that are followed; a guest may record more."""
EVENTS = 1 << 20
"""The most events of a chunk that are kept. A longer chunk is judged by the wire alone."""
CRC = 0xFFFF_FFFF
INDEX_MASK = 0xFFFF
"""Indices of rings have 16 bits (datasheet section 5)."""
Watched = (
    CardInterrupt
    | CardEnable
    | CardDisable
    | CardRefusal
    | NdisMSetupDmaTransfer
    | MiniportISR
    | MiniportHandleInterrupt
    | NdisAdjustBufferLength
)
"""Shown around a fault, though nothing is read from them."""

Dated = tuple[int, Event]
"""An event and its number in the recorder's order."""
Flushing = NdisFlushBuffer | NdisMUpdateSharedMemory
Flush = tuple[int, Flushing]
Kind = TypeVar("Kind", bound=Event)
Table = dict[type[Event], Callable[[Any], None]]


def on(record: type[Kind], handler: Callable[[Kind], None]) -> tuple[type[Event], Callable[[Any], None]]:
    """A row of a table of handlers."""
    return record, handler


def _names(records: Iterable[type[Event]]) -> frozenset[str]:
    """The functions that these are records of."""
    wanted = set(records)
    return frozenset(function for (function, _), record in RECORDS.items() if record in wanted)


@dataclass(frozen=True, slots=True)
class Shared:
    """A block of shared memory."""

    start: int
    physical: int
    cached: bool


@dataclass(slots=True)
class Chunk:
    """What was seen between two settlements. Each list is in the order of the recorder."""

    device_in: list[Sighting] = field(default_factory=list)
    cpu_in: list[Sighting] = field(default_factory=list)
    cpu_out: list[Sighting] = field(default_factory=list)
    device_out: list[Sighting] = field(default_factory=list)
    flushes: defaultdict[int, list[Flush]] = field(default_factory=lambda: defaultdict(list))
    """NdisFlushBuffer by buffer, NdisMUpdateSharedMemory by the block that it is in."""
    completed: list[tuple[int, NdisMCompleteDmaTransfer]] = field(default_factory=list)
    """NdisMCompleteDmaTransfer of receives."""
    returned: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """The order of each MiniportReturnPacket, by packet."""
    posted: list[tuple[int, int]] = field(default_factory=list)
    """The order of each receive doorbell, and how many buffers the device had then."""
    timeline: list[Dated] = field(default_factory=list)
    resets: list[Dated] = field(default_factory=list)
    """The card's resets."""
    succeeded: int = NOWHERE
    """When the driver completed a send last that succeeded."""
    blind: bool = False
    """Records were lost: only the wire can be judged."""

    def even(self) -> bool:
        """Whether each witness saw as many frames as the one before it."""
        return len(self.device_in) == len(self.cpu_in) and len(self.cpu_out) == len(self.device_out)

    @property
    def reset(self) -> int:
        """When the card was reset last, in the recorder's order."""
        return self.resets[-1][0] if self.resets else NOWHERE

    def next_reset(self, order: int) -> Dated | None:
        """The first reset after that number of the order."""
        return next(iter(self.resets[bisect_left(self.resets, order + 1, key=_order) :]), None)

    def after(self, order: int) -> Iterator[Dated]:
        """The events after that number of the order."""
        return islice(self.timeline, bisect_left(self.timeline, order + 1, key=_order), None)

    def between(self, first: int, last: int) -> list[Dated]:
        """The events from order `first` to order `last`, both included."""
        begin = bisect_left(self.timeline, first, key=_order)
        return self.timeline[begin : bisect_left(self.timeline, last + 1, key=_order)]


def _order(dated: Dated) -> int:
    return dated[0]


class Collector:
    """`known` are frames whose bytes the caller has, by length and digest; `channel`: the card has a DMA channel."""

    def __init__(self, first: int = 1) -> None:
        self.chunk = Chunk()
        self.known: dict[tuple[int, int], bytes] = {}
        self.channel = False
        self.open: dict[int, Sighting] = {}
        """Sends that are not completed, by packet."""
        self._order = 0
        self._next = first
        self._shared: Ranges[Shared] = Ranges()
        self._buffers: dict[int, tuple[int, int]] = {}
        self._posted: dict[tuple[str, int], int] = {}
        self._frame: FrameOf = lambda digest, length, card: None
        self._collecting = False
        self._memory_handlers = self._for_memory()
        self._frame_handlers = self._for_frames()
        self._memory_names = _names(self._memory_handlers)
        self._frame_names = _names((*self._frame_handlers, *records_of(Watched)))

    def _for_memory(self) -> Table:
        """Handlers of records that say where memory is."""
        return dict(
            (
                on(NdisMAllocateSharedMemory, self._allocated),
                on(MiniportAllocateComplete, self._arrived),
                on(NdisMFreeSharedMemory, self._freed),
                on(NdisAllocateBuffer, self._described),
                on(NdisFreeBuffer, self._undescribed),
                on(NdisMRegisterDmaChannel, self._registered),
                on(MiniportInitialize, self._begun),
            )
        )

    def _for_frames(self) -> Table:
        """Handlers of records about frames."""
        return dict(
            (
                on(NdisFlushBuffer, self._flushed),
                on(NdisMUpdateSharedMemory, self._updated),
                on(NdisMCompleteDmaTransfer, self._completed),
                on(NdisMIndicateReceivePacket, self._indicated),
                on(MiniportSendPackets, self._sent),
                on(ScatterGatherElement, self._mapped),
                on(NdisMSendComplete, self._send_done),
                on(CardWrite, self._posted_receive),
                on(CardRead, self._posted_send),
                on(CardFrameIn, self._frame_in),
                on(CardFrameOut, self._frame_out),
                on(CardReset, self._reset),
                on(CardDoorbell, self._rung),
                on(MiniportReturnPacket, self._returned),
            )
        )

    def feed(self, events: Iterable[Event], frame: FrameOf) -> None:
        """Take these events, which follow the last ones fed."""
        self._frame = frame
        for event in events:
            name = event.function
            if name not in CARD_EVENTS:
                if event.sequence != self._next:
                    self.chunk.blind = True
                self._next = event.sequence + 1
            if name in self._memory_names:
                handler = self._memory_handlers.get(type(event))
            elif self._collecting and name in self._frame_names:
                self._order += 1
                self.chunk.timeline.append((self._order, event))
                handler = self._frame_handlers.get(type(event))
            else:
                continue
            if handler:
                handler(event)
        if len(self.chunk.timeline) > EVENTS:
            self.chunk = Chunk(blind=True)

    def begin(self) -> None:
        """Begin a chunk; it leaves out sends from before."""
        self.chunk = Chunk()
        self.open.clear()
        self._collecting = True

    def end(self) -> Chunk:
        """End the chunk. Nothing is collected until the next one begins."""
        ended, self.chunk = self.chunk, Chunk()
        self._collecting = False
        return ended

    # -- memory and buffers --------------------------------------------------------------------------------
    def _begun(self, event: MiniportInitialize) -> None:
        self.channel = False
        self._shared.clear()
        self._buffers.clear()
        self._posted.clear()
        self.open.clear()

    def _allocated(self, event: NdisMAllocateSharedMemory) -> None:
        if event.result and len(self._shared) < LIMIT:
            self._shared.add(event.result, event.length, Shared(event.result, event.physical, bool(event.cached)))

    def _arrived(self, event: MiniportAllocateComplete) -> None:
        if event.address and len(self._shared) < LIMIT:
            self._shared.add(event.address, event.length, Shared(event.address, event.physical, True))

    def _freed(self, event: NdisMFreeSharedMemory) -> None:
        self._shared.remove(event.address)

    def _described(self, event: NdisAllocateBuffer) -> None:
        if event.buffer and len(self._buffers) < LIMIT:
            self._buffers[event.buffer] = event.address, event.length

    def _undescribed(self, event: NdisFreeBuffer) -> None:
        self._buffers.pop(event.buffer, None)

    def _registered(self, event: NdisMRegisterDmaChannel) -> None:
        self.channel |= event.result == 0

    # -- calls that flush -----------------------------------------------------------------------------------
    def _flushed(self, event: NdisFlushBuffer) -> None:
        self.chunk.flushes[event.buffer].append((self._order, event))

    def _updated(self, event: NdisMUpdateSharedMemory) -> None:
        block = self._shared.find(event.address)
        if block:
            self.chunk.flushes[block.start].append((self._order, event))

    def _completed(self, event: NdisMCompleteDmaTransfer) -> None:
        if not event.write:
            self.chunk.completed.append((self._order, event))

    # -- sightings ------------------------------------------------------------------------------------------
    def _sighting(self, event: Seen, length: int, digest: int, address: int = 0) -> Sighting:
        data = self.known.get((length, digest & CRC))
        if data is None:
            data = self._frame(digest, length, isinstance(event, CardEvent))
        return Sighting(length, digest & CRC, data, self._order, event, address)

    def _indicated(self, event: NdisMIndicateReceivePacket) -> None:
        """The layer takes no digest of a packet that it refuses."""
        if event.result:
            sighting = self._sighting(event, event.length, event.result)
            sighting.start, sighting.first = self._buffers.get(event.buffer, (0, 0))
            block = self._shared.find(sighting.start)
            if block:
                sighting.address, sighting.cached = block.physical + sighting.start - block.start, block.cached
                sighting.block = block.start
            self.chunk.cpu_in.append(sighting)

    def _sent(self, event: MiniportSendPackets) -> None:
        sighting = self._sighting(event, event.length, event.result)
        sighting.start, sighting.first = self._buffers.get(event.buffer, (0, 0))
        self.chunk.cpu_out.append(sighting)
        if len(self.open) < LIMIT:
            self.open[event.packet] = sighting

    def _mapped(self, event: ScatterGatherElement) -> None:
        sighting = self.open.get(event.packet)
        if sighting and event.index == 0:
            sighting.address, sighting.cached = event.physical, True

    def _send_done(self, event: NdisMSendComplete) -> None:
        if event.status == 0:
            self.chunk.succeeded = self._order
        sighting = self.open.pop(event.packet, None)
        if sighting and event.result:
            sighting.after = self._sighting(event, sighting.length, event.result, sighting.address)

    def _posted_receive(self, event: CardWrite) -> None:
        self._posted["in", event.index] = event.address

    def _posted_send(self, event: CardRead) -> None:
        self._posted["out", event.index] = event.address

    def _frame_in(self, event: CardFrameIn) -> None:
        self.chunk.device_in.append(self._moved(event, "in"))

    def _frame_out(self, event: CardFrameOut) -> None:
        self.chunk.device_out.append(self._moved(event, "out"))

    def _reset(self, event: CardReset) -> None:
        self.chunk.resets.append((self._order, event))

    def _rung(self, event: CardDoorbell) -> None:
        if not event.transmit:
            self.chunk.posted.append((self._order, (event.tail - event.head) & INDEX_MASK))

    def _returned(self, event: MiniportReturnPacket) -> None:
        self.chunk.returned[event.packet].append(self._order)

    def _moved(self, event: Moved, direction: str) -> Sighting:
        sighting = self._sighting(event, event.length, event.digest, event.address)
        sighting.posted = self._posted.get((direction, event.place), 0) if event.address and not self.channel else 0
        return sighting


def within(dated: Iterable[tuple[int, Kind]], after: int, before: int) -> Iterator[Kind]:
    """The events strictly between two numbers of the order."""
    return (event for order, event in dated if after < order < before)
