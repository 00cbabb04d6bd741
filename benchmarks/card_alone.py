# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the card's receive path with a fake guest on one core, without QEMU and sockets.

The peer is a plain Python loop that copies each frame into the same buffers: no checks, no descriptors, no guest.
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
class CardSpeed:
    """Frames per second: medians of interleaved rounds. `loop` is the peer."""

    card: float
    loop: float


class _FakeGuest:
    """Checks with vector operations that the card filled every buffer, and posts the buffers again."""

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
        """Have the card receive one batch, check the descriptors, and post them again."""
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
    """Frames per second of `work`, which moves one BATCH a call."""
    count, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        work()
        count += BATCH
    return count / spent


def measure(rounds: int = 5, seconds: float = 0.5) -> CardSpeed:
    """Measure card and loop in turn, `rounds` times."""
    guest = _FakeGuest()
    memory = guest.bus.memory.view(BUFFERS_AT, RING * SLOT_BYTES).data
    source = guest.frames.data.data

    def loop() -> None:
        for index in range(BATCH):
            slot, start = index * SLOT_BYTES, index * FRAME_BYTES
            memory[slot : slot + FRAME_BYTES] = source[start : start + FRAME_BYTES]

    samples = [(_rate(guest.round, seconds), _rate(loop, seconds)) for _ in range(rounds)]
    card, plain = np.median(np.array(samples), axis=0)
    guest.bus.close()
    return CardSpeed(float(card), float(plain))
