# SPDX-License-Identifier: GPL-2.0-or-later
"""The things of the contract. Each remembers the event that made it, which is the first piece of evidence."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from nicrig.verifier.constants import CONTIGUOUS, NONCACHED
from nicrig.verifier.events import Event
from nicrig.verifier.groups import Chain, FreePacket
from nicrig.verifier.records import (
    CardEnable,
    CardRegister,
    CardReset,
    CardTaken,
    CardWrite,
    MiniportSendPackets,
    NdisAdjustBufferLength,
    NdisMCancelTimer,
    NdisMCompleteDmaTransfer,
    NdisMIndicateReceivePacket,
    NdisMInitializeTimer,
    NdisMSetPeriodicTimer,
    NdisMSetTimer,
    NdisMSetupDmaTransfer,
    NdisMStartBufferPhysicalMapping,
    NdisReinitializePacket,
    NdisWriteRegister,
    ScatterGatherElement,
)


class Family(enum.Enum):
    """Whose memory a block is, by the call that frees it."""

    MEMORY = "NdisFreeMemory"
    POOL = "ExFreePool"
    SHARED = "NdisMFreeSharedMemory"


@dataclass(slots=True, eq=False)
class Block:
    """A block of memory. `flags` are MemoryFlags or the POOL_TYPE; `physical` is a shared block's device address."""

    family: Family
    start: int
    length: int
    made: Event
    flags: int = 0
    tag: int = 0
    physical: int = 0
    cached: bool = False
    highest: int = 0
    asynchronous: bool = False
    buffers: dict[int, Buffer] = field(default_factory=dict)  # live ones that describe part of it, by descriptor
    objects: dict[int, str] = field(default_factory=dict)  # active timers, locks, interrupts inside it
    used: bool = False  # by the card, or described by a buffer
    flushed: bool = False  # a buffer of it was flushed with TRUE, or it was updated
    handed_over: bool = False  # the same, but since the last doorbell
    last_frame: tuple[int, CardWrite] | None = None  # the end of what the card wrote last, and the event

    @property
    def end(self) -> int:
        return self.start + self.length

    @property
    def contiguous(self) -> bool:
        return self.family is Family.MEMORY and bool(self.flags & CONTIGUOUS)

    @property
    def noncached(self) -> bool:
        return not self.cached if self.family is Family.SHARED else self.has_flags and bool(self.flags & NONCACHED)

    @property
    def has_flags(self) -> bool:
        return self.family is Family.MEMORY and self.flags != 0

    @property
    def scarce(self) -> bool:
        return self.contiguous or self.noncached

    def __str__(self) -> str:
        kind = "shared block" if self.family is Family.SHARED else "block"
        return f"{kind} {self.start:#x} of {self.length:#x} bytes"


@dataclass(slots=True, eq=False)
class Pool:
    """A packet or buffer pool; `used` descriptors are out."""

    handle: int
    limit: int
    made: Event
    reserved: int = 0
    used: int = 0


@dataclass(slots=True, eq=False)
class Packet:
    """A packet of the miniport. The protocol has it from its indication until it returns it."""

    address: int
    pool: Pool | None
    made: Event
    chain: list[int] = field(default_factory=list)
    chained: Chain | None = None
    indicated: NdisMIndicateReceivePacket | None = None  # while the protocol has it
    kept: bool = False  # the protocol said PENDING
    lent: tuple[int, int] = (0, 0)  # the numbers of the records between which the protocol had it last


@dataclass(slots=True, eq=False)
class Buffer:
    """An NDIS_BUFFER of the miniport's: [start, start + length), `original` bytes when it was made."""

    address: int
    pool: Pool | None
    start: int
    original: int
    length: int
    made: Event
    block: Block | None
    packet: int = 0  # the packet whose chain holds it
    orphan: FreePacket | NdisReinitializePacket | None = None  # its packet was freed or reinitialised under it
    dangling: tuple[Block, Event] | None = None  # its memory was freed under it
    adjusted: NdisAdjustBufferLength | None = None
    written: CardWrite | None = None  # the card wrote a frame into it, and then:
    flushed: bool = False  # flushed with FALSE, or updated: either is enough
    taken: tuple[int, CardTaken] | None = None  # an unkind card has it, if it still has this number of lives

    def __str__(self) -> str:
        return f"buffer {self.address:#x} over {self.start:#x}, {self.original:#x} bytes"


@dataclass(slots=True, eq=False)
class Send:
    """A packet that NDIS gave the miniport to send, until its completion."""

    packet: int
    buffer: int
    length: int
    made: MiniportSendPackets
    number: int
    array: int
    flushed: int = 0  # the number of the record that flushed it
    rung: NdisWriteRegister | None = None  # the last doorbell before that, if it was rung for this array
    elements: list[Element] = field(default_factory=list)
    overdue: bool = False


@dataclass(slots=True, eq=False)
class Mapping:
    """A map register in use."""

    index: int
    buffer: int
    made: NdisMStartBufferPhysicalMapping
    count: int
    elements: list[Element] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Element:
    """A range of device addresses that the card may read: of a scatter-gather list or of a map register."""

    physical: int
    length: int
    made: ScatterGatherElement | NdisMStartBufferPhysicalMapping
    owner: Send | Mapping
    read: bool = False


@dataclass(slots=True, eq=False)
class ChannelTransfer:
    """The last transfer that a DMA channel was set up for."""

    setup: NdisMSetupDmaTransfer
    active: bool = True
    completed: NdisMCompleteDmaTransfer | None = None

    @property
    def buffer(self) -> int:
        return self.setup.buffer

    @property
    def offset(self) -> int:
        return self.setup.offset

    @property
    def length(self) -> int:
        return self.setup.length

    @property
    def write(self) -> bool:
        return bool(self.setup.write)

    @property
    def good(self) -> bool:
        """Whether it is completed, and its data coherent."""
        return self.completed is not None and self.completed.result == 0


@dataclass(slots=True, eq=False)
class Channel:
    """A registered DMA channel."""

    handle: int
    maximum: int
    made: Event
    transfer: ChannelTransfer | None = None
    failed: NdisMSetupDmaTransfer | None = None  # the last Setup, if it failed


@dataclass(slots=True, eq=False)
class Timer:
    """A timer: `armed` while it is set and has not fired, `missed` when a cancel came too late."""

    address: int
    made: NdisMInitializeTimer
    armed: NdisMSetTimer | NdisMSetPeriodicTimer | None = None
    periodic: bool = False
    missed: NdisMCancelTimer | None = None


@dataclass(slots=True, eq=False)
class EnabledRing:
    """A ring of the card that is enabled."""

    transmit: bool
    base: int
    length: int  # bytes
    made: CardEnable


@dataclass(slots=True, eq=False)
class SeenCard:
    """What the card's own trace shows."""

    control: CardRegister | CardReset | None = None  # the last write to CONTROL
    interrupts: bool = False  # CONTROL.INTERRUPT
    rings: dict[bool, EnabledRing] = field(default_factory=dict)
    lives: int = 0  # how often it gave back all that it had for receives
