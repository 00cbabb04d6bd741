# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames that go one way: into a guest that keeps them, or out of a guest that sends by itself."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from nicrig.process.polling import until
from nicrig.verdict.exchange import FramePort
from nicrig.witnesses.judge import SOURCE

PAUSE = 0.0005
"""Seconds between two looks at the card, which is fast."""


class Intake:
    """Sends frames that the guest keeps, `batch` at a time, when `room` says that the card can take as many.

    It waits for `pause` seconds after each batch. `room` gets how many were sent. It gives up (`stalled`) after `quiet`
    seconds without room.
    """

    def __init__(
        self,
        wire: FramePort,
        injected: Sequence[bytes],
        *,
        quiet: float,
        batch: int,
        room: Callable[[int], Awaitable[int]],
        pause: float = 0.0,
    ) -> None:
        self.sent = self.own = 0
        self.echoed: list[bytes] = []
        self.stalled = False
        self._wire = wire
        self._injected = injected
        self._quiet = quiet
        self._batch = batch
        self._room = room
        self._pause = pause

    @property
    def wire_had(self) -> tuple[Sequence[bytes], None]:
        """What went in. Nothing comes out."""
        return self._injected[: self.sent], None

    async def run(self) -> None:
        """Send the frames."""
        while self.sent < len(self._injected):
            batch = self._injected[self.sent : self.sent + self._batch]
            with trio.move_on_after(self._quiet) as waiting:
                await until(partial(self._fits, len(batch)), PAUSE)
            self.stalled = waiting.cancelled_caught
            if self.stalled:
                return
            await self._wire.send(batch)
            self.sent += len(batch)
            await trio.sleep(self._pause)

    async def _fits(self, count: int) -> bool | None:
        return True if await self._room(self.sent) >= count else None


class Outlet:
    """Takes `count` frames that the guest sends for it, from the address `source`, into `echoed`.

    Others are the guest's own. It gives up (`stalled`) after `quiet` seconds without one.
    """

    def __init__(self, wire: FramePort, count: int, *, quiet: float, source: bytes) -> None:
        self.echoed: list[bytes] = []
        self.sent = self.own = 0
        self.stalled = False
        self._wire = wire
        self._count = count
        self._source = source
        self._quiet = quiet

    @property
    def wire_had(self) -> tuple[None, Sequence[bytes]]:
        """What came out. What went in is not looked at."""
        return None, self.echoed

    async def run(self) -> None:
        """Take the frames."""
        while len(self.echoed) < self._count and not self.stalled:
            self.stalled = True
            with trio.move_on_after(self._quiet):
                arrived = await self._wire.receive()
                mine = [frame for frame in arrived if frame[SOURCE] == self._source]
                self.own += len(arrived) - len(mine)
                self.echoed += mine
                self.stalled = False
