# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest memory: the card's own table of the ranges that the client has mapped. The card touches nothing else.

Ranges come and go many times while a guest boots, always between two batches, because the library and the rings share
one thread. Do not keep a view longer than a batch, or compare `generation` before each use.
"""

from __future__ import annotations

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
        self._regions: dict[int, Region] = {}
        self.generation = 0
        """Changes with every map and unmap. A view of an older generation must not be used."""

    def __len__(self) -> int:
        return len(self._regions)

    def add(self, start: int, data: Bytes) -> None:
        """Add [start, start + data.size). Raises ValueError when it overlaps another range."""
        for region in self._regions.values():
            if start < region.start + region.data.size and region.start < start + data.size:
                raise ValueError(f"range {start:#x}+{data.size:#x} overlaps {region.start:#x}+{region.data.size:#x}")
        regions = [*self._regions.values(), Region(start, data)]
        # Largest first: nearly every piece lies in main memory, and the search ends there.
        self._regions = {item.start: item for item in sorted(regions, key=lambda item: -item.data.size)}
        self.generation += 1

    def remove(self, start: int) -> None:
        """Remove the range that begins here, if there is one."""
        if self._regions.pop(start, None) is not None:
            self.generation += 1

    def clear(self) -> None:
        self._regions.clear()
        self.generation += 1

    def view(self, address: int, size: int) -> Bytes:
        """The bytes [address, address + size), valid for this generation. Raises OutsideMemoryError."""
        for region in self._regions.values():
            offset = address - region.start
            if offset >= 0 and offset + size <= region.data.size:
                return region.data[offset : offset + size]
        raise OutsideMemoryError(f"{address:#x}+{size:#x} is not inside one mapped range of guest memory")

    def locate(
        self, address: npt.NDArray[np.uint64], length: npt.NDArray[np.integer]
    ) -> tuple[list[RegionSpans], npt.NDArray[np.bool_]]:
        """Where pieces [address[i], address[i] + length[i]) lie, and which of them lie inside one range."""
        found = np.zeros(len(address), bool)
        spans: list[RegionSpans] = []
        size = length.astype(np.uint64)
        for region in self._regions.values():
            # An address below start wraps to a huge offset, so one comparison covers both ends; the room left is
            # compared instead of the end, because the sum of a hostile address and length overflows.
            offset = address - np.uint64(region.start)
            inside = offset < region.data.size
            inside &= size <= np.uint64(region.data.size) - np.minimum(offset, np.uint64(region.data.size))
            if inside.all():
                return [RegionSpans(region, ALL, offset.astype(np.int64))], inside
            if inside.any():
                spans.append(RegionSpans(region, inside, offset[inside].astype(np.int64)))
                found |= inside
        return spans, found


def gather(spans: list[RegionSpans], length: npt.NDArray[np.integer]) -> Frames:
    """One copy of the pieces in guest memory, in order. A piece of length 0 need not be in any span."""
    size = length.astype(np.int64)
    start = np.cumsum(size) - size
    data = np.empty(int(size.sum()), np.uint8)
    for span in spans:
        copy_pieces(data, start[span.chosen], span.region.data, span.offset, size[span.chosen])
    return Frames(data, start, size)
