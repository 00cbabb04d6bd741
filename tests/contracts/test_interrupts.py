# SPDX-License-Identifier: GPL-2.0-or-later
"""Datasheet sections 6 and 7: messages, moderation, sleep and kick."""

from __future__ import annotations

import pytest

from nicrig_device.spec import registers
from tests.contracts.conftest import Bench
from tests.contracts.test_receive import frames_of
from tests.fakes.driver_ring import SLEEPING_WORD


def test_one_message_an_arm_word(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    vector = bench.driver.queue_vector
    for _ in range(5):
        assert not bench.driver.arm_receive()
        bench.peer.send(frames_of(60, 60, 60))
        assert bench.driver.wait_interrupt(vector) == 1
        bench.driver.receive_exactly(3)
    assert bench.counters()["interrupts"] == 5
    assert bench.driver.take_interrupts(vector) == 0


def test_an_unarmed_card_is_silent(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    bench.peer.send(frames_of(60))
    bench.driver.receive_exactly(1)
    bench.driver.send_and_reap(frames_of(60))
    assert bench.counters()["interrupts"] == 0


def test_transmit_completion_has_its_own_arm_word(bench: Bench) -> None:
    bench.driver.start()
    assert not bench.driver.arm_transmit()
    bench.driver.send(frames_of(60))
    assert bench.driver.wait_interrupt(bench.driver.queue_vector) == 1
    assert bench.driver.reap() == 1


def test_a_masked_card_fires_when_unmasked(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    bench.driver.set_interrupts(enabled=False)
    bench.driver.arm_receive()
    bench.peer.send(frames_of(60))
    bench.bus.wait(lambda: bench.driver.rx.completed() == 1, "the frame")
    assert bench.driver.take_interrupts(bench.driver.queue_vector) == 0
    bench.driver.set_interrupts(enabled=True)
    assert bench.driver.wait_interrupt(bench.driver.queue_vector) == 1


def test_moderation_gathers_frames_into_one_message(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    bench.driver.moderate(microseconds=0xFFFF, frames=8)
    bench.driver.arm_receive()
    for count in (3, 4):
        bench.peer.send(frames_of(*(60,) * count))
        bench.wait_counter("rx_frames", count if count == 3 else 7)
    bench.peer.send(frames_of(60))
    assert bench.driver.wait_interrupt(bench.driver.queue_vector) == 1
    bench.driver.receive_exactly(8)


def test_moderation_ends_with_its_time(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.post_receives()
    bench.driver.moderate(microseconds=20_000, frames=100)
    bench.driver.arm_receive()
    bench.peer.send(frames_of(60))
    assert bench.driver.wait_interrupt(bench.driver.queue_vector) == 1


def test_a_ring_that_is_enabled_again_answers_the_arm_word_that_it_answered_before(bench: Bench) -> None:
    tail, arm = (registers.QUEUE_BLOCK.address(item) // 4 for item in (registers.TX_TAIL, registers.TX_ARM))
    bench.driver.start()
    address, word = bench.driver.tx.address, registers.TX_ARM.pack(ENABLE=1, SEQUENCE=1)
    for _ in range(2):
        bench.driver.card.write(registers.RING_CONTROL, 0, registers.TX_BLOCK)
        bench.driver.program_ring("transmit", address, bench.driver.tx.size)
        bench.bus.doorbells[arm] = word
        bench.driver.doorbell_raw(
            registers.TX_TAIL, 1
        )  # a descriptor of length 0: the card refuses it and gives it back
        bench.bus.wait(lambda: bench.bus.take_interrupts(bench.driver.queue_vector) == 1, "the message")
        bench.bus.doorbells[tail] = 1
    bench.driver.start()


def test_a_refusal_is_an_event(bench: Bench) -> None:
    bench.driver.start()
    assert not bench.driver.arm_event()
    bench.driver.doorbell_raw(registers.TX_TAIL, 0x8000)
    assert bench.driver.wait_interrupt(bench.driver.event_vector) == 1
    bench.driver.doorbell_raw(registers.TX_TAIL, 0)


@pytest.mark.real
def test_an_idle_card_says_that_it_sleeps_and_a_kick_wakes_it(real_bench: Bench) -> None:
    bench = real_bench
    bench.driver.start()
    bench.bus.wait(lambda: bool(bench.bus.doorbells[SLEEPING_WORD]), "the card to sleep")
    bench.driver.send_and_reap(frames_of(60))
    assert bench.driver.tx.kicks == 1
    assert bench.counters()["kicks"] == 1
