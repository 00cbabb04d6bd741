# SPDX-License-Identifier: GPL-2.0-or-later
"""The receive path: a batch of frames from the wire into posted buffers (docs/datasheet.md section 5)."""

from __future__ import annotations

import numpy as np

from nicrig_device.dma.frames import Frames, copy_pieces
from nicrig_device.dma.memory import gather
from nicrig_device.models.base import Board
from nicrig_device.models.bus_master.checks import check_buffers, refuse_all
from nicrig_device.models.queue import Ring
from nicrig_device.models.status_words import status_of
from nicrig_device.recorder import TraceEvent
from nicrig_device.spec.descriptors import Flag, Refusal


class ReceivePath:
    """Frame i goes to descriptor i. A frame that is not delivered is counted under the reason."""

    def __init__(self, board: Board, ring: Ring) -> None:
        self._memory = board.memory
        self._ledger = board.ledger
        self._ring = ring
        self._counters = board.counters
        self._trace = board.trace
        self._hooks = board.hooks
        self._timing = board.timing

    def deliver(self, frames: Frames) -> None:
        """Take as many frames as there are posted buffers."""
        if self._ring.enabled:
            self._ring.fill(frames, self._write)
        else:
            self._counters.add("rx_disabled", len(frames))

    def _write(self, frames: Frames) -> None:
        """Write as many frames as there are posted buffers, in order, and give the descriptors back."""
        count = min(self._ring.posted(), len(frames))
        stamp, index = self._trace.stamp(), self._ring.head
        descriptors = self._ring.fetch(count)
        taken = frames.select(slice(len(descriptors)))
        self._counters.add("rx_no_buffer", len(frames) - len(taken))
        if not len(taken):
            return
        # 1. Check the card's own copy. 2. Write the frames. 3. Give the descriptors back: data before status.
        spans, codes, positions = check_buffers(self._memory, self._ledger, self._ring, descriptors)
        refused = codes != 0
        overlong = ~refused & (taken.length > descriptors["length"])
        delivered = written = ~(refused | overlong)
        for hook in self._hooks.armed:
            written = hook.written(taken, written)
        for span in spans:
            fits = written[span.chosen]
            piece = taken.select(span.chosen)
            if not fits.all():
                piece = piece.select(fits)
            offset = span.offset if fits.all() else span.offset[fits]
            copy_pieces(span.region.data, offset, piece.data, piece.offset, piece.length)
        self._timing.wrote(descriptors["address"][written], taken.length[written])
        self._ledger.look_behind(positions, index)
        if refused.any():
            refuse_all(self._ring, descriptors, codes)
            self._counters.add("rx_refused", int(np.count_nonzero(refused)))
        codes[overlong] = Refusal.LENGTH
        length = np.where(delivered, taken.length, 0).astype(np.uint32)
        status = status_of(codes)
        if self._trace.frames:
            descriptors["length"] = length
            at = self._ring.numbers(index, len(taken))
            if self._trace.steps:
                self._trace.add_buffers(TraceEvent.WRITE, stamp, at, descriptors, status)
            moved = gather(spans, length).select(written)
            self._trace.add_frames(TraceEvent.FRAME_IN, stamp, at[written], descriptors["address"][written], moved)
        self._counters.add("rx_frames", int(np.count_nonzero(delivered)))
        self._counters.add("rx_bytes", int(length.sum()))
        self._counters.add("rx_too_long", int(np.count_nonzero(overlong)))
        for hook in self._hooks.armed:
            hook.told_lengths(length)
        self._ring.write_back(status, length, np.full(len(taken), Flag.END_OF_FRAME, np.uint16))
