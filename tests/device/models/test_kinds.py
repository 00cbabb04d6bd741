# SPDX-License-Identifier: GPL-2.0-or-later
"""The kinds' cores where no driver sees it: records, going to sleep, a full wire, a link that is down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NoReturn

import pytest
from crc32c import crc32c

from nicrig_device.dma.frames import Frames
from nicrig_device.models.catalogue import KINDS
from nicrig_device.models.non_dma.non_dma import NonDma
from nicrig_device.models.subordinate.subordinate import Subordinate
from nicrig_device.recorder import DETAIL, FRAMES, HEAD, TraceEvent
from nicrig_device.spec import registers
from nicrig_device.spec.registers import EVENT_BLOCK, RX_BLOCK
from tests.contracts.conftest import DRIVERS
from tests.fakes.card_driver import CardDriver
from tests.fakes.driver import FakeDriver
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.non_dma_driver import NonDmaDriver
from tests.fakes.subordinate_driver import SubordinateDriver, packed, transfer_word

SLEEPING = EVENT_BLOCK.address(registers.SLEEPING) // 4


def made(kind: type[Subordinate] | type[NonDma]) -> MemoryBus:
    bus = MemoryBus(kind=kind)
    bus.memory.map(0x100000, 1 << 20)
    return bus


@pytest.fixture
def subordinate() -> Iterator[SubordinateDriver]:
    bus = made(Subordinate)
    driver = SubordinateDriver(bus)
    driver.start()
    yield driver
    driver.stop()
    bus.close()


@pytest.fixture
def non_dma() -> Iterator[NonDmaDriver]:
    bus = made(NonDma)
    driver = NonDmaDriver(bus)
    driver.start()
    driver.prepare()
    yield driver
    driver.stop()
    bus.close()


DIGEST = crc32c(bytes(60))


def core(driver: CardDriver) -> MemoryBus:
    assert isinstance(driver.bus, MemoryBus)
    return driver.bus


def records(bus: MemoryBus) -> list[tuple[int, ...]]:
    """The card's own records: event, a, b, c, d."""
    ring = bus.card.trace._own
    written = ring.records[: ring.words[HEAD]]
    return [tuple(map(int, record)) for record in written[["function", "a", "b", "c", "d"]].tolist()]


def test_a_transfer_is_recorded_with_its_channel_while_frames_are(subordinate: SubordinateDriver) -> None:
    bus = core(subordinate)
    bus.card.recorder.words[DETAIL] = FRAMES
    bus.peer.send([bytes(60)])
    subordinate.receive_once(2048)
    subordinate.send_and_reap([bytes(60)])
    kept = [record for record in records(bus) if record[0] not in (TraceEvent.REGISTER, TraceEvent.RESET)]
    at, size = subordinate.buffer, len(packed(bytes(60)))
    assert kept == [
        (TraceEvent.DOORBELL, 0, 1, 0, 1),
        (TraceEvent.ENABLE, 0, at, 2048, 0),
        (TraceEvent.WRITE, 1, at, size, 1),
        (TraceEvent.FRAME_IN, 1, at + 4, 60, DIGEST),
        (TraceEvent.DISABLE, 0, 0, 0, 0),
        (TraceEvent.DOORBELL, 1, 2, 1, 1),
        (TraceEvent.ENABLE, 1, at, size, 0),
        (TraceEvent.READ, 2, at, size, 1),
        (TraceEvent.FRAME_OUT, 2, at + 4, 60, DIGEST),
        (TraceEvent.DISABLE, 1, 0, 0, 0),
    ]


def test_a_refused_frame_s_read_is_recorded_with_its_status(subordinate: SubordinateDriver) -> None:
    bus = core(subordinate)
    bus.card.recorder.words[DETAIL] = FRAMES
    bus.memory.view(subordinate.buffer, 64)[:] = 0
    subordinate.transfer(subordinate.buffer, 64, transmit=True)
    (read,) = [record for record in records(bus) if record[0] == TraceEvent.READ]
    assert read == (TraceEvent.READ, 1, subordinate.buffer, 64, 0x303)


def test_transfers_leave_no_record_while_frames_are_not_recorded(subordinate: SubordinateDriver) -> None:
    bus = core(subordinate)
    subordinate.send_and_reap([bytes(60)])
    assert {record[0] for record in records(bus)} == {TraceEvent.RESET, TraceEvent.REGISTER}


