# SPDX-License-Identifier: GPL-2.0-or-later
"""The way out: frames to the wire, or dropped and counted under the reason."""

from __future__ import annotations

from collections.abc import Callable

from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.spec.counters import Counters
from nicrig_device.wire.framing import LENGTH_PREFIX, WirePort, framed, split


class Egress:
    """What every kind hands its frames to."""

    def __init__(self, wire: WirePort, counters: Counters) -> None:
        self._wire = wire
        self._counters = counters
        self.link_up = True
        self.behave: Callable[[list[bytes], list[bytes]], None] | None = None
        """Takes the driver's frames instead of the wire."""

    def full(self) -> bool:
        """Whether the last batch still waits: leave what is to be sent with the driver."""
        return self._wire.full()

    def hand_over(self, framed: Bytes, frames: int) -> None:
        """Take so many frames of the driver, which stand in the wire's framing."""
        if self.behave is not None and self.link_up:
            self.behave([], split(framed)[0].tolist())
        else:
            self._send(framed, frames)

    def send(self, frames: Frames) -> None:
        """What a behaviour sends, whose driver nobody could ask to wait: a full wire loses it."""
        if self._wire.full():
            self._counters.add("behaviour_dropped", len(frames))
        else:
            self._send(framed(frames), len(frames))

    def _send(self, framed: Bytes, frames: int) -> None:
        dropped = "tx_link_down" if not self.link_up else self._wire.refusal()
        if dropped:
            self._counters.add(dropped, frames)
            return
        self._wire.send(framed, frames)
        self._counters.add("tx_frames", frames)
        self._counters.add("tx_bytes", framed.size - LENGTH_PREFIX * frames)
