# SPDX-License-Identifier: GPL-2.0-or-later
"""A builder of the records of frames that go in and out; each step is clean by default."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from crc32c import crc32c

from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.verifier.functions import Phase, RecordKind
from nicrig.witnesses.judge import FrameFinding, Witnesses

SHARED, PHYSICAL, BUFFERS, PACKETS = 0xFFFF_8881_0000_0000, 0x1000_0000, 0xFFFF_8882_0000_0000, 0xFFFF_8883_0000_0000
SKB, SKB_PHYSICAL = 0xFFFF_8884_0000_0000, 0x2000_0000
BUFFER_BYTES, PAGE = 2048, 4096
SLOTS = 16


def frame(number: int, length: int = 200) -> bytes:
    """A frame whose every byte differs from that of the frames numbered before and after it."""
    return bytes((number * 37 + at * 11) & 0xFF for at in range(length - 4)) + number.to_bytes(4, "big")


@dataclass
class Stream:
    """`bytes_kept`: the recorder keeps the bytes of frames. `channel`: the card has a DMA channel."""

    bytes_kept: bool = True
    channel: bool = False
    slots: int = SLOTS
    events: list[Event] = field(default_factory=list)
    injected: list[bytes] = field(default_factory=list)
    echoed: list[bytes] = field(default_factory=list)
    _kept: list[bytes] = field(default_factory=list)
    _sends: int = 0
    _card: int = 0
    pause: int = 0
    """Nanoseconds in which nothing happened."""

    def setup(self) -> Stream:
        """The receive buffers, each a block of cached shared memory; or a channel."""
        if self.channel:
            return self.add("NdisMRegisterDmaChannel", 0x77, 0, 1, 65536)
        for slot in range(self.slots):
            self.add("NdisMAllocateSharedMemory", BUFFER_BYTES, 1, PHYSICAL + slot * PAGE, result=SHARED + slot * PAGE)
            self.add("NdisAllocateBuffer", 0, SHARED + slot * PAGE, BUFFER_BYTES, BUFFERS + slot)
        return self

    def add(
        self,
        function: str,
        a: int = 0,
        b: int = 0,
        c: int = 0,
        d: int = 0,
        result: int = 0,
        kind: RecordKind = RecordKind.CALL,
    ) -> Stream:
        number = len(self.events) + 1
        if function in CARD_EVENTS:
            self._card += 1
        sequence = self._card if function in CARD_EVENTS else number - self._card
        self.events.append(
            make_event(sequence, function, kind, Phase.RUN, 2, 0, 0, number * 1000 + self.pause, a, b, c, d, result)
        )
        return self

    def digest(self, data: bytes) -> int:
        if not self.bytes_kept:
            return crc32c(data)
        self._kept.append(data)
        return crc32c(data) | len(self._kept) << 32

    def frame_of(self, digest: int, length: int, card: bool) -> bytes | None:
        return self._kept[(digest >> 32) - 1][:length] if digest >> 32 else None

    # -- in ---------------------------------------------------------------------------------------------------
    def writes(self, data: bytes, slot: int, *, address: int = 0, posted: int = 0) -> Stream:
        """The device writes a frame into the buffer of a slot."""
        at = PHYSICAL + slot * PAGE
        if not self.channel:
            self.add("card.write", slot, posted or at, len(data), 1)
        return self.add("card.frame_in", slot, address or at, len(data), self.digest(data))

    def flushes_read(self, slot: int, length: int = BUFFER_BYTES) -> Stream:
        if self.channel:
            return self.add("NdisMCompleteDmaTransfer", 0x77, 0, BUFFER_BYTES, 0)
        return self.add("NdisFlushBuffer", BUFFERS + slot, SHARED + slot * PAGE, length, 0)

    def indicates(self, data: bytes, slot: int) -> Stream:
        """The CPU sees this in a slot's buffer; the driver of a channel has copied it to other memory."""
        buffer = 0 if self.channel else BUFFERS + slot
        return self.add("NdisMIndicateReceivePacket", PACKETS + slot, buffer, len(data), 0, self.digest(data))

    def receives(self, data: bytes, slot: int, *, seen: bytes | None = None) -> Stream:
        """A frame comes in, clean, except that the CPU may see other bytes."""
        self.injected.append(data)
        return self.writes(data, slot).flushes_read(slot).indicates(data if seen is None else seen, slot)

    # -- out --------------------------------------------------------------------------------------------------
    def sends(self, data: bytes, *, first: int = 0) -> int:
        """The protocol sends a frame, `first` bytes of it in the first of several buffers. Returns its number."""
        self._sends += 1
        number, buffer = self._sends, BUFFERS + 0x1000 + self._sends
        self.add("NdisAllocateBuffer", 0, SKB + number * PAGE, first or len(data), buffer)
        packet = PACKETS + 0x1000 + number
        self.add("MiniportSendPackets", packet, buffer, len(data), 1, self.digest(data), RecordKind.ENTER)
        if not self.channel:
            self.add("ScatterGatherElement", packet, 0, SKB_PHYSICAL + number * PAGE, len(data))
        return number

    def flushes_write(self, number: int, length: int) -> Stream:
        if self.channel:
            return self.add("NdisMSetupDmaTransfer", 0x77, 0, BUFFER_BYTES, 1)
        return self.add("NdisFlushBuffer", BUFFERS + 0x1000 + number, SKB + number * PAGE, length, 1)

    def reads(self, data: bytes, number: int, *, address: int = 0, posted: int = 0) -> Stream:
        """The device reads a frame."""
        at = SKB_PHYSICAL + number * PAGE
        if not self.channel:
            self.add("card.read", number, posted or at, len(data), 1)
        return self.add("card.frame_out", number, address or at, len(data), self.digest(data))

    def completes(self, data: bytes, number: int) -> Stream:
        return self.add("NdisMSendComplete", PACKETS + 0x1000 + number, 0, 0, 0, self.digest(data))

    def echoes(self, data: bytes, *, read: bytes | None = None) -> Stream:
        """A frame goes out, clean, except that the device may read other bytes."""
        number = self.sends(data)
        moved = data if read is None else read
        self.flushes_write(number, len(data)).reads(moved, number).completes(data, number)
        self.echoed.append(moved)
        return self

    def number_again(self) -> None:
        """Number the events again, after some were removed or added."""
        events, self.events, self._card = self.events, [], 0
        for event in events:
            self.add(event.function, *event[8:12], event.result, RecordKind(event.kind))

    # -- judged -----------------------------------------------------------------------------------------------
    def judged(self, *, wires: bool = True, noise: bytes = b"", refused: int = 0) -> Witnesses:
        """Judge all events as one chunk."""
        witnesses = Witnesses()
        witnesses.noise, witnesses.refused = noise, refused
        begin = next((n for n, event in enumerate(self.events) if event.function.startswith("card.")), 0)
        witnesses.feed(self.events[:begin], self.frame_of)
        witnesses.begin(self.injected)
        witnesses.feed(self.events[begin:], self.frame_of)
        witnesses.settle(self.injected if wires else None, self.echoed if wires and self.echoed else None)
        return witnesses

    def counts(self) -> Counter[str]:
        return Counter(self.judged().counts)

    def only(self) -> FrameFinding:
        """The one fault."""
        witnesses = self.judged()
        assert sum(witnesses.counts.values()) == 1, witnesses.counts
        return next(iter(witnesses.findings.values()))
