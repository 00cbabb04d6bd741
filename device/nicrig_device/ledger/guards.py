# SPDX-License-Identifier: GPL-2.0-or-later
"""Guard bytes behind granted memory: has anything written there?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.memory import GuestMemory, Region
from nicrig_device.ledger.grants import Addresses, Grants
from nicrig_device.recorder import GUARD

LOOKED_AT = 8
"""How many guard bytes of a grant are checked at most: the first ones, as one word."""
_PATTERN = np.uint64(int.from_bytes(bytes([GUARD]) * LOOKED_AT, "little"))
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(LOOKED_AT + 1)], np.uint64)


@dataclass(frozen=True, slots=True)
class _Window:
    """The words that begin at each byte of a region; by position of a grant, which word and which of its bytes."""

    words: Addresses
    offset: npt.NDArray[np.int64]
    mask: Addresses


class Guards:
    """Checks the guard bytes by position in the grants. Its tables are rebuilt when grants or memory have changed."""

    def __init__(self, memory: GuestMemory, grants: Grants) -> None:
        self._memory = memory
        self._grants = grants
        self._made_for: tuple[int, int] | None = None
        self._windows: list[_Window] = []

    def changed(self, positions: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
        """Address and length of the ranges at these positions whose guard bytes have changed, each reported once."""
        now = (self._memory.generation, self._grants.version)
        if now != self._made_for:
            self._windows, self._made_for = self._look_up(), now
        found = []
        for window in self._windows:
            wrong = window.words[window.offset.take(positions)] ^ _PATTERN
            if np.count_nonzero(wrong):  # rare: ranges without guard bytes, and few of the others
                wrong &= window.mask[positions]
                for position in np.unique(positions[wrong != 0]).tolist():
                    window.mask[position] = 0
                    found.append(self._grants.forget_guard(position))
        return found

    def _look_up(self) -> list[_Window]:
        end, guard = self._grants.guards
        spans, _ = self._memory.locate(end, np.full(len(end), LOOKED_AT))
        size = np.minimum(guard, np.uint64(LOOKED_AT)).astype(np.intp)
        windows = []
        for found in spans:
            offset, mask = np.zeros(len(end), np.int64), np.zeros(len(end), np.uint64)
            offset[found.chosen] = found.offset
            mask[found.chosen] = _MASKS[size[found.chosen]]
            windows.append(_Window(_words(found.region), offset, mask))
        return windows


def _words(region: Region) -> Addresses:
    """The little-endian words that begin at every byte of a region."""
    first = region.data[:LOOKED_AT].view("<u8")
    return np.lib.stride_tricks.as_strided(first, (region.data.size - LOOKED_AT + 1,), (1,), writeable=False)
