# SPDX-License-Identifier: GPL-2.0-or-later
"""The subordinate kind's receive FIFO: frames on board, packed as a transfer moves them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nicrig_device.dma.frames import Bytes, Frames, Offsets
from nicrig_device.models.subordinate.packing import pack, packed_ends


@dataclass(frozen=True, slots=True)
class Packed:
    """Frames packed in `data`, valid until the FIFO's next call, and the length of each."""

    data: Bytes
    length: Offsets


class Fifo:
    """At most `frames` frames and `size` packed bytes, in order."""

    def __init__(self, frames: int, size: int) -> None:
        self._frames = frames
        self._data = np.zeros(size, np.uint8)
        self.clear()

    def clear(self) -> None:
        self._begin = self._end = 0
        self._length: Offsets = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._length)

    def push(self, frames: Frames) -> int:
        """Take the frames that fit, in order. Returns how many."""
        ends = packed_ends(frames.length)
        room = self._data.size - (self._end - self._begin)
        count = min(int(np.searchsorted(ends, room, side="right")), self._frames - len(self))
        if not count:
            return 0
        size = int(ends[count - 1])
        if self._end + size > self._data.size:
            self._move_to_begin()
        taken = frames.select(slice(count))
        pack(self._data[self._end : self._end + size], taken)
        self._end += size
        self._length = np.concatenate((self._length, taken.length))
        return count

    def fits(self, room: int) -> tuple[int, int]:
        """How many of the next frames fit into `room` bytes, and their packed size."""
        ends = packed_ends(self._length)
        count = int(np.searchsorted(ends, room, side="right"))
        return count, int(ends[count - 1]) if count else 0

    def take(self, room: int) -> Packed:
        """Remove and return the next frames that fit into `room` bytes; none when the first does not fit."""
        count, size = self.fits(room)
        taken = Packed(self._data[self._begin : self._begin + size], self._length[:count])
        self._begin += size
        self._length = self._length[count:]
        return taken

    def _move_to_begin(self) -> None:
        held = self._end - self._begin
        self._data[:held] = self._data[self._begin : self._end]
        self._begin, self._end = 0, held
