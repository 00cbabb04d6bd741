# SPDX-License-Identifier: GPL-2.0-or-later
"""Datasheet section 15: the FIFO, the channel and the transfers of the subordinate kind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from nicrig_device.models.subordinate.subordinate import Subordinate
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.registers import FIFO_BYTES, FIFO_FRAMES, TRANSFER_BLOCK
from tests.contracts.conftest import MEMORY_AT, MEMORY_BYTES, KindBench
from tests.contracts.test_receive import frames_of
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.subordinate_driver import SubordinateDriver, packed, transfer_word

Bench = KindBench[SubordinateDriver]
START = transfer_word(registers.START)


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    """A card's core, for tests that step it themselves."""
    made = MemoryBus(kind=Subordinate)
    made.memory.map(MEMORY_AT, MEMORY_BYTES)
    yield made
    made.close()


def start(bench: Bench, *waiting: int) -> list[bytes]:
    """Start, with frames of these sizes in the FIFO."""
    bench.driver.start()
    sent = frames_of(*waiting)
    bench.peer.send(sent)
    bench.bus.wait(lambda: bench.driver.waiting == len(sent), f"{len(sent)} frames in the FIFO")
    return sent


# -- receive ------------------------------------------------------------------------------------------


def test_a_transfer_moves_as_many_whole_frames_as_fit(subordinate: Bench) -> None:
    sent = start(subordinate, 60, 61, 62, 63, 64)
    assert subordinate.driver.receive_once(64 + 68 + 68 - 1) == sent[:2]
    assert subordinate.driver.receive_once(68 + 68) == sent[2:4]
    assert subordinate.driver.receive_once() == sent[4:]


def test_a_frame_that_does_not_fit_is_refused_and_stays(subordinate: Bench) -> None:
    sent = start(subordinate, 60)
    outcome = subordinate.driver.transfer(subordinate.driver.buffer, 63, transmit=False)
    assert (outcome.frames, outcome.left, outcome.code) == (0, 63, Refusal.LENGTH)
    assert subordinate.driver.waiting == 1
    assert subordinate.driver.receive_once(64) == sent


def test_a_transfer_with_no_frame_waiting_is_refused(subordinate: Bench) -> None:
    subordinate.driver.start()
    outcome = subordinate.driver.transfer(subordinate.driver.buffer, 2048, transmit=False)
    assert (outcome.frames, outcome.left, outcome.code) == (0, 2048, Refusal.TRANSFER)
    assert subordinate.counters()["refused_transfer"] == 1


def test_a_full_fifo_takes_as_many_frames_as_the_datasheet_says(subordinate: Bench) -> None:
    sent = start(subordinate)
    sent = frames_of(*(60,) * (FIFO_FRAMES + 76))
    for first in range(0, len(sent), 100):
        subordinate.peer.send(sent[first : first + 100])
    subordinate.wait_counter("rx_no_buffer", 76)
    assert subordinate.driver.waiting == FIFO_FRAMES
    assert subordinate.driver.receive_exactly(FIFO_FRAMES) == sent[:FIFO_FRAMES]


def test_a_full_fifo_takes_as_many_bytes_as_the_datasheet_says(subordinate: Bench) -> None:
    subordinate.driver.start()
    fits = FIFO_BYTES // len(packed(bytes(1514)))
    sent = frames_of(*(1514,) * (fits + 5))
    for first in range(0, len(sent), 10):
        subordinate.peer.send(sent[first : first + 10])
    subordinate.wait_counter("rx_no_buffer", 5)
    assert subordinate.driver.receive_exactly(fits) == sent[:fits]


def test_frames_go_round_a_fifo_that_is_never_empty(subordinate: Bench) -> None:
    before = start(subordinate, 1000)
    for number in range(40):
        sent = frames_of(*(300 + 7 * number + step for step in range(30)))
        subordinate.peer.send(sent)
        subordinate.bus.wait(lambda: subordinate.driver.waiting == 31, "31 frames")
        taken = subordinate.driver.receive_once(sum(len(packed(frame)) for frame in (before + sent)[:30]))
        assert taken == (before + sent)[:30]
        before = sent[-1:]


def test_what_waits_stays_while_the_receiver_is_off(subordinate: Bench) -> None:
    sent = start(subordinate, 60, 61)
    subordinate.driver.set_receiver(enabled=False)
    assert subordinate.driver.receive_once() == sent


def test_what_waits_at_a_reset_is_counted_as_dropped(subordinate: Bench) -> None:
    start(subordinate, 60, 61, 62)
    subordinate.driver.reset()
    assert subordinate.counters()["rx_disabled"] == 3


