# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig replay`: the frames of a capture, into a running card."""

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
    """Send the frames of a capture, `times` over: as they came, at `rate` frames a second, or as fast as it goes.

    What the file says went out of an interface is left out: here the guest itself sends such. Raises UsageError when
    the file cannot be read whole, before anything is sent.
    """
    frames = [each for each in capture_file.load(path) if not each.outgoing]
    if not frames:
        raise UsageError(f"{path}: there is no frame in it that would come in: name another capture")
    due = at_once if flat_out else at_rate(rate) if rate else as_recorded(frames)
    bytes_of = [each.frame for each in frames]
    return await send_to(paths, chain.from_iterable(repeat(bytes_of, times)), due)


def as_recorded(frames: Sequence[FileFrame]) -> Due:
    """At the distances of their times. One that is older than those before it is due with them.

    From one time over to the next it is as long as the mean distance.
    """
    first = frames[0].time
    moments = [(latest - first) / NANOSECONDS for latest in accumulate((each.time for each in frames), max)]
    period = moments[-1] * len(frames) / max(1, len(frames) - 1)
    return lambda number: number // len(frames) * period + moments[number % len(frames)]
