# SPDX-License-Identifier: GPL-2.0-or-later
"""Non-DMA: frames lie in slots in the card's own memory, which the guest maps (docs/datasheet.md section 16)."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt

from nicrig_device.dma import ring_index
from nicrig_device.dma.frames import Frames, Offsets, copy_pieces
from nicrig_device.dma.memory import ALL, Region, RegionSpans
from nicrig_device.models.base import Board, CardModel, Registry, Trait
from nicrig_device.models.handover import Chosen, HandOver, some
from nicrig_device.models.queue import Queue, QueueWords
from nicrig_device.models.status_words import STATUS_DONE, status_of
from nicrig_device.pci.interrupt import Interrupts, Source
from nicrig_device.recorder import TraceEvent
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.findings import HandOverFinding
from nicrig_device.spec.layout import RegisterBlock
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN, RX_SLOT_BLOCK, SLOT_FRAME, SLOTS, TX_SLOT_BLOCK
from nicrig_device.timing import Addresses
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


class SlotQueue(Queue):
    """The queue of one direction's slots."""

    def __init__(self, board: Board, words: QueueWords, block: RegisterBlock, *, transmit: bool) -> None:
        self.slots = Slots(board, block)
        self._handed = HandOver(board, self._locate, transmit=transmit)
        self._handed.resize(SLOTS)
        self._glanced: dict[int, bytes] = {}
        """What slots to send held the moment that their doorbell was seen."""
        super().__init__(board, words, SLOTS, transmit=transmit)
        board.timing.watches.append(self)

    def _locate(self, slots: Addresses, _: Offsets) -> tuple[list[RegionSpans], Chosen]:
        offset = self.slots.frame_offset(slots.astype(np.int64))
        return [RegionSpans(Region(0, self.slots.data), ALL, offset)], np.ones(len(slots), bool)

    def glance(self) -> None:
        """Note what slots to send hold, or write noise into slots for receives.

        The last slot comes first: a driver that still copies is not there yet.
        """
        tail = self._words[self.words.tail]
        if not ring_index.valid_tail(tail, self.head, self.size):
            return
        memory, noise = self.slots.data.data, self._timing.noise.data
        slots = self.slots.numbers(self._tail, ring_index.distance(tail, self._tail))[::-1]
        for slot, begin in zip(slots.tolist(), self.slots.frame_offset(slots).tolist(), strict=True):
            if self.transmit:
                self._glanced[slot] = bytes(memory[begin : begin + FRAME_MAX])
            else:
                memory[begin : begin + FRAME_MAX] = noise

    def handed_over(self, index: int, count: int) -> None:
        """Write noise into slots for receives, note what slots to send hold."""
        slots = self.slots.numbers(index, count)
        length = self.slots.words[slots, LENGTH].astype(np.int64) if self.transmit else np.full(count, FRAME_MAX)
        self._handed.take(slots, slots.astype(np.uint64), length, length <= FRAME_MAX)
        self._compare_with_glance(slots, length)

    def _compare_with_glance(self, slots: Offsets, length: Offsets) -> None:
        """Report slots to send that the driver has written since."""
        glanced, self._glanced = self._glanced, {}
        memory = self.slots.data.data
        pieces = zip(slots.tolist(), length.tolist(), self.slots.frame_offset(slots).tolist(), strict=True)
        late = [
            slot
            for slot, size, begin in pieces
            if slot in glanced and glanced[slot][:size] != memory[begin : begin + min(size, FRAME_MAX)]
        ]
        changed = np.isin(slots, late)
        where, size = slots[changed], length[changed]
        self._handed.report(HandOverFinding.SEND_CHANGED, where.astype(np.uint64), size, where)

    def _done_unsent(self, slots: Offsets) -> None:
        self.slots.words[slots, STATUS] = STATUS_DONE

    def check(self, count: int) -> None:
        """Look at the next `count` slots again: the card uses them now."""
        slots = self.slots.numbers(self.head, count)
        self._handed.check(slots, slots)
        self._handed.watched[slots] = False

    def begin(self) -> None:
        """The card is unkind from now on: what it owns counts as handed over now."""
        self.handed_over(self.head, ring_index.distance(self._tail, self.head))

    def forget(self) -> None:
        """Nothing is watched any more."""
        self._glanced.clear()
        self._handed.forget()

    def restart(self) -> None:
        super().restart()
        self.forget()

    def look(self, chance: random.Random) -> bool:
        """Look at some of the slots that the card owns again. Returns whether it owns any."""
        owned = self.posted()
        if owned:
            slots = (self.head + some(chance, owned)) % SLOTS
            self._handed.check(slots, slots)
        return bool(owned)

    def wrote(self, start: Addresses, end: Addresses) -> None:
        """The card writes to no guest memory."""


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
        self.rx = SlotQueue(board, rx_words, RX_SLOT_BLOCK, transmit=False)
        self.tx = SlotQueue(board, tx_words, TX_SLOT_BLOCK, transmit=True)
        self.rx_slots, self.tx_slots = self.rx.slots, self.tx.slots
        self.doorbells = (rx_words.tail, tx_words.tail)
        self.sources = (Source(0, rx_words.arm, rx_words.head, moderated=True), Source(0, tx_words.arm, tx_words.head))

    def add_registers(self, registry: Registry, interrupts: Interrupts) -> None:
        """It has none of its own: BAR0 has what all kinds have."""

    def rings(self) -> list[RingState]:
        return [self.rx.state("rx"), self.tx.state("tx")]

    def receive(self, frames: Frames) -> None:
        """Take as many frames as there are free slots."""
        self.rx.fill(frames, self._write)

    def _write(self, frames: Frames) -> None:
        """Write frames and lengths into the next slots, then publish head."""
        count = min(self.rx.posted(), len(frames))
        self.rx.check(count)
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

    def glance(self) -> None:
        self.tx.glance()
        self.rx.glance()

    def give_up(self) -> None:
        self.tx.give_up()

    def transmit(self) -> bool:
        """Send what the doorbell covers. Refuse a bad receive doorbell too."""
        self.rx.posted()
        if not self.tx.posted() or self.tx.lane.busy or self._board.egress.full():
            return False
        self.tx.lane.then(self._send)
        return True

    def _send(self) -> None:
        if self._board.egress.full():
            return
        count = self._board.timing.part(self.tx.posted())
        self.tx.check(count)
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

    def moved(self) -> bool:
        return self.tx.moved()

    def reset(self) -> None:
        self.rx.restart()
        self.tx.restart()
