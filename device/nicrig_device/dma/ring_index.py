# SPDX-License-Identifier: GPL-2.0-or-later
"""Ring arithmetic (docs/datasheet.md section 5): pure functions of free-running indices, no memory, no I/O."""

from __future__ import annotations

from nicrig_device.spec.registers import INDEX_BITS, RING_ALIGNMENT, RING_MAX, RING_MIN

INDEX_MASK = (1 << INDEX_BITS) - 1


def distance(ahead: int, behind: int) -> int:
    """How many indices `ahead` is past `behind`."""
    return (ahead - behind) & INDEX_MASK


def advance(index: int, count: int) -> int:
    """The index `count` further on."""
    return (index + count) & INDEX_MASK


def valid_tail(value: int, head: int, size: int) -> bool:
    """Whether a doorbell value is an index at most one ring ahead of head."""
    return 0 <= value <= INDEX_MASK and distance(value, head) <= size


def valid_shape(base: int, size: int) -> bool:
    """Whether a ring may have this device address and this many descriptors."""
    return base % RING_ALIGNMENT == 0 and RING_MIN <= size <= RING_MAX and size & (size - 1) == 0


def segments(index: int, count: int, size: int) -> tuple[tuple[int, int], ...]:
    """The one or two runs (first slot, slots) that `count` descriptors from `index` occupy, in ring order."""
    first = index & (size - 1)
    before_wrap = min(count, size - first)
    if before_wrap == count:
        return ((first, count),) if count else ()
    return ((first, before_wrap), (0, count - before_wrap))
