# SPDX-License-Identifier: GPL-2.0-or-later
"""What the driver has handed over, as an unkind card saw it at the doorbell (docs/datasheet.md section 18).

A card that is unkind writes noise into the memory for receives at once, notes a digest of the memory of sends, and
looks at both again: at random moments, and when it uses them. The driver may write neither before it gets them back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from crc32c import crc32c

from nicrig_device.dma.frames import Offsets, copy_pieces
from nicrig_device.dma.memory import RegionSpans
from nicrig_device.models.base import Board
from nicrig_device.recorder import TraceEvent
from nicrig_device.spec.findings import HandOverFinding
from nicrig_device.timing import Addresses

Digests: TypeAlias = npt.NDArray[np.uint32]
Chosen: TypeAlias = npt.NDArray[np.bool_]
Locate: TypeAlias = Callable[[Addresses, Offsets], tuple[list[RegionSpans], Chosen]]
"""Where these pieces lie, and which of them lie anywhere."""

LOOKED_AT = 32
"""How many pieces the card looks at in one random moment at most."""
TRACED_MAX = 16
"""How many findings of one look get an event each. All are counted."""


class HandOver:
    """The pieces of memory that the card owns, by slot: address, bytes, and the digest of what they must hold."""

    def __init__(self, board: Board, locate: Locate, *, transmit: bool) -> None:
        self._counters = board.counters
        self._trace = board.trace
        self._timing = board.timing
        self._locate = locate
        self._transmit = transmit
        self.resize(0)

    def resize(self, size: int) -> None:
        """Watch `size` slots from now on, and nothing in them."""
        self._address: Addresses = np.zeros(size, np.uint64)
        self._length: Offsets = np.zeros(size, np.int64)
        self._digest: Digests = np.zeros(size, np.uint32)
        self.watched: Chosen = np.zeros(size, bool)

    def forget(self) -> None:
        self.watched[:] = False

    def take(self, slots: Offsets, address: Addresses, length: Offsets, chosen: Chosen) -> None:
        """The chosen ones of these pieces are the card's from now on. Those for receives get noise."""
        spans, inside = self._locate(address, length)
        chosen = chosen & inside & (length > 0)
        wanted = np.where(chosen, length, 0)
        if not self._transmit:
            self._make_noise(spans, wanted, address)
        digest = digests(spans, wanted)
        if not self._transmit:  # a piece that shares bytes with another one has been written twice
            chosen &= digest == self._noise_digests(wanted)
        self._address[slots], self._length[slots], self._digest[slots] = address, length, digest
        self.watched[slots] = chosen

    def _make_noise(self, spans: list[RegionSpans], length: Offsets, address: Addresses) -> None:
        self._timing.wrote(address[length > 0], length[length > 0])
        for span in spans:
            size = length[span.chosen]
            some = np.flatnonzero(size)[::-1]  # the last one first: a driver that still copies is not there yet
            copy_pieces(
                span.region.data, span.offset[some], self._timing.noise, np.zeros(len(some), np.int64), size[some]
            )

    def _noise_digests(self, length: Offsets) -> Digests:
        noise = self._timing.noise.data
        known = {size: crc32c(noise[:size]) for size in set(length.tolist())}
        return np.array([known[size] for size in length.tolist()], np.uint32)

    def check(self, slots: Offsets, index: Offsets) -> None:
        """Look at these slots again; `index` has the number of each for the record."""
        which = self.watched[slots]
        slots, index = slots[which], index[which]
        if not len(slots):
            return
        address, length = self._address[slots], self._length[slots]
        spans, inside = self._locate(address, length)
        changed = inside & (digests(spans, np.where(inside, length, 0)) != self._digest[slots])
        self.watched[slots[changed]] = False
        finding = HandOverFinding.SEND_CHANGED if self._transmit else HandOverFinding.RECEIVE_CHANGED
        self.report(finding, address[changed], length[changed], index[changed])

    def report(self, finding: HandOverFinding, address: Addresses, length: Offsets, index: Offsets) -> None:
        """Count and record a finding, once for each piece."""
        self._counters.add(finding.counter, len(address))
        what = finding | int(self._transmit) << 8
        for piece in list(zip(address.tolist(), length.tolist(), index.tolist(), strict=True))[:TRACED_MAX]:
            self._trace.add(TraceEvent.HAND_OVER, what, *piece)

    def wrote(self, start: Addresses, end: Addresses) -> None:
        """The card itself has written to each [start, end), in the order of their starts."""
        self.watched &= ~overlap(self._address, self._address + self._length.astype(np.uint64), start, end)


def overlap(begin: Addresses, behind: Addresses, start: Addresses, end: Addresses) -> Chosen:
    """Which [begin, behind) share a byte with one of the [start, end), which are in the order of their starts."""
    before = start.searchsorted(behind)
    reach = np.concatenate((np.zeros(1, np.uint64), np.maximum.accumulate(end)))
    return np.asarray(reach[before] > begin)


def some(chance: random.Random, count: int) -> Offsets:
    """A run of numbers below `count`, for one random look."""
    size = min(count, LOOKED_AT)
    return chance.randint(0, count - size) + np.arange(size)


def digests(spans: list[RegionSpans], length: Offsets) -> Digests:
    """The CRC32C of each piece in guest memory."""
    found = np.zeros(len(length), np.uint32)
    for span in spans:
        data = span.region.data.data
        found[span.chosen] = [
            crc32c(data[offset : offset + size])
            for offset, size in zip(span.offset.tolist(), length[span.chosen].tolist(), strict=True)
        ]
    return found