def test_a_second_transfer_may_run_on_one_set_up(subordinate: Bench) -> None:
    start(subordinate, 60, 61)
    driver = subordinate.driver
    driver.channel.set_up(driver.buffer, 68, to_device=False)
    for _ in range(2):
        driver.start_transfer(transmit=False)
        subordinate.bus.wait(driver.done, "the transfer")
    assert driver.channel.take_down() == 0
    assert driver.bus.memory.view(driver.buffer, 68).tobytes() == packed(frames_of(60, 61)[1])


# -- transmit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        pytest.param(b"\x0d\0\0\0" + bytes(60), Refusal.LENGTH, id="runt"),
        pytest.param(b"\xf3\x05\0\0" + bytes(1600), Refusal.LENGTH, id="giant"),
        pytest.param(bytes(4), Refusal.LENGTH, id="length-0"),
        pytest.param(b"\xff\xff\xff\xff", Refusal.LENGTH, id="all-ones"),
        pytest.param(b"\x3c\0\0\0" + bytes(59), Refusal.CHAIN, id="one-byte-short"),
        pytest.param(b"\x3c\0\0", Refusal.CHAIN, id="half-a-length"),
    ],
)
def test_a_wrong_length_ends_the_transfer_and_what_stands_before_it_is_sent(
    subordinate: Bench, tail: bytes, code: Refusal
) -> None:
    subordinate.driver.start()
    for good in (0, 1, 3):
        sent = frames_of(*range(60, 60 + good))
        data = b"".join(map(packed, sent)) + tail
        subordinate.bus.memory.view(subordinate.driver.buffer, len(data))[:] = np.frombuffer(data, np.uint8)
        outcome = subordinate.driver.transfer(subordinate.driver.buffer, len(data), transmit=True)
        assert (outcome.frames, outcome.left, outcome.code) == (good, len(tail), code)
        assert subordinate.peer.receive(good) == sent
    counters = subordinate.counters()
    assert (counters[f"refused_{code.name.lower()}"], counters["tx_frames"]) == (3, 4)
    subordinate.driver.send_and_reap(frames_of(99))
    assert subordinate.peer.receive(1) == frames_of(99)


def test_the_last_frame_needs_no_padding_and_the_buffer_no_alignment(subordinate: Bench) -> None:
    subordinate.driver.start()
    data = packed(bytes(60)) + packed(b"\x55" * 61)[:65]
    at = subordinate.driver.buffer + 3
    subordinate.bus.memory.view(at, len(data))[:] = np.frombuffer(data, np.uint8)
    outcome = subordinate.driver.transfer(at, len(data), transmit=True)
    assert (outcome.frames, outcome.left, outcome.error) == (2, 0, False)
    assert subordinate.peer.receive(2) == [bytes(60), b"\x55" * 61]


def test_both_directions_take_turns_on_the_one_channel(subordinate: Bench) -> None:
    subordinate.driver.start()
    for number in range(50):
        sent = frames_of(*range(60 + number, 70 + number))
        subordinate.peer.send(sent)
        assert subordinate.driver.receive_exactly(10) == sent
        subordinate.driver.send_and_reap(sent)
        assert subordinate.peer.receive(10) == sent


# -- refused transfers --------------------------------------------------------------------------------

END = MEMORY_AT + MEMORY_BYTES
BAD = [
    pytest.param(MEMORY_AT + 64, 0, Refusal.LENGTH, id="length-0"),
    pytest.param(MEMORY_AT + 64, 65537, Refusal.LENGTH, id="over-64K"),
    pytest.param(MEMORY_AT + 64, 0xFFFFFFFF, Refusal.LENGTH, id="all-ones"),
    pytest.param(END - 100, 2048, Refusal.ADDRESS, id="across-the-end"),
    pytest.param(MEMORY_AT - 1, 2048, Refusal.ADDRESS, id="before-the-begin"),
    pytest.param(0, 2048, Refusal.ADDRESS, id="address-0"),
    pytest.param((1 << 64) - 1024, 2048, Refusal.ADDRESS, id="address-wraps"),
]


@pytest.mark.parametrize(("address", "length", "code"), BAD)
def test_a_bad_channel_is_refused_and_the_card_goes_on(
    subordinate: Bench, address: int, length: int, code: Refusal
) -> None:
    sent = start(subordinate, 60)
    for index, transmit in ((1, False), (2, True)):
        outcome = subordinate.driver.transfer(address, length, transmit=transmit)
        assert (outcome.frames, outcome.left, outcome.code) == (0, length, code)
        fault = subordinate.driver.card.fault()
        assert (fault["CODE"], fault["TRANSMIT"], fault["INDEX"]) == (code, transmit, index)
    assert subordinate.driver.receive_exactly(1) == sent


def test_a_transfer_against_the_channel_s_direction_is_refused(subordinate: Bench) -> None:
    sent = start(subordinate, 60)
    driver = subordinate.driver
    for transmit in (False, True):
        assert driver.transfer(driver.buffer, 2048, transmit=transmit, to_device=not transmit).code == Refusal.TRANSFER
    assert driver.receive_exactly(1) == sent


