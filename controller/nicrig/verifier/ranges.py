# SPDX-License-Identifier: GPL-2.0-or-later
"""Ranges of addresses, and a bounded memory of those that were released."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Ranges(Generic[Thing]):
    """Things that own ranges, which should not overlap. Of two that begin at one address, the later is kept."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._at: dict[int, tuple[int, Thing]] = {}

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[Thing]:
        return (thing for _, thing in self._at.values())

    def add(self, start: int, length: int, thing: Thing) -> None:
        if start not in self._at:
            insort(self._starts, start)
        self._at[start] = (start + length, thing)

    def get(self, start: int) -> Thing | None:
        """The thing that begins at exactly this address."""
        found = self._at.get(start)
        return found[1] if found else None

    def find(self, address: int) -> Thing | None:
        """The thing that contains this address."""
        found = self._at.get(address)
        if found:
            return found[1]
        following = bisect_right(self._starts, address)
        if not following:
            return None
        end, thing = self._at[self._starts[following - 1]]
        return thing if address < end else None

    def overlapping(self, start: int, length: int) -> Thing | None:
        """A thing that has a byte of [start, start + length)."""
        found = self.find(start)
        if found is not None:
            return found
        following = bisect_right(self._starts, start)
        if following == len(self._starts) or self._starts[following] >= start + length:
            return None
        return self._at[self._starts[following]][1]

    def remove(self, start: int) -> Thing | None:
        found = self._at.pop(start, None)
        if not found:
            return None
        del self._starts[bisect_left(self._starts, start)]
        return found[1]

    def clear(self) -> None:
        self._starts.clear()
        self._at.clear()


class Recent(Generic[Thing]):
    """The last things that were released, by address: evidence for what uses them afterwards."""

    def __init__(self, limit: int = 4096) -> None:
        self._limit = limit
        self._things: OrderedDict[int, Thing] = OrderedDict()

    def __len__(self) -> int:
        return len(self._things)

    def __iter__(self) -> Iterator[Thing]:
        return iter(self._things.values())

    def add(self, address: int, thing: Thing) -> None:
        self._things[address] = thing
        self._things.move_to_end(address)
        if len(self._things) > self._limit:
            self._things.popitem(last=False)

    def get(self, address: int) -> Thing | None:
        return self._things.get(address)

    def forget(self, address: int) -> None:
        """The address is in use again."""
        self._things.pop(address, None)

    def clear(self) -> None:
        self._things.clear()
