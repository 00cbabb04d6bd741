# SPDX-License-Identifier: GPL-2.0-or-later
"""The transmit path: a doorbell's worth of descriptors to the wire (docs/datasheet.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.frames import Bytes, Offsets, copy_pieces
from nicrig_device.dma.memory import RegionSpans
from nicrig_device.models.base import Board
from nicrig_device.models.bus_master.checks import check_buffers, refuse_all
from nicrig_device.models.queue import Ring
from nicrig_device.models.status_words import Codes, status_of
from nicrig_device.recorder import TraceEvent
from nicrig_device.spec.descriptors import Descriptors, Flag, Refusal
from nicrig_device.spec.registers import CHAIN_MAX, FRAME_MAX, FRAME_MIN
from nicrig_device.wire.framing import LENGTH_PREFIX, split, write_prefixes


@dataclass(frozen=True, slots=True)
class Chains:
    """How descriptors make frames: frame k is descriptors first[k] to first[k] + count[k] - 1."""

    frame_of: Offsets  # frame of each descriptor
    first: Offsets
    count: Offsets
    complete: npt.NDArray[np.bool_]  # frame ends in END_OF_FRAME

    @classmethod
    def of(cls, descriptors: Descriptors) -> Chains:
        end = (descriptors["flags"] & Flag.END_OF_FRAME) != 0
        last = end.copy()
        last[-1] = True
        ends = np.flatnonzero(last)
        first = np.concatenate(([0], ends[:-1] + 1))
        count = ends - first + 1
        return cls(np.repeat(np.arange(len(ends)), count), first, count, end[ends])


class TransmitPath:
    """Takes everything that the doorbell covers, at most one ring's length, and hands it to the wire as one write."""

    def __init__(self, board: Board, ring: Ring) -> None:
        self._memory = board.memory
        self._ledger = board.ledger
        self._ring = ring
        self._egress = board.egress
        self._trace = board.trace
        self._timing = board.timing

    def send(self) -> bool:
        """Send what is posted. False when nothing is posted, or when the wire must drain first."""
        if not self._ring.posted() or self._ring.lane.busy or self._egress.full():
            return False
        self._ring.lane.then(self._send)
        return True

    def _send(self) -> None:
        count = self._ring.posted()
        if self._egress.full():
            return
        stamp, index = self._trace.stamp(), self._ring.head
        descriptors = self._part(self._ring.fetch(count))
        if not len(descriptors):
            return
        chains = Chains.of(descriptors)
        spans, codes, _ = check_buffers(self._memory, self._ledger, self._ring, descriptors)
        good = self._judge(descriptors, chains, codes)
        framed = self._gather(descriptors, chains, spans, good)
        # The bytes are in the card's own buffer: the descriptors can go back.
        status = status_of(codes)
        if self._trace.frames:
            at = self._ring.numbers(index, len(descriptors))
            if self._trace.steps:
                self._trace.add_buffers(TraceEvent.READ, stamp, at, descriptors, status)
            first = chains.first[good]
            self._trace.add_frames(
                TraceEvent.FRAME_OUT, stamp, at[first], descriptors["address"][first], split(framed)[0]
            )
        self._ring.write_back(status)
        self._egress.hand_over(framed, int(np.count_nonzero(good)))

    def _part(self, descriptors: Descriptors) -> Descriptors:
        """The frames that an unkind card sends in one go; a kind one sends all."""
        ends = np.flatnonzero(descriptors["flags"] & Flag.END_OF_FRAME) + 1
        return (
            descriptors[: ends[self._timing.part(len(ends)) - 1]] if self._timing.unkind and len(ends) else descriptors
        )

    def _judge(self, descriptors: Descriptors, chains: Chains, codes: Codes) -> npt.NDArray[np.bool_]:
        """Which frames go out. Every descriptor of a frame that does not gets the frame's refusal."""
        total = np.add.reduceat(descriptors["length"].astype(np.int64), chains.first)
        frame_codes = np.maximum.reduceat(codes, chains.first)
        sized = (total >= FRAME_MIN) & (total <= FRAME_MAX)
        frame_codes[(frame_codes == 0) & ~sized] = Refusal.LENGTH
        frame_codes[~chains.complete | (chains.count > CHAIN_MAX)] = Refusal.CHAIN
        good: npt.NDArray[np.bool_] = frame_codes == 0
        if not good.all():
            codes[:] = frame_codes[chains.frame_of]
            refuse_all(self._ring, descriptors, codes)
        return good

    def _gather(
        self, descriptors: Descriptors, chains: Chains, spans: list[RegionSpans], good: npt.NDArray[np.bool_]
    ) -> Bytes:
        """The good frames in the wire's framing, in ring order."""
        sends = good[chains.frame_of]
        length = np.where(sends, descriptors["length"], 0).astype(np.int64)
        frame_length = np.add.reduceat(length, chains.first)
        prefix_at = (np.cumsum(length) - length)[chains.first] + LENGTH_PREFIX * (np.cumsum(good) - good)
        start = np.cumsum(length) - length + LENGTH_PREFIX * np.cumsum(good)[chains.frame_of]
        framed = np.empty(int(length.sum()) + LENGTH_PREFIX * int(np.count_nonzero(good)), np.uint8)
        write_prefixes(framed, prefix_at[good], frame_length[good])
        for span in spans:
            wanted = sends[span.chosen]
            offset = span.offset[wanted]
            copy_pieces(framed, start[span.chosen][wanted], span.region.data, offset, length[span.chosen][wanted])
        return framed
