# SPDX-License-Identifier: GPL-2.0-or-later
"""Gathers from the recorder's events what device and CPU saw of each frame, and the calls that could explain it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.verifier.functions import RecordKind
from nicrig.verifier.ranges import Ranges
from nicrig.witnesses.sighting import NOWHERE, Sighting

FrameOf = Callable[[int, int, bool], bytes | None]
"""The bytes of a recorded digest, if they are kept: digest, length, whether the card recorded it."""

LIMIT = 1 << 16
"""Things of a kind that are followed; a guest may record more."""
EVENTS = 1 << 20
"""Events of a chunk that are kept; of a longer one only the wire is judged."""
CRC = 0xFFFF_FFFF
WATCHED = frozenset(
    (
        *("card.doorbell", "card.interrupt", "card.enable", "card.disable", "card.refusal"),
        *(
            "NdisMSetupDmaTransfer",
            "NdisMUpdateSharedMemory",
            "MiniportISR",
            "MiniportHandleInterrupt",
            "MiniportReturnPacket",
            "NdisAdjustBufferLength",
        ),
    )
)
"""Told around a fault, though nothing is read from them."""

Dated = tuple[int, Event]


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
    flushes: defaultdict[int, list[Dated]] = field(default_factory=lambda: defaultdict(list))
    """NdisFlushBuffer by buffer."""
    completed: list[Dated] = field(default_factory=list)
    """NdisMCompleteDmaTransfer of receives."""
    timeline: list[Dated] = field(default_factory=list)
    reset: int = NOWHERE
    """When the card was reset last."""
    blind: bool = False
    """Records were lost, by a gap in the guest's numbers or told so: only the wire is to be believed."""

    def even(self) -> bool:
        """Whether each witness saw as many frames as the one before it."""
        return len(self.device_in) == len(self.cpu_in) and len(self.cpu_out) == len(self.device_out)

    def between(self, first: int, last: int) -> list[Dated]:
        """What happened from one place of the order to another, both included."""
        begin = bisect_left(self.timeline, first, key=_order)
        return self.timeline[begin : bisect_left(self.timeline, last + 1, key=_order)]


def _order(dated: Dated) -> int:
    return dated[0]


