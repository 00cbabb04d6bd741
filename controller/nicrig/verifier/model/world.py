# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that exists now, and a bounded memory of what existed just before."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator, Sized
from dataclasses import dataclass

from nicrig.verifier.constants import BUS_MASTER, DESERIALIZE
from nicrig.verifier.events import Enter, Event, Leave
from nicrig.verifier.functions import Irql
from nicrig.verifier.groups import Allocations, ExAllocate, MemoryAndPools, Retried
from nicrig.verifier.model.elements import Elements
from nicrig.verifier.model.things import (
    Block,
    Buffer,
    Channel,
    Element,
    Family,
    Mapping,
    Packet,
    Pool,
    SeenCard,
    Send,
    Timer,
)
from nicrig.verifier.ranges import Ranges, Recent
from nicrig.verifier.records import (
    MiniportHalt,
    MiniportInitialize,
    NdisAllocateMemory,
    NdisAllocateSpinLock,
    NdisMAllocateMapRegisters,
    NdisMAllocateSharedMemory,
    NdisMAllocateSharedMemoryAsync,
    NdisMIndicateReceivePacket,
    NdisMInitializeScatterGatherDma,
    NdisMMapIoSpace,
    NdisMRegisterInterrupt,
    NdisMRegisterIoPortRange,
    NdisMSetAttributesEx,
    NdisOpenConfiguration,
    NdisWriteRegister,
)

LIMIT = 1 << 17
"""The most live things of one sort that are followed. Beyond that, the judge goes on as after lost records."""


class AdapterState(enum.Enum):
    """The state of the adapter."""

    INITIALIZING = 1
    RUNNING = 2
    HALTING = 3
    GONE = 4
    UNKNOWN = 5  # records were lost


@dataclass(slots=True, eq=False)
class Adapter:
    """The adapter from MiniportInitialize to MiniportHalt. `whole` is False when records of it were lost."""

    device: int
    entered: MiniportInitialize | None
    state: AdapterState = AdapterState.INITIALIZING
    whole: bool = True
    attributes: NdisMSetAttributesEx | None = None
    context: Block | None = None
    context_freed: Event | None = None
    scatter_gather: NdisMInitializeScatterGatherDma | None = None
    map_registers: NdisMAllocateMapRegisters | None = None
    alignment: int = 0
    width: int = 64  # bits of device address that the miniport declared
    interrupt: NdisMRegisterInterrupt | None = None  # the registration, while it holds
    halt: MiniportHalt | None = None
    removed: bool = False  # pulled without notice
    freed_under_interrupt: MemoryAndPools | None = None
    logged: bool = False
    last_allocation: Allocations | None = None
    allocation_failed: bool = False
    scarce_failure: NdisAllocateMemory | NdisMAllocateSharedMemory | None = None
    asked_for_less: bool = False
    retry: Retried | None = None  # the last call failed, and nothing was freed since
    failures: int = 0  # in a row, of calls that may be repeated for less
    pool_failure: ExAllocate | None = None  # ExAllocatePool, since a handler was entered
    ring_seen: bool = False

    @property
    def flags(self) -> int:
        return self.attributes.flags if self.attributes else 0

    @property
    def bus_master(self) -> bool:
        return bool(self.flags & BUS_MASTER)

    @property
    def deserialized(self) -> bool:
        return bool(self.flags & DESERIALIZE)


STORES = 16
"""More registers than a driver writes between a doorbell and the moment when the card obeys it."""


