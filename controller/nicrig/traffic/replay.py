# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig replay`: sends the frames of a capture to a running card."""

from collections.abc import Sequence
from itertools import accumulate, chain, repeat
from pathlib import Path

from nicrig.captures import capture_file
from nicrig.captures.capture_file import FileFrame
from nicrig.errors import UsageError
from nicrig.rundir.paths import RigPaths
from nicrig.traffic.sending import Due, Sent, at_once, at_rate, send_to

NANOSECONDS = 1e9


async def replay(paths: RigPaths, path: Path, *, rate: float | None, flat_out: bool, times: int) -> Sent:
    """Send the frames of a capture `times` times: at their recorded times, at `rate` frames per second, or `flat_out`.

    Frames that the file marks as outgoing are skipped: the guest sends those itself. Raises UsageError before anything
    is sent when the file is damaged.
    """
    frames = [each for each in capture_file.load(path) if not each.outgoing]
    if not frames:
        raise UsageError(f"{path}: all its frames are outgoing, so there is nothing to replay: name another capture")
    due = at_once if flat_out else at_rate(rate) if rate else as_recorded(frames)
    bytes_of = [each.frame for each in frames]
    return await send_to(paths, chain.from_iterable(repeat(bytes_of, times)), due)


def as_recorded(frames: Sequence[FileFrame]) -> Due:
    """Due at the recorded intervals. A frame older than the one before it is due together with it.

    Between two repetitions lies one mean interval.
    """
    first = frames[0].time
    moments = [(latest - first) / NANOSECONDS for latest in accumulate((each.time for each in frames), max)]
    period = moments[-1] * len(frames) / max(1, len(frames) - 1)
    return lambda number: number // len(frames) * period + moments[number % len(frames)]
