# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's receive path against a fake guest, on one core: no QEMU, no sockets.

The peer is the bare work in plain Python: one slice copy a frame into the same buffers, with no checks, no descriptors
and no guest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nicrig_device.dma.frames import Frames
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import DESCRIPTOR, Status
from tests.fakes.memory_bus import MemoryBus

FRAME_BYTES = 64
BATCH = 1024
RING = 4096
SLOT_BYTES = 2048
MEMORY_AT, RING_AT, BUFFERS_AT = 0x100000, 0x101000, 0x200000


@dataclass(frozen=True, slots=True)
class Result:
    """Frames per second, medians of the interleaved rounds."""

    card: float
    loop: float


class _Receiver:
    """A guest that reposts every buffer with vector operations and checks that each was filled."""

    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.bus.memory.map(MEMORY_AT, BUFFERS_AT - MEMORY_AT + RING * SLOT_BYTES)
        self.ring = self.bus.memory.view(RING_AT, RING * DESCRIPTOR.itemsize).view(DESCRIPTOR)
        self.ring["address"] = BUFFERS_AT + np.arange(RING) * SLOT_BYTES
        self.ring["length"], self.ring["status"] = SLOT_BYTES, 0
        rx = registers.RX_BLOCK
        for register, value in ((registers.RING_BASE_LOW, RING_AT), (registers.RING_SIZE, RING)):
            self.bus.write_control(rx.address(register), value)
        self.bus.write_control(rx.address(registers.RING_CONTROL), 1)
        receive = registers.CONTROL.pack(RECEIVE=1, INTERRUPT=1)
        self.bus.write_control(registers.CARD_BLOCK.address(registers.CONTROL), receive)
        self.tail = RING
        self.bus.doorbells[0] = self.tail
        self.frames = Frames.of([bytes([index & 0xFF]) * FRAME_BYTES for index in range(BATCH)])

    def round(self) -> None:
        """One batch in, looked at, and posted again."""
        self.bus.card.receive(self.frames)
        self.bus.card.interrupt(0.0)
        first = self.tail % RING
        batch = self.ring[first : first + BATCH]
        if not (batch["status"] == Status.DONE).all():
            raise RuntimeError("the card did not fill every posted buffer")
        batch["length"], batch["status"] = SLOT_BYTES, 0
        self.tail = (self.tail + BATCH) & 0xFFFF
        self.bus.doorbells[0] = self.tail


def _rate(work: Callable[[], None], seconds: float) -> float:
    count, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        work()
        count += BATCH
    return count / spent


def measure(rounds: int = 5, seconds: float = 0.5) -> Result:
    """Both in turn, `rounds` times."""
    receiver = _Receiver()
    memory = receiver.bus.memory.view(BUFFERS_AT, RING * SLOT_BYTES).data
    source = receiver.frames.data.data

    def loop() -> None:
        for index in range(BATCH):
            at, start = index * SLOT_BYTES, index * FRAME_BYTES
            memory[at : at + FRAME_BYTES] = source[start : start + FRAME_BYTES]

    samples = [(_rate(receiver.round, seconds), _rate(loop, seconds)) for _ in range(rounds)]
    card, plain = np.median(np.array(samples), axis=0)
    receiver.bus.close()
    return Result(float(card), float(plain))
