# SPDX-License-Identifier: GPL-2.0-or-later
"""The way out: frames to the wire, or dropped and counted under the reason."""

from __future__ import annotations

from device.counters import Counters
from device.frames import Bytes
from device.wire import LENGTH_PREFIX, Wire


class Outlet:
    """What every kind hands its frames to."""

    def __init__(self, wire: Wire, counters: Counters) -> None:
        self._wire = wire
        self._counters = counters
        self.link_up = True

    def full(self) -> bool:
        """Whether the last batch still waits: leave what is to be sent with the driver."""
        return self._wire.full()

    def hand_over(self, framed: Bytes, frames: int) -> None:
        """Take so many frames, which stand in the wire's framing."""
        dropped = "tx_link_down" if not self.link_up else self._wire.refusal()
        if dropped:
            self._counters.add(dropped, frames)
            return
        self._wire.send(framed, frames)
        self._counters.add("tx_frames", frames)
        self._counters.add("tx_bytes", framed.size - LENGTH_PREFIX * frames)
