# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests of the subordinate and non-DMA kinds that write anything anywhere: the card works on, its counts add up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.dma.transfer import Transfer
from nicrig_device.models.base import CardModel
from nicrig_device.models.non_dma import non_dma
from nicrig_device.models.non_dma.non_dma import NonDma
from nicrig_device.models.subordinate import subordinate
from nicrig_device.models.subordinate.packing import unpack
from nicrig_device.models.subordinate.subordinate import Subordinate
from nicrig_device.spec import registers
from nicrig_device.spec.layout import Register
from nicrig_device.spec.registers import BAR_BYTES, CHANNEL_BLOCK, RX_SLOT_BLOCK, SLOTS, TX_SLOT_BLOCK
from nicrig_device.wire.framing import framed
from tests.contracts.test_hostile_guest import DROPS
from tests.contracts.test_receive import frames_of
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.non_dma_driver import NonDmaDriver
from tests.fakes.subordinate_driver import SubordinateDriver, channel_word, packed, transfer_word

MEMORY_AT, MEMORY_BYTES = 0x100000, 0x40000
WORD = st.one_of(st.integers(0, 64), st.integers(0, 70), st.sampled_from([0xFFFF, 0x10000, 1 << 31, (1 << 32) - 1]))
ANY_WORD = st.integers(0, (1 << 32) - 1)
FRAMES = st.lists(st.one_of(st.integers(60, 1514), st.integers(0, 1600)), min_size=1, max_size=40)
ADDRESS = st.one_of(
    st.integers(MEMORY_AT, MEMORY_AT + MEMORY_BYTES - 1),
    st.sampled_from([0, MEMORY_AT - 1, MEMORY_AT + MEMORY_BYTES - 1, (1 << 64) - 1]),
    st.integers(0, (1 << 64) - 1),
)
LENGTH = st.one_of(st.integers(0, 70000), st.sampled_from([65536, (1 << 32) - 1]))
COMMON = (
    st.tuples(st.just("frames"), FRAMES),
    st.tuples(st.just("word"), st.tuples(st.integers(0, BAR_BYTES // 4 - 1), st.one_of(WORD, ANY_WORD))),
    st.tuples(st.just("register"), st.tuples(st.integers(0, 0x500), ANY_WORD)),
    st.tuples(st.sampled_from(["unmap", "map", "reset", "open"]), st.none()),
)
SANE_TRANSFER = st.builds(
    lambda address, length, transmit: ("transfer", (address, length, 1 | transmit << 1, transmit, 1)),
    st.sampled_from([MEMORY_AT, MEMORY_AT + 3, MEMORY_AT + 0x8000]),
    st.integers(60, 0x10000),
    st.integers(0, 1),
)
WILD_TRANSFER = st.tuples(
    st.just("transfer"), st.tuples(ADDRESS, LENGTH, st.integers(0, 3), st.integers(0, 1), st.sampled_from([1, 1, 2]))
)
LENGTHS = st.lists(st.one_of(st.integers(14, 1522), st.integers(14, 1522), WORD), min_size=1, max_size=30)
PACKED = st.tuples(st.just("pack"), LENGTHS)
SLOT = st.tuples(
    st.just("slot"), st.tuples(st.integers(0, 5), st.one_of(st.integers(14, 1522), st.integers(0, 2100), WORD))
)
TAIL = st.tuples(st.just("tail"), st.tuples(st.sampled_from([registers.RX_TAIL, registers.TX_TAIL]), WORD))


class Guest:
    """Does what a step says, and keeps what the card may write."""

    def __init__(self, kind: type[CardModel]) -> None:
        self.bus = MemoryBus(kind=kind)
        self.bytes = np.zeros(MEMORY_BYTES, np.uint8)
        self.injected = 0
        self.map()
        self.open()

    def map(self) -> None:
        if not len(self.bus.card.memory):
            self.bus.card.memory.add(MEMORY_AT, self.bytes)

    def open(self) -> None:
        self.bus.write_control(registers.CARD_BLOCK.address(registers.CONTROL), registers.CONTROL.pack(RECEIVE=1))

    def channel(self, address: int, length: int, control: int) -> None:
        words = {
            registers.ADDRESS_LOW: address & 0xFFFFFFFF,
            registers.ADDRESS_HIGH: address >> 32,
            registers.LENGTH: length,
            registers.CHANNEL_CONTROL: control,
        }
        for register, value in words.items():
            self.bus.doorbells[CHANNEL_BLOCK.address(register) // 4] = value

    def do(self, step: tuple[str, object]) -> None:
        match step:
            case ("frames", list() as sizes):
                self.injected += len(sizes)
                self.bus.card.receive(Frames.of([b"\xa5" * size for size in sizes]))
            case ("word", (int() as index, int() as value)):
                self.bus.doorbells[index] = value
            case ("register", (int() as offset, int() as value)):
                self.bus.write_control(offset, value)
                self.bus.read_control(offset)
            case ("transfer", (int() as address, int() as length, int() as control, int() as transmit, int() as ahead)):
                self.channel(address, length, control)
                done = int(self.bus.doorbells[transfer_word(registers.DONE)])
                start = registers.START.pack(INDEX=(done + ahead) & 0xFFFF, TRANSMIT=transmit)
                self.bus.doorbells[transfer_word(registers.START)] = start
            case ("pack", list() as lengths):
                data = b"".join(
                    length.to_bytes(4, "little") + bytes(-(-min(length, 1600) // 4) * 4) for length in lengths
                )
                self.bytes[: len(data)] = np.frombuffer(data, np.uint8)
            case ("slot", (int() as slot, int() as length)):
                self.bus.doorbells[TX_SLOT_BLOCK.address(registers.SENT_LENGTH, slot) // 4] = length
            case ("tail", (Register() as register, int() as value)):
                self.bus.doorbells[registers.QUEUE_BLOCK.address(register) // 4] = value
            case ("unmap", _):
                self.bus.card.memory.remove(MEMORY_AT)
            case ("map", _):
                self.map()
            case ("reset", _):
                self.bus.reset()
            case ("open", _):
                self.open()

    def step(self, may_write: npt.NDArray[np.bool_]) -> None:
        """One turn of the card's loop, in which it may write these bytes."""
        before = self.bytes.copy()
        self.bus.step()
        changed = self.bytes != before
        assert not (changed & ~may_write).any(), f"wrote to {MEMORY_AT + int((changed & ~may_write).argmax()):#x}"

    def granted(self) -> npt.NDArray[np.bool_]:
        """The bytes of the channel as it is now."""
        words = self.bus.doorbells
        low, high = (words[channel_word(item)] for item in (registers.ADDRESS_LOW, registers.ADDRESS_HIGH))
        at = (int(high) << 32 | int(low)) - MEMORY_AT
        granted = np.zeros(MEMORY_BYTES, bool)
        if 0 <= at < MEMORY_BYTES and words[channel_word(registers.CHANNEL_CONTROL)] == 1:
            granted[at : at + int(words[channel_word(registers.LENGTH)])] = True
        return granted

    def untouchable(self) -> npt.NDArray[np.uint32]:
        """The bytes of the non-DMA kind's BAR2 that the card never writes."""
        everything = self.bus.doorbells.copy()
        everything[: BAR_BYTES // 4] = 0
        everything[RX_SLOT_BLOCK.base // 4 : TX_SLOT_BLOCK.base // 4] = 0
        everything[TX_SLOT_BLOCK.base // 4 :].reshape(-1, TX_SLOT_BLOCK.stride // 4)[:SLOTS, 1] = 0
        return everything

    def check_account(self) -> None:
        counters = self.bus.card.counters
        assert counters["rx_frames"] + sum(counters[name] for name in DROPS) == self.injected


@given(st.lists(st.one_of(SANE_TRANSFER, SANE_TRANSFER, WILD_TRANSFER, PACKED, *COMMON), min_size=8, max_size=40))
def test_whatever_a_subordinate_s_guest_writes_only_the_channel_s_buffer_changes(
    steps: list[tuple[str, object]],
) -> None:
    guest = Guest(Subordinate)
    try:
        for step in steps:
            before = guest.bytes.copy()
            guest.do(step)
            if step[0] == "register":  # an access lets the card work: it may obey what was set up before
                assert not ((guest.bytes != before) & ~guest.granted()).any()
            guest.step(guest.granted())
        guest.bus.reset()
        guest.check_account()
    finally:
        guest.bus.close()


@given(st.lists(st.one_of(TAIL, SLOT, SLOT, *COMMON), min_size=8, max_size=40))
def test_whatever_a_non_dma_guest_writes_its_memory_is_never_touched(steps: list[tuple[str, object]]) -> None:
    guest = Guest(NonDma)
    nothing = np.zeros(MEMORY_BYTES, bool)
    try:
        for step in steps:
            guest.do(step)
            before = guest.untouchable()
            guest.step(nothing)
            assert (guest.untouchable() == before).all()
        guest.check_account()
    finally:
        guest.bus.close()


def test_a_transfer_whose_buffer_changes_after_it_was_read_is_sent_as_it_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The guest rewrites every length between the card's one read and its use (the double fetch of many CVEs)."""
    bus = MemoryBus(kind=Subordinate)
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = SubordinateDriver(bus)
    driver.start()
    sent = frames_of(60, 300, 1514)

    def rewrite_then_unpack(data: Bytes) -> object:
        bus.memory.view(driver.buffer, len(driver._sending[0]))[:] = 0xFF
        return unpack(data)

    monkeypatch.setattr(subordinate, "unpack", rewrite_then_unpack)
    driver.send(sent)
    assert driver.outcome().frames == 3
    assert bus.sent == sent
    bus.close()


def test_a_channel_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guest rewrites the channel between the card's one read and its use."""
    bus = MemoryBus(kind=Subordinate)
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = SubordinateDriver(bus)
    driver.start()
    honest = Subordinate._read_transfer

    def read_then_rewritten(card: Subordinate, start: int) -> Transfer:
        transfer = honest(card, start)
        bus.doorbells[channel_word(registers.ADDRESS_LOW)] = MEMORY_AT + MEMORY_BYTES - 4
        bus.doorbells[channel_word(registers.LENGTH)] = 0xFFFFFFFF
        return transfer

    bus.peer.send(frames_of(60))
    monkeypatch.setattr(Subordinate, "_read_transfer", read_then_rewritten)
    driver.channel.set_up(driver.buffer, 2048, to_device=False)
    driver.start_transfer(transmit=False)
    bus.wait(driver.done, "the transfer")
    assert bus.memory.view(driver.buffer, 64).tobytes() == packed(frames_of(60)[0])
    assert bus.memory.damage() is None
    bus.close()


def test_a_slot_whose_length_changes_after_it_was_read_is_sent_as_it_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = MemoryBus(kind=NonDma)
    driver = NonDmaDriver(bus)
    driver.start()

    def rewrite_then_frame(frames: Frames) -> Bytes:
        driver.tx_slots.words[:, 0] = 0xFFFFFFFF
        return framed(frames)

    monkeypatch.setattr(non_dma, "framed", rewrite_then_frame)
    driver.send(frames_of(60, 1514))
    driver.reap_all()
    assert bus.sent == frames_of(60, 1514)
    bus.close()
