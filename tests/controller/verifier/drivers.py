# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean miniports of the three kinds: the sequences of docs/ndis51.md section 8, as guest_driver/miniport runs them."""

from __future__ import annotations

from nicrig.verifier.constants import (
    BUS_ISA,
    CONTIGUOUS,
    DESERIALIZE,
    DEVICE_NON_DMA,
    DEVICE_SUBORDINATE,
    NONCACHED,
    RESOURCES,
    SUCCESS,
)
from nicrig.verifier.functions import Detail, Phase
from tests.controller.verifier.script import DEVICE, DISPATCH, ReceiveBuffer, Script, Sent

BAR_BYTES = 0x1000
FRAME = 60


class Miniport(Script):
    """What the three kinds have in common."""

    def configuration(self) -> None:
        handle = self.handle()
        self.call("NdisOpenConfiguration", handle=handle).call("NdisReadConfiguration", handle=handle, value=64)
        self.call("NdisCloseConfiguration", handle=handle)

    def locks_made(self) -> None:
        self.rx_lock, self.tx_lock = self.context + 0x40, self.context + 0x80
        self.call("NdisAllocateSpinLock", lock=self.rx_lock).call("NdisAllocateSpinLock", lock=self.tx_lock)

    def locks_freed(self) -> None:
        self.call("NdisFreeSpinLock", lock=self.tx_lock).call("NdisFreeSpinLock", lock=self.rx_lock)

    def claim_context(self, flags: int, bus: int) -> None:
        self.context = self.memory(0x400)
        self.locks_made()
        self.configuration()
        self.call("NdisMSetAttributesEx", context=self.context, hang=2, flags=flags, bus=bus)
        self.call("NdisMQueryAdapterResources", size=200)

    def interrupted(self) -> None:
        """The card fires; the service routine runs, and then the deferred call begins."""
        self.card("card.interrupt", vector=0)
        with self.at(DEVICE):
            self.enter("MiniportISR").leave("MiniportISR", 3)
        self.enter("MiniportHandleInterrupt")

    def armed(self) -> None:
        self.leave("MiniportHandleInterrupt")
        self.enter("MiniportEnableInterrupt")  # its end is not recorded

    def life(self, frames: int = 3) -> None:
        """From load to unload, with frames both ways and a reset in the middle."""
        self.initialize()
        self.traffic(frames)
        self.reset()
        self.traffic(frames)
        self.halt()

    def initialize(self) -> None:
        raise NotImplementedError

    def traffic(self, frames: int) -> None:
        raise NotImplementedError

    def reset(self) -> None:
        raise NotImplementedError

    def halt(self) -> None:
        raise NotImplementedError


