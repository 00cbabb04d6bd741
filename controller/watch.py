# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges a rig's records while they come, and saves them if asked to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from controller import recording
from controller.recorder import Recorder, events
from controller.verifier.functions import Detail
from controller.verifier.judge import Verifier
from controller.witnesses.judge import LINE, Witnesses

if TYPE_CHECKING:
    from controller.rig import Rig

PERIOD = 0.02
"""Seconds between two looks: at full speed the ring holds several times as much."""
REST_PERIOD = 0.001


class Watch:
    """`run` goes on beside the traffic; `finish` comes when guest and card are at rest.

    `verifier` judges the calls, `witnesses` the frames that run between begin() and settle().
    """

    def __init__(self, recorder: Recorder, detail: Detail, save: Path | None = None, *, line: int = LINE) -> None:
        self.verifier = Verifier(detail, first=recorder.next)
        self.witnesses = Witnesses(line=line)
        self._recorder = recorder
        self._turn = trio.Lock()
        self._stack = ExitStack()
        self._file = None
        if save is not None:
            self._file = self._stack.enter_context(save.open("wb"))
            self._file.write(recording.header(detail, recorder.next))

    async def run(self) -> None:
        """Judge what comes until cancelled."""
        while True:
            await trio.sleep(PERIOD)
            await self.catch_up()

    async def catch_up(self) -> None:
        """Judge what has been recorded by now: whoever makes records faster than they are judged waits here."""
        async with self._turn:
            await trio.to_thread.run_sync(self._step, False)

    async def begin(self, injected: Sequence[bytes], *, quiet: float) -> None:
        """Before these frames are injected. Waits, at most `quiet` seconds, until nothing is under way."""
        await self._rest(quiet)
        async with self._turn:
            self.witnesses.begin(injected)

    async def settle(self, injected: Sequence[bytes], echoed: Sequence[bytes] | None, *, quiet: float) -> None:
        """Judge these frames and what came back, None where nothing is to come back. Waits as begin() does."""
        await self._rest(quiet)
        async with self._turn:
            await trio.to_thread.run_sync(self.witnesses.settle, injected, echoed)

    async def _rest(self, quiet: float) -> None:
        """A send may never be completed: hence the limit."""
        with trio.move_on_after(quiet):
            await self.catch_up()
            while not self._recorder.at_rest() or self.witnesses.outstanding:
                await trio.sleep(REST_PERIOD)
                await self.catch_up()

    async def finish(self) -> None:
        """Judge what is left."""
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._step, True)
        self.verifier.finish()
        self._stack.close()

    def _step(self, to_end: bool) -> None:
        for batch in self._recorder.read(to_end=to_end):
            if batch.card_lost:
                self.verifier.lost(0, batch.card_lost)
                self.witnesses.lost()
            # What nobody declared is a gap in the numbers, and judged as one.
            happened = list(filter(recording.declared, events(batch.records, self._recorder.names)))
            if self._file is not None:
                self._file.writelines(map(recording.line, happened))
            self.verifier.feed(happened)
            self.witnesses.feed(happened, self._recorder.frame)


@asynccontextmanager
async def watching(rig: "Rig", detail: Detail, save: Path | None = None) -> AsyncIterator[Watch]:
    """Judge all that the rig's driver does in this block, and what it did before."""
    watch = Watch(rig.recorder(), detail, save, line=rig.options.cache_line)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.run)
            yield watch
            nursery.cancel_scope.cancel()
    finally:
        await watch.finish()
