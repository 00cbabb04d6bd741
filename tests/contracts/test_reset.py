# SPDX-License-Identifier: GPL-2.0-or-later
"""Datasheet section 8: the state after each reset."""

from __future__ import annotations

from tests.contracts.conftest import MEMORY_AT, MEMORY_BYTES, Bench
from tests.contracts.test_receive import frames_of


def round_trip(bench: Bench) -> None:
    sent = frames_of(60, 1514)
    bench.driver.post_receives(len(sent))
    bench.peer.send(sent)
    assert bench.driver.receive_exactly(len(sent)) == sent
    bench.driver.send_and_reap(sent)
    assert bench.peer.receive(len(sent)) == sent


def test_a_function_reset_leaves_a_card_that_starts_again(bench: Bench) -> None:
    for resets in range(1, 4):
        bench.driver.start()
        round_trip(bench)
        bench.driver.stop()
        assert bench.counters()["resets"] >= resets


def test_the_machine_s_reset_leaves_a_card_that_starts_again(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    bench.driver.arm_receive()
    bench.bus.reset()
    bench.driver.after_reset()
    bench.peer.send(frames_of(60))
    bench.wait_counter("rx_disabled", 1)
    assert bench.counters()["interrupts"] == 0
    bench.driver.start()
    round_trip(bench)


def test_after_a_reset_nothing_is_written_to_what_was_posted(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    bench.driver.reset()
    bench.peer.send(frames_of(*(60,) * 10))
    bench.wait_counter("rx_disabled", 10)
    bench.driver.check_memory()
    bench.driver.start()
    round_trip(bench)


def test_a_ring_whose_memory_was_unmapped_stops_and_the_card_starts_again(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    bench.bus.memory.unmap(MEMORY_AT)
    bench.peer.send(frames_of(60))
    bench.wait_counter("refused_ring", 1)
    bench.bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    bench.driver.start()
    round_trip(bench)
