# SPDX-License-Identifier: GPL-2.0-or-later
"""Queries the card once or in a loop, and shows the result."""

from __future__ import annotations

import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec
import trio
from rich.console import Console
from rich.live import Live

from nicrig.card.monitor import card_monitor, recorder_layout
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp
from nicrig.recorder.reader import Recorder
from nicrig.rundir.paths import RigPaths
from nicrig.top.judging import Judging
from nicrig.top.screen import View, draw
from nicrig.top.snapshot import Snapshot, rates, take

REFRESH_SECONDS = 0.25


async def show_top(paths: RigPaths, *, once: bool, json: bool) -> None:
    """Show the card until q or Ctrl-C. With `once`, with `json`, or without a terminal, show it once.

    Raises RigError when no card runs there or the card ends, DeadlineError when it does not answer.
    """
    console = Console()
    async with card_monitor(paths) as monitor:
        viewer = await Viewer.begin(monitor)
        if once or json or not console.is_terminal:
            view = await viewer.next()
            print(msgspec.json.encode(view).decode()) if json else console.print(draw(view))
        else:
            await _live(console, viewer)


async def _live(console: Console, viewer: Viewer) -> None:
    with _keys(), Live(console=console, screen=True, auto_refresh=False) as live:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_q, nursery.cancel_scope)
            nursery.start_soon(_until_interrupted, nursery.cancel_scope)
            while True:
                live.update(draw(await viewer.next()), refresh=True)


class Viewer:
    """Makes one view of the card after the other. `begin` makes a Viewer."""

    def __init__(self, monitor: Qmp, judging: Judging, before: Snapshot) -> None:
        self._monitor = monitor
        self._judging = judging
        self._before = before

    @classmethod
    async def begin(cls, monitor: Qmp) -> Viewer:
        """Take the first snapshot. The first rates count from it."""
        with _limit():
            recorder = Recorder(await recorder_layout(monitor))
            return cls(monitor, Judging(recorder), await take(monitor))

    async def next(self) -> View:
        """The view after REFRESH_SECONDS."""
        await trio.sleep(REFRESH_SECONDS)
        with _limit():
            now = await take(self._monitor)
        judging, before, self._before = self._judging, self._before, now
        await judging.catch_up()
        return View(
            snapshot=now,
            rates=rates(before, now),
            detail=judging.detail.name.lower(),
            records=judging.records,
            lost=judging.lost,
            counts=dict(judging.counts),
            violations=[str(violation) for violation in judging.last],
        )


def _limit() -> AbstractContextManager[None]:
    deadlines = Deadlines()
    return deadlines.limit(deadlines.monitor, "the card to answer")


async def _until_q(scope: trio.CancelScope) -> None:
    """Cancel the scope when the user types q, or standard input ends."""
    if not sys.stdin.isatty():
        return
    while True:
        await trio.lowlevel.wait_readable(sys.stdin)
        typed = os.read(sys.stdin.fileno(), 64)
        if b"q" in typed or not typed:
            scope.cancel()
            return


async def _until_interrupted(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            return


@contextmanager
def _keys() -> Iterator[None]:
    """Make the terminal pass on each key at once and not show it. Does nothing without a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
