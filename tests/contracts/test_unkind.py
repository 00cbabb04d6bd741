# SPDX-License-Identifier: GPL-2.0-or-later
"""Datasheet section 18: a card that is legal and unkind, and what it finds about its driver."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pytest

from nicrig_device.models.catalogue import KINDS
from nicrig_device.recorder import TraceEvent
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Flag, Refusal, Status
from nicrig_device.spec.findings import HandOverFinding
from nicrig_device.spec.registers import FRAME_MAX, SLOT_FRAME
from nicrig_device.timing import LATE_SECONDS
from nicrig_interface.vocabulary import CardKind
from tests.contracts.conftest import DRIVERS, MEMORY_AT, MEMORY_BYTES, Driver, KindBench, benches
from tests.contracts.test_receive import frames_of
from tests.fakes.driver import FakeDriver
from tests.fakes.guest_memory import guard_pattern
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.non_dma_driver import NonDmaDriver
from tests.fakes.subordinate_driver import SubordinateDriver, packed


@dataclass
class MemoryBench(KindBench[Driver]):
    """A card in memory, whose parts a test may look at."""

    bus: MemoryBus


AnyBench: TypeAlias = MemoryBench[Any]
Bench: TypeAlias = MemoryBench[FakeDriver]
SIZE = 2048
SEEDS = range(1, 6)
STEPS = 4
"""The most steps of one batch: data, status, head, interrupt."""


def made(kind: CardKind, seed: int | None = 1) -> AnyBench:
    """An unkind card in memory, with a driver that has started."""
    bus = MemoryBus(kind=KINDS[kind])
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    bus.card.timing.set(seed)
    driver = DRIVERS[kind](bus)
    driver.unkind = True
    driver.start()
    return MemoryBench(bus, driver, bus.peer)


@pytest.fixture
def master() -> Iterator[MemoryBench[FakeDriver]]:
    bench = made("bus-master")
    yield bench
    bench.bus.close()


@pytest.fixture
def channel() -> Iterator[MemoryBench[SubordinateDriver]]:
    bench = made("subordinate")
    yield bench
    bench.bus.close()


@pytest.fixture
def slots() -> Iterator[MemoryBench[NonDmaDriver]]:
    bench = made("non-dma")
    yield bench
    bench.bus.close()


def found(bench: AnyBench) -> dict[HandOverFinding, int]:
    counters = bench.counters()
    return {finding: count for finding in HandOverFinding if (count := counters[finding.counter])}


def wait_found(bench: AnyBench, finding: HandOverFinding) -> None:
    """Wait for this finding, and check that there is no other."""
    bench.bus.wait(lambda: found(bench) != {}, f"{finding.name}")
    assert found(bench) == {finding: 1}


@pytest.fixture
def records(request: pytest.FixtureRequest) -> list[tuple[int, ...]]:
    """The arguments of the card's HAND_OVER records, as they come."""
    bench = next(
        request.getfixturevalue(name) for name in ("master", "channel", "slots") if name in request.fixturenames
    )
    noted: list[tuple[int, ...]] = []
    bench.bus.card.trace.listeners[TraceEvent.HAND_OVER] = lambda *record: noted.append(record)
    return noted


def settle(bench: KindBench[Any], seconds: float = STEPS * LATE_SECONDS) -> None:
    """Let the card take all the steps that wait."""
    end = time.monotonic() + seconds
    bench.bus.wait(lambda: time.monotonic() > end, "the card's steps")


# -- an honest driver -------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", SEEDS)
def test_an_honest_driver_gets_all_frames_and_gives_no_finding(
    request: pytest.FixtureRequest, kind: CardKind, seed: int
) -> None:
    for bench in benches(request, "unkind", kind, "report"):
        assert isinstance(bench.bus, MemoryBus)
        bench.bus.card.timing.set(seed)
        bench.driver.record_grants()
        bench.driver.start()
        for number in range(12):
            bench.driver.prepare()
            sent = frames_of(*(60 + (37 * number + 11 * each) % 1455 for each in range(1 + 5 * number)))
            bench.peer.send(sent)
            assert bench.driver.receive_exactly(len(sent)) == sent
            bench.driver.send_and_reap(sent)
            assert bench.peer.receive(len(sent)) == sent
        counters = bench.counters()
        assert not any(count for name, count in counters.items() if name.startswith(("ledger_", "refused_")))
        assert counters["rx_frames"] == counters["tx_frames"] == sum(1 + 5 * number for number in range(12))


