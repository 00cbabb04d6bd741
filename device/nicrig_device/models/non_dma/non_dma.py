# SPDX-License-Identifier: GPL-2.0-or-later
"""Non-DMA: frames lie in slots in the card's own memory, which the guest maps (docs/datasheet.md section 16)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.frames import Frames, Offsets, copy_pieces
from nicrig_device.models.base import Board, CardModel, Registry, Trait
from nicrig_device.models.queue import Queue, QueueWords
from nicrig_device.models.status_words import status_of
from nicrig_device.pci.interrupt import Interrupts, Source
from nicrig_device.recorder import TraceEvent
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.layout import RegisterBlock
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN, RX_SLOT_BLOCK, SLOT_FRAME, SLOTS, TX_SLOT_BLOCK
from nicrig_device.wire.framing import framed, split
from nicrig_interface.answers import RingState


class Slots:
    """The memory of one direction's slots, as bytes and as the words of each slot."""

    def __init__(self, board: Board, block: RegisterBlock) -> None:
        self.data = board.page.memory(block)
        self._stride = block.stride
        self.words: npt.NDArray[np.uint32] = self.data.view("<u4").reshape(block.count, -1)

    @staticmethod
    def numbers(index: int, count: int) -> Offsets:
        """Slot numbers of `count` slots from ring index `index` on."""
        return (index + np.arange(count)) % SLOTS

    def frame_offset(self, slots: Offsets) -> Offsets:
        """Where the frames of these slots begin."""
        return slots * self._stride + SLOT_FRAME


LENGTH, STATUS = registers.SENT_LENGTH.offset // 4, registers.SENT_STATUS.offset // 4


class NonDma(CardModel):
    """Two rings of slots; guest memory is never touched."""

    name = "non-dma"
    device_id = registers.DEVICE_ID_NON_DMA
    traits = Trait.COUNTS
    page_bytes = registers.RAM_BAR_BYTES
    has_ports = True
    blocks = ((registers.QUEUE_BLOCK, 1), (RX_SLOT_BLOCK, SLOTS), (TX_SLOT_BLOCK, SLOTS))

    def __init__(self, board: Board) -> None:
        self._board = board
        rx_words = QueueWords.of(registers.RX_TAIL, registers.RX_ARM, registers.RX_HEAD)
        tx_words = QueueWords.of(registers.TX_TAIL, registers.TX_ARM, registers.TX_HEAD)
        self.rx = Queue(board, rx_words, SLOTS, transmit=False)
        self.tx = Queue(board, tx_words, SLOTS, transmit=True)
        self.rx_slots, self.tx_slots = Slots(board, RX_SLOT_BLOCK), Slots(board, TX_SLOT_BLOCK)
        self.sources = (Source(0, rx_words.arm, rx_words.head, moderated=True), Source(0, tx_words.arm, tx_words.head))

    def add_registers(self, registry: Registry, interrupts: Interrupts) -> None:
        """It has none of its own: BAR0 has what all kinds have."""

    def rings(self) -> list[RingState]:
        return [self.rx.state("rx"), self.tx.state("tx")]

    def receive(self, frames: Frames) -> None:
        """Write frames and lengths into the next slots, then publish head."""
        count = min(self.rx.posted(), len(frames))
        taken = frames.select(slice(count))
        self._board.counters.add("rx_no_buffer", len(frames) - count)
        stamp, slots = self._board.trace.stamp(), self.rx_slots.numbers(self.rx.head, count)
        copy_pieces(self.rx_slots.data, self.rx_slots.frame_offset(slots), taken.data, taken.offset, taken.length)
        told = taken.length.astype(np.uint32)
        for hook in self._board.hooks.armed:
            hook.told_lengths(told)
        self.rx_slots.words[slots, LENGTH] = told
        if self._board.trace.frames:
            moved = Frames(self.rx_slots.data, self.rx_slots.frame_offset(slots), taken.length)
            self._board.trace.add_frames(TraceEvent.FRAME_IN, stamp, slots, 0, moved)
        self.rx.advance(count)
        self._board.counters.add("rx_frames", count)
        self._board.counters.add("rx_bytes", int(taken.length.sum()))

    def transmit(self) -> bool:
        """Send what the doorbell covers. Refuse a bad receive doorbell too."""
        self.rx.posted()
        count = self.tx.posted()
        if not count or self._board.egress.full():
            return False
        stamp, slots = self._board.trace.stamp(), self.tx_slots.numbers(self.tx.head, count)
        length = self.tx_slots.words[slots, LENGTH].astype(np.int64)  # the card's own copy
        codes = np.where((length >= FRAME_MIN) & (length <= FRAME_MAX), 0, Refusal.LENGTH).astype(np.uint16)
        good = codes == 0
        if not good.all():
            bad = int(good.argmin())
            text = f"transmit slot {slots[bad]} with a frame of {length[bad]} bytes"
            self.tx.refuse(Refusal.LENGTH, text, self.tx.head + bad, int(np.count_nonzero(~good)))
        frames = Frames(self.tx_slots.data, self.tx_slots.frame_offset(slots), length).select(good)
        sent = framed(frames)
        if self._board.trace.frames:
            self._board.trace.add_frames(TraceEvent.FRAME_OUT, stamp, slots[good], 0, split(sent)[0])
        self.tx_slots.words[slots, STATUS] = status_of(codes)
        self.tx.advance(count)
        self._board.egress.hand_over(sent, len(frames))
        return True

    def moved(self) -> bool:
        return self.tx.moved()

    def reset(self) -> None:
        self.rx.restart()
        self.tx.restart()
