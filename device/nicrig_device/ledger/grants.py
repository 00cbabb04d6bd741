# SPDX-License-Identifier: GPL-2.0-or-later
"""Granted ranges of one sort: counted one by one, looked up a whole batch at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Addresses: TypeAlias = npt.NDArray[np.uint64]

RANGES_MAX = 8192
"""Different ranges of one sort that are kept: twice the buffers of the largest ring."""
ADDRESS_END = 1 << 64


@dataclass(slots=True)
class _Entry:
    """How often a range was granted, and how many guard bytes lie behind it."""

    count: int
    guard: int


@dataclass(slots=True)
class _Sorted:
    """The ranges by their first address. Place 0 is nobody's, so that place n is the n-th range's."""

    start: Addresses
    """Without place 0."""
    end: Addresses
    how: Addresses
    guard: Addresses
    reach: dict[int, Addresses] = field(default_factory=dict)
    """By access: the end that one range which begins at this place or before it reaches, 0 without one."""


class Grants:
    """Ranges [address, address + length) with what the card may do there. The same range may be granted many times."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int, int, int], _Entry] = {}
        self.version = 0
        """Changes with the set of ranges."""
        self._sorted: _Sorted | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes of all ranges."""
        return sum(length for _, length, _ in self._entries)

    def clear(self) -> None:
        self._entries.clear()
        self._changed()

    def add(self, address: int, length: int, how: int, guard: int) -> bool:
        """Grant a range once more; False when there is no room for it. What is no range of addresses is ignored."""
        if not 0 < length < ADDRESS_END - address:
            return True
        entry = self._entries.get((address, length, how))
        if entry is not None:
            entry.count += 1
            return True
        if len(self._entries) >= RANGES_MAX:
            return False
        self._entries[address, length, how] = _Entry(1, guard)
        self._changed()
        return True

    def remove(self, address: int, length: int, how: int) -> bool:
        """Take one grant of a range back; whether that was the last one."""
        entry = self._entries.get((address, length, how))
        if entry is None:
            return False
        entry.count -= 1
        if entry.count:
            return False
        del self._entries[address, length, how]
        self._changed()
        return True

    def _changed(self) -> None:
        self.version += 1
        self._sorted = None

    def _arrays(self) -> _Sorted:
        if self._sorted is None:
            rows = [(0, 0, 0, 0)]
            rows += [(*key, entry.guard) for key, entry in sorted(self._entries.items())]
            start, length, how, guard = np.array(rows, np.uint64).T
            self._sorted = _Sorted(np.ascontiguousarray(start[1:]), start + length, how, guard.copy())
        return self._sorted

    def place(self, address: Addresses) -> npt.NDArray[np.intp]:
        """The last range that begins at or below each address, from 1; 0 for none."""
        return self._arrays().start.searchsorted(address, "right")

    def reach(self, place: npt.NDArray[np.intp], access: int) -> Addresses:
        """How far a range with this access that begins at or below each place goes: its end, 0 without one."""
        arrays = self._arrays()
        reach = arrays.reach.get(access)
        if reach is None:
            allowed = (arrays.how & np.uint64(access)) == access
            reach = arrays.reach[access] = np.maximum.accumulate(np.where(allowed, arrays.end, np.uint64(0)))
        return reach.take(place)

    # -- guard bytes --------------------------------------------------------------------------------
    @property
    def guards(self) -> tuple[Addresses, Addresses]:
        """By place: where the guard bytes begin, and how many there are."""
        arrays = self._arrays()
        return arrays.end, arrays.guard

    def forget_guard(self, place: int) -> tuple[int, int]:
        """Look at this range's guard bytes no more; its address and length."""
        arrays = self._arrays()
        address, length = int(arrays.start[place - 1]), int(arrays.end[place]) - int(arrays.start[place - 1])
        entry = self._entries.get((address, length, int(arrays.how[place])))
        if entry is not None:
            entry.guard = 0
        arrays.guard[place] = 0
        return address, length
