# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig capture`: writes the frames that a running card moves as pcapng.

The frames come from the card's flight recorder, not from its wire, so a capture works with any driver. What the
guest's driver records about a frame becomes a comment on it (`follow`).
"""

import math
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import trio

from nicrig.captures.filter import Filter
from nicrig.captures.pcapng import whole_blocks
from nicrig.captures.tap import Tally, Tap
from nicrig.card.monitor import card_monitor, card_state, recorder_layout
from nicrig.errors import ConnectionLostError, RigError, UsageError, cause
from nicrig.process.deadlines import Deadlines
from nicrig.process.output import write_some
from nicrig.process.qmp import Qmp
from nicrig.rundir.paths import RigPaths

PERIOD = 0.02
"""Seconds between two reads of the recorder's rings. At full speed the rings hold several times as much."""
STANDARD_OUTPUT = 1
END_SECONDS = 2.0
"""Longest wait for the reader of the capture to take the last blocks."""


class Sink:
    """The file or pipe that takes the capture. A thread writes to it, because it may be slow or block."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stuck = False

    async def write(self, blocks: bytes) -> None:
        """Write these blocks. Does nothing after a write that was cancelled or that failed.

        Raises BrokenPipeError when the reader has closed the pipe, and RigError when the disk is full. A file then
        ends with the last block that was complete.
        """
        if blocks and not self._stuck:
            self._stuck = True
            await trio.to_thread.run_sync(self._write_all, blocks, abandon_on_cancel=True)
            self._stuck = False

    def _write_all(self, blocks: bytes) -> None:
        done, rest = 0, memoryview(blocks)
        try:
            while done < len(blocks):
                done += write_some(self._descriptor, rest[done:])
        except BrokenPipeError:
            raise
        except OSError as error:
            if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
                os.ftruncate(self._descriptor, end - done + whole_blocks(blocks[:done]))
            raise RigError(
                f"the capture ended early: {error.strerror}: check that the disk has room; what was written before "
                "can be read"
            ) from None


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The descriptor of a new, empty file, or of standard output for `-`. Raises UsageError."""
    if str(path) == "-":
        if os.isatty(STANDARD_OUTPUT):
            raise UsageError("-w -: a terminal cannot show pcapng: name a file, or pipe the output into tshark -r -")
        yield STANDARD_OUTPUT
        return
    try:
        file = path.open("wb", buffering=0)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a file that can be written") from None
    with file:
        yield file.fileno()


def _silent(line: str) -> None:
    """Print nothing."""


async def capture(
    paths: RigPaths,
    descriptor: int,
    matches: Filter,
    *,
    count: int | None = None,
    seconds: float | None = None,
    say: Callable[[str], None] = _silent,
) -> Tally:
    """Write the frames of the card at `paths` to a file or pipe, until Ctrl-C, SIGTERM, `count` frames or `seconds`.

    A reader that closes the pipe ends it too. Calls `say` when each frame from then on is captured. Raises RigError
    when no card runs there, when the card ends, or when the disk is full.
    """
    limits = Deadlines()
    async with card_monitor(paths) as monitor:
        with limits.limit(limits.monitor, "the card to begin a capture"):
            kind = (await card_state(monitor)).kind
            layout = await recorder_layout(monitor)
            # The card stops capturing when this connection closes, also when this process is killed.
            await monitor.execute("set-capture", {"on": True})
        tap, sink = Tap(paths.folder.name, kind, layout, matches, count), Sink(descriptor)
        try:
            with suppress(BrokenPipeError), trio.move_on_after(math.inf if seconds is None else seconds):
                await _run(
                    monitor, tap, sink, partial(say, f"listening on {paths.folder.name}; Ctrl-C ends the capture")
                )
        finally:
            with trio.move_on_after(END_SECONDS, shield=True):
                await _end(tap, sink)
    return tap.tally


async def _run(monitor: Qmp, tap: Tap, sink: Sink, listening: Callable[[], None]) -> None:
    """Write block after block until a signal, the last frame or the end of the card."""
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(_until_signal, nursery.cancel_scope.cancel)
            nursery.start_soon(_until_gone, monitor)
            await sink.write(await trio.to_thread.run_sync(tap.begin))
            listening()
            while not tap.done:
                await sink.write(await trio.to_thread.run_sync(tap.step))
                await trio.sleep(PERIOD)
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise cause(group) from None


async def _until_signal(stop: Callable[[], None], *, task_status: trio.TaskStatus[None]) -> None:
    """Stop on a signal. Ctrl-C is the normal end of a capture, not an error."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            stop()


async def _until_gone(monitor: Qmp) -> None:
    with monitor.listening() as events:
        try:
            await events.wait()
        except ConnectionLostError:
            raise ConnectionLostError("the card ended during the capture") from None


async def _end(tap: Tap, sink: Sink) -> None:
    with suppress(BrokenPipeError):
        await sink.write(await trio.to_thread.run_sync(tap.end))
