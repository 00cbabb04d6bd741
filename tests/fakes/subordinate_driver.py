# SPDX-License-Identifier: GPL-2.0-or-later
"""A reference driver of the subordinate kind with the platform's part: does and asserts datasheet section 15."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nicrig_device.dma.barrier import full_barrier
from nicrig_device.models.subordinate.subordinate import Subordinate
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.layout import Register
from nicrig_device.spec.registers import BUFFER_MAX, CHANNEL_BLOCK, FRAME_MAX, FRAME_MIN, TRANSFER_BLOCK
from tests.fakes.bus import WAIT_SECONDS, Bus
from tests.fakes.card_driver import CardDriver
from tests.fakes.driver_ring import INDEX_MASK, distance, ring_doorbell
from tests.fakes.guest_memory import GUARD_BYTES, guard_pattern
from tests.fakes.interrupt_account import ArmWord
from tests.fakes.recorder import MAY_READ, MAY_WRITE, STREAMING, Granting
from tests.fakes.rules import expect

PREFIX = struct.Struct("<I")


def channel_word(register: Register) -> int:
    return CHANNEL_BLOCK.address(register) // 4


def transfer_word(register: Register) -> int:
    return TRANSFER_BLOCK.address(register) // 4


def packed(frame: bytes) -> bytes:
    """A frame as it stands in a transfer."""
    return PREFIX.pack(len(frame)) + frame + bytes(-len(frame) % 4)


def unpacked(data: bytes) -> Iterator[bytes]:
    """The frames of a receive transfer; each length and each padding is checked."""
    at = 0
    while at < len(data):
        expect(at + 4 <= len(data), 15, f"{len(data) - at} bytes behind the last frame")
        (length,) = PREFIX.unpack_from(data, at)
        expect(FRAME_MIN <= length <= FRAME_MAX, 2, f"a frame of {length} bytes")
        whole = data[at : at + 4 + -(-length // 4) * 4]
        expect(len(whole) == len(packed(whole[4 : 4 + length])), 15, "the last frame is not whole")
        expect(not any(whole[4 + length :]), 15, f"the padding behind {length} bytes is not zero")
        yield whole[4 : 4 + length]
        at += len(whole)


class DmaChannel:
    """The platform's DMA controller as the NDIS layer drives it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.stops = 0
        self.is_set_up = False
        self.granting: Granting | None = None
        self._granted = (0, 0, 0)

    def set_up(self, address: int, length: int, *, to_device: bool) -> None:
        """NdisMSetupDmaTransfer: any values, the card checks them."""
        self._granted = (address, length, STREAMING | (MAY_READ if to_device else MAY_WRITE))
        if self.granting:
            self.granting.grant(*self._granted)
        words = self._bus.doorbells
        words[channel_word(registers.ADDRESS_LOW)] = address & 0xFFFFFFFF
        words[channel_word(registers.ADDRESS_HIGH)] = address >> 32
        words[channel_word(registers.LENGTH)] = length
        words[channel_word(registers.COUNT)] = length
        control = registers.CHANNEL_CONTROL.pack(ENABLE=1, WRITE_TO_DEVICE=int(to_device))
        words[channel_word(registers.CHANNEL_CONTROL)] = control
        self.is_set_up = True

    def take_down(self) -> int:
        """NdisMCompleteDmaTransfer: when this returns no DMA follows. How many bytes are left."""
        words = self._bus.doorbells
        words[channel_word(registers.CHANNEL_CONTROL)] = 0
        full_barrier()
        if words[channel_word(registers.ACTIVE)]:
            self.stop()
        if self.granting and self.is_set_up:
            self.granting.revoke(*self._granted)
        self.is_set_up = False
        return int(words[channel_word(registers.COUNT)])

    def stop(self) -> None:
        """Write STOP; section 15: the channel is off and idle, and nothing is started any more, when it returns."""
        self._bus.write_control(registers.DMA_BLOCK.address(registers.STOP), 1)
        self.stops += 1
        words = self._bus.doorbells
        expect(not words[channel_word(registers.CHANNEL_CONTROL)], 15, "the channel is still enabled after STOP")
        expect(not words[channel_word(registers.ACTIVE)], 15, "the channel is still active after STOP")
        started, done = words[transfer_word(registers.START)], words[transfer_word(registers.DONE)]
        expect(int(started) & INDEX_MASK == int(done), 15, f"START {started:#x} has not ended after STOP: {done:#x}")


