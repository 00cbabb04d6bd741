# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges a rig's records while they come, and saves them if asked to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import trio

from nicrig.recorder import recording
from nicrig.recorder.reader import Recorder, events
from nicrig.verifier.functions import Detail
from nicrig.verifier.verifier import Verifier
from nicrig.witnesses.judge import LINE, Witnesses

if TYPE_CHECKING:
    from nicrig.session.rig import Rig

PERIOD = 0.02
"""Seconds between two looks: at full speed the ring holds several times as much."""
REST_PERIOD = 0.001


class WireLog(Protocol):
    """What has run over the wire, in order, and which of it was judged."""

    async def wait_out(self, count: int) -> None:
        """Returns when so many frames have come out of the guest that are not settled yet."""

    def unsettled(self, way: Literal["in", "out"]) -> list[bytes]:
        """The frames of that way that nobody has judged yet."""

    def settle(self, in_count: int, out_count: int) -> None:
        """So many more have been judged."""


class LiveVerdict:
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

    async def settle_wire(self, wire: WireLog, *, quiet: float) -> None:
        """Judge what ran since begin() or the last call, with a guest that answers as it likes; a chunk begins anew.

        Waits as begin() does, and as long for frames that are not where they go to: what is missing then is lost.
        """
        with trio.move_on_after(quiet):
            # A card that sleeps may just not have seen a frame yet, or its driver the interrupt.
            while not self.witnesses.complete(len(wire.unsettled("in"))):
                await trio.sleep(REST_PERIOD)
                await self.catch_up()
        await self._rest(quiet)
        async with self._turn:
            # Nothing is fed meanwhile: the chunk ends with the frame that the device sent last.
            with trio.move_on_after(quiet):
                await wire.wait_out(self.witnesses.sent)
            injected, left = wire.unsettled("in"), wire.unsettled("out")[: self.witnesses.sent]
            await trio.to_thread.run_sync(partial(self.witnesses.settle, injected, left, echoing=False))
            wire.settle(len(injected), len(left))
            self.witnesses.begin()

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
        self._file = None
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
async def live_verdict(
    rig: "Rig", detail: Detail, save: Path | None = None, *, from_now: bool = False
) -> AsyncIterator[LiveVerdict]:
    """Judge all that the rig's driver does in this block, and what it did before unless `from_now`."""
    recorder = rig.card.recorder()
    if from_now:
        recorder.skip()
    live = LiveVerdict(recorder, detail, save, line=rig.options.cache_line)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(live.run)
            yield live
            nursery.cancel_scope.cancel()
    finally:
        await live.finish()
