# SPDX-License-Identifier: GPL-2.0-or-later
"""A reference driver on a Bus: follows docs/datasheet.md, and asserts that the card does.

Every broken promise is a RuleBrokenError that names the section.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nicrig_device.models.bus_master.bus_master import BusMaster
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import DESCRIPTOR, Descriptors, Flag, Refusal
from nicrig_device.spec.layout import Register
from nicrig_device.spec.registers import FRAME_MAX, RX_BLOCK, TX_BLOCK
from tests.fakes.bus import WAIT_SECONDS, Bus
from tests.fakes.card_driver import CardDriver, queue_arm
from tests.fakes.driver_ring import DriverRing, RingFullError, RingWords, ring_doorbell
from tests.fakes.guest_memory import GUARD_BYTES, guard_pattern
from tests.fakes.recorder import MAY_READ, STREAMING
from tests.fakes.rules import check_received, check_transmitted, expect, refusal_codes, refused

__all__ = ["FakeDriver", "RefusedDescriptor", "RingFullError"]

RX_WORDS = (registers.RX_TAIL, registers.RX_ARM, registers.RX_HEAD)
TX_WORDS = (registers.TX_TAIL, registers.TX_ARM, registers.TX_HEAD)
RING_BLOCKS = {"receive": RX_BLOCK, "transmit": TX_BLOCK}


@dataclass(frozen=True)
class RefusedDescriptor:
    """A descriptor that came back with an error, as it was posted."""

    address: int
    length: int
    code: Refusal
    transmit: bool


def cut(frame: bytes, pieces: int | Sequence[int]) -> list[bytes]:
    """A frame in so many nearly equal pieces, or in pieces of these sizes with the rest as the last."""
    if isinstance(pieces, int):
        ends = [len(frame) * number // pieces for number in range(pieces + 1)]
    else:
        ends = [*itertools.accumulate(pieces, initial=0), len(frame)]
    return [frame[start:end] for start, end in itertools.pairwise(ends) if end > start]


class FakeDriver(CardDriver):
    """Drives one queue pair. Call `start` first and `stop` at the end; you may repeat both.

    `refusals` collects the descriptors that came back with an error: an honest test finds it empty.
    """

    rx: DriverRing
    tx: DriverRing

    def __init__(self, bus: Bus, pair: int = 0) -> None:
        super().__init__(bus, BusMaster, queue_arm(RX_WORDS, pair), queue_arm(TX_WORDS, pair), pair)
        self.pair = pair
        self.refusals: list[RefusedDescriptor] = []
        self._pieces: list[bytes] = []
        self._frame_status: int | None = None

    # -- start and stop: sections 3 and 8 ---------------------------------------------------------------

    def start(self, rx_size: int = 256, tx_size: int = 256) -> None:
        """Check the card, reset it, give it both rings, let it receive and interrupt."""
        self.card.check_identity()
        self.reset()
        self._free_buffers()
        self.refusals.clear()
        self.rx = self._start_ring("receive", RX_WORDS, rx_size)
        self.tx = self._start_ring("transmit", TX_WORDS, tx_size)
        self._clean = np.zeros(rx_size, bool)
        self._pieces = [b""] * tx_size
        self._frame_status = None
        self._running = True
        self.set_interrupts(enabled=True)
        self.set_receiver(enabled=True)

    def _start_ring(self, name: str, names: tuple[Register, Register, Register], size: int) -> DriverRing:
        words = RingWords.of(names, self.pair)
        address = self._allocate(size * DESCRIPTOR.itemsize, registers.RING_ALIGNMENT)
        ring = DriverRing(self.bus, words, address, size, transmit=name == "transmit")
        self.program_ring(name, address, size)
        enabled = self.card.read(registers.RING_CONTROL, RING_BLOCKS[name])
        expect(enabled == 1, 3, f"a good {name} ring of {size} at {address:#x} was refused: {self.card.fault()}")
        for word in (words.tail, words.arm, words.head):
            expect(not self.bus.doorbells[word], 3, f"BAR2 word {word * 4:#x} is not zero after {name} ENABLE")
        return ring

    def program_ring(self, name: str, address: int, size: int) -> None:
        """Write base, size and ENABLE of the "receive" or "transmit" ring; any values, the card checks them."""
        block = RING_BLOCKS[name]
        self.card.write(registers.RING_BASE_LOW, address & 0xFFFFFFFF, block)
        self.card.write(registers.RING_BASE_HIGH, address >> 32, block)
        self.card.write(registers.RING_SIZE, size, block)
        self.card.write(registers.RING_CONTROL, registers.RING_CONTROL.pack(ENABLE=1), block)

    def stop(self) -> None:
        """Rings off, reset, then check that the card has written nothing else. Frees all buffers."""
        if not self._running:
            return
        self.card.set_control(INTERRUPT=0, RECEIVE=0)
        for name, block in RING_BLOCKS.items():
            self.card.write(registers.RING_CONTROL, 0, block)
            expect(self.card.read(registers.RING_CONTROL, block) == 0, 3, f"the {name} ring is still on")
        self.reset()
        self.check_memory()
        self._free_buffers()
        self._running = False

    def check_memory(self) -> None:
        """Sections 5 and 9: no byte outside posted buffers, and no descriptor of the driver's, has changed."""
        self.rx.check_idle()
        self.tx.check_idle()
        slots, posted = self.rx.untouched()
        for descriptor in posted[self._clean[slots] & (not self.unkind)]:
            address, length = int(descriptor["address"]), int(descriptor["length"])
            same = np.array_equal(self.bus.memory.view(address, length), guard_pattern(address, length))
            expect(same, 5, f"the buffer at {address:#x} was written, and its descriptor not given back")
        damage = self.bus.memory.damage()
        expect(damage is None, 9, f"the card wrote outside all buffers, at {damage or 0:#x}")

    def prepare(self) -> None:
        self.post_receives()

    # -- receive: section 5 -----------------------------------------------------------------------------

    def post_receives(self, count: int | None = None, lengths: int | Sequence[int] = 2048) -> None:
        """Post fresh buffers: as many as fit, or `count`; one length for all, or lengths that repeat."""
        count = self.rx.room if count is None else count
        each = itertools.cycle([lengths] if isinstance(lengths, int) else lengths)
        descriptors = np.zeros(count, DESCRIPTOR)
        for number, length in zip(range(count), each, strict=False):
            descriptors[number] = (self._allocate(length, 2), length, 0, 0)
        self._clean[self.rx.post(descriptors)] = True

    def post_raw(self, ring: DriverRing, descriptors: Iterable[tuple[int, int, int, int]]) -> None:
        """Post any (address, length, flags, status) on a ring of this driver, sane or not."""
        slots = ring.post(np.array(list(descriptors), DESCRIPTOR))
        if not ring.transmit:
            self._clean[slots] = False
            return
        for slot in slots:
            self._pieces[slot] = b""

    def receive(self, limit: int | None = None) -> list[bytes]:
        """The frames that are done, at most `limit`, in ring order; their buffers are free again."""
        count = self.rx.completed()
        count = count if limit is None else min(count, limit)
        clean = self._clean[self.rx.slots_of(self.rx.head, count)]
        got, posted = self.rx.take(count)
        check_received(got, posted)
        self._note_refusals(got, posted, transmit=False)
        frames = [
            self._read_frame(int(buffer["address"]), int(buffer["length"]), int(done["length"]), bool(untouched))
            for done, buffer, untouched, bad in zip(got, posted, clean, refused(got), strict=True)
            if not bad
        ]
        for buffer in posted:
            self._free(int(buffer["address"]))
        self.rx.check_idle()
        return frames

    def _read_frame(self, address: int, size: int, length: int, clean: bool) -> bytes:
        """Copy a frame out. A buffer that was clean when posted must be so behind the frame, and outside itself."""
        if clean:
            before, after = address - GUARD_BYTES, address + size + GUARD_BYTES
            around = self.bus.memory.view(before, after - before)
            same = around == guard_pattern(before, after - before)
            behind = length if not self.unkind else min(size, FRAME_MAX)  # section 18: noise, and no further
            expect(same[GUARD_BYTES + behind : GUARD_BYTES + size].all(), 5, f"bytes behind the frame at {address:#x}")
            outside = same[:GUARD_BYTES].all() and same[GUARD_BYTES + size :].all()
            expect(outside, 9, f"the card wrote outside the {size} bytes at {address:#x}")
        return self.bus.memory.view(address, length).tobytes()

    def receive_exactly(self, count: int, seconds: float = WAIT_SECONDS) -> list[bytes]:
        """Wait for `count` frames."""
        frames: list[bytes] = []
        while len(frames) < count:
            what = f"{count} received frames ({len(frames)} came)"
            self.bus.wait(lambda: self.rx.completed() > 0, what, seconds)
            frames += self.receive(count - len(frames))
        return frames

    def repost(self, count: int) -> None:
        """Fast path: the next `count` done receives are checked and posted again in place, their bytes unread."""
        got, posted = self.rx.take(count)
        check_received(got, posted)
        self._note_refusals(got, posted, transmit=False)
        self._clean[self.rx.post(posted)] = False

    # -- transmit: section 5 ----------------------------------------------------------------------------

    def send(self, frames: Iterable[bytes], pieces: int | Sequence[int] = 1) -> None:
        """Post frames, each in so many buffers (see `cut`), in one doorbell. RingFullError when they do not fit."""
        parts = [cut(frame, pieces) for frame in frames]
        count = sum(map(len, parts))
        if count > self.tx.room:
            raise RingFullError(f"transmit ring has room for {self.tx.room} descriptors, {count} are needed")
        flat = [(piece, Flag.END_OF_FRAME if piece is part[-1] else 0) for part in parts for piece in part]
        descriptors = np.zeros(count, DESCRIPTOR)
        for number, (piece, flags) in enumerate(flat):
            address = self._allocate(len(piece), 1, MAY_READ | STREAMING)
            self.bus.memory.view(address, len(piece))[:] = np.frombuffer(piece, np.uint8)
            descriptors[number] = (address, len(piece), flags, 0)
            self._pieces[(self.tx.tail + number) % self.tx.size] = piece
        self.tx.post(descriptors)

    def reap(self) -> int:
        """Take back what is done; how many frames were sent. Refused ones go to `refusals`."""
        count = self.tx.completed()
        slots = self.tx.slots_of(self.tx.head, count)
        got, posted = self.tx.take(count)
        check_transmitted(got, posted)
        self._note_refusals(got, posted, transmit=True)
        for slot, descriptor in zip(slots, posted, strict=True):
            self._release_piece(int(descriptor["address"]), self._pieces[slot])
        self.tx.check_idle()
        return self._close_frames(got)

    def _release_piece(self, address: int, piece: bytes) -> None:
        if piece:
            now = self.bus.memory.view(address, len(piece)).tobytes()
            expect(now == piece, 9, f"the card wrote into the transmit buffer at {address:#x}")
            self._free(address)

    def _close_frames(self, got: Descriptors) -> int:
        """Section 5: one error gives all descriptors of its frame back with it. How many good frames ended.

        A chain that is too long has no end to speak of, so that code is left out.
        """
        ended = 0
        chain = Refusal.CHAIN
        for status, flags, code in zip(got["status"], got["flags"], refusal_codes(got), strict=True):
            same = self._frame_status in (None, int(status)) or code == chain
            expect(same, 5, f"a frame's descriptors have statuses {self._frame_status or 0:#x} and {status:#x}")
            last = bool(flags & Flag.END_OF_FRAME)
            self._frame_status = None if last or code == chain else int(status)
            ended += last and not code
        return ended

    def send_and_reap(self, frames: Sequence[bytes], pieces: int | Sequence[int] = 1) -> None:
        """Send frames, wait until the ring is empty; all must have been sent."""
        self.send(frames, pieces)
        sent = self.reap_all()
        expect(sent == len(frames), 5, f"{len(frames)} good frames were posted, {sent} sent: {self.refusals}")

    def reap_all(self, seconds: float = WAIT_SECONDS) -> int:
        """Wait until the transmit ring is empty; how many frames were sent."""
        sent = 0
        while self.tx.posted:
            self.bus.wait(lambda: self.tx.completed() > 0, f"{self.tx.posted} transmit completions", seconds)
            sent += self.reap()
        return sent

    def resend(self, count: int) -> None:
        """Fast path: the next `count` done descriptors are checked and posted again in place."""
        got, posted = self.tx.take(count)
        check_transmitted(got, posted)
        self._note_refusals(got, posted, transmit=True)
        self.tx.post(posted)

    def _note_refusals(self, got: Descriptors, posted: Descriptors, *, transmit: bool) -> None:
        codes: npt.NDArray[np.uint16] = refusal_codes(got)
        for bad in np.flatnonzero(codes):
            address, length = int(posted["address"][bad]), int(posted["length"][bad])
            self.refusals.append(RefusedDescriptor(address, length, Refusal(int(codes[bad])), transmit))

    # -- interrupts and doorbells: sections 6 and 7 -----------------------------------------------------

    def arm_receive(self) -> bool:
        """Ask for a message on receive; True when the second look finds frames, which the driver must take itself."""
        self._interrupts.arm(self._rx_arm, self.rx.head)
        return self.rx.completed() > 0

    def arm_transmit(self) -> bool:
        """Ask for a message on completion; True when the second look finds some."""
        self._interrupts.arm(self._tx_arm, self.tx.head)
        return self.tx.completed() > 0

    def doorbell_raw(self, register: Register, value: int) -> None:
        """Write any 32-bit value to a word of this pair, and kick if need be."""
        word = registers.QUEUE_BLOCK.address(register, self.pair) // 4
        ring_doorbell(self.bus, word, value)