class World:
    """The model. `frames`: events of single frames are recorded. `certain`: nothing exists that is not in it."""

    def __init__(self, *, frames: bool) -> None:
        self.frames = frames
        self.certain = True
        self.adapter: Adapter | None = None
        self.card = SeenCard()
        self.entered: dict[tuple[str, int], Enter] = {}
        self.leaked: Ranges[Block] = Ranges()  # of adapters that are gone
        self._make_tables()

    def _make_tables(self) -> None:
        """Make empty tables for what exists only as long as the adapter."""
        self.blocks: Ranges[Block] = Ranges()
        self.granted: Ranges[Block] = Ranges()  # shared blocks, by device address
        self.packet_pools: dict[int, Pool] = {}
        self.buffer_pools: dict[int, Pool] = {}
        self.packets: dict[int, Packet] = {}
        self.buffers: dict[int, Buffer] = {}
        self.indicating: dict[int, list[tuple[Packet, NdisMIndicateReceivePacket]]] = {}
        self.sends: dict[int, Send] = {}
        self.unflushed: dict[int, Send] = {}  # by the buffer that must be flushed
        self.array = self.sent = 0
        self.read_last: Send | None = None
        self.stores: deque[NdisWriteRegister] = deque(maxlen=STORES)  # the last writes of registers
        self.rung: NdisWriteRegister | None = None  # the last transmit doorbell that the card obeyed
        self.posts: deque[NdisWriteRegister] = deque(maxlen=STORES)  # the last receive doorbells that it rang
        self.tail: NdisWriteRegister | None = None  # the last one that the miniport rang
        self.elements = Elements()
        self.mappings: dict[int, Mapping] = {}
        self.channels: dict[int, Channel] = {}
        self.asynchronous: dict[int, list[NdisMAllocateSharedMemoryAsync]] = {}
        self.interrupts: dict[int, NdisMRegisterInterrupt] = {}
        self.timers: dict[int, Timer] = {}
        self.locks: dict[int, NdisAllocateSpinLock] = {}
        self.ports: Ranges[NdisMRegisterIoPortRange] = Ranges()
        self.io_space: Ranges[NdisMMapIoSpace] = Ranges()
        self.configurations: dict[int, NdisOpenConfiguration] = {}
        self.failed: dict[str, Event] = {}
        self.freed_blocks: Recent[tuple[Block, Event]] = Recent()
        self.freed_packets: Recent[tuple[Packet, Event]] = Recent()
        self.freed_buffers: Recent[tuple[Buffer, Event]] = Recent()
        self.freed_pools: Recent[tuple[Pool, Event]] = Recent()
        self.freed_objects: Recent[tuple[Event, Event]] = Recent()
        self.ended_sends: Recent[tuple[Send, Event]] = Recent()
        self.ended_buffers: Recent[tuple[Send, Event]] = Recent()
        self.ended_elements: Recent[tuple[Element, Event]] = Recent()

    def begin(self, event: MiniportInitialize) -> None:
        """MiniportInitialize is entered: the adapter has nothing yet, so the model is complete again."""
        self._make_tables()
        if not self.certain:
            self.leaked.clear()
        self.certain = True
        self.adapter = Adapter(event.device, event)

    def end(self) -> None:
        """MiniportHalt returned, or MiniportInitialize failed: the checks have reported what is left."""
        for block in self.blocks:
            if len(self.leaked) < LIMIT:
                self.leaked.add(block.start, block.length, block)
        freed = self.freed_blocks
        self._make_tables()
        self.freed_blocks = freed  # evidence for a store that the layer sees when the adapter is gone
        if self.adapter:
            self.adapter.state = AdapterState.GONE

    def unload(self) -> None:
        """The driver is unloaded: nothing is left."""
        self.leaked.clear()
        self._make_tables()
        self.adapter = None
        self.entered.clear()

    def forget(self) -> None:
        """Records were lost: forget everything, and report nothing because of what the model does not have."""
        self.certain = False
        self.leaked.clear()
        self.entered.clear()
        self._make_tables()
        self.adapter = Adapter(0, None, AdapterState.UNKNOWN, whole=False)
        self.card = SeenCard()

    def entry(self, event: Leave) -> Enter | None:
        """The entry of the handler that returns here, also if it returns at another level."""
        return self.entered.get((event.function, event.cpu)) or self.entered.get((event.function, -1))

    def room(self, table: Sized) -> bool:
        """Whether one more thing can be followed. If not, the model is incomplete from here on."""
        if len(table) < LIMIT:
            return True
        self.certain = False
        return False

    @property
    def whole(self) -> bool:
        """Whether the adapter's attributes, gates and registrations are all known."""
        return self.adapter is not None and self.adapter.whole

    @property
    def live(self) -> int:
        """How many things are followed: bounded by what exists in the guest, not by the stream."""
        tables = (
            *(
                self.blocks,
                self.leaked,
                self.granted,
                self.packet_pools,
                self.buffer_pools,
                self.packets,
                self.buffers,
                self.sends,
            ),
            *(self.unflushed, self.elements, self.mappings, self.channels, self.asynchronous, self.interrupts),
            *(self.timers, self.locks, self.ports, self.io_space, self.configurations, self.failed, self.entered),
        )
        return sum(len(table) for table in tables) + sum(len(each) for each in self.indicating.values())

    def left(self) -> Iterator[tuple[str, list[Event]]]:
        """What the miniport still has, by sort, each with the events that made it."""
        yield "interrupt", list(self.interrupts.values())
        yield "timer", [timer.armed for timer in self.timers.values() if timer.armed]
        yield "block of memory", [block.made for block in self.blocks if block.family is not Family.SHARED]
        yield "shared block", [block.made for block in self.blocks if block.family is Family.SHARED]
        yield "packet", [packet.made for packet in self.packets.values()]
        yield "buffer", [buffer.made for buffer in self.buffers.values()]
        yield "packet pool", [pool.made for pool in self.packet_pools.values()]
        yield "buffer pool", [pool.made for pool in self.buffer_pools.values()]
        adapter = self.adapter
        yield "set of map registers", [adapter.map_registers] if adapter and adapter.map_registers else []
        yield "DMA channel", [channel.made for channel in self.channels.values()]
        yield "port range", list(self.ports)
        yield "device memory mapping", list(self.io_space)
        yield "spin lock", list(self.locks.values())
        yield "configuration handle", list(self.configurations.values())


def where(event: Event) -> int:
    """The task that made the record: its CPU at DISPATCH_LEVEL and above, -1 below, where a task may move."""
    return event.cpu if event.irql >= Irql.DISPATCH else -1
