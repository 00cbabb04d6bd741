# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends frames to a guest that echoes them, and collects the echo."""

from collections.abc import Sequence
from typing import Protocol

import trio

from nicrig.witnesses.judge import SOURCE

# Fewer than the driver posts: no frame then finds the ring empty, and a missing frame was lost, not refused.
WINDOW = 64
SILENCES = 5
"""After so many windows in a row without any echo, the guest echoes no more, and nothing more is sent."""


class FramePort(Protocol):
    """Frames to the guest, and from the guest."""

    async def send(self, frames: Sequence[bytes]) -> None:
        """Put the frames on the wire."""

    async def receive(self) -> list[bytes]:
        """Wait for frames out of the guest; returns at least one."""


class Exchange:
    """Sends all frames, at most `window` of them ahead of the echo. What it has is current at any moment.

    After `quiet` seconds without an echo, frames under way count as lost, and the rest is sent. Frames that the guest
    makes itself, from the address `station`, are counted in `own` and left out.
    """

    def __init__(
        self,
        wire: FramePort,
        injected: Sequence[bytes],
        *,
        quiet: float,
        window: int = WINDOW,
        station: bytes = b"",
    ) -> None:
        self.echoed: list[bytes] = []
        """The echoed frames, in order."""
        self.sent = 0
        """How many frames were sent."""
        self.own = 0
        self._wire = wire
        self.injected = injected
        self._known = set(injected)
        self._quiet = quiet
        self._window = window
        self._station = station
        self._settled = 0
        self._silences = 0

    @property
    def stalled(self) -> bool:
        """Whether the guest echoes nothing any more."""
        return self._silences >= SILENCES

    @property
    def wire_had(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """What went in, and what came out."""
        return self.injected[: self.sent], self.echoed

    async def run(self) -> None:
        """Send the frames, and wait for their echo."""
        silent = False
        while not self.stalled and (self.sent < len(self.injected) or self._settled < self.sent):
            batch = self.injected[self.sent : self._settled + self._window]
            if batch:
                await self._wire.send(batch)
                self.sent += len(batch)
            arrived = 0
            with trio.move_on_after(self._quiet):
                arrived = await self._receive()
            self._settled = min(self.sent, self._settled + arrived) if arrived else self.sent
            self._silences = 0 if arrived else self._silences + 1
            silent |= not arrived
        # A frame that came twice was counted for one that is still to come. Wait for that, unless only repeats come.
        seen = set(self.echoed)
        while not silent and (known := len(seen)) < len(self._known):
            with trio.move_on_after(self._quiet) as silence:
                while len(seen) == known:
                    arrived = await self._receive()
                    seen.update(self.echoed[-arrived:])
            silent = silence.cancelled_caught

    async def rest(self) -> None:
        """Take what still comes, until `quiet` seconds have passed without a frame."""
        silent = False
        while not silent:
            with trio.move_on_after(self._quiet) as silence:
                await self._receive()
            silent = silence.cancelled_caught

    async def _receive(self) -> int:
        """Wait for frames that are not the guest's own; returns how many came, at least one."""
        while True:
            arrived = await self._wire.receive()
            mine = [frame for frame in arrived if frame in self._known or not self._is_own(frame)]
            self.own += len(arrived) - len(mine)
            self.echoed += mine
            if mine:
                return len(mine)

    def _is_own(self, frame: bytes) -> bool:
        return bool(self._station) and frame[SOURCE] == self._station


async def exchange(wire: FramePort, injected: Sequence[bytes], *, quiet: float, window: int = WINDOW) -> list[bytes]:
    """Run an Exchange; returns the echoed frames in order."""
    made = Exchange(wire, injected, quiet=quiet, window=window)
    await made.run()
    return made.echoed
