# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig replay`: sends the frames of a capture to a running card."""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

from nicrig.captures.capture_file import FileFrame, opened
from nicrig.errors import UsageError
from nicrig.rundir.paths import RigPaths
from nicrig.traffic.sending import Sent, Timed, at_once, at_rate, send_to

NANOSECONDS = 1e9


async def replay(paths: RigPaths, path: Path, *, rate: float | None, flat_out: bool, times: int) -> Sent:
    """Send the frames of a capture `times` times: at their recorded times, at `rate` frames per second, or `flat_out`.

    Frames that the file marks as outgoing are skipped: the guest sends those itself. The file is read once to check
    it, and again for each repetition. Raises UsageError before anything is sent when the file is damaged.
    """
    with opened(path) as capture:
        extent = extent_of(capture)
        if not extent.frames:
            raise UsageError(
                f"{path}: all its frames are outgoing, so there is nothing to replay: name another capture"
            )
        if rate or flat_out:
            frames = (each.frame for each in chain.from_iterable(repeat(capture, times)) if not each.outgoing)
            return await send_to(paths, at_rate(frames, rate) if rate else at_once(frames))
        return await send_to(paths, as_recorded(capture, extent, times))


class Extent(NamedTuple):
    """The number of a capture's incoming frames, and their first and latest time in nanoseconds."""

    frames: int
    first: int
    latest: int

    @property
    def seconds(self) -> float:
        """From the start of a repetition to the start of the next: between them lies one mean interval."""
        return (self.latest - self.first) / NANOSECONDS * self.frames / max(1, self.frames - 1)


def extent_of(frames: Iterable[FileFrame]) -> Extent:
    """The extent of these frames, which are all read."""
    count, first, latest = 0, 0, 0
    for time in _times(frames):
        first, latest = (first, max(latest, time)) if count else (time, time)
        count += 1
    return Extent(count, first, latest)


def _times(frames: Iterable[FileFrame]) -> Iterator[int]:
    return (each.time for each in frames if not each.outgoing)


def as_recorded(frames: Iterable[FileFrame], extent: Extent, times: int) -> Timed:
    """The frames, `times` times, due at the recorded intervals. A frame older than the one before it is due with it."""
    for number in range(times):
        latest = extent.first
        for each in frames:
            if not each.outgoing:
                latest = max(latest, each.time)
                yield number * extent.seconds + (latest - extent.first) / NANOSECONDS, each.frame
