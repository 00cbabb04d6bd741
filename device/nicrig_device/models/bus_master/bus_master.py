# SPDX-License-Identifier: GPL-2.0-or-later
"""The bus master: frames go through rings of descriptors in guest memory (docs/datasheet.md sections 3 to 5)."""

from __future__ import annotations

from nicrig_device.dma.frames import Frames
from nicrig_device.models.base import Board, CardModel, Registry, Trait
from nicrig_device.models.bus_master.receive import ReceivePath
from nicrig_device.models.bus_master.transmit import TransmitPath
from nicrig_device.models.queue import QueueWords, Ring
from nicrig_device.pci.interrupt import Interrupts, Source
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.layout import RegisterBlock
from nicrig_interface.answers import RingState

MASK_32 = (1 << 32) - 1


class BusMaster(CardModel):
    """One queue pair."""

    name = "bus-master"
    device_id = registers.DEVICE_ID_BUS_MASTER
    traits = Trait.DMA | Trait.DESCRIPTORS
    queues = registers.QUEUES
    ring_max = registers.RING_MAX
    blocks = ((registers.QUEUE_BLOCK, registers.QUEUES),)

    def __init__(self, board: Board) -> None:
        rx_words = QueueWords.of(registers.RX_TAIL, registers.RX_ARM, registers.RX_HEAD)
        tx_words = QueueWords.of(registers.TX_TAIL, registers.TX_ARM, registers.TX_HEAD)
        self.rx = Ring(board, rx_words, transmit=False)
        self.tx = Ring(board, tx_words, transmit=True)
        self.doorbells = (rx_words.tail, tx_words.tail)
        self.sources = (Source(0, rx_words.arm, rx_words.head, moderated=True), Source(0, tx_words.arm, tx_words.head))
        self._receive_path = ReceivePath(board, self.rx)
        self._transmit_path = TransmitPath(board, self.tx)

    def receive(self, frames: Frames) -> None:
        self._receive_path.deliver(frames)

    def transmit(self) -> bool:
        """Send what the doorbell covers. Refuse a bad receive doorbell too."""
        self.rx.posted()
        return self._transmit_path.send()

    def give_up(self) -> None:
        self.tx.give_up()

    def glance(self) -> None:
        self.tx.glance()
        self.rx.glance()

    def moved(self) -> bool:
        return self.tx.moved()

    def reset(self) -> None:
        self.rx.reset()
        self.tx.reset()

    def rings(self) -> list[RingState]:
        return [self.rx.state("rx", self.rx.base), self.tx.state("tx", self.tx.base)]

    def add_registers(self, registry: Registry, interrupts: Interrupts) -> None:
        _add_ring(registry, interrupts, registers.RX_BLOCK, self.rx)
        _add_ring(registry, interrupts, registers.TX_BLOCK, self.tx)


def _add_ring(registry: Registry, interrupts: Interrupts, block: RegisterBlock, ring: Ring) -> None:
    def may_shape() -> bool:
        if ring.enabled:
            ring.refuse(Refusal.ACCESS, "base or size written while the ring is enabled")
        return not ring.enabled

    def write_base_low(value: int) -> None:
        if may_shape():
            ring.base = ring.base >> 32 << 32 | value

    def write_base_high(value: int) -> None:
        if may_shape():
            ring.base = value << 32 | ring.base & MASK_32

    def write_size(value: int) -> None:
        if may_shape():
            ring.size = value

    def write_control(value: int) -> None:
        if value and not ring.enabled:
            ring.enable()
            interrupts.forget(ring.words.arm)
        elif not value:
            ring.disable()

    registry.add(block, registers.RING_BASE_LOW, lambda: ring.base & MASK_32, write_base_low)
    registry.add(block, registers.RING_BASE_HIGH, lambda: ring.base >> 32, write_base_high)
    registry.add(block, registers.RING_SIZE, lambda: ring.size, write_size)
    registry.add(block, registers.RING_CONTROL, lambda: int(ring.enabled), write_control)