def test_a_transfer_without_a_channel_is_refused(subordinate: Bench) -> None:
    sent = start(subordinate, 60)
    subordinate.driver.start_transfer(transmit=False)
    assert subordinate.driver.outcome().code == Refusal.TRANSFER
    assert subordinate.driver.receive_exactly(1) == sent


def test_a_start_out_of_turn_is_refused_and_ends_with_its_own_number(subordinate: Bench) -> None:
    sent = start(subordinate, 60)
    driver = subordinate.driver
    driver.channel.set_up(driver.buffer, 2048, to_device=False)
    for count, word in enumerate((0x0002, 0xFFFF, 0x10002, 0x20003, 0x8000_0004, 0xFFFF_FFFF), 1):
        driver.index = word & 0xFFFF
        driver.start_raw(word)
        subordinate.wait_counter("refused_transfer", count)
        assert subordinate.bus.doorbells[transfer_word(registers.DONE)] == word & 0xFFFF
    driver.channel.take_down()
    assert driver.receive_exactly(1) == sent


def test_a_channel_whose_memory_was_unmapped_is_refused(subordinate: Bench) -> None:
    sent = start(subordinate, 60)
    second = 0x1_0000_0000
    subordinate.bus.memory.map(second, 1 << 20)
    subordinate.driver.channel.set_up(second, 2048, to_device=False)
    subordinate.bus.memory.unmap(second)
    subordinate.driver.start_transfer(transmit=False)
    assert subordinate.driver.outcome().code == Refusal.ADDRESS
    assert subordinate.driver.receive_exactly(1) == sent


# -- taking the channel down ----------------------------------------------------------------------------


def test_stop_turns_the_channel_off_and_leaves_a_card_that_goes_on(subordinate: Bench) -> None:
    sent = start(subordinate, 60)
    driver = subordinate.driver
    for _ in range(5):
        driver.channel.set_up(driver.buffer, 2048, to_device=False)
        driver.channel.stop()
    assert driver.receive_exactly(1) == sent
    assert subordinate.counters()["refused_transfer"] == 0


def test_after_taking_down_a_transfer_that_was_just_started_nothing_is_written(subordinate: Bench) -> None:
    """Whichever comes first: the buffer does not change after take_down returns."""
    driver = subordinate.driver
    start(subordinate)
    subordinate.peer.send(frames_of(*(60,) * 500))
    subordinate.bus.wait(lambda: driver.waiting == 500, "the frames")
    for _ in range(100):
        driver.channel.set_up(driver.buffer, 64, to_device=False)
        driver.start_transfer(transmit=False)
        driver.channel.take_down()
        held = driver.bus.memory.view(driver.buffer, 64).copy()
        subordinate.bus.wait(driver.done, "the transfer")
        assert (driver.bus.memory.view(driver.buffer, 64) == held).all()
        driver.bus.memory.view(driver.buffer, 64)[:] = 0


def test_a_transfer_that_has_not_begun_ends_with_stop(bus: MemoryBus) -> None:
    driver = SubordinateDriver(bus)
    driver.start()
    driver.channel.set_up(driver.buffer, 2048, to_device=True)
    driver.index = 1
    bus.doorbells[START] = registers.START.pack(INDEX=1, TRANSMIT=1)
    driver.channel.stop()
    outcome = driver.outcome()
    assert (outcome.frames, outcome.left, outcome.error, outcome.code) == (0, 2048, True, None)
    assert bus.card.counters["refused_transfer"] == 0


def test_a_channel_that_is_taken_down_before_the_card_looks_moves_nothing(bus: MemoryBus) -> None:
    driver = SubordinateDriver(bus)
    driver.start()
    bus.peer.send(frames_of(60))
    driver.channel.set_up(driver.buffer, 2048, to_device=False)
    driver.start_transfer(transmit=False)
    driver.channel.take_down()
    assert driver.outcome().code == Refusal.TRANSFER
    driver.check_memory()
    assert driver.waiting == 1


def test_the_number_of_a_transfer_wraps_at_its_16_bits(bus: MemoryBus) -> None:
    driver = SubordinateDriver(bus)
    driver.start()
    driver.channel.set_up(driver.buffer, 68, to_device=True)
    bus.memory.view(driver.buffer, 68)[:4] = (64, 0, 0, 0)
    first, end = 0xFFF0, 0x1_0003  # The first does not follow and is refused: the next ones count from it.
    for index in range(first, end):
        bus.doorbells[START] = registers.START.pack(INDEX=index & 0xFFFF, TRANSMIT=1)
        bus.card.transmit()
    assert bus.card.counters["tx_frames"] == end - first - 1
    assert bus.doorbells[TRANSFER_BLOCK.address(registers.DONE) // 4] == 2
