# SPDX-License-Identifier: GPL-2.0-or-later
"""Datasheet section 5, receive. The driver asserts the rules of each step; the tests check the result."""

from __future__ import annotations

import pytest

from nicrig_device.spec.descriptors import Refusal
from tests.contracts.conftest import MEMORY_AT, MEMORY_BYTES, Bench

COUNTING = bytes(range(256)) * 8
"""0, 1, 2 and so on, longer than a frame may be by more than 256 bytes."""


def frames_of(*sizes: int) -> list[bytes]:
    """A frame of each size, whose bytes count up from a number of its own."""
    return [COUNTING[(first := index * 7 & 0xFF) : first + size] for index, size in enumerate(sizes)]


@pytest.mark.parametrize("sizes", [(60,) * 32, (14, 60, 61, 1514, 1522, 64, 1024, 15)], ids=["uniform", "mixed"])
def test_frames_arrive_as_they_were_sent(bench: Bench, sizes: tuple[int, ...]) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    sent = frames_of(*sizes)
    bench.peer.send(sent)
    assert bench.driver.receive_exactly(len(sent)) == sent
    assert bench.counters()["rx_bytes"] == sum(sizes)


def test_the_index_wraps_at_its_16_bits(bench: Bench) -> None:
    bench.driver.start(rx_size=1024)
    bench.driver.post_receives()
    batch = frames_of(*(60,) * 1024)
    for _ in range(66):
        bench.peer.send(batch)
        bench.bus.wait(lambda: bench.driver.rx.completed() == 1024, "a whole ring")
        bench.driver.repost(1024)
    assert bench.driver.rx.head == 66 * 1024 - 65536
    assert bench.counters()["rx_frames"] == 66 * 1024


def test_the_smallest_ring_fills_and_empties(bench: Bench) -> None:
    bench.driver.start(rx_size=8)
    for round_number in range(40):
        count = round_number % 8 + 1
        bench.driver.post_receives(count)
        sent = frames_of(*range(60, 60 + count))
        bench.peer.send(sent)
        assert bench.driver.receive_exactly(count) == sent


def test_a_full_ring_loses_only_what_the_counter_says(bench: Bench) -> None:
    bench.driver.start(rx_size=64)
    bench.driver.post_receives()
    sent = frames_of(*(60,) * 100)
    bench.peer.send(sent)
    assert bench.driver.receive_exactly(64) == sent[:64]
    bench.wait_counter("rx_no_buffer", 36)
    assert bench.counters()["rx_frames"] == 64


def test_frames_without_any_posted_buffer_are_counted_and_the_next_one_delivered(bench: Bench) -> None:
    bench.driver.start()
    bench.peer.send(frames_of(60, 1514))
    bench.wait_counter("rx_no_buffer", 2)
    bench.driver.post_receives(1)
    bench.peer.send(frames_of(61))
    assert bench.driver.receive_exactly(1) == frames_of(61)


def test_a_frame_longer_than_its_buffer_is_dropped_and_the_next_one_delivered(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives(3, lengths=[2048, 100, 2048])
    sent = frames_of(60, 101, 70)
    bench.peer.send(sent)
    bench.bus.wait(lambda: bench.driver.rx.completed() == 3, "three descriptors")
    assert bench.driver.receive() == [sent[0], sent[2]]
    assert [item.code for item in bench.driver.refusals] == [Refusal.LENGTH]
    assert bench.counters()["rx_too_long"] == 1


@pytest.mark.parametrize(("size", "counter"), [(13, "rx_too_short"), (1523, "rx_too_long"), (0, "rx_too_short")])
def test_frames_outside_the_limits_are_dropped_and_counted(bench: Bench, size: int, counter: str) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    sent = frames_of(60, size, 61)
    bench.peer.send(sent)
    assert bench.driver.receive_exactly(2) == [sent[0], sent[2]]
    bench.wait_counter(counter, 1)


def test_frames_are_dropped_while_the_receiver_is_off(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    bench.driver.set_receiver(enabled=False)
    bench.peer.send(frames_of(60, 60))
    bench.wait_counter("rx_disabled", 2)
    assert bench.driver.receive() == []


END = MEMORY_AT + MEMORY_BYTES
BAD = [
    pytest.param((MEMORY_AT + 4096, 0), Refusal.LENGTH, id="length-0"),
    pytest.param((MEMORY_AT + 4096, 65537), Refusal.LENGTH, id="over-64K"),
    pytest.param((MEMORY_AT + 4096, 0xFFFFFFFF), Refusal.LENGTH, id="length-all-ones"),
    pytest.param((END - 100, 2048), Refusal.ADDRESS, id="across-the-end"),
    pytest.param((MEMORY_AT - 1, 2048), Refusal.ADDRESS, id="before-the-begin"),
    pytest.param((0, 2048), Refusal.ADDRESS, id="address-0"),
    pytest.param(((1 << 64) - 1024, 2048), Refusal.ADDRESS, id="address-wraps"),
]


@pytest.mark.parametrize(("descriptor", "code"), BAD)
def test_a_bad_receive_descriptor_is_refused_and_the_card_goes_on(
    bench: Bench, descriptor: tuple[int, int], code: Refusal
) -> None:
    bench.driver.start()
    bench.driver.post_receives(1)
    bench.driver.post_raw(bench.driver.rx, [(*descriptor, 0, 0)])
    bench.driver.post_receives(1)
    sent = frames_of(60, 61, 62)
    bench.peer.send(sent)
    bench.bus.wait(lambda: bench.driver.rx.completed() == 3, "three descriptors")
    assert bench.driver.receive() == [sent[0], sent[2]]
    assert [(item.address, item.length, item.code) for item in bench.driver.refusals] == [(*descriptor, code)]
    counters = bench.counters()
    assert counters[f"refused_{code.name.lower()}"] == 1
    assert counters["rx_refused"] == 1
    assert bench.driver.card.fault()["CODE"] == code


def test_buffers_of_two_ranges_in_one_batch(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives(4)
    second = 0x1_0000_0000
    bench.bus.memory.map(second, 1 << 20)
    bench.driver.post_raw(bench.driver.rx, [(second + 0x1000 * index, 2048, 0, 0) for index in range(4)])
    sent = frames_of(*(60,) * 8)
    bench.peer.send(sent)
    assert bench.driver.receive_exactly(8) == sent
    for index in range(4):  # back to the guard pattern, so that the final check sees only other changes
        bench.bus.memory.view(second + 0x1000 * index, 60)
    bench.bus.memory.unmap(second)


def test_a_buffer_whose_memory_was_unmapped_is_refused(bench: Bench) -> None:
    bench.driver.start()
    second = 0x1_0000_0000
    bench.bus.memory.map(second, 1 << 20)
    bench.driver.post_raw(bench.driver.rx, [(second, 2048, 0, 0)])
    bench.driver.post_receives(1)
    bench.bus.memory.unmap(second)
    sent = frames_of(60, 61)
    bench.peer.send(sent)
    bench.bus.wait(lambda: bench.driver.rx.completed() == 2, "two descriptors")
    assert bench.driver.receive() == [sent[1]]
    assert [item.code for item in bench.driver.refusals] == [Refusal.ADDRESS]
