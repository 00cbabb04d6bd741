# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from nicrig_device.spec import registers
from nicrig_device.spec.counters import COUNTER_BASE, COUNTER_INDEX, COUNTERS
from nicrig_device.spec.layout import Access
from tests.fakes.memory_bus import MAC, MemoryBus

CONTROL_REGISTERS = [
    (block, register)
    for block in (registers.CARD_BLOCK, registers.RX_BLOCK, registers.TX_BLOCK)
    for register in block.registers
]
CONTROL, RX = registers.CARD_BLOCK, registers.RX_BLOCK


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    made = MemoryBus()
    yield made
    made.close()


@pytest.mark.parametrize(("block", "register"), CONTROL_REGISTERS, ids=lambda item: item.name)
def test_every_declared_register_resets_to_its_declared_value(bus: MemoryBus, block, register) -> None:  # type: ignore[no-untyped-def]
    if register.access is Access.WRITE:
        return
    expected = {
        "MAC_LOW": int.from_bytes(MAC[:4], "little"),
        "MAC_HIGH": int.from_bytes(MAC[4:], "little"),
    }.get(register.name, register.reset)
    assert bus.read_control(block.address(register)) == expected
    assert bus.card.counters["refused_access"] == 0


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 16, 4096])
@pytest.mark.parametrize("byte", [0, 0xFF])
def test_an_access_of_another_size_is_refused(bus: MemoryBus, size: int, byte: int) -> None:
    assert bus.access(0, 0, size) == bytes(size)
    bus.access(0, 0, size, bytes([byte]) * size)
    assert bus.card.counters["refused_access"] == 2


@pytest.mark.parametrize("offset", [0x002, 0x030, 0x300, 0x3FC, COUNTER_BASE + 8 * len(COUNTERS), 0xFFC])
def test_an_access_to_no_register_is_refused(bus: MemoryBus, offset: int) -> None:
    assert bus.read_control(offset) == 0
    bus.write_control(offset, 1)
    assert bus.card.counters["refused_access"] == 2


def test_a_write_to_a_read_only_register_is_refused_and_named_in_fault(bus: MemoryBus) -> None:
    bus.write_control(CONTROL.address(registers.VERSION), 7)
    fault = bus.read_control(CONTROL.address(registers.FAULT))
    assert registers.FAULT.field("CODE").of(fault) == 6
    assert registers.FAULT.field("INDEX").of(fault) == CONTROL.address(registers.VERSION)
    status = bus.read_control(CONTROL.address(registers.STATUS))
    assert registers.STATUS.field("FAULT").of(status) == 1
    bus.write_control(CONTROL.address(registers.FAULT), 0)
    assert bus.read_control(CONTROL.address(registers.FAULT)) == 0


def test_a_counter_over_32_bits_reads_consistently(bus: MemoryBus) -> None:
    offset = COUNTER_BASE + 8 * COUNTER_INDEX["rx_bytes"]
    bus.card.counters.add("rx_bytes", 0x1_FFFF_FFFF)
    low = bus.read_control(offset)
    bus.card.counters.add("rx_bytes", 1)
    assert bus.read_control(offset + 4) << 32 | low == 0x1_FFFF_FFFF


def test_a_ring_outside_memory_stays_off(bus: MemoryBus) -> None:
    bus.write_control(RX.address(registers.RING_BASE_LOW), 0x10000)
    bus.write_control(RX.address(registers.RING_SIZE), 64)
    bus.write_control(RX.address(registers.RING_CONTROL), 1)
    assert bus.read_control(RX.address(registers.RING_CONTROL)) == 0
    assert bus.card.counters["refused_ring"] == 1
