# SPDX-License-Identifier: GPL-2.0-or-later
"""Pairs the sightings of a frame at two witnesses: by the bytes, then by the address, then by the order."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nicrig.witnesses.sighting import Sighting


@dataclass(frozen=True, slots=True)
class Pair:
    """One frame at two witnesses; None for a witness that never saw it.

    `again`: the right one saw the frame a second time. `late`: the right one saw it out of order.
    """

    left: Sighting | None
    right: Sighting | None
    again: bool = False
    late: bool = False

    @property
    def same(self) -> bool:
        return self.left is not None and self.right is not None and self.left.key == self.right.key


def join(left: Sequence[Sighting], right: Sequence[Sighting], *, memory: bool) -> list[Pair]:
    """Every sighting of either side once: those of the right in their order, then the unpaired ones of the left.

    These steps pair them: 1. The same bytes, in order. 2. The same device address. 3. The order, between paired
    neighbours. 4. A known frame is that frame again; any other is the damaged form of the next missing frame.
    `memory`: the two sides share memory, which may still hold an older frame. So steps 2 and 3 come before 4. On a
    wire, a known frame is always that frame again.
    """
    return _Joining(left, right).pairs(memory=memory)


class _Joining:
    def __init__(self, left: Sequence[Sighting], right: Sequence[Sighting]) -> None:
        self._left, self._right = left, right
        self._partner: list[int | None] = [None] * len(right)
        self._known: dict[tuple[int, int], int] = {}
        waiting: defaultdict[tuple[int, int], deque[int]] = defaultdict(deque)
        for number, sighting in enumerate(left):
            waiting[sighting.key].append(number)
            self._known.setdefault(sighting.key, number)
        for number, sighting in enumerate(right):
            numbers = waiting.get(sighting.key)
            if numbers:
                self._partner[number] = numbers.popleft()
        taken = set(self._partner)
        self._missing = {number: None for number in range(len(left)) if number not in taken}

    def pairs(self, *, memory: bool) -> list[Pair]:
        foreign = [number for number, partner in enumerate(self._partner) if partner is None]
        again = set() if memory else {number for number in foreign if self._right[number].key in self._known}
        foreign = [number for number in foreign if number not in again]
        if memory and foreign:
            foreign = self._by_address(foreign)
        foreign = self._by_order(foreign)
        again |= {number for number in foreign if self._right[number].key in self._known}
        self._by_what_is_missing([number for number in foreign if number not in again])
        return list(self._made(again))

    def _take(self, right: int, left: int) -> None:
        self._partner[right] = left
        del self._missing[left]

    def _by_address(self, foreign: list[int]) -> list[int]:
        """Pair by address, the first frame of an address first. Returns those that remain."""
        at: dict[int, deque[int]] = defaultdict(deque)
        for number in self._missing:
            if self._left[number].address:
                at[self._left[number].address].append(number)
        rest = []
        for number in foreign:
            found = at.get(self._right[number].address)
            if found:
                self._take(number, found.popleft())
            else:
                rest.append(number)
        return rest

    def _by_order(self, foreign: list[int]) -> list[int]:
        """Pair by the order. Returns those that remain."""
        if not foreign or not self._missing:
            return foreign
        following: list[int] = [len(self._left)] * (len(self._right) + 1)
        for number in range(len(self._right) - 1, -1, -1):
            partner = self._partner[number]
            following[number] = following[number + 1] if partner is None else partner
        missing = deque(self._missing)
        wanted, rest, last = set(foreign), [], -1
        for number in range(len(self._right)):
            partner = self._partner[number]
            if partner is not None:
                last = max(last, partner)
            if number not in wanted:
                continue
            while missing and missing[0] < last:
                missing.popleft()
            if missing and missing[0] < following[number]:
                last = missing.popleft()
                self._take(number, last)
            else:
                rest.append(number)
        return rest

    def _by_what_is_missing(self, foreign: list[int]) -> None:
        for number, left in zip(foreign, list(self._missing), strict=False):
            self._take(number, left)

    def _made(self, again: set[int]) -> Iterator[Pair]:
        late = out_of_order([partner for partner in self._partner if partner is not None])
        for number, sighting in enumerate(self._right):
            partner = self._partner[number]
            if partner is not None:
                yield Pair(self._left[partner], sighting, late=partner in late)
            elif number in again:
                yield Pair(self._left[self._known[sighting.key]], sighting, again=True)
            else:
                yield Pair(None, sighting)
        for number in self._missing:
            yield Pair(self._left[number], None)


def out_of_order(numbers: Sequence[int]) -> set[int]:
    """The fewest of these distinct numbers without which the others rise; of two swapped ones the smaller."""
    if all(one < other for one, other in pairwise(numbers)):
        return set()
    # From the end, the longest falling row: heads[i] is the index at which the best row of i + 1 numbers begins.
    heads: list[int] = []
    keys: list[int] = []
    behind: list[int] = [-1] * len(numbers)
    for at in range(len(numbers) - 1, -1, -1):
        row = bisect_left(keys, -numbers[at])
        behind[at] = heads[row - 1] if row else -1
        heads[row : row + 1] = [at]
        keys[row : row + 1] = [-numbers[at]]
    kept, at = set(), heads[-1]
    while at >= 0:
        kept.add(numbers[at])
        at = behind[at]
    return set(numbers) - kept
