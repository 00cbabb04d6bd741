# SPDX-License-Identifier: GPL-2.0-or-later
"""Subordinate DMA: frames move in transfers on one channel that the platform sets up (docs/datasheet.md section 15)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial

import numpy as np

from nicrig_device.dma import ring_index
from nicrig_device.dma.barrier import full_barrier
from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.dma.memory import OutsideMemoryError
from nicrig_device.dma.transfer import INDEX, TRANSMIT, Transfer
from nicrig_device.ledger.ledger import Touch
from nicrig_device.models.base import Board, CardModel, Registry, Trait
from nicrig_device.models.handover import HandOver
from nicrig_device.models.status_words import STATUS_DONE, refused_status
from nicrig_device.models.subordinate.fifo import Fifo
from nicrig_device.models.subordinate.packing import packed_starts, put_lengths, unpack
from nicrig_device.pci.interrupt import Interrupts, Source
from nicrig_device.recorder import Grant, TraceEvent
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.registers import (
    BUFFER_MAX,
    CHANNEL_BLOCK,
    CHANNEL_CONTROL,
    FRAME_MAX,
    TRANSFER_BLOCK,
    TRANSFER_STATUS,
)
from nicrig_device.timing import Addresses, Lane
from nicrig_device.wire.framing import framed
from nicrig_interface.answers import RingState

ENABLE, WRITE_TO_DEVICE = CHANNEL_CONTROL.field("ENABLE").mask, CHANNEL_CONTROL.field("WRITE_TO_DEVICE").mask


class RefusedTransferError(Exception):
    """A transfer that the card does not begin; the text says why."""

    def __init__(self, refusal: Refusal, text: str) -> None:
        super().__init__(text)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Moved:
    """What a transfer has moved: whole frames, bytes of the buffer, and what is wrong with the rest."""

    frames: int
    size: int
    refusal: Refusal | None = None


class Subordinate(CardModel):
    """One channel, half duplex, and a FIFO for frames that come in while it is not set up."""

    name = "subordinate"
    device_id = registers.DEVICE_ID_SUBORDINATE
    traits = Trait.DMA | Trait.COUNTS
    blocks = ((CHANNEL_BLOCK, 1), (TRANSFER_BLOCK, 1))

    def __init__(self, board: Board) -> None:
        self._board = board
        self._trace = board.trace
        self._words = board.page.words
        self._fifo = Fifo(registers.FIFO_FRAMES, registers.FIFO_BYTES)
        self._address_low, self._address_high, self._length, self._control, self._count, self._active = (
            board.page.index(CHANNEL_BLOCK, register) for register in CHANNEL_BLOCK.registers
        )
        self._start, receive_arm, done_arm, self._received, self._waiting, self._status, self._done = (
            board.page.index(TRANSFER_BLOCK, register) for register in TRANSFER_BLOCK.registers
        )
        self.doorbells = (self._start, self._start)
        self.sources = (Source(0, receive_arm, self._received, moderated=True), Source(0, done_arm, self._done))
        self._lane = Lane(board.timing)
        self._handed = {transmit: HandOver(board, board.memory.locate, transmit=transmit) for transmit in (False, True)}
        for handed in self._handed.values():
            handed.resize(1)
        board.timing.watches.append(self)
        self._forget()

    def _forget(self) -> None:
        self._fifo.clear()
        self._lane.clear()
        self.forget()
        self._taken = 0
        """Frames that the FIFO has taken."""
        self._ended = self._noticed = 0
        """START when the last transfer ended, and when `transmit` last read it."""

    def add_registers(self, registry: Registry, interrupts: Interrupts) -> None:
        registry.add(registers.DMA_BLOCK, registers.STOP, None, self._stop)

    def reset(self) -> None:
        self._board.counters.add("rx_disabled", len(self._fifo))
        self._forget()

    def rings(self) -> list[RingState]:
        """The FIFO, and the channel, whose size is in bytes and whose head and tail count transfers."""
        waiting, start = len(self._fifo), self._words[self._start]
        transfer = self._read_transfer(start)
        enabled, posted = bool(transfer.control & ENABLE), int(start != self._ended)
        moved = ring_index.distance(self._taken, waiting)
        return [
            RingState("fifo", 0, True, None, registers.FIFO_FRAMES, moved, self._taken, waiting),
            RingState(
                "channel", 0, enabled, transfer.address, transfer.length, self._ended & INDEX, transfer.index, posted
            ),
        ]

    def receive(self, frames: Frames) -> None:
        """Put the batch into the FIFO."""
        count = self._fifo.push(frames)
        self._board.counters.add("rx_no_buffer", len(frames) - count)
        self._taken = ring_index.advance(self._taken, count)
        self._words[self._waiting] = len(self._fifo)
        self._words[self._received] = self._taken

    def moved(self) -> bool:
        return self._words[self._start] != self._noticed

    def glance(self) -> None:
        """START says nothing that could change later."""

    def transmit(self) -> bool:
        """Run the transfer that START asks for, to its end. Frames to send wait until the wire has room."""
        start = self._noticed = self._words[self._start]
        if start == self._ended or self._lane.busy or (start & TRANSMIT and self._board.egress.full()):
            return False
        # ACTIVE before the channel is read: a driver that takes the channel down sees ACTIVE, or was seen (section 15).
        self._words[self._active] = 1
        full_barrier()
        transfer = self._read_transfer(start)
        self._board.ledger.update()
        for hook in self._board.hooks.armed:
            transfer = hook.transfer(transfer)
        if self._board.timing.unkind:
            self._hand_over(transfer)
        self._lane.then(partial(self._move, start, transfer))
        return True

    def _move(self, start: int, transfer: Transfer) -> None:
        """Run the transfer that `start` asked for. Its end is published after that."""
        self._look_again(transfer)
        try:
            moved = self._run(transfer)
        except RefusedTransferError as error:
            self._refuse(transfer, error.refusal, str(error))
            moved = Moved(0, 0, error.refusal)
        status = TRANSFER_STATUS.pack(
            FRAMES=self._told_frames(moved.frames, transmit=transfer.transmit),
            ERROR=int(moved.refusal is not None),
            CODE=moved.refusal or 0,
        )
        self._lane.next(partial(self._end, start, transfer.length - moved.size, status))

    def _read_transfer(self, start: int) -> Transfer:
        words = self._words
        address = words[self._address_high] << 32 | words[self._address_low]
        return Transfer(start, address, words[self._length], words[self._control])

    def _end(self, start: int, left: int, status: int) -> None:
        """Publish how the transfer ended, DONE last."""
        self._ended = start
        self._words[self._count] = left
        self._words[self._status] = status
        self._words[self._active] = 0
        self._words[self._done] = start & INDEX

    def _stop(self, _: int) -> None:
        """STOP: a transfer that has begun ends now. One that START asks for ends before it begins."""
        self._lane.finish()
        self._words[self._control] = 0
        self._noticed = self._words[self._start]
        self._end_unmoved()

    def give_up(self) -> None:
        self._lane.clear()
        self._end_unmoved()

    def _end_unmoved(self) -> None:
        """The transfer that was last noticed ends now, with an error, if it has not ended."""
        if self._noticed != self._ended:
            self._end(self._noticed, self._words[self._length], TRANSFER_STATUS.pack(ERROR=1))

    # -- what an unkind card notes at START -----------------------------------------------------------
    def _hand_over(self, transfer: Transfer) -> None:
        """The buffer is the card's: note what it will send, or write noise where frames will lie."""
        try:
            self._check(transfer)
        except RefusedTransferError:
            return
        size, access = transfer.length, Grant.READ
        if not transfer.transmit:
            size, access = min(self._fifo.fits(size)[1], FRAME_MAX), Grant.WRITE
        address, length = np.array([transfer.address], np.uint64), np.array([transfer.length])
        chosen = self._board.ledger.covers(address, length, access, streaming_only=True)
        self._handed[transfer.transmit].take(np.zeros(1, np.int64), address, np.array([size]), chosen)

    def _look_again(self, transfer: Transfer) -> None:
        handed, slot = self._handed[transfer.transmit], np.zeros(1, np.int64)
        handed.check(slot, slot + transfer.index)
        self.forget()

    def begin(self) -> None:
        """A transfer that is under way is not watched; the next one is."""

    def forget(self) -> None:
        """Nothing is watched any more."""
        for handed in self._handed.values():
            handed.forget()

    def look(self, _: random.Random) -> bool:
        """Look at the buffer of the transfer again. Returns whether there is one."""
        slot = np.zeros(1, np.int64)
        for handed in self._handed.values():
            handed.check(slot, slot + (self._words[self._start] & INDEX))
        return bool(self._words[self._active])

    def wrote(self, start: Addresses, end: Addresses) -> None:
        """The card itself has written to each [start, end), in the order of their starts."""
        for handed in self._handed.values():
            handed.wrote(start, end)

    # -- one transfer -------------------------------------------------------------------------------
    def _run(self, transfer: Transfer) -> Moved:
        """Check, then move. Raises RefusedTransferError before anything is moved."""
        buffer = self._buffer(transfer)
        if self._trace.steps:
            to_card = int(transfer.transmit)
            self._trace.add(TraceEvent.DOORBELL, to_card, transfer.index, self._ended & INDEX, 1)
            self._trace.add(TraceEvent.ENABLE, to_card, transfer.address, transfer.length)
        try:
            return self._send(transfer, buffer) if transfer.transmit else self._fill(transfer, buffer)
        finally:
            if self._trace.steps:
                self._trace.add(TraceEvent.DISABLE, int(transfer.transmit))

    def _check(self, transfer: Transfer) -> Bytes:
        """The channel's guest memory. Raises RefusedTransferError when the channel or the transfer is wrong."""
        last = self._ended & INDEX
        if transfer.start > TRANSMIT | INDEX or ring_index.distance(transfer.index, last) != 1:
            text = f"START {transfer.start:#x} after transfer {last:#x}: one at a time, in order"
            raise RefusedTransferError(Refusal.TRANSFER, text)
        if not transfer.control & ENABLE:
            raise RefusedTransferError(Refusal.TRANSFER, "START while the channel is not enabled")
        if bool(transfer.control & WRITE_TO_DEVICE) != transfer.transmit:
            raise RefusedTransferError(Refusal.TRANSFER, "START against the direction of the channel")
        if not 0 < transfer.length <= BUFFER_MAX:
            text = f"channel of {transfer.length} bytes, it may have 1 to {BUFFER_MAX}"
            raise RefusedTransferError(Refusal.LENGTH, text)
        try:
            return self._board.memory.view(transfer.address, transfer.length)
        except OutsideMemoryError as error:
            raise RefusedTransferError(Refusal.ADDRESS, f"channel {error}") from error

    def _buffer(self, transfer: Transfer) -> Bytes:
        """As `_check`, and the memory must be granted too."""
        buffer = self._check(transfer)
        touch = Touch(transfer.address, transfer.length, transfer.index, transfer.transmit)
        # A persistent grant of the memory is not enough: the channel's own set-up is what allows the card to touch it.
        access = Grant.READ if transfer.transmit else Grant.WRITE
        if not self._board.ledger.allows(touch, access, streaming_only=True):
            text = f"channel of {transfer.length} bytes at {transfer.address:#x} is not granted"
            raise RefusedTransferError(Refusal.LEDGER, text)
        return buffer

    def _fill(self, transfer: Transfer, buffer: Bytes) -> Moved:
        """Move as many waiting frames as fit."""
        if not len(self._fifo):
            raise RefusedTransferError(Refusal.TRANSFER, "START to receive while no frame waits")
        packed = self._fifo.take(transfer.length)
        frames, size = len(packed.length), packed.data.size
        if not frames:
            text = f"channel of {transfer.length} bytes, the waiting frame is longer"
            raise RefusedTransferError(Refusal.LENGTH, text)
        if self._trace.steps:
            self._trace.add(TraceEvent.WRITE, transfer.index, transfer.address, size, STATUS_DONE)
        stamp = self._trace.stamp()
        buffer[:size] = packed.data
        start = packed_starts(packed.length)
        if self._trace.frames:
            moved = Frames(buffer, start, packed.length)
            self._trace.add_frames(TraceEvent.FRAME_IN, stamp, transfer.index, transfer.address + start, moved)
        self._look_behind(transfer)
        if self._board.hooks.armed:
            told = packed.length.astype(np.uint32)
            for hook in self._board.hooks.armed:
                hook.told_lengths(told)
            put_lengths(buffer, start, told)
        self._words[self._waiting] = len(self._fifo)
        self._board.counters.add("rx_frames", frames)
        self._board.counters.add("rx_bytes", int(packed.length.sum()))
        return Moved(frames, size)

    def _send(self, transfer: Transfer, buffer: Bytes) -> Moved:
        """Read the buffer, once, and send the frames before the first wrong length."""
        stamp = self._trace.stamp()
        frames, size, refusal = unpack(np.array(buffer))
        status = STATUS_DONE
        if refusal is not None:
            status = refused_status(refusal)
            self._refuse(transfer, refusal, f"frame {len(frames)} of a transfer, at byte {size} of {transfer.length}")
        if self._trace.steps:
            self._trace.add(TraceEvent.READ, transfer.index, transfer.address, transfer.length, status, stamp)
        if self._trace.frames:
            address = transfer.address + frames.offset
            self._trace.add_frames(TraceEvent.FRAME_OUT, stamp, transfer.index, address, frames)
        self._board.egress.hand_over(framed(frames), len(frames))
        return Moved(len(frames), size, refusal)

    def _look_behind(self, transfer: Transfer) -> None:
        ledger = self._board.ledger
        if ledger.judging:
            ledger.look_behind(ledger.positions(np.array([transfer.address], np.uint64)), transfer.index)

    def _told_frames(self, count: int, *, transmit: bool) -> int:
        """How many frames the driver reads in STATUS."""
        for hook in self._board.hooks.armed:
            count = hook.told_count(count, transmit=transmit)
        return count

    def _refuse(self, transfer: Transfer, refusal: Refusal, text: str) -> None:
        self._board.refusals.refuse(refusal, text, transmit=transfer.transmit, index=transfer.index)
