# SPDX-License-Identifier: GPL-2.0-or-later
"""Datasheet section 5, transmit."""

from __future__ import annotations

import pytest

from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Flag, Refusal
from tests.contracts.conftest import MEMORY_AT, MEMORY_BYTES, Bench
from tests.contracts.test_receive import frames_of

END = Flag.END_OF_FRAME


@pytest.mark.parametrize("pieces", [1, 2, 7, 16])
@pytest.mark.parametrize("sizes", [(64,) * 12, (60, 1514, 77, 1522)], ids=["uniform", "mixed"])
def test_frames_leave_as_they_were_built(bench: Bench, sizes: tuple[int, ...], pieces: int) -> None:
    bench.driver.start()
    sent = frames_of(*sizes)
    bench.driver.send_and_reap(sent, pieces=pieces)
    assert bench.peer.receive(len(sent)) == sent
    counters = bench.counters()
    assert (counters["tx_frames"], counters["tx_bytes"]) == (len(sent), sum(sizes))


def test_the_transmit_ring_wraps_with_chains_across_the_end(bench: Bench) -> None:
    bench.driver.start(tx_size=8)
    sent = frames_of(*(60 + index % 9 for index in range(60)))
    for first in range(0, 60, 2):
        bench.driver.send_and_reap(sent[first : first + 2], pieces=3)
    assert bench.peer.receive(60) == sent


def test_a_full_ring_of_frames_goes_in_one_doorbell(bench: Bench) -> None:
    bench.driver.start(tx_size=256)
    sent = frames_of(*(64,) * 256)
    bench.driver.send_and_reap(sent)
    assert bench.peer.receive(256) == sent


BUFFER = MEMORY_AT + 8192
BAD = [
    pytest.param([(BUFFER, 0, END, 0)], Refusal.LENGTH, id="length-0"),
    pytest.param([(BUFFER, 65537, END, 0)], Refusal.LENGTH, id="over-64K"),
    pytest.param([(BUFFER, 13, END, 0)], Refusal.LENGTH, id="runt"),
    pytest.param([(BUFFER, 1523, END, 0)], Refusal.LENGTH, id="giant"),
    pytest.param([(BUFFER, 60, 0, 0), (BUFFER, 1500, END, 0)], Refusal.LENGTH, id="giant-in-two"),
    pytest.param([(MEMORY_AT + MEMORY_BYTES - 10, 60, END, 0)], Refusal.ADDRESS, id="across-the-end"),
    pytest.param([(0xDEAD_0000, 60, END, 0)], Refusal.ADDRESS, id="outside"),
    pytest.param([(BUFFER, 30, 0, 0), (0xDEAD_0000, 30, END, 0)], Refusal.ADDRESS, id="second-piece-outside"),
    pytest.param([(BUFFER, 60, 0, 0)], Refusal.CHAIN, id="no-end"),
    pytest.param([(BUFFER, 20, 0, 0)] * 16 + [(BUFFER, 20, END, 0)], Refusal.CHAIN, id="seventeen-pieces"),
]


@pytest.mark.parametrize(("chain", "code"), BAD)
def test_a_bad_frame_is_refused_whole_and_the_next_one_sent(
    bench: Bench, chain: list[tuple[int, int, int, int]], code: Refusal
) -> None:
    bench.driver.start()
    bench.driver.post_raw(bench.driver.tx, chain)
    assert bench.driver.reap_all() == 0
    assert {item.code for item in bench.driver.refusals} == {code}
    assert len(bench.driver.refusals) == len(chain)
    assert bench.counters()[f"refused_{code.name.lower()}"] == len(chain)
    bench.driver.refusals.clear()
    sent = frames_of(60)
    bench.driver.send_and_reap(sent)
    assert bench.peer.receive(1) == sent


@pytest.mark.parametrize("value", [65, 256, 0xFFFF, 0x1_0000, 1 << 31, (1 << 32) - 1])
@pytest.mark.parametrize("ring", ["rx", "tx"])
def test_a_doorbell_out_of_range_is_refused_once_and_the_next_good_one_obeyed(
    bench: Bench, ring: str, value: int
) -> None:
    bench.driver.start(rx_size=64, tx_size=64)
    register = registers.RX_TAIL if ring == "rx" else registers.TX_TAIL
    bench.driver.doorbell_raw(register, value)
    bench.wait_counter("refused_doorbell", 1)
    assert bench.driver.card.fault()["CODE"] == Refusal.DOORBELL
    bench.driver.doorbell_raw(register, 0)
    bench.driver.post_receives(4)
    sent = frames_of(60, 61)
    bench.driver.send_and_reap(sent)
    assert bench.peer.receive(2) == sent
    bench.peer.send(sent)
    assert bench.driver.receive_exactly(2) == sent
    assert bench.counters()["refused_doorbell"] == 1
