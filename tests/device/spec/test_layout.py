# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from nicrig_device.spec import registers
from nicrig_device.spec.layout import Access, Field, Register, RegisterBlock, word


def test_a_field_wider_than_its_word_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bits \[30, 33\)"):
        Field("WIDE", 30, 3, "")


def test_an_over_wide_value_is_refused_not_masked() -> None:
    with pytest.raises(ValueError, match="4 does not fit 2 bit"):
        Field("SMALL", 0, 2, "").put(4)


def test_an_over_wide_reset_value_is_refused_at_definition() -> None:
    with pytest.raises(ValueError, match="2 does not fit 1 bit"):
        Field("SWITCH", 0, 1, "", reset=2)


def test_overlapping_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="B overlaps"):
        Register("R", 0, Access.READ, "", (Field("A", 0, 4, ""), Field("B", 3, 1, "")))


def test_registers_of_one_offset_are_refused() -> None:
    with pytest.raises(ValueError, match="share an offset"):
        RegisterBlock("B", 0, 0, (word("A", 4, Access.READ, ""), word("C", 4, Access.READ, "")), "")


def test_pack_and_of_are_inverse() -> None:
    packed = registers.FAULT.pack(CODE=4, TRANSMIT=1, QUEUE=3, INDEX=0xBEEF)
    assert [registers.FAULT.field(name).of(packed) for name in ("CODE", "TRANSMIT", "QUEUE", "INDEX")] == [
        4,
        1,
        3,
        0xBEEF,
    ]


def test_pack_names_an_unknown_field() -> None:
    with pytest.raises(KeyError, match="no field CODES"):
        registers.FAULT.pack(CODES=1)


def test_a_block_has_no_copy_past_its_count() -> None:
    with pytest.raises(IndexError, match="not 8"):
        registers.QUEUE_BLOCK.address(registers.RX_TAIL, registers.MAX_QUEUES)


BAR_SIZES = {
    registers.BAR_CONTROL: registers.BAR_BYTES,
    registers.BAR_DOORBELL: registers.RAM_BAR_BYTES,
    registers.BAR_PORTS: registers.PORTS,
}


def test_blocks_of_one_bar_do_not_overlap() -> None:
    for bar in {block.bar for block in registers.BLOCKS}:
        taken: set[int] = set()
        for block in (item for item in registers.BLOCKS if item.bar == bar):
            for copy in range(block.count):
                offsets = {block.address(register, copy) for register in block.registers}
                assert not taken & offsets, block.name
                assert max(offsets) < BAR_SIZES[bar]
                taken |= offsets
