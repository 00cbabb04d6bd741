# SPDX-License-Identifier: GPL-2.0-or-later
"""A builder of streams: numbers the records, keeps phase, level and time, and gives out addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nicrig.verifier.constants import (
    ANY_ADDRESS,
    BUS_MASTER,
    BUS_PCI,
    DESERIALIZE,
    DEVICE_BUS_MASTER,
    FAILURE,
    LATCHED,
    PAGE,
    PENDING,
    REQUEST_ISR,
    RESOURCES,
    SAFE_BUFFER_APIS,
    SUCCESS,
)
from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.verifier.functions import BY_NAME, Detail, Irql, Phase, RecordKind
from nicrig.verifier.rules import RULES
from nicrig.verifier.severity import Severity
from nicrig.verifier.verdict import Violation
from nicrig.verifier.verifier import Verifier

PASSIVE, DISPATCH, DEVICE = Irql.PASSIVE, Irql.DISPATCH, Irql.DEVICE
ATTRIBUTES = BUS_MASTER | DESERIALIZE | SAFE_BUFFER_APIS
TAG = 0x6772636E
MEMORY = 0xFFFF888000000000
SHARED = 0xFFFF888100000000
PHYSICAL = 0x10000000
SEND_PHYSICAL = 0x40000000
OBJECTS = 0xFFFF888200000000
PROTOCOL = 0xFFFF888300000000
CONTROL = 0x18


@dataclass(frozen=True)
class SharedBlock:
    """A shared block: [address, address + length), `physical` for the card."""

    address: int
    physical: int
    length: int
    cached: bool


@dataclass(frozen=True)
class ReceiveBuffer:
    """What the bus-master miniport keeps for each descriptor."""

    block: SharedBlock
    packet: int
    buffer: int


@dataclass(frozen=True)
class Sent:
    """A packet of the protocol with its one buffer and one element."""

    packet: int
    buffer: int
    length: int
    physical: int


class Script:
    """Events in order. A method adds what its name says, as a clean guest does it by default."""

    def __init__(self, detail: Detail = Detail.FRAMES) -> None:
        self.events: list[Event] = []
        self.detail = detail
        self.phase = Phase.NONE
        self.irql: int = PASSIVE
        self.locks = 0
        self.cpu = 0
        self.time = 0
        self._sequence = 0
        self.context = 0
        self.reuse()

    def reuse(self) -> None:
        """Give the next things the addresses of the first ones."""
        self._memory, self._shared, self._physical = MEMORY, SHARED, PHYSICAL
        self._objects, self._protocol, self._sends = OBJECTS, PROTOCOL, SEND_PHYSICAL

    # -- events -----------------------------------------------------------------------------------------
    def call(self, function: str, result: int = 0, /, **arguments: int) -> Script:
        """The miniport calls NDIS, with the arguments that functions.py names."""
        return self._record(function, RecordKind.CALL, result, arguments)

    def enter(self, function: str, /, **arguments: int) -> Script:
        return self._record(function, RecordKind.ENTER, 0, arguments)

    def leave(self, function: str, result: int = 0, /) -> Script:
        return self._record(function, RecordKind.LEAVE, result, {})

    def card(self, event: str, /, **arguments: int) -> Script:
        """Add an event of the card."""
        names = CARD_EVENTS[event]
        assert set(arguments) <= set(names)
        values = (arguments.get(name, 0) for name in names)
        self.events.append(make_event(0, event, 0, 0, 0, 0, 0, 0, *values))
        return self

    def _record(self, function: str, kind: RecordKind, result: int, arguments: dict[str, int]) -> Script:
        declared = BY_NAME[function]
        assert set(arguments) <= set(declared.arguments)
        values = [arguments.get(name, 0) for name in declared.arguments]
        a, b, c, d = (*values, 0, 0, 0, 0)[:4]
        self.add(function, kind, a, b, c, d, result)
        return self

    def add(self, function: str, kind: RecordKind, a: int, b: int, c: int, d: int, result: int) -> None:
        declared, phase = BY_NAME[function], self.phase
        if declared.detail + (phase == Phase.PROTOCOL and kind == RecordKind.CALL) > self.detail:
            return
        self._sequence += 1
        self.time += 1000
        where = (phase, self.irql, self.locks, self.cpu, self.time)
        self.events.append(make_event(self._sequence, function, kind, *where, a, b, c, d, result))

    def lose(self, count: int) -> Script:
        """Leave out records: `count` numbers are skipped."""
        self._sequence += count
        return self

    @contextmanager
    def at(
        self, irql: int | None = None, *, phase: Phase | None = None, locks: int | None = None, cpu: int | None = None
    ) -> Iterator[Script]:
        """Events that are added inside have this level, phase, locks and CPU."""
        before = self.irql, self.phase, self.locks, self.cpu
        self.irql = self.irql if irql is None else irql
        self.phase = self.phase if phase is None else phase
        self.locks = self.locks if locks is None else locks
        self.cpu = self.cpu if cpu is None else cpu
        yield self
        self.irql, self.phase, self.locks, self.cpu = before

    def wait(self, seconds: float) -> Script:
        self.time += round(seconds * 1e9)
        return self

    # -- the adapter's life -----------------------------------------------------------------------------
    def begin(self, device: int = DEVICE_BUS_MASTER) -> Script:
        """MiniportInitialize is entered."""
        self.phase, self.irql = Phase.INITIALIZE, PASSIVE
        return self.enter("MiniportInitialize", device=device)

    def attributes(self, flags: int = ATTRIBUTES, bus: int = BUS_PCI) -> Script:
        self.context = self.memory(0x400)
        return self.call("NdisMSetAttributesEx", context=self.context, hang=2, flags=flags, bus=bus)

    def scatter_gather(self, dma64: int = 1, maximum: int = 1518) -> Script:
        return self.call("NdisMInitializeScatterGatherDma", dma64=dma64, maximum=maximum)

    def map_registers(self, base: int = 8, maximum: int = 1514, size: int = 1, result: int = SUCCESS) -> Script:
        return self.call("NdisMAllocateMapRegisters", result, size=size, base=base, maximum=maximum)

    def ready(self) -> Script:
        """Go to the step of MiniportInitialize in which a bus master may ask for shared memory."""
        return self.begin().attributes().scatter_gather()

    def succeed(self) -> Script:
        """MiniportInitialize returns SUCCESS; what follows runs in deferred calls."""
        self.leave("MiniportInitialize")
        self.phase, self.irql = Phase.RUN, DISPATCH
        return self

    def fail(self, status: int = RESOURCES) -> Script:
        self.leave("MiniportInitialize", status)
        self.phase = Phase.NONE
        return self

    def running(self) -> Script:
        return self.ready().succeed()

    def halting(self) -> Script:
        self.phase, self.irql = Phase.HALT, PASSIVE
        return self.enter("MiniportHalt")

    def halted(self) -> Script:
        """The adapter context goes, and MiniportHalt returns."""
        self.free(self.context)
        return self.returned()

    def returned(self) -> Script:
        self.leave("MiniportHalt")
        self.phase = Phase.NONE
        return self

    def unload(self, blocks: int = 0) -> Script:
        self.phase, self.irql = Phase.NONE, PASSIVE
        return self.enter("DriverUnload", blocks=blocks).leave("DriverUnload")

    # -- memory -----------------------------------------------------------------------------------------
    def next_memory(self, length: int) -> int:
        """The address of the next block of plain memory."""
        address = self._memory
        self._memory += (length + PAGE - 1) // PAGE * PAGE
        return address

    def memory(self, length: int = 0x100, tag: int = TAG) -> int:
        address = self.next_memory(length)
        self.call("NdisAllocateMemoryWithTag", address=address, length=length, tag=tag)
        return address

    def flagged(self, length: int, flags: int, highest: int = ANY_ADDRESS) -> int:
        address = self.next_memory(length)
        self.call("NdisAllocateMemory", address=address, length=length, flags=flags, highest=highest)
        return address

    def pool_memory(self, length: int = 0x100, kind: int = 0, tag: int = TAG) -> int:
        address = self.next_memory(length)
        self.call("ExAllocatePoolWithTag", address, type=kind, length=length, tag=tag)
        return address

    def free(self, address: int, length: int = 0, flags: int = 0) -> Script:
        return self.call("NdisFreeMemory", address=address, length=length, flags=flags)

    def shared(self, length: int = 0x800, cached: bool = True) -> SharedBlock:
        block = SharedBlock(self._shared, self._physical, length, cached)
        pages = (length + PAGE - 1) // PAGE * PAGE
        self._shared, self._physical = self._shared + pages, self._physical + pages
        self.call("NdisMAllocateSharedMemory", block.address, length=length, cached=cached, physical=block.physical)
        return block

    def no_shared(self, length: int = 0x800, cached: bool = True) -> Script:
        """An allocation of shared memory fails."""
        return self.call("NdisMAllocateSharedMemory", 0, length=length, cached=cached)

    def no_memory(self, length: int = 0x100) -> Script:
        return self.call("NdisAllocateMemoryWithTag", FAILURE, length=length, tag=TAG)

    def free_shared(self, block: SharedBlock) -> Script:
        asked = {"length": block.length, "cached": int(block.cached)}
        return self.call("NdisMFreeSharedMemory", **asked, address=block.address, physical=block.physical)

    # -- packets and buffers ----------------------------------------------------------------------------
    def handle(self) -> int:
        self._objects += 0x100
        return self._objects

    def packet_pool(self, count: int = 8, reserved: int = 32) -> int:
        pool = self.handle()
        self.call("NdisAllocatePacketPoolEx", pool=pool, count=count, reserved=reserved)
        return pool

    def buffer_pool(self, count: int = 8) -> int:
        pool = self.handle()
        self.call("NdisAllocateBufferPool", pool=pool, count=count)
        return pool

    def packet(self, pool: int) -> int:
        packet = self.handle()
        self.call("NdisAllocatePacket", pool=pool, packet=packet)
        return packet

    def buffer(self, pool: int, address: int, length: int = 0x800) -> int:
        buffer = self.handle()
        self.call("NdisAllocateBuffer", pool=pool, address=address, length=length, buffer=buffer)
        return buffer

    def chain(self, packet: int, buffer: int) -> Script:
        return self.call("NdisChainBufferAtFront", packet=packet, buffer=buffer)

    def receive_buffer(self, packets: int = 0, buffers: int = 0, length: int = 0x800) -> ReceiveBuffer:
        """A cached block with a packet and a buffer over it, from these pools or from new ones."""
        packets, buffers = packets or self.packet_pool(), buffers or self.buffer_pool()
        block = self.shared(length)
        packet = self.packet(packets)
        buffer = self.buffer(buffers, block.address, length)
        self.chain(packet, buffer)
        return ReceiveBuffer(block, packet, buffer)

    # -- receives ---------------------------------------------------------------------------------------
    def write(self, item: ReceiveBuffer, length: int = 60) -> Script:
        """The card writes a frame into the buffer."""
        return self.card("card.write", address=item.block.physical, length=length, status=1)

    def flush(self, buffer: int, *, write: bool) -> Script:
        return self.call("NdisFlushBuffer", buffer=buffer, write=write)

    def update(self, item: ReceiveBuffer, length: int = 60) -> Script:
        block = item.block
        return self.call("NdisMUpdateSharedMemory", length=length, address=block.address, physical=block.physical)

    def collect(self, item: ReceiveBuffer, length: int = 60) -> Script:
        """The miniport makes a received frame ready for the protocol."""
        self.flush(item.buffer, write=False)
        self.update(item, length)
        return self.adjust(item.buffer, length)

    def adjust(self, buffer: int, length: int) -> Script:
        return self.call("NdisAdjustBufferLength", buffer=buffer, length=length)

    def indicate(self, *items: ReceiveBuffer, length: int = 60, status: int = SUCCESS) -> Script:
        """The calls of one array; the answer follows."""
        for item in items:
            handed = {"packet": item.packet, "buffer": item.buffer}
            self.call("NdisMIndicateReceivePacket", **handed, length=length, status=status)
        return self

    def answer(self, count: int, kept: int | None = None) -> Script:
        """NdisMIndicateReceivePacket returns; bit i of `kept` says that packet i is PENDING."""
        for first in range(0, count, 64):
            some = min(64, count - first)
            mask = ((1 << count) - 1 if kept is None else kept) >> first & (1 << some) - 1
            self.add("NdisMIndicateReceivePacket", RecordKind.LEAVE, first, mask, some, 0, 0)
        return self

    def return_packet(self, item: ReceiveBuffer) -> Script:
        """MiniportReturnPacket; its end is recorded only if it changed something."""
        self.enter("MiniportReturnPacket", packet=item.packet)
        return self.adjust(item.buffer, 0x800)

    def received(self, item: ReceiveBuffer) -> Script:
        """A frame is written, made ready and indicated; the protocol has it now."""
        return self.write(item).collect(item).indicate(item).answer(1)

    # -- sends ------------------------------------------------------------------------------------------
    def outgoing(self, length: int = 60) -> Sent:
        """A packet of the protocol."""
        with self.at(phase=Phase.PROTOCOL):
            packet = Sent(self._protocol, self._protocol + 0x100, length, self._sends)
            self._protocol, self._sends = self._protocol + 0x200, self._sends + 0x800
            self.call("NdisAllocatePacket", pool=PROTOCOL, packet=packet.packet)
            self.call("NdisAllocateBuffer", pool=PROTOCOL, address=packet.packet, length=length, buffer=packet.buffer)
        return packet

    def send(self, *packets: Sent) -> Script:
        """NDIS hands an array down; the handler runs."""
        for each in packets:
            self.enter("MiniportSendPackets", packet=each.packet, buffer=each.buffer, length=each.length, elements=1)
            self.call("ScatterGatherElement", packet=each.packet, physical=each.physical, length=each.length)
        return self

    def place(self, *packets: Sent) -> Script:
        """The miniport queries and flushes them."""
        for each in packets:
            self.call("NdisQueryPacket", each.length, packet=each.packet)
            self.flush(each.buffer, write=True)
        return self

    def read(self, each: Sent) -> Script:
        """The card reads the packet's one element."""
        return self.card("card.read", address=each.physical, length=each.length, status=1)

    def complete(self, each: Sent, status: int = SUCCESS) -> Script:
        self.call("NdisMSendComplete", packet=each.packet, status=status)
        with self.at(phase=Phase.PROTOCOL):
            return self.call("NdisFreeBuffer", buffer=each.buffer).call("NdisFreePacket", packet=each.packet)

    def sending(self) -> Sent:
        """One packet that was handed down and flushed."""
        packet = self.outgoing()
        self.send(packet).place(packet).leave("MiniportSendPackets")
        return packet

    # -- the rest ---------------------------------------------------------------------------------------
    def interrupt(self, modes: int = REQUEST_ISR | LATCHED) -> int:
        interrupt = self.handle()
        self.call("NdisMRegisterInterrupt", interrupt=interrupt, vector=24, modes=modes)
        return interrupt

    def deregister(self, interrupt: int) -> Script:
        return self.call("NdisMDeregisterInterrupt", interrupt=interrupt)

    def control(self, value: int) -> Script:
        """The miniport writes the card's CONTROL."""
        return self.card("card.register", bar=0, offset=CONTROL, value=value)

    def ring(self, block: SharedBlock, size: int, *, transmit: bool) -> Script:
        return self.card("card.enable", transmit=transmit, base=block.physical, size=size)

    def request(self, length: int = 0x800, context: int = 7, status: int = PENDING) -> Script:
        return self.call("NdisMAllocateSharedMemoryAsync", status, length=length, cached=1, context=context)

    # -- judging ----------------------------------------------------------------------------------------
    def judge(self) -> Verifier:
        verifier = Verifier(self.detail)
        verifier.feed(self.events)
        return verifier

    @property
    def last(self) -> Event:
        return self.events[-1]


def fires(script: Script, rule: str, *, culprit: Event | None = None, severity: Severity | None = None) -> Violation:
    """Assert that `culprit`, by default the last event, broke the rule once and ends its evidence."""
    found = [each for each in script.judge().violations if each.rule == rule]
    assert len(found) == 1, found
    assert found[0].severity is (severity or RULES[rule].severity)
    assert found[0].evidence[-1] == (culprit or script.last)
    assert found[0].text
    return found[0]


def silent(script: Script) -> None:
    """Assert that nothing at all is reported."""
    assert [str(each) for each in script.judge().violations] == []