def test_doorbells_of_slots_are_recorded_and_ports_as_the_registers_that_they_are(non_dma: NonDmaDriver) -> None:
    bus = core(non_dma)
    bus.card.recorder.words[DETAIL] = FRAMES
    non_dma.send_and_reap([bytes(60), bytes(61)])
    non_dma.ports.write_control(registers.CARD_BLOCK.address(registers.FAULT), 7)
    kept = [record for record in records(bus) if record[0] in (TraceEvent.DOORBELL, TraceEvent.READ)]
    assert kept == [(TraceEvent.DOORBELL, 0, 64, 0, 64), (TraceEvent.DOORBELL, 1, 2, 0, 64)]
    assert records(bus)[-1] == (TraceEvent.REGISTER, registers.BAR_CONTROL, 0x24, 7, 0)


def test_a_start_keeps_the_card_awake(subordinate: SubordinateDriver) -> None:
    bus = core(subordinate)
    bus.doorbells[transfer_word(registers.START)] = registers.START.pack(INDEX=1, TRANSMIT=1)
    assert not bus.card.may_sleep(time.monotonic())
    assert bus.doorbells[SLEEPING] == 0
    bus.card.transmit()
    assert bus.card.may_sleep(time.monotonic())


def test_a_transfer_to_send_waits_for_a_full_wire_and_then_runs(
    subordinate: SubordinateDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = core(subordinate)
    with monkeypatch.context() as patch:
        patch.setattr(bus._wire, "full", lambda: True)
        subordinate.send([bytes(60)])
        bus.step()
        assert not subordinate.done()
        assert bus.card.may_sleep(time.monotonic())
        bus.card.wake()
    bus.step()
    subordinate.reap(1)


def test_slots_to_send_wait_for_a_full_wire(non_dma: NonDmaDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = core(non_dma)
    with monkeypatch.context() as patch:
        patch.setattr(bus._wire, "full", lambda: True)
        non_dma.send([bytes(60)])
        bus.step()
        assert non_dma.reap() == 0
    bus.step()
    assert non_dma.reap() == 1


@pytest.mark.parametrize("name", ["subordinate", "non_dma"])
def test_with_the_link_down_frames_are_dropped_and_transmits_complete(
    name: str, request: pytest.FixtureRequest
) -> None:
    driver: SubordinateDriver | NonDmaDriver = request.getfixturevalue(name)
    bus = core(driver)
    bus.card.set_link(False)
    assert not driver.card.link_up
    bus.peer.send([bytes(60)] * 3)
    driver.send_and_reap([bytes(60)] * 2)
    counters = driver.card.counters()
    assert (counters["rx_link_down"], counters["tx_link_down"], counters["tx_frames"]) == (3, 2, 0)
    assert bus.sent == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_in_the_card_costs_the_batch_to_send_and_no_other(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> NoReturn:
        raise SystemExit

    bus = MemoryBus(kind=KINDS[kind])
    bus.memory.map(0x100000, 4 << 20)
    driver = DRIVERS[kind](bus)
    driver.start()
    driver.send_and_reap([bytes(59)])
    with monkeypatch.context() as patch:
        patch.setattr(bus.card.trace, "stamp", fail)
        driver.send([bytes(60)])
        with pytest.raises(SystemExit):
            bus.card.transmit()
        assert not bus.card.transmit()
    if isinstance(driver, SubordinateDriver):
        outcome = driver.outcome()
        assert (outcome.frames, outcome.error, outcome.code) == (0, True, None)
    else:
        assert isinstance(driver, FakeDriver | NonDmaDriver)
        assert driver.reap_all() == 1
    driver.send_and_reap([bytes(61)])
    assert bus.sent == [bytes(59), bytes(61)]
    driver.stop()
    bus.close()


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_only_its_own_control_registers(name: str) -> None:
    bus = MemoryBus(kind=KINDS[name])
    bus.read_control(RX_BLOCK.address(registers.RING_SIZE))
    bus.write_control(registers.DMA_BLOCK.address(registers.STOP), 1)
    refused = {"bus-master": 1, "subordinate": 1, "non-dma": 2}[name]
    assert bus.card.counters["refused_access"] == refused
    bus.close()


@pytest.mark.parametrize("name", KINDS)
def test_a_reset_at_any_moment_leaves_nothing_behind(name: str) -> None:
    bus = MemoryBus(kind=KINDS[name])
    bus.card.receive(Frames.of([bytes(60)] * 5))
    bus.doorbells[: registers.BAR_BYTES // 4] = 1
    bus.reset()
    words = bus.doorbells[: registers.BAR_BYTES // 4].copy()
    words[[SLEEPING, EVENT_BLOCK.address(registers.LINK) // 4]] = 0
    assert not words.any()
    assert not bus.card.kind.moved()
    bus.close()
