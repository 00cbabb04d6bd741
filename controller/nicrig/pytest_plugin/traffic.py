# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames of a test, both ways, each with its time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal, NamedTuple

import trio

from nicrig.card.wire import Wire, pack


class Frame(NamedTuple):
    """One frame: nanoseconds since the epoch, "in" to the guest or "out" of it, and its bytes."""

    time: int
    way: Literal["in", "out"]
    data: bytes


class Traffic:
    """`run` reads the wire all the time, so that a guest never waits for a test. It keeps all frames."""

    def __init__(self, wire: Wire) -> None:
        self.frames: list[Frame] = []
        self._wire = wire
        self._arrived = trio.Event()
        self._settled = {"in": 0, "out": 0}
        self._read = 0

    def begin(self, wire: Wire) -> None:
        """Go on with this wire, before `run`. Frames that ran until now are not judged any more."""
        self._wire = wire
        self._settled = {"in": len(self.data("in")), "out": len(self.data("out"))}

    async def run(self) -> None:
        """Read frames until cancelled. Raises ConnectionLostError when the card is gone."""
        while True:
            self._keep("out", await self._wire.receive())
            self._arrived.set()
            self._arrived = trio.Event()

    async def send(self, frames: Sequence[bytes]) -> None:
        """Put the frames on the wire, in order. Raises UsageError for one that is too long for a wire."""
        packed = pack(frames)
        self._keep("in", frames)
        await self._wire.send_packed(packed)

    async def receive(self) -> list[bytes]:
        """Wait for frames out of the guest since the last call; returns at least one. This makes it a FramePort."""
        while len(out := self.data("out")) == self._read:
            await self.arrival()
        fresh, self._read = out[self._read :], len(out)
        return fresh

    async def arrival(self) -> None:
        """Returns when a frame has come out of the guest."""
        await self._arrived.wait()

    def data(self, way: Literal["in", "out"]) -> list[bytes]:
        """All frames of that way, in order."""
        return [frame.data for frame in self.frames if frame.way == way]

    async def wait_out(self, count: int) -> None:
        """Returns when `count` frames that are not settled yet have come out of the guest."""
        while len(self.unsettled("out")) < count:
            await self.arrival()

    def unsettled(self, way: Literal["in", "out"]) -> list[bytes]:
        """The frames of that way that are not judged yet."""
        return self.data(way)[self._settled[way] :]

    def settle(self, in_count: int, out_count: int) -> None:
        """Count this many more frames as judged."""
        self._settled["in"] += in_count
        self._settled["out"] += out_count

    def forget_read(self) -> None:
        """Have receive() go on with the next frame that comes."""
        self._read = len(self.data("out"))

    def _keep(self, way: Literal["in", "out"], frames: Sequence[bytes]) -> None:
        now = time.time_ns()
        self.frames += [Frame(now, way, data) for data in frames]
