# SPDX-License-Identifier: GPL-2.0-or-later
"""Datasheet section 16: slots and I/O ports of the non-DMA kind."""

from __future__ import annotations

import pytest

from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.layout import Register
from nicrig_device.spec.registers import BAR_PORTS, CARD_BLOCK, PORTS, QUEUE_BLOCK, SLOTS
from tests.contracts.conftest import MEMORY_AT, KindBench
from tests.contracts.test_receive import frames_of
from tests.fakes.non_dma_driver import NonDmaDriver

Bench = KindBench[NonDmaDriver]


def start(bench: Bench) -> None:
    bench.driver.start()
    bench.driver.prepare()


def test_full_slots_lose_only_what_the_counter_says(non_dma: Bench) -> None:
    start(non_dma)
    sent = frames_of(*(60,) * (SLOTS + 36))
    non_dma.peer.send(sent)
    non_dma.wait_counter("rx_no_buffer", 36)
    held = non_dma.driver.rx_slots.bytes.copy()
    non_dma.peer.send(sent[:5])
    non_dma.wait_counter("rx_no_buffer", 41)
    assert (non_dma.driver.rx_slots.bytes == held).all(), "the card wrote into a slot of the driver's"
    assert non_dma.driver.receive() == sent[:SLOTS]


def test_the_card_fills_only_the_slots_that_it_was_given(non_dma: Bench) -> None:
    non_dma.driver.start()
    non_dma.peer.send(frames_of(60))
    non_dma.wait_counter("rx_no_buffer", 1)
    non_dma.driver.give(2)
    sent = frames_of(60, 61, 62)
    non_dma.peer.send(sent)
    non_dma.wait_counter("rx_no_buffer", 2)
    assert non_dma.driver.receive() == sent[:2]