class Collector:
    """`known` are frames whose bytes one has anyway, by length and digest; `channel`: the card has a DMA channel."""

    def __init__(self, first: int = 1) -> None:
        self.chunk = Chunk()
        self.known: dict[tuple[int, int], bytes] = {}
        self.channel = False
        self.open: dict[int, Sighting] = {}
        """Sends that are not completed yet, by packet."""
        self._order = 0
        self._next = first
        self._shared: Ranges[Shared] = Ranges()
        self._buffers: dict[int, int] = {}
        self._posted: dict[tuple[str, int], int] = {}
        self._frame: FrameOf = lambda digest, length, card: None
        self._collecting = False
        self._places: dict[tuple[str, int], Callable[[Event], None]] = {
            ("NdisMAllocateSharedMemory", RecordKind.CALL): self._allocated,
            ("MiniportAllocateComplete", RecordKind.ENTER): self._arrived,
            ("NdisMFreeSharedMemory", RecordKind.CALL): lambda event: self._freed(event.c),
            ("NdisAllocateBuffer", RecordKind.CALL): self._described,
            ("NdisFreeBuffer", RecordKind.CALL): lambda event: self._undescribed(event.a),
            ("NdisMRegisterDmaChannel", RecordKind.CALL): self._registered,
            ("MiniportInitialize", RecordKind.ENTER): self._begun,
        }
        self._looks: dict[tuple[str, int], Callable[[Event], None]] = {
            ("NdisFlushBuffer", RecordKind.CALL): self._flushed,
            ("NdisMCompleteDmaTransfer", RecordKind.CALL): self._completed,
            ("NdisMIndicateReceivePacket", RecordKind.CALL): self._indicated,
            ("MiniportSendPackets", RecordKind.ENTER): self._sent,
            ("ScatterGatherElement", RecordKind.CALL): self._mapped,
            ("NdisMSendComplete", RecordKind.CALL): self._send_done,
            ("card.write", RecordKind.CALL): self._posted_receive,
            ("card.read", RecordKind.CALL): self._posted_send,
            ("card.frame_in", RecordKind.CALL): self._frame_in,
            ("card.frame_out", RecordKind.CALL): self._frame_out,
            ("card.reset", RecordKind.CALL): self._reset,
        }
        self._place_names = frozenset(name for name, _ in self._places)
        self._look_names = frozenset(name for name, _ in self._looks) | WATCHED

    def feed(self, events: Iterable[Event], frame: FrameOf) -> None:
        """Take these events, which follow the last ones fed."""
        self._frame = frame
        for event in events:
            name = event.function
            if name not in CARD_EVENTS:
                if event.sequence != self._next:
                    self.chunk.blind = True
                self._next = event.sequence + 1
            if name in self._place_names:
                place = self._places.get((name, event.kind))
                if place:
                    place(event)
            elif self._collecting and name in self._look_names:
                self._order += 1
                self.chunk.timeline.append((self._order, event))
                look = self._looks.get((name, event.kind))
                if look:
                    look(event)
        if len(self.chunk.timeline) > EVENTS:
            self.chunk = Chunk(blind=True)

    def begin(self) -> None:
        """A chunk begins; a send that went down before is none of it."""
        self.chunk = Chunk()
        self.open.clear()
        self._collecting = True

    def end(self) -> Chunk:
        """The chunk ends; until the next begins nothing is collected."""
        ended, self.chunk = self.chunk, Chunk()
        self._collecting = False
        return ended

    # -- where things lie -----------------------------------------------------------------------------------
    def _begun(self, event: Event) -> None:
        self.channel = False
        self._shared.clear()
        self._buffers.clear()
        self._posted.clear()
        self.open.clear()

    def _allocated(self, event: Event) -> None:
        if event.result and len(self._shared) < LIMIT:
            self._shared.add(event.result, event.a, Shared(event.result, event.c, bool(event.b)))

    def _arrived(self, event: Event) -> None:
        if event.a and len(self._shared) < LIMIT:
            self._shared.add(event.a, event.c, Shared(event.a, event.b, True))

    def _freed(self, address: int) -> None:
        self._shared.remove(address)

    def _described(self, event: Event) -> None:
        if event.d and len(self._buffers) < LIMIT:
            self._buffers[event.d] = event.b

    def _undescribed(self, buffer: int) -> None:
        self._buffers.pop(buffer, None)

    def _registered(self, event: Event) -> None:
        self.channel |= event.result == 0

    # -- calls that flush -----------------------------------------------------------------------------------
    def _flushed(self, event: Event) -> None:
        self.chunk.flushes[event.a].append((self._order, event))

    def _completed(self, event: Event) -> None:
        if not event.d:
            self.chunk.completed.append((self._order, event))

    # -- looks ----------------------------------------------------------------------------------------------
    def _look(self, event: Event, length: int, digest: int, address: int = 0) -> Sighting:
        data = self.known.get((length, digest & CRC))
        if data is None:
            data = self._frame(digest, length, event.function in CARD_EVENTS)
        return Sighting(length, digest & CRC, data, self._order, event, address)

    def _indicated(self, event: Event) -> None:
        """The layer takes no digest of a packet that it refuses."""
        if event.result:
            look = self._look(event, event.c, event.result)
            look.start = self._buffers.get(event.b, 0)
            block = self._shared.find(look.start)
            if block:
                look.address, look.cached = block.physical + look.start - block.start, block.cached
            self.chunk.cpu_in.append(look)

    def _sent(self, event: Event) -> None:
        look = self._look(event, event.c, event.result)
        look.start = self._buffers.get(event.b, 0)
        self.chunk.cpu_out.append(look)
        if len(self.open) < LIMIT:
            self.open[event.a] = look

    def _mapped(self, event: Event) -> None:
        look = self.open.get(event.a)
        if look and event.b == 0:
            look.address, look.cached = event.c, True

    def _send_done(self, event: Event) -> None:
        look = self.open.pop(event.a, None)
        if look and event.result:
            look.after = self._look(event, look.length, event.result, look.address)

    def _posted_receive(self, event: Event) -> None:
        self._posted["in", event.a] = event.b

    def _posted_send(self, event: Event) -> None:
        self._posted["out", event.a] = event.b

    def _frame_in(self, event: Event) -> None:
        self.chunk.device_in.append(self._moved(event, "in"))

    def _frame_out(self, event: Event) -> None:
        self.chunk.device_out.append(self._moved(event, "out"))

    def _reset(self, event: Event) -> None:
        self.chunk.reset = self._order

    def _moved(self, event: Event, direction: str) -> Sighting:
        look = self._look(event, event.c, event.d, event.b)
        look.posted = self._posted.get((direction, event.a), 0) if event.b and not self.channel else 0
        return look


def within(dated: Iterable[Dated], after: int, before: int) -> Iterator[Event]:
    """The events strictly between two places of the order."""
    return (event for order, event in dated if after < order < before)
