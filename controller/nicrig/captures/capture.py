# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig capture`: what a running card moves, as pcapng, from the card's own recorder and not from its wire.

It works on any card, whoever drives it; what the guest's driver records besides comes in as comments (`follow`).
"""

import math
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import trio

from nicrig.captures.filter import Filter
from nicrig.captures.tap import Tally, Tap
from nicrig.card.monitor import card_monitor
from nicrig.errors import ConnectionLostError, UsageError, cause
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp
from nicrig.recorder.reader import Layout
from nicrig.rundir.paths import RigPaths

PERIOD = 0.02
"""Seconds between two looks into the rings: at full speed these hold several times as much."""
STANDARD_OUTPUT = 1
END_SECONDS = 2.0
"""How long whoever reads the capture may keep its end waiting."""


class Sink:
    """A file or pipe that takes the capture: written in a thread, for it may be slow, or stop."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stuck = False

    async def write(self, data: bytes) -> None:
        """Raises BrokenPipeError when nobody reads any more. After a write that was cancelled nothing is written."""
        if data and not self._stuck:
            self._stuck = True
            await trio.to_thread.run_sync(self._write_all, data, abandon_on_cancel=True)
            self._stuck = False

    def _write_all(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The descriptor of a file that is made anew, or of standard output for `-`. Raises UsageError."""
    if str(path) == "-":
        if os.isatty(STANDARD_OUTPUT):
            raise UsageError("-w - writes pcapng, which no terminal shows: name a file, or pipe it into tshark -r -")
        yield STANDARD_OUTPUT
        return
    try:
        file = path.open("wb", buffering=0)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a file that can be written") from None
    with file:
        yield file.fileno()


async def capture(
    paths: RigPaths, descriptor: int, passes: Filter, *, count: int | None = None, seconds: float | None = None
) -> Tally:
    """Write what the card at `place` moves to a file or pipe, until Ctrl-C, SIGTERM, or so many frames or seconds.

    Ends too when nobody reads any more. Raises RigError when no card runs there, or when it goes away.
    """
    limits = Deadlines()
    async with card_monitor(paths) as monitor:
        with limits.limit(limits.monitor, "the card to begin a capture"):
            kind: str = (await monitor.execute("query-card"))["kind"]
            layout = msgspec.convert(await monitor.execute("query-recorder"), Layout)
            # It ends with this connection, whatever becomes of us.
            await monitor.execute("set-capture", {"on": True})
        tap, sink = Tap(paths.folder.name, kind, layout, passes, count), Sink(descriptor)
        try:
            with suppress(BrokenPipeError), trio.move_on_after(math.inf if seconds is None else seconds):
                await _run(monitor, tap, sink)
        finally:
            with trio.move_on_after(END_SECONDS, shield=True):
                await _end(tap, sink)
    return tap.tally


async def _run(monitor: Qmp, tap: Tap, sink: Sink) -> None:
    """Look again and again, until told to stop."""
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(_until_told, nursery.cancel_scope.cancel)
            nursery.start_soon(_until_gone, monitor)
            await sink.write(await trio.to_thread.run_sync(tap.begin))
            while not tap.done:
                await sink.write(await trio.to_thread.run_sync(tap.step))
                await trio.sleep(PERIOD)
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise cause(group) from None


async def _until_told(stop: Callable[[], None], *, task_status: trio.TaskStatus[None]) -> None:
    """Ctrl-C is how a capture ends, and no accident."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            stop()


async def _until_gone(monitor: Qmp) -> None:
    with monitor.listening() as events:
        try:
            await events.wait()
        except ConnectionLostError:
            raise ConnectionLostError("the card went away while its frames were captured") from None


async def _end(tap: Tap, sink: Sink) -> None:
    with suppress(BrokenPipeError):
        await sink.write(await trio.to_thread.run_sync(tap.end))