def test_a_small_ring_wraps_while_head_is_late(master: Bench) -> None:
    driver = master.driver
    driver.start(rx_size=8, tx_size=8)
    for number in range(40):
        driver.post_receives()
        sent = frames_of(*(60 + number for _ in range(1 + number % 8)))
        master.peer.send(sent)
        assert driver.receive_exactly(len(sent)) == sent
        driver.send_and_reap(sent[:4], pieces=1 + number % 2)
    assert driver.refusals == []
    assert found(master) == {}


def test_the_moments_are_those_of_the_seed() -> None:
    def moments(seed: int) -> tuple[list[float], bytes]:
        timing = made("bus-master", seed).bus.card.timing
        timing.set(seed)
        return [timing.moment() for _ in range(50)], timing.noise.tobytes()

    assert moments(3) == moments(3)
    assert moments(3) != moments(4)
    assert 0 < sum(moment == 0 for moment in moments(3)[0]) < 50
    assert max(moments(3)[0]) <= LATE_SECONDS


# -- what an unkind card does -------------------------------------------------------------------------
def test_a_posted_buffer_holds_noise_at_once(master: Bench) -> None:
    address = master.bus.memory.allocate(SIZE, 64)
    master.driver.post_raw(master.driver.rx, [(address, SIZE, 0, 0)])
    master.bus.step()
    buffer = master.bus.memory.view(address, SIZE)
    assert (buffer[:FRAME_MAX] == master.bus.card.timing.noise).all()
    assert (buffer[FRAME_MAX:] == guard_pattern(address, SIZE)[FRAME_MAX:]).all()


def test_the_copies_from_the_doorbell_are_what_the_card_uses(master: Bench, records: list[tuple[int, ...]]) -> None:
    driver, memory = master.driver, master.bus.memory
    address, other = memory.allocate(SIZE, 64), memory.allocate(SIZE, 64)
    slot = driver.rx.tail
    driver.post_raw(driver.rx, [(address, SIZE, 0, 0)])
    master.bus.step()
    memory.view(driver.rx.address + 16 * slot, 8)[:] = np.frombuffer(other.to_bytes(8, "little"), np.uint8)
    (sent,) = frames_of(100)
    master.peer.send([sent])
    master.wait_counter("rx_frames", 1)
    assert memory.view(address, 100).tobytes() == sent
    assert (memory.view(other, SIZE) == guard_pattern(other, SIZE)).all()
    wait_found(master, HandOverFinding.DESCRIPTOR_CHANGED)
    assert records == [(HandOverFinding.DESCRIPTOR_CHANGED, driver.rx.address + 16 * slot, 16, slot)]


def test_length_status_and_head_come_one_after_the_other(master: Bench) -> None:
    """Between each two of them the driver may look."""
    driver = master.driver
    seen = set()
    for _ in range(100):
        driver.post_receives(1)
        before = driver.rx.head
        descriptor = master.bus.memory.view(driver.rx.address + 16 * (before % driver.rx.size), 16)
        master.peer.send(frames_of(60))
        while True:
            head = int(master.bus.doorbells[driver.rx.words.head]) != before
            done = bool(int(descriptor[14]) & Status.DONE)
            seen.add((bool(int(descriptor[12]) & Flag.END_OF_FRAME), done, head))
            if head:
                break
            master.bus.step()
        driver.receive_exactly(1)
    assert {(True, False, False), (True, True, False), (True, True, True)} <= seen
    assert seen <= {(False, False, False), (True, False, False), (True, True, False), (True, True, True)}


@pytest.mark.parametrize("seed", SEEDS)
def test_no_dma_follows_a_reset_and_no_frame_is_uncounted(kind: CardKind, seed: int) -> None:
    bench = made(kind, seed)
    bench.driver.prepare()
    sent = frames_of(*(60,) * 40)
    bench.peer.send(sent)
    bench.bus.reset()
    before = bench.bus.memory.view(MEMORY_AT, MEMORY_BYTES).copy()
    settle(bench)
    assert (bench.bus.memory.view(MEMORY_AT, MEMORY_BYTES) == before).all()
    counters = bench.counters()
    assert sum(counters[name] for name in ("rx_frames", "rx_disabled", "rx_no_buffer")) == len(sent)
    assert counters["interrupts"] == 0
    bench.bus.close()


