# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from nicrig_device.dma.frames import Frames
from nicrig_device.spec import registers
from tests.fakes.driver import FakeDriver
from tests.fakes.memory_bus import MemoryBus


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    made = MemoryBus()
    made.memory.map(0x100000, 1 << 20)
    yield made
    made.close()


def test_an_arm_word_written_while_the_card_falls_asleep_is_answered(bus: MemoryBus) -> None:
    driver = FakeDriver(bus)
    driver.start()
    driver.post_receives(4)
    bus.card.receive(Frames.of([bytes(60)]))
    bus.doorbells[registers.QUEUE_BLOCK.address(registers.RX_ARM) // 4] = registers.RX_ARM.pack(ENABLE=1, SEQUENCE=1)
    assert bus.card.may_sleep(time.monotonic())
    assert bus.take_interrupts(0) == 1


def test_a_transmit_doorbell_keeps_the_card_awake(bus: MemoryBus) -> None:
    FakeDriver(bus).start()
    sleeping = registers.EVENT_BLOCK.address(registers.SLEEPING) // 4
    bus.doorbells[registers.QUEUE_BLOCK.address(registers.TX_TAIL) // 4] = 1
    assert not bus.card.may_sleep(time.monotonic())
    assert bus.doorbells[sleeping] == 0


def test_a_moderated_vector_sets_when_the_card_must_wake(bus: MemoryBus) -> None:
    driver = FakeDriver(bus)
    driver.start()
    driver.post_receives(4)
    driver.moderate(microseconds=50_000, frames=9)
    driver.arm_receive()
    now = time.monotonic()
    bus.card.receive(Frames.of([bytes(60)]))
    assert bus.card.may_sleep(now)
    assert bus.card.next_due == pytest.approx(now + 0.05, abs=0.001)