class BusMaster(Miniport):
    """guest_driver/miniport: scatter-gather, a cached block for each receive buffer, noncached rings."""

    def __init__(self, detail: Detail = Detail.FRAMES, size: int = 8) -> None:
        super().__init__(detail)
        self.size = size
        self.rx_index = self.tx_index = 0

    def initialize(self) -> None:
        self.reuse()
        self.begin()
        self.claim_context(0x2A8, 5)
        self.call("NdisReadPciSlotInformation", 4, length=4)
        self.bars = []
        for physical in (0xFEBF1000, 0xFEBF2000):
            self.bars.append(self.handle() << 12)
            self.call("NdisMMapIoSpace", physical=physical, length=BAR_BYTES, address=self.bars[-1])
        self.call("NdisMInitializeScatterGatherDma", dma64=1, maximum=1518)
        self.call("NdisMGetDmaAlignment", 64)
        self.tx_ring = self.shared(self.size * 16, cached=False)
        self.tx_slots = self.memory(self.size * 8)
        self.rx_ring = self.shared(self.size * 16, cached=False)
        self.rx_slots, self.rx_items = self.memory(self.size * 8), self.memory(self.size * 48)
        self.packets = self.packet_pool(self.size)
        self.buffers = self.buffer_pool(self.size)
        self.items = [self.receive_buffer(self.packets, self.buffers) for _ in range(self.size)]
        self.control(1).card("card.reset")
        self.line = self.interrupt()
        self.start()
        self.succeed()

    def start(self) -> None:
        """Enable the rings, post buffers, enable interrupts."""
        self.ring(self.rx_ring, self.size, transmit=False).ring(self.tx_ring, self.size, transmit=True)
        self.rx_index = self.tx_index = 0
        self.post(self.size)
        self.control(2)

    def post(self, tail: int) -> None:
        self.card("card.doorbell", transmit=0, tail=tail, head=self.rx_index, size=self.size)

    def traffic(self, frames: int) -> None:
        with self.at(DISPATCH):
            self.control(6)
            self.receive(frames)
            self.transmit(frames)
            for _ in range(frames):
                self.call("NdisStallExecution", microseconds=10)

    def receive(self, frames: int) -> None:
        """The card writes frames, the miniport indicates them as one array; most are kept, and returned later."""
        items = [self.items[(self.rx_index + each) % self.size] for each in range(min(frames, self.size))]
        for place, item in enumerate(items):
            self.card("card.write", index=self.rx_index + place, address=item.block.physical, length=FRAME, status=1)
        self.interrupted()
        self.receive_array(items)
        self.armed()

    def receive_array(self, items: list[ReceiveBuffer], kept: int | None = None, status: int = SUCCESS) -> None:
        with self.at(locks=1):
            for item in items:
                self.collect(item, FRAME)
        self.indicate(*items, length=FRAME, status=status)
        self.early_return(items)
        self.answer(len(items), kept)
        self.rx_index += len(items)
        for place, item in enumerate(items):
            if kept is not None and not kept >> place & 1:
                self.adjust(item.buffer, 0x800)
            elif place:
                with self.at(locks=1):
                    self.return_packet(item)
        self.post(self.size + self.rx_index)

    def early_return(self, items: list[ReceiveBuffer]) -> None:
        """The protocol gives the first packet back while its receive handler still runs."""
        self.return_packet(items[0])

    def receive_low(self, frames: int) -> None:
        """Few buffers are left: the packets are marked RESOURCES, so that the protocol copies them."""
        items = self.items[:frames]
        for item in items:
            self.write(item, FRAME)
        with self.at(DISPATCH):
            for item in items:
                self.collect(item, FRAME)
            self.indicate(*items, length=FRAME, status=RESOURCES).answer(frames, 0)
            for item in items:
                self.adjust(item.buffer, 0x800)

    def transmit(self, frames: int) -> None:
        """One array for the card, completed in the deferred call."""
        sent = [self.outgoing(FRAME) for _ in range(frames)]
        self.send(*sent)
        with self.at(locks=1):
            self.place(*sent)
        head, self.tx_index = self.tx_index, self.tx_index + frames
        self.card("card.doorbell", transmit=1, tail=self.tx_index, head=head, size=self.size)
        self.leave("MiniportSendPackets")
        for each in sent:
            self.read(each)
        self.interrupted()
        self.finish(sent)
        self.armed()

    def finish(self, sent: list[Sent], status: int = SUCCESS) -> None:
        for each in sent:
            self.complete(each, status)

    def reset(self) -> None:
        """Reset with a send pending that the card never read."""
        with self.at(DISPATCH):
            pending = self.sending()
            self.enter("MiniportReset")
            self.control(1).card("card.reset")
            self.finish([pending], 0xC001000D)
            self.start()
            self.leave("MiniportReset")

    def halt(self) -> None:
        """Halt with a send pending; a received packet comes back meanwhile."""
        with self.at(DISPATCH, phase=Phase.RUN):
            pending = self.sending()
            self.received(self.items[0])
        self.halting()
        self.control(1).card("card.reset")
        self.finish([pending], 0xC0000001)
        self.deregister(self.line)
        self.call("NdisMSleep", microseconds=1000)
        with self.at(DISPATCH, phase=Phase.RUN):
            self.return_packet(self.items[0])
        for bar in reversed(self.bars):
            self.call("NdisMUnmapIoSpace", address=bar, length=BAR_BYTES)
        self.free_receive()
        self.free(self.tx_slots, self.size * 8).free_shared(self.tx_ring)
        self.locks_freed()
        self.halted()

    def free_receive(self) -> None:
        for item in self.items:
            self.adjust(item.buffer, 0x800)
            self.call("NdisUnchainBufferAtFront", packet=item.packet, buffer=item.buffer)
            self.call("NdisFreeBuffer", buffer=item.buffer, length=0x800)
            self.call("NdisFreePacket", packet=item.packet).free_shared(item.block)
        self.call("NdisFreeBufferPool", pool=self.buffers).call("NdisFreePacketPool", pool=self.packets)
        self.free(self.rx_items, self.size * 48).free(self.rx_slots, self.size * 8).free_shared(self.rx_ring)


