# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest memory: the card's own table of the ranges that the client has mapped. The card touches nothing else.

Ranges come and go many times while a guest boots, always between two batches, because the library and the rings share
one thread. Do not keep a view longer than a batch, or compare `generation` before each use.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.frames import Bytes, Frames, Offsets, Selection, copy_pieces

ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Region:
    """Device addresses [start, start + data.size)."""

    start: int
    data: Bytes


@dataclass(frozen=True, slots=True)
class RegionSpans:
    """Where some of the located pieces lie: `chosen` of them, at `offset` of `region`."""

    region: Region
    chosen: Selection
    offset: Offsets


class OutsideMemoryError(LookupError):
    """A device address range is not inside one writable range of guest memory."""


class GuestMemory:
    """The writable ranges of guest memory by device address."""

    def __init__(self) -> None:
        self._regions: list[Region] = []
        """By address. `_starts` is where each begins, and so is `_table`, with the sizes; None until it is needed."""
        self._starts: list[int] = []
        self._table: tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]] | None = None
        self.generation = 0
        """Changes with every map and unmap. A view of an older generation must not be used."""
        self.refused = 0
        """Ranges of this client that the card did not take."""

    def __len__(self) -> int:
        return len(self._regions)

    def add(self, start: int, data: Bytes) -> None:
        """Add [start, start + data.size). Raises ValueError when it overlaps another range."""
        at = bisect_left(self._starts, start)
        for region in self._regions[max(at - 1, 0) : at + 1]:
            if start < region.start + region.data.size and region.start < start + data.size:
                raise ValueError(f"range {start:#x}+{data.size:#x} overlaps {region.start:#x}+{region.data.size:#x}")
        self._regions.insert(at, Region(start, data))
        self._starts.insert(at, start)
        self._changed()

    def remove(self, start: int) -> None:
        """Remove the range that begins here, if there is one."""
        at = bisect_left(self._starts, start)
        if self._starts[at : at + 1] == [start]:
            del self._regions[at], self._starts[at]
            self._changed()

    def clear(self) -> None:
        """Forget the client's ranges, and those that were refused."""
        self._regions.clear()
        self._starts.clear()
        self.refused = 0
        self._changed()

    def _changed(self) -> None:
        self._table = None
        self.generation += 1

    def _at(self, address: int) -> Region | None:
        """The range that begins at this address or is the last one before it."""
        at = bisect_right(self._starts, address)
        return self._regions[at - 1] if at else None

    def view(self, address: int, size: int) -> Bytes:
        """The bytes [address, address + size), valid for this generation. Raises OutsideMemoryError."""
        region = self._at(address)
        if region is not None and address - region.start + size <= region.data.size:
            offset = address - region.start
            return region.data[offset : offset + size]
        refused = f"; {self.refused} ranges of the client were refused" if self.refused else ""
        raise OutsideMemoryError(f"{address:#x}+{size:#x} is not inside one mapped range of guest memory{refused}")

    def locate(
        self, address: npt.NDArray[np.uint64], length: npt.NDArray[np.integer]
    ) -> tuple[list[RegionSpans], npt.NDArray[np.bool_]]:
        """Where pieces [address[i], address[i] + length[i]) lie, and which of them lie inside one range."""
        size = length.astype(np.uint64)
        # Nearly every batch lies in one range, in main memory.
        region = self._at(int(address[0])) if len(address) else None
        if region is not None:
            offset = address - np.uint64(region.start)
            inside = _fits(offset, size, np.uint64(region.data.size))
            if inside.all():
                return [RegionSpans(region, ALL, offset.astype(np.int64))], inside
        return self._locate_each(address, size)

    def _locate_each(
        self, address: npt.NDArray[np.uint64], size: npt.NDArray[np.uint64]
    ) -> tuple[list[RegionSpans], npt.NDArray[np.bool_]]:
        if not self._regions:
            return [], np.zeros(len(address), bool)
        if self._table is None:
            sizes = [region.data.size for region in self._regions]
            self._table = np.array(self._starts, np.uint64), np.array(sizes, np.uint64)
        starts, rooms = self._table
        number = np.maximum(np.searchsorted(starts, address, side="right") - 1, 0)
        offset = address - starts[number]
        inside = _fits(offset, size, rooms[number])
        spans = []
        for each in np.unique(number[inside]).tolist():
            chosen = inside & (number == each)
            spans.append(RegionSpans(self._regions[each], chosen, offset[chosen].astype(np.int64)))
        return spans, inside


def _fits(
    offset: npt.NDArray[np.uint64], size: npt.NDArray[np.uint64], room: npt.NDArray[np.uint64] | np.uint64
) -> npt.NDArray[np.bool_]:
    """Which pieces lie within `room` bytes.

    An address below the range's start has wrapped to a huge offset, so one comparison covers both ends. The room left
    is compared instead of the end, because the sum of a hostile address and length overflows.
    """
    inside: npt.NDArray[np.bool_] = (offset < room) & (size <= room - np.minimum(offset, room))
    return inside


def gather(spans: list[RegionSpans], length: npt.NDArray[np.integer]) -> Frames:
    """One copy of the pieces in guest memory, in order. A piece of length 0 need not be in any span."""
    size = length.astype(np.int64)
    start = np.cumsum(size) - size
    data = np.empty(int(size.sum()), np.uint8)
    for span in spans:
        copy_pieces(data, start[span.chosen], span.region.data, span.offset, size[span.chosen])
    return Frames(data, start, size)
