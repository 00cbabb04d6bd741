# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at the card again and again, or once."""

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

from nicrig.card.monitor import card_monitor
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp
from nicrig.recorder.reader import Layout, Recorder
from nicrig.rundir.paths import RigPaths
from nicrig.top.judging import Judging
from nicrig.top.screen import View, draw
from nicrig.top.snapshot import Snapshot, rates, take

PERIOD = 0.25


async def show_top(paths: RigPaths, *, once: bool, json: bool) -> None:
    """Show the card until q or Ctrl-C; once, as text or JSON, if asked to or where there is no terminal.

    Raises RigError when no card serves there, or it goes away; DeadlineError when it does not answer.
    """
    console = Console()
    async with card_monitor(paths) as monitor:
        look = await CardView.begin(monitor)
        if once or json or not console.is_terminal:
            view = await look.again()
            print(msgspec.json.encode(view).decode()) if json else console.print(draw(view))
        else:
            await _live(console, look)


async def _live(console: Console, look: CardView) -> None:
    with _keys(), Live(console=console, screen=True, auto_refresh=False) as live:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_q, nursery.cancel_scope)
            nursery.start_soon(_until_interrupted, nursery.cancel_scope)
            while True:
                live.update(draw(await look.again()), refresh=True)


class CardView:
    """Looks at one card; made by `begin`."""

    def __init__(self, monitor: Qmp, judging: Judging, before: Snapshot) -> None:
        self._monitor = monitor
        self._judging = judging
        self._before = before

    @classmethod
    async def begin(cls, monitor: Qmp) -> CardView:
        """The first moment: rates are counted from here."""
        with _limit():
            layout = msgspec.convert(await monitor.execute("query-recorder"), Layout)
            return cls(monitor, Judging(Recorder(layout)), await take(monitor))

    async def again(self) -> View:
        """What is to be seen a quarter of a second later."""
        await trio.sleep(PERIOD)
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
    """Cancel the scope when somebody types q."""
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
    """Keys come at once and are not shown, if there is a keyboard."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