class Subordinate(Miniport):
    """Section 8.2: one DMA channel, two buffers in contiguous noncached memory."""

    LENGTH = 0x2000

    def initialize(self) -> None:
        self.reuse()
        self.begin(DEVICE_SUBORDINATE)
        self.context = self.memory(0x400)
        self.locks_made()
        self.configuration()
        flags = CONTIGUOUS | NONCACHED
        self.rx, self.tx = self.flagged(self.LENGTH, flags, 0xFFFFF), self.flagged(self.LENGTH, flags, 0xFFFFF)
        self.call("NdisMSetAttributesEx", context=self.context, hang=2, flags=DESERIALIZE, bus=BUS_ISA)
        self.call("NdisMRegisterIoPortRange", first=0xC000, count=16)
        self.pool, self.packets = self.buffer_pool(12), self.packet_pool(8)
        self.rx_buffer = self.buffer(self.pool, self.rx, self.LENGTH)
        self.tx_buffer = self.buffer(self.pool, self.tx, self.LENGTH)
        self.copy = self.memory(0x800)
        self.item = self.buffer(self.pool, self.copy, 0x800)
        self.up = self.packet(self.packets)
        self.chain(self.up, self.item)
        self.channel = self.handle()
        self.call("NdisMRegisterDmaChannel", handle=self.channel, channel=3, dma32=1, maximum=0x10000)
        self.line = self.interrupt()
        self.transfer(self.rx_buffer, write=False)
        self.succeed()

    def transfer(self, buffer: int, *, write: bool) -> None:
        self.call("NdisMSetupDmaTransfer", handle=self.channel, buffer=buffer, range=self.LENGTH, write=write)

    def completed(self, buffer: int, *, write: bool, result: int = SUCCESS) -> None:
        arguments = {"handle": self.channel, "buffer": buffer, "range": self.LENGTH, "write": int(write)}
        self.call("NdisMCompleteDmaTransfer", result, **arguments)

    def moved(self, *, write: bool) -> None:
        """The card moves one frame."""
        self.card("card.enable", transmit=write, base=0x80000, size=self.LENGTH)
        self.card("card.read" if write else "card.write", index=1, address=0x80000, length=FRAME, status=1)
        self.card("card.disable", transmit=write)

    def traffic(self, frames: int) -> None:
        with self.at(DISPATCH):
            for _ in range(frames):
                self.receive()
                self.transmit()

    def receive(self) -> None:
        self.moved(write=False)
        self.interrupted()
        self.call("NdisMReadDmaCounter", 0x1000, handle=self.channel)
        self.completed(self.rx_buffer, write=False)
        self.transfer(self.rx_buffer, write=False)
        self.adjust(self.item, FRAME)
        self.call("NdisMIndicateReceivePacket", packet=self.up, buffer=self.item, length=FRAME)
        self.answer(1, 0)
        self.adjust(self.item, 0x800)
        self.armed()

    def transmit(self) -> None:
        packet = self.outgoing(FRAME)
        self.send_copied(packet)
        self.completed(self.rx_buffer, write=False)
        self.transfer(self.tx_buffer, write=True)
        self.leave("MiniportSendPackets")
        self.moved(write=True)
        self.interrupted()
        self.completed(self.tx_buffer, write=True)
        self.complete(packet)
        self.transfer(self.rx_buffer, write=False)
        self.armed()

    def send_copied(self, packet: Sent) -> None:
        self.enter("MiniportSendPackets", packet=packet.packet, buffer=packet.buffer, length=packet.length)
        self.call("NdisQueryPacket", packet.length, packet=packet.packet)
        self.call("NdisQueryBufferSafe", 0xFFFF888000123000, buffer=packet.buffer, priority=16)

    def reset(self) -> None:
        with self.at(DISPATCH):
            self.enter("MiniportReset").card("card.reset")
            self.completed(self.rx_buffer, write=False, result=RESOURCES)
            self.transfer(self.rx_buffer, write=False)
            self.leave("MiniportReset")

    def halt(self) -> None:
        self.halting()
        self.card("card.reset")
        self.deregister(self.line)
        self.completed(self.rx_buffer, write=False)
        self.call("NdisMDeregisterDmaChannel", handle=self.channel)
        self.call("NdisUnchainBufferAtFront", packet=self.up, buffer=self.item)
        for buffer, length in ((self.item, 0x800), (self.tx_buffer, self.LENGTH), (self.rx_buffer, self.LENGTH)):
            self.call("NdisFreeBuffer", buffer=buffer, length=length)
        self.call("NdisFreePacket", packet=self.up)
        self.call("NdisFreePacketPool", pool=self.packets).call("NdisFreeBufferPool", pool=self.pool)
        self.free(self.copy)
        for memory in (self.tx, self.rx):
            self.free(memory, self.LENGTH, CONTIGUOUS | NONCACHED)
        self.call("NdisMDeregisterIoPortRange", first=0xC000, count=16)
        self.locks_freed()
        self.halted()


