# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.dma.memory import GuestMemory, OutsideMemoryError

RANGES = ((0x1000, 0x1000), (0x2000, 0x800), (0x1_0000_0000, 0x4000))


def memory() -> GuestMemory:
    made = GuestMemory()
    for start, size in RANGES:
        made.add(start, np.zeros(size, np.uint8))
    return made


def inside(address: int, length: int) -> bool:
    return any(start <= address and address + length <= start + size for start, size in RANGES)


EDGES = st.sampled_from(
    [edge + step for start, size in RANGES for edge in (start, start + size) for step in (-1, 0, 1)]
)
ADDRESS = st.one_of(EDGES, st.integers(0, (1 << 64) - 1), st.sampled_from([0, (1 << 64) - 1, (1 << 63)]))
LENGTH = st.one_of(st.integers(1, 64), st.sampled_from([0x800, 0x1000, 0x4000, 65536]))


@given(st.lists(st.tuples(ADDRESS, LENGTH), min_size=1, max_size=20))
def test_locate_agrees_with_plain_arithmetic(pieces: list[tuple[int, int]]) -> None:
    address = np.array([piece[0] for piece in pieces], np.uint64)
    length = np.array([piece[1] for piece in pieces], np.uint32)
    spans, found = memory().locate(address, length)
    assert found.tolist() == [inside(*piece) for piece in pieces]
    for span in spans:
        for offset, piece in zip(span.offset, address[span.chosen], strict=True):
            assert span.region.start + int(offset) == int(piece)


def test_a_range_across_two_neighbours_is_outside() -> None:
    with pytest.raises(OutsideMemoryError, match="0x1fff"):
        memory().view(0x1FFF, 2)


def test_the_error_counts_the_ranges_that_were_refused() -> None:
    made = memory()
    made.refused = 8
    with pytest.raises(OutsideMemoryError, match=r"guest memory; 8 ranges of the client were refused$"):
        made.view(0x5000, 1)


def test_overlapping_ranges_are_refused() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        memory().add(0x1FFF, np.zeros(2, np.uint8))


def test_every_change_of_the_map_makes_views_void() -> None:
    made = memory()
    before = made.generation
    made.remove(0x1000)
    made.add(0x1000, np.zeros(0x1000, np.uint8))
    made.clear()
    assert made.generation == before + 3


def test_removing_what_was_never_taken_changes_nothing() -> None:
    made = memory()
    before = made.generation
    made.remove(0xDEAD000)
    assert made.generation == before
