# SPDX-License-Identifier: GPL-2.0-or-later
"""The granted ranges of one sort, persistent or streaming. Lookups take a whole batch of addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Addresses: TypeAlias = npt.NDArray[np.uint64]

RANGES_MAX = 8192
"""Most different ranges of one sort: twice the buffers of the largest ring."""
ADDRESS_END = 1 << 64


@dataclass(slots=True)
class _Entry:
    """How often a range was granted, and how many guard bytes lie behind it."""

    count: int
    guard: int


@dataclass(slots=True)
class _Sorted:
    """The ranges by their first address. Position n is the n-th range; position 0 stands for no range."""

    start: Addresses
    """Without position 0."""
    end: Addresses
    how: Addresses
    guard: Addresses
    reach: dict[int, Addresses] = field(default_factory=dict)
    """By access: the highest end of the ranges up to this position, 0 without one."""


class Grants:
    """Ranges [address, address + length) and what the card may do there. A range may be granted several times."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int, int, int], _Entry] = {}
        self.version = 0
        """Changes with the set of ranges."""
        self._sorted: _Sorted | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def ranges(self) -> list[tuple[int, int]]:
        """Address and length of each range."""
        return [(address, length) for address, length, _ in self._entries]

    @property
    def size(self) -> int:
        """Bytes of all ranges."""
        return sum(length for _, length, _ in self._entries)

    def clear(self) -> None:
        self._entries.clear()
        self._changed()

    def add(self, address: int, length: int, how: int, guard: int) -> bool:
        """Grant a range once more. False when there is no room. A length of 0, or past the last address, is ignored."""
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
        """Take one grant of a range back. True when it was the last one."""
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

    def position(self, address: Addresses) -> npt.NDArray[np.intp]:
        """For each address the number of the last range that begins at or below it, from 1; 0 for none."""
        return self._arrays().start.searchsorted(address, "right")

    def reach(self, position: npt.NDArray[np.intp], access: int) -> Addresses:
        """The highest end of the ranges up to each position that allow this access, 0 without one."""
        arrays = self._arrays()
        reach = arrays.reach.get(access)
        if reach is None:
            allowed = (arrays.how & np.uint64(access)) == access
            reach = arrays.reach[access] = np.maximum.accumulate(np.where(allowed, arrays.end, np.uint64(0)))
        return reach.take(position)

    # -- guard bytes --------------------------------------------------------------------------------
    @property
    def guards(self) -> tuple[Addresses, Addresses]:
        """By position: where the guard bytes begin, and how many there are."""
        arrays = self._arrays()
        return arrays.end, arrays.guard

    def forget_guard(self, position: int) -> tuple[int, int]:
        """Stop checking the guard bytes of this range. Returns its address and length."""
        arrays = self._arrays()
        address, length = int(arrays.start[position - 1]), int(arrays.end[position]) - int(arrays.start[position - 1])
        entry = self._entries.get((address, length, int(arrays.how[position])))
        if entry is not None:
            entry.guard = 0
        arrays.guard[position] = 0
        return address, length