def test_a_buffer_that_is_not_granted_gets_no_noise(request: pytest.FixtureRequest) -> None:
    for bench in benches(request, "unkind", "bus-master", "enforce"):
        bench.driver.record_grants()
        bench.driver.start()
        address = bench.bus.memory.allocate(SIZE, 64)
        bench.driver.post_raw(bench.driver.rx, [(address, SIZE, 0, 0)])
        bench.peer.send(frames_of(60))
        bench.wait_counter("refused_ledger", 1)
        assert (bench.bus.memory.view(address, SIZE) == guard_pattern(address, SIZE)).all()
        settle(bench)
        assert bench.driver.receive() == []
        assert [item.code for item in bench.driver.refusals] == [Refusal.LEDGER]


def test_a_card_that_becomes_kind_gives_all_back_at_once(master: Bench) -> None:
    driver = master.driver
    driver.post_receives()
    sent = frames_of(*(60,) * 50)
    master.peer.send(sent)
    master.bus.card.timing.set(None)
    assert driver.receive() == sent
    master.bus.card.timing.set(2)
    master.peer.send(sent)
    assert driver.receive_exactly(50) == sent
    assert found(master) == {}


def test_a_transfer_that_is_stopped_has_ended_when_stop_returns(channel: MemoryBench[SubordinateDriver]) -> None:
    driver = channel.driver
    for _ in range(20):
        driver.send(frames_of(60))
        driver.card.write(registers.STOP, 1, registers.DMA_BLOCK)
        before = channel.bus.memory.view(MEMORY_AT, MEMORY_BYTES).copy()
        settle(channel, LATE_SECONDS)
        assert (channel.bus.memory.view(MEMORY_AT, MEMORY_BYTES) == before).all()
        driver.outcome()
    assert found(channel) == {}


# -- what it finds --------------------------------------------------------------------------------------
def bare_doorbell(bench: Bench) -> tuple[int, int, int]:
    ring = bench.driver.rx
    bench.bus.doorbells[ring.words.tail] = ring.tail + 1
    return ring.address + 16 * ring.tail, 16, ring.tail


def stale_descriptor(bench: Bench) -> tuple[int, int, int]:
    ring, address = bench.driver.rx, bench.bus.memory.allocate(SIZE, 64)
    bench.driver.post_raw(ring, [(address, SIZE, 0, Status.DONE)])
    return ring.address, 16, 0


def late_descriptor(bench: Bench) -> tuple[int, int, int]:
    """The driver writes it microseconds after the doorbell, before the card can do what the doorbell asks for."""
    ring, address = bench.driver.rx, bench.bus.memory.allocate(SIZE, 64)
    found_at = bare_doorbell(bench)
    bench.bus.card.kind.glance()
    bench.driver.post_raw(ring, [(address, SIZE, 0, 0)])
    return found_at


def changed_send(bench: Bench) -> tuple[int, int, int]:
    address = bench.bus.memory.allocate(100, 64)
    bench.bus.card.timing.moment = lambda: 0.01  # type: ignore[method-assign]
    bench.driver.post_raw(bench.driver.tx, [(address, 100, Flag.END_OF_FRAME, 0)])
    bench.bus.step()
    bench.bus.memory.view(address, 100)[99] ^= 1
    return address, 100, 0


def changed_receive(bench: Bench) -> tuple[int, int, int]:
    address = bench.bus.memory.allocate(SIZE, 64)
    bench.driver.post_raw(bench.driver.rx, [(address, SIZE, 0, 0)])
    bench.bus.step()
    bench.bus.memory.view(address, SIZE)[0] ^= 1
    return address, FRAME_MAX, 0


MISTAKES = [
    (bare_doorbell, HandOverFinding.INCOMPLETE),
    (stale_descriptor, HandOverFinding.INCOMPLETE),
    (late_descriptor, HandOverFinding.INCOMPLETE),
    (changed_send, HandOverFinding.SEND_CHANGED),
    (changed_receive, HandOverFinding.RECEIVE_CHANGED),
]


@pytest.mark.parametrize(("mistake", "finding"), MISTAKES)
def test_a_mistake_is_found_without_any_frame(
    master: Bench,
    records: list[tuple[int, ...]],
    mistake: Callable[[Bench], tuple[int, int, int]],
    finding: HandOverFinding,
) -> None:
    where = mistake(master)
    wait_found(master, finding)
    settle(master)
    transmit = finding is HandOverFinding.SEND_CHANGED
    assert records == [(finding | transmit << 8, *where)]


