# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that writes anything anywhere: the card never fails, never loops, never writes outside what was posted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.dma.frames import Frames
from nicrig_device.models.queue import Ring
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import DESCRIPTOR, Descriptors, Flag
from tests.fakes.driver import FakeDriver
from tests.fakes.memory_bus import MemoryBus

MEMORY_AT, MEMORY_BYTES = 0x100000, 0x10000
RX_RING_AT, TX_RING_AT, RING_SIZE = MEMORY_AT + 0x1000, MEMORY_AT + 0x2000, 16
DROPS = ("rx_no_buffer", "rx_disabled", "rx_link_down", "rx_too_long", "rx_too_short", "rx_refused")

ADDRESS = st.one_of(
    st.integers(MEMORY_AT + 0x3000, MEMORY_AT + MEMORY_BYTES - 1),
    st.sampled_from([0, MEMORY_AT - 1, MEMORY_AT + MEMORY_BYTES - 1, MEMORY_AT + MEMORY_BYTES, (1 << 64) - 1]),
    st.integers(0, (1 << 64) - 1),
)
LENGTH = st.one_of(st.integers(0, 2048), st.sampled_from([65535, 65536, 65537, (1 << 32) - 1]))
DESCRIPTORS = st.lists(st.tuples(ADDRESS, LENGTH, st.sampled_from([0, 1, 0xFFFF])), min_size=1, max_size=RING_SIZE)
DOORBELL = st.one_of(st.integers(0, 40), st.sampled_from([0xFFFF, 0x10000, 1 << 31, (1 << 32) - 1]))
FRAMES = st.lists(st.integers(0, 1600), min_size=1, max_size=20)
STEP = st.one_of(
    st.tuples(st.sampled_from(["rx_ring", "tx_ring"]), DESCRIPTORS),
    st.tuples(st.sampled_from(["rx_tail", "tx_tail"]), DOORBELL),
    st.tuples(st.just("frames"), FRAMES),
    st.tuples(st.just("register"), st.tuples(st.integers(0, 0x300), st.integers(0, (1 << 32) - 1))),
    st.tuples(st.just("arm"), st.integers(0, (1 << 32) - 1)),
    st.tuples(st.sampled_from(["unmap", "map", "reset", "start"]), st.none()),
)


class Guest:
    """Does what a step says, and keeps which bytes it has ever given to the card."""

    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.bytes = np.zeros(MEMORY_BYTES, np.uint8)
        self.given = np.zeros(MEMORY_BYTES, bool)
        self.injected = 0
        self.map()
        self.start()

    def map(self) -> None:
        if not len(self.bus.card.memory):
            self.bus.card.memory.add(MEMORY_AT, self.bytes)

    def start(self) -> None:
        for block, base in ((registers.RX_BLOCK, RX_RING_AT), (registers.TX_BLOCK, TX_RING_AT)):
            self.bus.write_control(block.address(registers.RING_CONTROL), 0)
            self.bus.write_control(block.address(registers.RING_BASE_LOW), base)
            self.bus.write_control(block.address(registers.RING_BASE_HIGH), 0)
            self.bus.write_control(block.address(registers.RING_SIZE), RING_SIZE)
            self.bus.write_control(block.address(registers.RING_CONTROL), 1)
            self.give(base, RING_SIZE * DESCRIPTOR.itemsize)
        self.bus.write_control(registers.CARD_BLOCK.address(registers.CONTROL), registers.CONTROL.pack(RECEIVE=1))

    def give(self, address: int, length: int) -> None:
        if MEMORY_AT <= address < MEMORY_AT + MEMORY_BYTES:
            self.given[address - MEMORY_AT : address - MEMORY_AT + length] = True

    def fill(self, base: int, descriptors: list[tuple[int, int, int]]) -> None:
        ring = self.bytes[base - MEMORY_AT :][: RING_SIZE * DESCRIPTOR.itemsize].view(DESCRIPTOR)
        for slot, (address, length, flags) in enumerate(descriptors):
            ring[slot] = (address, length, flags, 0)
            if base == RX_RING_AT:
                self.give(address, length)

    def do(self, step: tuple[str, object]) -> None:
        what, value = step
        before = self.bytes.copy()
        match what, value:
            case (("rx_ring" | "tx_ring"), list()):
                self.fill(RX_RING_AT if what == "rx_ring" else TX_RING_AT, value)
                before = self.bytes.copy()
            case (("rx_tail" | "tx_tail"), int()):
                register = registers.RX_TAIL if what == "rx_tail" else registers.TX_TAIL
                self.bus.doorbells[registers.QUEUE_BLOCK.address(register) // 4] = value
            case "frames", list():
                self.injected += len(value)
                self.bus.card.receive(Frames.of([b"\xa5" * size for size in value]))
            case "register", (int() as offset, int() as word):
                self.bus.write_control(offset, word)
                self.bus.read_control(offset)
            case "arm", int():
                self.bus.doorbells[registers.QUEUE_BLOCK.address(registers.RX_ARM) // 4] = value
            case "unmap", _:
                self.bus.card.memory.remove(MEMORY_AT)
            case "map", _:
                self.map()
            case "reset", _:
                self.bus.reset()
            case "start", _:
                self.start()
        self.bus.step()
        changed = self.bytes != before
        assert not (changed & ~self.given).any(), f"{step} wrote to {MEMORY_AT + int(changed.argmax()):#x}"


@given(st.lists(STEP, max_size=30))
def test_whatever_a_guest_writes_the_card_goes_on_and_its_account_closes(steps: list[tuple[str, object]]) -> None:
    guest = Guest()
    try:
        for step in steps:
            guest.do(step)
        counters = guest.bus.card.counters
        assert counters["rx_frames"] + sum(counters[name] for name in DROPS) == guest.injected
    finally:
        guest.bus.close()


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    made = MemoryBus()
    made.memory.map(MEMORY_AT, 1 << 20)
    yield made
    made.close()


def test_a_descriptor_that_changes_after_it_was_read_is_obeyed_as_it_was_read(
    bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guest rewrites every field between the card's one read and its use (the double fetch of many CVEs)."""
    honest = Ring.fetch

    def fetch_then_rewritten(ring: Ring, count: int) -> Descriptors:
        copy = honest(ring, count)
        descriptors = bus.memory.view(ring.base, ring.size * DESCRIPTOR.itemsize).view(DESCRIPTOR)
        descriptors["address"], descriptors["length"], descriptors["flags"] = MEMORY_AT, 0xFFFFFFFF, 0xFFFF
        return copy

    driver = FakeDriver(bus)
    driver.start()
    driver.post_receives(8)
    wanted = [int(address) for address in driver.rx._shadow["address"][:8]]
    driver.send([b"\x11" * 60, b"\x22" * 300])
    with monkeypatch.context() as patch:
        patch.setattr(Ring, "fetch", fetch_then_rewritten)
        bus.card.receive(Frames.of([bytes([index]) * 60 for index in range(8)]))
        bus.card.transmit()
    for index, address in enumerate(wanted):
        assert bus.memory.view(address, 60).tobytes() == bytes([index]) * 60
    assert bus.sent == [b"\x11" * 60, b"\x22" * 300]
    assert bus.memory.damage() is None


def test_one_doorbell_is_at_most_one_ring_of_work(bus: MemoryBus) -> None:
    driver = FakeDriver(bus)
    driver.start(tx_size=256)
    driver.post_raw(driver.tx, [(MEMORY_AT + 0x800, 60, int(Flag.END_OF_FRAME), 0)] * 256)
    assert bus.card.transmit()
    assert not bus.card.transmit()
    assert bus.card.counters["tx_frames"] == 256
