# SPDX-License-Identifier: GPL-2.0-or-later
"""The live verdict: judges a rig's records as they come, and may save them."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import trio

from nicrig.recorder import recording
from nicrig.recorder.reader import Recorder
from nicrig.verifier.functions import Detail
from nicrig.verifier.severity import FAIL_ON, Severity
from nicrig.verifier.verifier import Verifier
from nicrig.witnesses.judge import LINE, Witnesses
from nicrig.witnesses.words import Word
from nicrig_interface.answers import TimingState

if TYPE_CHECKING:
    from nicrig.session.rig import Rig

PERIOD = 0.02
"""Seconds between two reads: at full speed the ring holds the records of several such periods."""
REST_PERIOD = 0.001


class WireLog(Protocol):
    """The frames that ran over the wire, in order, and how many of them were judged."""

    async def wait_out(self, count: int) -> None:
        """Returns when `count` frames that are not settled yet have come out of the guest."""

    def unsettled(self, way: Literal["in", "out"]) -> list[bytes]:
        """The frames of that way that are not judged yet."""

    def settle(self, in_count: int, out_count: int) -> None:
        """Count this many more frames as judged."""


Drops = Callable[[], Awaitable[Counter[Word]]]


class LiveVerdict:
    """`run` it beside the traffic, and `finish` it when guest and card are at rest.

    `verifier` judges the calls, `witnesses` judges the frames between begin() and settle().
    """

    def __init__(
        self,
        recorder: Recorder,
        detail: Detail,
        save: Path | None = None,
        *,
        line: int = LINE,
        fail_on: Severity = FAIL_ON,
    ) -> None:
        self.verifier = Verifier(detail, first=recorder.next, fail_on=fail_on)
        self.witnesses = Witnesses(line=line)
        self._recorder = recorder
        self._turn = trio.Lock()
        self._stack = ExitStack()
        self._file = None
        if save is not None:
            self._file = self._stack.enter_context(save.open("wb"))
            self._file.write(recording.header(detail, recorder.next))

    async def run(self) -> None:
        """Judge records as they come, until cancelled."""
        while True:
            await trio.sleep(PERIOD)
            await self.catch_up()

    async def catch_up(self) -> None:
        """Judge all that is recorded by now. Wait here when you make records faster than they are judged."""
        async with self._turn:
            await trio.to_thread.run_sync(self._step, False)

    async def begin(self, injected: Sequence[bytes], *, quiet: float) -> None:
        """Call it before you inject these frames. Waits until nothing is under way, at most `quiet` seconds."""
        await self._rest(quiet)
        async with self._turn:
            self.witnesses.begin(injected)

    async def settle(
        self,
        injected: Sequence[bytes] | None,
        echoed: Sequence[bytes] | None,
        *,
        quiet: float,
        dropped: Mapping[Word, int] | None = None,
        under_way: bool = False,
    ) -> None:
        """Judge these frames and their echo; None means that none is expected that way. Waits as begin() does.

        The rest is as in Witnesses.settle().
        """
        await self._rest(quiet)
        settle = partial(self.witnesses.settle, dropped=dropped, under_way=under_way)
        async with self._turn:
            await trio.to_thread.run_sync(settle, injected, echoed)

    async def settle_wire(self, wire: WireLog, drops: Drops, *, quiet: float) -> Counter[Word]:
        """Judge what ran since begin() or the last call, with a guest that answers freely; then begin a new chunk.

        Waits as begin() does, and as long again for frames on their way. Frames that are missing then are lost, except
        for those that the card has dropped by contract: `drops` returns how many, by word, since the last settlement.
        Returns the drops that are judged now: the card may count more meanwhile.
        """
        with trio.move_on_after(quiet):
            # A card that sleeps may not have seen the frame yet, nor the driver the interrupt.
            while not self.witnesses.complete(len(wire.unsettled("in")) - (await drops()).total()):
                await trio.sleep(REST_PERIOD)
                await self.catch_up()
        await self._rest(quiet)
        async with self._turn:
            # No records are fed meanwhile, so the chunk ends with the frame that the device sent last.
            with trio.move_on_after(quiet):
                await wire.wait_out(self.witnesses.sent)
            injected, left = wire.unsettled("in"), wire.unsettled("out")[: self.witnesses.sent]
            dropped = await drops()
            settle = partial(self.witnesses.settle, echoing=False, dropped=dropped)
            await trio.to_thread.run_sync(settle, injected, left)
            wire.settle(len(injected), len(left))
            self.witnesses.begin()
        return dropped

    async def _rest(self, quiet: float) -> None:
        """Wait until nothing is under way, but not for ever: a send may never complete.

        On a busy host one read may take longer than that. What is recorded by now is read all the same, so that no
        frame is missing only because its record was not read yet.
        """
        await self.catch_up()
        with trio.move_on_after(quiet):
            while not self._recorder.at_rest() or self.witnesses.outstanding:
                await trio.sleep(REST_PERIOD)
                await self.catch_up()

    async def finish(self) -> None:
        """Judge the rest, and close the file."""
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._step, True)
        self.verifier.finish()
        if self._file is not None:
            self._file.write(recording.end(self.verifier.verdict.lost))
        self._file = None
        self._stack.close()

    def _step(self, to_end: bool) -> None:
        lost = self.verifier.verdict.lost
        for batch in self._recorder.read(to_end=to_end):
            if batch.card_lost:
                self.verifier.lost(0, batch.card_lost)
            # A record of an undeclared function counts as a gap in the numbers.
            happened = list(filter(recording.declared, self._recorder.events(batch.records)))
            if self._file is not None:
                self._file.writelines(map(recording.line, happened))
            self.verifier.feed(happened)
            self.witnesses.feed(happened, self._recorder.frame)
        # A gap behind the last record shows here only.
        self.verifier.reached(self._recorder.next)
        if self.verifier.verdict.lost > lost:
            self.witnesses.lost()


@asynccontextmanager
async def live_verdict(
    rig: "Rig", detail: Detail, save: Path | None = None, *, from_now: bool = False, fail_on: Severity = FAIL_ON
) -> AsyncIterator[LiveVerdict]:
    """Judge all that the rig's driver does in this block, and what it did before unless `from_now`."""
    recorder = rig.card.recorder()
    if from_now:
        recorder.skip()
    live = LiveVerdict(recorder, detail, save, line=rig.options.cache_line, fail_on=fail_on)
    live.witnesses.noise = (await rig.card.monitor.ask("query-timing", TimingState)).noise
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(live.run)
            yield live
            nursery.cancel_scope.cancel()
    finally:
        await live.finish()
