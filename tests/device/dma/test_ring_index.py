# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.dma import ring_index

INDEX = st.integers(0, 0xFFFF)
SIZE = st.integers(3, 12).map(lambda power: 1 << power)


@given(INDEX, SIZE, st.data())
def test_every_tail_up_to_a_full_ring_is_valid_and_none_past_it(head: int, size: int, data: st.DataObject) -> None:
    posted = data.draw(st.integers(0, size))
    assert ring_index.valid_tail(ring_index.advance(head, posted), head, size)
    assert not ring_index.valid_tail(ring_index.advance(head, data.draw(st.integers(size + 1, 0xFFFF))), head, size)


@pytest.mark.parametrize("value", [1 << 16, 1 << 31, (1 << 32) - 1])
@pytest.mark.parametrize("head", [0, 7, 0xFFFF])
def test_a_tail_over_sixteen_bits_is_never_valid(value: int, head: int) -> None:
    assert not ring_index.valid_tail(value, head, 4096)


@pytest.mark.parametrize(("posted", "valid"), [(0, True), (7, True), (8, True), (9, False)])
def test_the_boundary_of_a_ring_of_eight(posted: int, valid: bool) -> None:
    assert ring_index.valid_tail(ring_index.advance(0xFFFC, posted), 0xFFFC, 8) is valid


@given(INDEX, SIZE, st.data())
def test_segments_visit_each_slot_in_ring_order(index: int, size: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, size))
    slots = [first + step for first, length in ring_index.segments(index, count, size) for step in range(length)]
    assert slots == [ring_index.advance(index, step) % size for step in range(count)]


@pytest.mark.parametrize(("base", "size"), [(32, 8), (0, 4), (0, 24), (0, 8192), (0, 0)])
def test_a_ring_of_wrong_shape_is_refused(base: int, size: int) -> None:
    assert not ring_index.valid_shape(base, size)