def test_a_buffer_that_is_posted_twice_is_not_called_changed(master: Bench) -> None:
    """The card's own frame changes what the second descriptor has noise in."""
    driver = master.driver
    address = master.bus.memory.allocate(SIZE, 64)
    driver.post_raw(driver.rx, [(address, SIZE, 0, 0), (address + 100, SIZE - 100, 0, 0), (address, SIZE, 0, 0)])
    master.peer.send(frames_of(200, 201, 202))
    master.wait_counter("rx_frames", 3)
    settle(master)
    assert found(master) == {}


def test_a_send_out_of_a_posted_buffer_is_not_called_changed(master: Bench) -> None:
    driver = master.driver
    address = master.bus.memory.allocate(SIZE, 64)
    driver.post_raw(driver.tx, [(address, 100, Flag.END_OF_FRAME, 0)])
    driver.post_raw(driver.rx, [(address, SIZE, 0, 0)])
    master.wait_counter("tx_frames", 1)
    assert found(master) == {}


def test_a_kind_card_finds_nothing(master: Bench) -> None:
    master.bus.card.timing.set(None)
    changed_receive(master)
    settle(master)
    assert found(master) == {}


def test_a_transfer_whose_buffer_changes_is_found(
    channel: MemoryBench[SubordinateDriver], records: list[tuple[int, ...]]
) -> None:
    driver = channel.driver
    channel.bus.card.timing.moment = lambda: 0.01  # type: ignore[method-assign]
    data = packed(*frames_of(60))
    channel.bus.memory.view(driver.buffer, len(data))[:] = list(data)
    driver.channel.set_up(driver.buffer, len(data), to_device=True)
    driver.start_transfer(transmit=True)
    channel.bus.step()
    channel.bus.memory.view(driver.buffer, 64)[10] ^= 1
    wait_found(channel, HandOverFinding.SEND_CHANGED)
    assert records == [(HandOverFinding.SEND_CHANGED | 1 << 8, driver.buffer, len(data), 1)]


def test_a_slot_that_changes_is_found(slots: MemoryBench[NonDmaDriver], records: list[tuple[int, ...]]) -> None:
    slots.driver.prepare()
    slots.bus.step()
    slots.driver.rx_slots.bytes[3, SLOT_FRAME] ^= 1
    wait_found(slots, HandOverFinding.RECEIVE_CHANGED)
    assert records == [(HandOverFinding.RECEIVE_CHANGED, 3, FRAME_MAX, 3)]


def test_a_slot_that_is_written_after_its_doorbell_is_found(
    slots: MemoryBench[NonDmaDriver], records: list[tuple[int, ...]]
) -> None:
    """The driver writes the last byte before the card can do what the doorbell asks for."""
    slots.bus.card.timing.moment = lambda: 0.01  # type: ignore[method-assign]
    slots.driver.send(frames_of(60))
    slots.bus.card.kind.glance()
    slots.driver.tx_slots.bytes[0, SLOT_FRAME + 59] ^= 1
    wait_found(slots, HandOverFinding.SEND_CHANGED)
    assert records == [(HandOverFinding.SEND_CHANGED | 1 << 8, 0, 60, 0)]


def test_slots_that_are_given_back_hold_noise_the_moment_that_the_doorbell_is_seen(
    slots: MemoryBench[NonDmaDriver],
) -> None:
    slots.driver.prepare()
    slots.bus.card.kind.glance()
    assert (slots.driver.rx_slots.bytes[:, SLOT_FRAME : SLOT_FRAME + FRAME_MAX] == slots.bus.card.timing.noise).all()


def test_a_slot_that_is_given_back_before_it_is_copied_holds_noise(slots: MemoryBench[NonDmaDriver]) -> None:
    slots.driver.prepare()
    sent = frames_of(60)
    slots.peer.send(sent)
    slots.bus.wait(lambda: slots.driver.completed() == 1, "the frame")
    before = slots.driver.rx_slots.bytes[0].copy()
    slots.driver.rx_head += 1
    slots.driver.give(1)
    slots.bus.step()
    after = slots.driver.rx_slots.bytes[0]
    assert (after[SLOT_FRAME : SLOT_FRAME + 60] == slots.bus.card.timing.noise[:60]).all()
    assert not (before == after).all()
