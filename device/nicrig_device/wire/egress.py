# SPDX-License-Identifier: GPL-2.0-or-later
"""The egress: frames go to the wire, or are dropped and counted under the reason."""

from __future__ import annotations

from nicrig_device.dma.frames import Bytes
from nicrig_device.hooks import Hooks
from nicrig_device.spec.counters import Counters
from nicrig_device.wire.framing import LENGTH_PREFIX, WirePort


class Egress:
    """Every kind hands its frames to this."""

    def __init__(self, wire: WirePort, counters: Counters, hooks: Hooks) -> None:
        self._wire = wire
        self._counters = counters
        self._hooks = hooks
        self.link_up = True

    def full(self) -> bool:
        """Whether the last batch still waits. Leave frames with the driver until it has gone."""
        return self._wire.full()

    def hand_over(self, framed: Bytes, frames: int) -> None:
        """Take this many frames of the driver, in the wire's framing."""
        if self.link_up:
            for hook in reversed(self._hooks.armed):
                framed, frames = hook.frames_out(framed, frames)
        self.put(framed, frames)

    def put(self, framed: Bytes, frames: int) -> None:
        """Put frames on the wire, past all hooks."""
        dropped = "tx_link_down" if not self.link_up else self._wire.refusal()
        if dropped:
            self._counters.add(dropped, frames)
            return
        self._wire.send(framed, frames)
        self._counters.add("tx_frames", frames)
        self._counters.add("tx_bytes", framed.size - LENGTH_PREFIX * frames)