def test_the_indices_wrap_at_their_16_bits(non_dma: Bench) -> None:
    start(non_dma)
    batch = frames_of(*(60,) * SLOTS)
    for _ in range(65536 // SLOTS + 2):
        non_dma.peer.send(batch)
        non_dma.bus.wait(lambda: non_dma.driver.completed() == SLOTS, "all slots")
        non_dma.driver.rx_head = (non_dma.driver.rx_head + SLOTS) & 0xFFFF
        non_dma.driver.give(SLOTS)
        non_dma.driver.ring(
            non_dma.driver.tx_tail + SLOTS
        )  # slots of length 0: the card refuses them and gives them back
        non_dma.bus.wait(lambda: non_dma.driver.bus.doorbells[TX_HEAD] == non_dma.driver.tx_tail, "all slots")
        non_dma.driver.tx_head = non_dma.driver.tx_tail
    counters = non_dma.counters()
    assert counters["rx_frames"] == counters["refused_length"] == 65536 + 2 * SLOTS
    assert non_dma.driver.rx_head == non_dma.driver.tx_head == 2 * SLOTS
    non_dma.peer.send(batch)
    assert non_dma.driver.receive_exactly(SLOTS) == batch


TX_HEAD = QUEUE_BLOCK.address(registers.TX_HEAD) // 4


def test_all_transmit_slots_go_in_one_doorbell(non_dma: Bench) -> None:
    start(non_dma)
    sent = frames_of(*range(60, 60 + SLOTS))
    non_dma.driver.send_and_reap(sent)
    assert non_dma.peer.receive(SLOTS) == sent


WRONG_LENGTHS = [0, 13, 1523, 2032, 2048, 65536, (1 << 32) - 1]


def test_a_slot_with_a_wrong_length_is_refused_and_its_neighbours_sent(non_dma: Bench) -> None:
    start(non_dma)
    good = frames_of(60, 61)
    for number, length in enumerate(WRONG_LENGTHS):
        for step, (frame, size) in enumerate(((good[0], 60), (bytes(60), length), (good[1], 61))):
            non_dma.driver.write_slot(3 * number + step, frame, size)
        non_dma.driver.ring(3 * number + 3)
        assert non_dma.driver.reap_all() == 2
        assert non_dma.peer.receive(2) == good
        fault = non_dma.driver.card.fault()
        assert (fault["CODE"], fault["TRANSMIT"], fault["INDEX"]) == (Refusal.LENGTH, 1, 3 * number + 1)
    assert non_dma.driver.refusals == WRONG_LENGTHS
    assert non_dma.counters()["refused_length"] == len(WRONG_LENGTHS)


@pytest.mark.parametrize("register", [registers.RX_TAIL, registers.TX_TAIL], ids=["rx", "tx"])
def test_a_doorbell_out_of_range_is_refused_once_and_the_next_good_one_obeyed(
    non_dma: Bench, register: Register
) -> None:
    non_dma.driver.start()
    word = QUEUE_BLOCK.address(register) // 4
    values = (SLOTS + 1, 0xFFFF, 0x1_0000, (1 << 32) - 1)
    for count, value in enumerate(values, 1):
        non_dma.bus.doorbells[word] = value
        non_dma.driver.card.write(registers.KICK, 1)
        non_dma.wait_counter("refused_doorbell", count)
        assert non_dma.driver.card.fault()["CODE"] == Refusal.DOORBELL
    non_dma.bus.doorbells[word] = 0
    non_dma.driver.prepare()
    sent = frames_of(60, 61)
    non_dma.driver.send_and_reap(sent)
    assert non_dma.peer.receive(2) == sent
    non_dma.peer.send(sent)
    assert non_dma.driver.receive_exactly(2) == sent
    assert non_dma.counters()["refused_doorbell"] == len(values)


def test_the_card_works_without_any_guest_memory(non_dma: Bench) -> None:
    non_dma.bus.memory.unmap(MEMORY_AT)
    start(non_dma)
    sent = frames_of(60, 1514)
    non_dma.peer.send(sent)
    assert non_dma.driver.receive_exactly(2) == sent
    non_dma.driver.send_and_reap(sent)
    assert non_dma.peer.receive(2) == sent


# -- ports --------------------------------------------------------------------------------------------


def test_the_ports_are_the_registers_of_bar0(non_dma: Bench) -> None:
    start(non_dma)
    for register in (registers.IDENTITY, registers.VERSION, registers.CONTROL, registers.MAC_LOW):
        assert non_dma.driver.card.read(register) == non_dma.bus.read_control(CARD_BLOCK.address(register))
    assert non_dma.driver.ports.port(registers.PORT_INDEX) == CARD_BLOCK.address(registers.MAC_LOW)


def test_a_reset_through_the_ports_sets_index_to_0(non_dma: Bench) -> None:
    start(non_dma)
    reset = registers.CONTROL.pack(RESET=1)
    non_dma.driver.ports.write_control(CARD_BLOCK.address(registers.CONTROL), reset)
    assert non_dma.driver.ports.port(registers.PORT_INDEX) == 0


BAD_ACCESSES = [(port, size) for size in (1, 2) for port in (0, 1, 4, 6)] + [(8, 4), (PORTS - 4, 4), (15, 1)]


def test_any_other_port_access_is_refused_and_gives_0(non_dma: Bench) -> None:
    start(non_dma)
    before = non_dma.driver.ports.port(registers.PORT_INDEX)
    for port, size in BAD_ACCESSES:
        assert non_dma.bus.access(BAR_PORTS, port, size) == bytes(size)
        non_dma.bus.access(BAR_PORTS, port, size, b"\xff" * size)
        assert non_dma.driver.ports.port(registers.PORT_INDEX) == before
    assert non_dma.counters()["refused_access"] == 2 * len(BAD_ACCESSES)
    assert non_dma.driver.card.fault()["CODE"] == Refusal.ACCESS


def test_an_index_of_no_register_is_refused_when_it_is_used(non_dma: Bench) -> None:
    non_dma.driver.start()
    for count, index in enumerate((0x2, 0x30, 0x100, 0xFFC, 0x1000, (1 << 32) - 1)):
        non_dma.driver.ports.port(registers.PORT_INDEX, index)
        assert non_dma.driver.card.counters()["refused_access"] == count
        assert non_dma.driver.ports.read_control(index) == 0
