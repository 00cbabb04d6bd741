# SPDX-License-Identifier: GPL-2.0-or-later
"""The receive path: a batch of frames from the wire into posted buffers (docs/datasheet.md section 5)."""

from __future__ import annotations

import numpy as np

from nicrig_device.dma.frames import Frames, copy_pieces
from nicrig_device.dma.memory import GuestMemory, gather
from nicrig_device.ledger.ledger import Ledger
from nicrig_device.models.bus_master.checks import check_buffers, refuse_all, status_of
from nicrig_device.models.queue import Ring
from nicrig_device.recorder import Trace, TraceEvent
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.descriptors import Flag, Refusal


class ReceivePath:
    """Frame i goes to descriptor i; whatever is not delivered is counted under the reason."""

    def __init__(self, memory: GuestMemory, ledger: Ledger, ring: Ring, counters: Counters, trace: Trace) -> None:
        self._memory = memory
        self._ledger = ledger
        self._ring = ring
        self._counters = counters
        self._trace = trace

    def deliver(self, frames: Frames) -> None:
        """Write as many frames as there are posted buffers, in order, and give the descriptors back."""
        if not self._ring.enabled:
            self._counters.add("rx_disabled", len(frames))
            return
        count = min(self._ring.posted(), len(frames))
        stamp, index = self._trace.stamp(), self._ring.head
        descriptors = self._ring.fetch(count)
        taken = frames.select(slice(len(descriptors)))
        self._counters.add("rx_no_buffer", len(frames) - len(taken))
        if not len(taken):
            return
        # 1. Check the card's own copy. 2. Write the frames. 3. Give the descriptors back: data before status.
        places, codes = check_buffers(self._memory, self._ledger, self._ring, descriptors)
        refused = codes != 0
        overlong = ~refused & (taken.length > descriptors["length"])
        delivered = ~(refused | overlong)
        for place in places:
            fits = delivered[place.chosen]
            piece = taken.select(place.chosen)
            if not fits.all():
                piece = piece.select(fits)
            offset = place.offset if fits.all() else place.offset[fits]
            copy_pieces(place.region.data, offset, piece.data, piece.offset, piece.length)
        self._ledger.look_behind(index)
        if refused.any():
            refuse_all(self._ring, descriptors, codes)
            self._counters.add("rx_refused", int(np.count_nonzero(refused)))
        codes[overlong] = Refusal.LENGTH
        length = np.where(delivered, taken.length, 0).astype(np.uint32)
        status = status_of(codes)
        if self._trace.frames:
            descriptors["length"] = length
            at = self._ring.places(index + np.arange(len(taken)))
            if self._trace.steps:
                self._trace.add_buffers(TraceEvent.WRITE, stamp, at, descriptors, status)
            moved = gather(places, length).select(delivered)
            self._trace.add_frames(TraceEvent.FRAME_IN, stamp, at[delivered], descriptors["address"][delivered], moved)
        self._ring.write_back(status, length, np.full(len(taken), Flag.END_OF_FRAME, np.uint16))
        self._counters.add("rx_frames", int(np.count_nonzero(delivered)))
        self._counters.add("rx_bytes", int(length.sum()))
        self._counters.add("rx_too_long", int(np.count_nonzero(overlong)))
