# SPDX-License-Identifier: GPL-2.0-or-later
"""The fake driver accuses a card that breaks the datasheet: the card's core, tampered with behind its back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import DESCRIPTOR, STATUS_CODE_SHIFT, Descriptors, Refusal, Status
from nicrig_device.spec.registers import QUEUE_BLOCK
from tests.fakes.driver import FakeDriver, RingFullError, cut
from tests.fakes.driver_ring import DriverRing
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.rules import RuleBrokenError

FRAME = bytes(range(60))
RX_HEAD = QUEUE_BLOCK.address(registers.RX_HEAD) // 4
Tamper = Callable[[MemoryBus, FakeDriver], None]


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    bus = MemoryBus()
    bus.memory.map(0x10000, 1 << 20)
    yield bus
    bus.close()


@pytest.fixture
def driver(bus: MemoryBus) -> FakeDriver:
    """Started, with eight receives of 2048 bytes posted."""
    driver = FakeDriver(bus)
    driver.start(rx_size=16, tx_size=16)
    driver.post_receives(8)
    return driver


def slots(bus: MemoryBus, ring: DriverRing) -> Descriptors:
    return bus.memory.view(ring.address, ring.size * DESCRIPTOR.itemsize).view(DESCRIPTOR)


def flip(bus: MemoryBus, address: int) -> None:
    bus.memory.view(address, 1)[0] ^= 0xFF


def refused_with(code: int) -> int:
    return Status.DONE | Status.ERROR | code << STATUS_CODE_SHIFT


def first_buffer(bus: MemoryBus, ring: DriverRing) -> int:
    return int(slots(bus, ring)["address"][0])


def test_honest_card_is_not_accused(bus: MemoryBus, driver: FakeDriver) -> None:
    driver.arm_receive()
    bus.peer.send([FRAME, FRAME[::-1]])
    assert driver.take_interrupts(driver.queue_vector) == 1
    assert driver.receive() == [FRAME, FRAME[::-1]]
    driver.send_and_reap([FRAME], pieces=3)
    assert bus.peer.receive(1) == [FRAME]
    driver.stop()


def test_reposted_receives_come_round_many_times(bus: MemoryBus, driver: FakeDriver) -> None:
    driver.post_receives()
    for _ in range(5000):
        bus.peer.send([FRAME] * 16)
        driver.repost(driver.rx.completed())
    assert driver.card.counters()["rx_frames"] == 80_000
    driver.stop()


def test_resent_frames_come_round_many_times(bus: MemoryBus, driver: FakeDriver) -> None:
    driver.send([FRAME] * 8)
    for _ in range(100):
        bus.step()
        driver.resend(driver.tx.completed())
    driver.reap_all()
    assert bus.peer.receive(808) == [FRAME] * 808
    driver.stop()


def test_refused_descriptor_is_noted_and_not_an_accusation(driver: FakeDriver) -> None:
    driver.post_raw(driver.tx, [(0xDEAD0000, 60, 1, 0)])
    assert driver.reap_all() == 0
    assert [(item.code, item.transmit) for item in driver.refusals] == [(Refusal.ADDRESS, True)]


def test_full_ring_refuses_more(driver: FakeDriver) -> None:
    with pytest.raises(RingFullError, match="room for 8"):
        driver.post_receives(9)


@pytest.mark.parametrize(
    ("pieces", "sizes"), [(1, [60]), (3, [20, 20, 20]), (7, [8, 9, 8, 9, 8, 9, 9]), ([1, 13], [1, 13, 46])]
)
def test_cut_pieces_make_the_frame(pieces: int | list[int], sizes: list[int]) -> None:
    parts = cut(FRAME, pieces)
    assert b"".join(parts) == FRAME
    assert [len(part) for part in parts] == sizes


def write_behind_the_frame(bus: MemoryBus, driver: FakeDriver) -> None:
    flip(bus, first_buffer(bus, driver.rx) + len(FRAME))


def write_before_the_buffer(bus: MemoryBus, driver: FakeDriver) -> None:
    flip(bus, first_buffer(bus, driver.rx) - 1)


def write_behind_the_buffer(bus: MemoryBus, driver: FakeDriver) -> None:
    flip(bus, first_buffer(bus, driver.rx) + 2048)


def write_the_address_field(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.rx)["address"][0] += 1


def give_a_frame_longer_than_its_buffer(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.rx)["length"][0] = 2049


def forget_end_of_frame(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.rx)["flags"][0] = 0


def give_a_refused_receive_a_length(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.rx)["status"][0] = refused_with(Refusal.ADDRESS)


def give_an_unknown_code(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.rx)["status"][0] = refused_with(0x77)


def give_a_code_without_error(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.rx)["status"][0] = Status.DONE | Refusal.ADDRESS << STATUS_CODE_SHIFT


def skip_a_descriptor(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.rx)["status"][2] = Status.DONE


def publish_head_before_done(bus: MemoryBus, driver: FakeDriver) -> None:
    bus.doorbells[RX_HEAD] = 2


def publish_head_past_the_doorbell(bus: MemoryBus, driver: FakeDriver) -> None:
    bus.doorbells[RX_HEAD] = 9


def write_a_descriptor_of_the_drivers(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.rx)["length"][12] = 1


@pytest.mark.parametrize(
    ("tamper", "section"),
    [
        (write_behind_the_frame, 5),
        (write_before_the_buffer, 9),
        (write_behind_the_buffer, 9),
        (write_the_address_field, 5),
        (give_a_frame_longer_than_its_buffer, 5),
        (forget_end_of_frame, 5),
        (give_a_refused_receive_a_length, 5),
        (give_an_unknown_code, 9),
        (give_a_code_without_error, 9),
        (skip_a_descriptor, 5),
        (publish_head_before_done, 5),
        (publish_head_past_the_doorbell, 5),
        (write_a_descriptor_of_the_drivers, 5),
    ],
)
def test_broken_receive_is_accused(bus: MemoryBus, driver: FakeDriver, tamper: Tamper, section: int) -> None:
    bus.peer.send([FRAME])
    tamper(bus, driver)
    with pytest.raises(RuleBrokenError) as caught:
        driver.receive()
    assert caught.value.section == section


def write_a_transmit_buffer(bus: MemoryBus, driver: FakeDriver) -> None:
    flip(bus, first_buffer(bus, driver.tx))


def write_a_transmit_length(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.tx)["length"][0] = 1


def refuse_half_a_frame(bus: MemoryBus, driver: FakeDriver) -> None:
    slots(bus, driver.tx)["status"][0] = refused_with(Refusal.LENGTH)


@pytest.mark.parametrize(
    ("tamper", "section"), [(write_a_transmit_buffer, 9), (write_a_transmit_length, 5), (refuse_half_a_frame, 5)]
)
def test_broken_transmit_is_accused(bus: MemoryBus, driver: FakeDriver, tamper: Tamper, section: int) -> None:
    driver.send([FRAME], pieces=2)
    bus.step()
    tamper(bus, driver)
    with pytest.raises(RuleBrokenError) as caught:
        driver.reap()
    assert caught.value.section == section


def test_message_without_a_request_is_accused(bus: MemoryBus, driver: FakeDriver) -> None:
    bus.card.fire_vector(driver.queue_vector)
    with pytest.raises(RuleBrokenError, match="fired 1 times, 0 were asked for"):
        driver.take_interrupts(driver.queue_vector)


def test_second_message_for_one_arm_word_is_accused(bus: MemoryBus, driver: FakeDriver) -> None:
    driver.arm_receive()
    bus.peer.send([FRAME])
    bus.card.fire_vector(driver.queue_vector)
    with pytest.raises(RuleBrokenError, match="fired 2 times, 1 were asked for"):
        driver.take_interrupts(driver.queue_vector)


def test_message_while_masked_is_accused(bus: MemoryBus, driver: FakeDriver) -> None:
    driver.set_interrupts(enabled=False)
    driver.arm_receive()
    bus.peer.send([FRAME])
    bus.card.fire_vector(driver.queue_vector)
    with pytest.raises(RuleBrokenError, match="with CONTROL"):
        driver.take_interrupts(driver.queue_vector)


def test_word_that_survives_a_reset_is_accused(bus: MemoryBus, driver: FakeDriver) -> None:
    bus.reset()
    bus.doorbells[RX_HEAD] = 1
    with pytest.raises(RuleBrokenError, match="BAR2 is not zero after a reset"):
        driver.after_reset()


def test_write_into_a_buffer_that_stays_posted_is_accused_at_the_end(bus: MemoryBus, driver: FakeDriver) -> None:
    flip(bus, first_buffer(bus, driver.rx))
    with pytest.raises(RuleBrokenError, match="descriptor not given back"):
        driver.stop()


def test_stray_write_is_accused_at_the_end(bus: MemoryBus, driver: FakeDriver) -> None:
    flip(bus, 0x10000 + (1 << 20) - 1)
    with pytest.raises(RuleBrokenError, match="wrote outside all buffers, at 0x10ffff"):
        driver.stop()


def test_every_posted_length_is_used_in_turn(bus: MemoryBus, driver: FakeDriver) -> None:
    driver.post_receives(4, lengths=[100, 200])
    assert list(slots(bus, driver.rx)["length"][8:12]) == [100, 200, 100, 200]


def test_memory_is_clean_after_a_whole_round(bus: MemoryBus, driver: FakeDriver) -> None:
    driver.stop()
    driver.start()
    driver.stop()
    assert bus.memory.damage() is None
    assert not np.any(bus.memory.ranges[0].owned)