@dataclass(frozen=True)
class Outcome:
    """How a transfer ended: whole frames, bytes left of the channel's length, and the refusal if there was an error."""

    frames: int
    left: int
    error: bool
    code: Refusal | None


class SubordinateDriver(CardDriver):
    """One transfer at a time, each on a channel that is set up for it and taken down after it."""

    def __init__(self, bus: Bus) -> None:
        received, done = transfer_word(registers.RECEIVED), transfer_word(registers.DONE)
        rx_arm = ArmWord(transfer_word(registers.RECEIVE_ARM), received, 0)
        super().__init__(bus, Subordinate, rx_arm, ArmWord(transfer_word(registers.DONE_ARM), done, 0))
        self.channel = DmaChannel(bus)
        self.index = 0
        """Number of the last transfer that was started."""
        self.taken = 0
        """Frames that came in since the reset, modulo 2**16."""
        self.kicks = 0
        self._sending: list[bytes] = []

    def record_grants(self) -> None:
        super().record_grants()
        self.channel.granting = self.granting

    # -- start and stop -----------------------------------------------------------------------------------

    def start(self) -> None:
        self.card.check_identity()
        self.reset()
        self._free_buffers()
        self.buffer = self._allocate(BUFFER_MAX, 4)
        self.index = self.taken = 0
        self._sending = []
        self.channel.is_set_up = False
        self._running = True
        self.set_interrupts(enabled=True)
        self.set_receiver(enabled=True)

    def prepare(self) -> None:
        """The FIFO is there already."""

    def stop(self) -> None:
        if not self._running:
            return
        self.card.set_control(INTERRUPT=0, RECEIVE=0)
        self.channel.take_down()
        self.reset()
        self.check_memory()
        self._free_buffers()
        self._running = False

    def check_memory(self) -> None:
        """Section 9: no byte outside the buffer has changed."""
        damage = self.bus.memory.damage()
        expect(damage is None, 9, f"the card wrote outside all buffers, at {damage or 0:#x}")

    # -- transfers ----------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Frames in the FIFO."""
        return int(self.bus.doorbells[transfer_word(registers.WAITING)])

    @property
    def received(self) -> int:
        return int(self.bus.doorbells[transfer_word(registers.RECEIVED)])

    def start_transfer(self, *, transmit: bool) -> None:
        """Ring START for the next transfer; the caller has set the channel up, or has not on purpose."""
        self.index = (self.index + 1) & INDEX_MASK
        self.start_raw(registers.START.pack(INDEX=self.index, TRANSMIT=int(transmit)))

    def start_raw(self, word: int) -> None:
        """Any word to START; kicks if need be."""
        self.kicks += ring_doorbell(self.bus, transfer_word(registers.START), word)

    def done(self) -> bool:
        """Whether the last transfer is over."""
        done = int(self.bus.doorbells[transfer_word(registers.DONE)])
        expect(distance(self.index, done) <= 1, 15, f"DONE {done:#x} with transfer {self.index:#x} started last")
        return done == self.index

    def outcome(self, seconds: float = WAIT_SECONDS) -> Outcome:
        """Wait for the end of the last transfer and take the channel down."""
        self.bus.wait(self.done, f"transfer {self.index:#x} to end", seconds)
        stops, length = self.channel.stops, int(self.bus.doorbells[channel_word(registers.LENGTH)])
        left = self.channel.take_down()
        expect(self.channel.stops == stops, 15, "DONE was seen, and the channel is still active")
        word = int(self.bus.doorbells[transfer_word(registers.TRANSFER_STATUS)])
        frames, error, code = (item.of(word) for item in registers.TRANSFER_STATUS.fields)
        expect(left <= length, 15, f"{left} of {length} bytes are left")
        expect(bool(frames) or left == length, 15, f"no frame moved, and {left} of {length} bytes are left")
        expect(bool(error) or not code, 15, f"code {code} without ERROR")
        return Outcome(frames, left, bool(error), Refusal(code) if code else None)

    def transfer(self, address: int, length: int, *, transmit: bool, to_device: bool | None = None) -> Outcome:
        """One whole transfer, sane or not."""
        self.channel.set_up(address, length, to_device=transmit if to_device is None else to_device)
        self.start_transfer(transmit=transmit)
        return self.outcome()

    # -- receive ------------------------------------------------------------------------------------------

    def receive_once(self, length: int = BUFFER_MAX) -> list[bytes]:
        """What one transfer into `length` bytes brings; at least one frame must wait and fit."""
        size = BUFFER_MAX + 2 * GUARD_BYTES
        before = guard_pattern(self.buffer - GUARD_BYTES, size)
        self.bus.memory.view(self.buffer, BUFFER_MAX)[:] = before[GUARD_BYTES:-GUARD_BYTES]
        waiting, received = self.waiting, self.received
        outcome = self.transfer(self.buffer, length, transmit=False)
        expect(not outcome.error, 15, f"{waiting} frames wait, and a transfer of {length} bytes ended with {outcome}")
        moved = length - outcome.left
        around = self.bus.memory.view(self.buffer - GUARD_BYTES, size)
        changed = around != before
        changed[GUARD_BYTES : GUARD_BYTES + moved] = False
        expect(not changed.any(), 15, f"bytes behind the {moved} that were moved, or outside the buffer")
        frames = list(unpacked(around[GUARD_BYTES : GUARD_BYTES + moved].tobytes()))
        expect(len(frames) == outcome.frames, 15, f"{outcome.frames} frames moved, {len(frames)} are there")
        expect(frames != [], 15, f"{waiting} frames wait, none was moved")
        self.taken = (self.taken + len(frames)) & INDEX_MASK
        if self.received == received:
            expect(self.waiting == waiting - len(frames), 15, f"{waiting} - {len(frames)} wait, not {self.waiting}")
        return frames

    def receive_exactly(self, count: int, seconds: float = WAIT_SECONDS) -> list[bytes]:
        frames: list[bytes] = []
        while len(frames) < count:
            self.bus.wait(lambda: self.waiting > 0, f"{count} frames ({len(frames)} came)", seconds)
            frames += self.receive_once()
        expect(len(frames) == count, 15, f"{count} frames were to come, {len(frames)} came")
        return frames

    # -- transmit -----------------------------------------------------------------------------------------

    def send(self, frames: Sequence[bytes]) -> None:
        data = b"".join(map(packed, frames))
        expect(not self.channel.is_set_up, 15, "the driver starts a transfer while one runs")
        self.bus.memory.view(self.buffer, len(data))[:] = np.frombuffer(data, np.uint8)
        self._sending = [data]
        self.channel.set_up(self.buffer, len(data), to_device=True)
        self.start_transfer(transmit=True)

    def send_and_reap(self, frames: Sequence[bytes]) -> None:
        for batch in batches(frames):
            self.send(batch)
            self.reap(len(batch))

    def reap(self, frames: int) -> None:
        """Wait for the end of `send`: all frames were taken, and the buffer is as it was."""
        outcome = self.outcome()
        expect((outcome.frames, outcome.left, outcome.error) == (frames, 0, False), 15, f"{frames} sent: {outcome}")
        (data,) = self._sending
        now = self.bus.memory.view(self.buffer, len(data)).tobytes()
        expect(now == data, 9, "the card wrote into the buffer of a transmit transfer")

    # -- interrupts ---------------------------------------------------------------------------------------

    def arm_receive(self) -> bool:
        self._interrupts.arm(self._rx_arm, self.taken)
        return self.received != self.taken

    def arm_transmit(self) -> bool:
        self._interrupts.arm(self._tx_arm, self.index)
        return False


def batches(frames: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The frames in as many transfers as they need."""
    ends = itertools.accumulate(len(packed(frame)) for frame in frames)
    numbered = zip((end // (BUFFER_MAX - 2048) for end in ends), frames, strict=True)
    for _, group in itertools.groupby(numbered, key=lambda item: item[0]):
        yield [frame for _, frame in group]