class NonDma(Miniport):
    """Section 8.3: ports, the card's own memory, and a timer that polls."""

    def initialize(self) -> None:
        self.reuse()
        self.begin(DEVICE_NON_DMA)
        self.claim_context(DESERIALIZE, BUS_ISA)
        self.call("NdisMRegisterIoPortRange", first=0xC000, count=16)
        self.ram = self.handle() << 12
        self.call("NdisMMapIoSpace", physical=0xFEBF0000, length=0x80000, address=self.ram)
        self.call("NdisRawWritePort", port=0xC000, bytes=4).call("NdisRawReadPort", port=0xC004, bytes=4)
        self.pool, self.packets = self.buffer_pool(4), self.packet_pool(4)
        self.copy = self.memory(0x800)
        self.item = self.buffer(self.pool, self.copy, 0x800)
        self.up = self.packet(self.packets)
        self.chain(self.up, self.item)
        self.line = self.interrupt()
        self.timer = self.context + 0x100
        self.call("NdisMInitializeTimer", timer=self.timer)
        self.call("NdisMSetPeriodicTimer", timer=self.timer, milliseconds=10)
        self.succeed()

    def traffic(self, frames: int) -> None:
        with self.at(DISPATCH):
            for _ in range(frames):
                self.enter("MiniportTimer", timer=self.timer)
                self.receive()
                self.transmit()

    def receive(self) -> None:
        self.interrupted()
        self.call("NdisRawReadPort", port=0xC008, bytes=FRAME)
        self.adjust(self.item, FRAME)
        self.call("NdisMIndicateReceivePacket", packet=self.up, buffer=self.item, length=FRAME, status=RESOURCES)
        self.answer(1, 0)
        self.adjust(self.item, 0x800)
        self.armed()

    def transmit(self) -> None:
        packet = self.outgoing(FRAME)
        self.enter("MiniportSendPackets", packet=packet.packet, buffer=packet.buffer, length=packet.length)
        self.call("NdisQueryPacket", packet.length, packet=packet.packet)
        self.call("NdisQueryBufferSafe", 0xFFFF888000123000, buffer=packet.buffer, priority=16)
        self.call("NdisRawWritePort", port=0xC008, bytes=FRAME)
        self.complete(packet)
        self.leave("MiniportSendPackets")

    def reset(self) -> None:
        with self.at(DISPATCH):
            self.enter("MiniportReset").card("card.reset")
            self.call("NdisRawWritePort", port=0xC000, bytes=4).leave("MiniportReset")

    def halt(self) -> None:
        self.halting()
        self.call("NdisMCancelTimer", 1, timer=self.timer)
        self.card("card.reset")
        self.deregister(self.line)
        self.call("NdisMUnmapIoSpace", address=self.ram, length=0x80000)
        self.call("NdisMDeregisterIoPortRange", first=0xC000, count=16)
        self.call("NdisUnchainBufferAtFront", packet=self.up, buffer=self.item)
        self.call("NdisFreeBuffer", buffer=self.item, length=0x800).call("NdisFreePacket", packet=self.up)
        self.call("NdisFreePacketPool", pool=self.packets).call("NdisFreeBufferPool", pool=self.pool)
        self.free(self.copy)
        self.locks_freed()
        self.halted()


KINDS = {"bus master": BusMaster, "subordinate": Subordinate, "non-DMA": NonDma}
