# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from nicrig_device.models.queue import Ring


def test_a_descriptor_s_number_is_its_ring_index_in_sixteen_bits() -> None:
    assert Ring.numbers(0xFFFE, 4).tolist() == [0xFFFE, 0xFFFF, 0, 1]
    assert Ring.numbers(0x1_0002, 1).tolist() == [2]
