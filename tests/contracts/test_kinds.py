# SPDX-License-Identifier: GPL-2.0-or-later
"""Contracts of all kinds of card. Each kind's driver asserts the rules of its kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nicrig_device.models.catalogue import KINDS
from nicrig_device.spec import registers
from nicrig_device.spec.registers import CARD_BLOCK
from tests.contracts.conftest import DRIVERS, MEMORY_AT, MEMORY_BYTES, KindBench
from tests.contracts.test_receive import frames_of
from tests.fakes.card_driver import CardDriver
from tests.fakes.card_process import CardProcess
from tests.fakes.driver_ring import SLEEPING_WORD
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.vfio_user_messages import CONFIG_REGION
from tests.fakes.wire_peer import WirePeer

AnyKind = KindBench[CardDriver]
ALL_SIZES = range(60, 1515)
BATCHES = [range(first, min(first + 48, ALL_SIZES.stop)) for first in range(ALL_SIZES.start, ALL_SIZES.stop, 48)]


def start(bench: AnyKind) -> None:
    bench.driver.start()
    bench.driver.prepare()


def check_round_trip(bench: AnyKind) -> None:
    start(bench)
    sent = frames_of(60, 1514)
    bench.peer.send(sent)
    assert bench.driver.receive_exactly(len(sent)) == sent
    bench.driver.send_and_reap(sent)
    assert bench.peer.receive(len(sent)) == sent


def test_frames_of_every_size_arrive_as_they_were_sent(any_bench: AnyKind) -> None:
    start(any_bench)
    for sizes in BATCHES:
        sent = frames_of(*sizes)
        any_bench.peer.send(sent)
        assert any_bench.driver.receive_exactly(len(sent)) == sent
        any_bench.driver.prepare()
    counters = any_bench.counters()
    assert (counters["rx_frames"], counters["rx_bytes"]) == (len(ALL_SIZES), sum(ALL_SIZES))


def test_frames_of_every_size_leave_as_they_were_built(any_bench: AnyKind) -> None:
    start(any_bench)
    for sizes in BATCHES:
        sent = frames_of(*sizes)
        any_bench.driver.send_and_reap(sent)
        assert any_bench.peer.receive(len(sent)) == sent
    counters = any_bench.counters()
    assert (counters["tx_frames"], counters["tx_bytes"]) == (len(ALL_SIZES), sum(ALL_SIZES))


def test_frames_outside_the_limits_are_dropped_and_counted(any_bench: AnyKind) -> None:
    start(any_bench)
    sent = frames_of(60, 13, 1523, 0, 61)
    any_bench.peer.send(sent)
    assert any_bench.driver.receive_exactly(2) == [sent[0], sent[4]]
    any_bench.wait_counter("rx_too_short", 2)
    any_bench.wait_counter("rx_too_long", 1)


def test_frames_are_dropped_while_the_receiver_is_off(any_bench: AnyKind) -> None:
    start(any_bench)
    any_bench.driver.set_receiver(enabled=False)
    any_bench.peer.send(frames_of(60, 60))
    any_bench.wait_counter("rx_disabled", 2)
    any_bench.driver.set_receiver(enabled=True)
    any_bench.peer.send(frames_of(61))
    assert any_bench.driver.receive_exactly(1) == frames_of(61)


def test_one_message_an_arm_word(any_bench: AnyKind) -> None:
    start(any_bench)
    vector = any_bench.driver.queue_vector
    for _ in range(5):
        assert not any_bench.driver.arm_receive()
        any_bench.peer.send(frames_of(60, 60, 60))
        assert any_bench.driver.wait_interrupt(vector) == 1
        any_bench.driver.receive_exactly(3)
    assert any_bench.counters()["interrupts"] == 5


def test_the_end_of_a_transmit_has_its_own_arm_word(any_bench: AnyKind) -> None:
    start(any_bench)
    assert not any_bench.driver.arm_transmit()
    any_bench.driver.send(frames_of(60))
    assert any_bench.driver.wait_interrupt(any_bench.driver.queue_vector) == 1


def test_a_masked_card_fires_when_unmasked(any_bench: AnyKind) -> None:
    start(any_bench)
    any_bench.driver.set_interrupts(enabled=False)
    any_bench.driver.arm_transmit()
    any_bench.driver.send(frames_of(60))
    any_bench.wait_counter("tx_frames", 1)
    assert any_bench.driver.take_interrupts(any_bench.driver.queue_vector) == 0
    any_bench.driver.set_interrupts(enabled=True)
    assert any_bench.driver.wait_interrupt(any_bench.driver.queue_vector) == 1


def test_moderation_gathers_frames_into_one_message(any_bench: AnyKind) -> None:
    start(any_bench)
    any_bench.driver.moderate(microseconds=0xFFFF, frames=8)
    any_bench.driver.arm_receive()
    for count in (7, 1):
        any_bench.peer.send(frames_of(*(60,) * count))
    assert any_bench.driver.wait_interrupt(any_bench.driver.queue_vector) == 1
    any_bench.driver.receive_exactly(8)


def test_a_refusal_is_an_event(any_bench: AnyKind) -> None:
    start(any_bench)
    assert not any_bench.driver.arm_event()
    any_bench.driver.card.write(registers.VERSION, 0)
    assert any_bench.driver.wait_interrupt(any_bench.driver.event_vector) == 1
    assert any_bench.driver.card.fault()["CODE"] == 6
    any_bench.driver.card.clear_fault()


def test_a_function_reset_leaves_a_card_that_starts_again(any_bench: AnyKind) -> None:
    for resets in range(1, 4):
        check_round_trip(any_bench)
        any_bench.driver.stop()
        assert any_bench.counters()["resets"] >= resets


def test_the_machine_s_reset_drops_what_was_armed_and_what_waited(any_bench: AnyKind) -> None:
    start(any_bench)
    any_bench.peer.send(frames_of(60))
    any_bench.bus.reset()
    any_bench.driver.after_reset()
    any_bench.peer.send(frames_of(60))
    any_bench.bus.wait(lambda: any_bench.counters()["rx_disabled"] > 0, "the second frame to be dropped")
    counters = any_bench.counters()
    assert counters["rx_disabled"] + counters["rx_frames"] == 2
    assert counters["interrupts"] == 0
    check_round_trip(any_bench)


def test_the_words_that_all_kinds_have_say_what_the_registers_say(any_bench: AnyKind) -> None:
    start(any_bench)
    assert any_bench.driver.card.link_up
    assert any_bench.driver.card.mac == bytes.fromhex("5254006e6963")


@pytest.mark.real
def test_an_idle_card_says_that_it_sleeps_and_a_kick_wakes_it(real_any_bench: AnyKind) -> None:
    start(real_any_bench)
    real_any_bench.bus.wait(lambda: bool(real_any_bench.bus.doorbells[SLEEPING_WORD]), "the card to sleep")
    real_any_bench.driver.send_and_reap(frames_of(60))
    assert real_any_bench.counters()["kicks"] == 1


@pytest.mark.real
def test_the_card_has_its_kind_s_device_id(real_any_bench: AnyKind, kind: str) -> None:
    bus = real_any_bench.bus
    assert isinstance(bus, VfioUserBus)
    config = bus.client.read_region(CONFIG_REGION, 0, 4)
    assert int.from_bytes(config[2:], "little") == KINDS[kind].device_id


@pytest.mark.real
def test_a_client_that_vanishes_under_traffic_leaves_a_card_that_works(
    start_card: Callable[..., CardProcess], kind: str
) -> None:
    card = start_card("msix", kind)
    with WirePeer(card.wire) as peer:
        for last in (False, True):
            bus = VfioUserBus(card.vfio_user)
            bus.memory.map(MEMORY_AT, MEMORY_BYTES)
            bench = KindBench(bus, DRIVERS[kind](bus), peer)
            check_round_trip(bench)
            if not last:
                peer.send(frames_of(*(60,) * 100))
                bus.disconnect()
                peer.send(frames_of(*(60,) * 100))
            else:
                bench.driver.stop()
            bus.close()


def test_an_honest_driver_sees_no_refusal(any_bench: AnyKind) -> None:
    check_round_trip(any_bench)
    refused = {name: value for name, value in any_bench.counters().items() if name.startswith("refused") and value}
    assert refused == {}
    assert any_bench.bus.read_control(CARD_BLOCK.address(registers.FAULT)) == 0
