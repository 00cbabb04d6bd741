# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig replay`: sends the frames of a capture to a running card."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

import trio

from nicrig.captures.capture_file import Account, FileFrame, opened
from nicrig.errors import UsageError
from nicrig.rundir.paths import RigPaths
from nicrig.text.units import span
from nicrig.traffic.sending import Sent, Timed, at_once, at_rate, send_to

NANOSECONDS = 1e9
LONGEST_GAP = 10.0
"""Seconds that a replay waits at most between two frames, unless you give another limit."""
LONG_REPLAY = 10.0
"""A replay that takes this many seconds announces how long it will take."""


class Pace(NamedTuple):
    """When to send the frames: at `rate` frames per second, `flat_out`, or at their times in the capture.

    At their times, no gap is longer than `longest_gap` seconds.
    """

    rate: float | None = None
    flat_out: bool = False
    longest_gap: float = LONGEST_GAP


async def replay(paths: RigPaths, path: Path, pace: Pace, *, times: int, say: Callable[[str], None]) -> Sent:
    """Send the frames of a capture `times` times.

    Frames that the file marks as outgoing are left out: the guest sends those itself. The file is read once to check
    it, and again for each repetition. Before anything is sent, `say` gets a line for each thing that is not sent as
    captured, and how long a long replay takes. Raises UsageError, before anything is sent, when the file is damaged
    or holds no frame to send.
    """
    with opened(path) as capture:
        # Reading a large file takes long, and must not keep Ctrl-C waiting.
        extent = await trio.to_thread.run_sync(extent_of, capture, pace.longest_gap, abandon_on_cancel=True)
        account = capture.account
        _check(path, extent, account)
        for line in (*_left_out(account), *_timing(extent, pace, times)):
            say(f"{path}: {line}")
        if pace.rate or pace.flat_out:
            frames = (each.frame for each in chain.from_iterable(repeat(capture, times)) if not each.outgoing)
            sent = await send_to(paths, at_rate(frames, pace.rate) if pace.rate else at_once(frames))
        else:
            sent = await send_to(paths, as_recorded(capture, extent, times))
    return replace(sent, capture=_counts(account))


def _check(path: Path, extent: "Extent", account: Account) -> None:
    if not account.frames:
        raise UsageError(f"{path}: it holds no packets, so there is nothing to replay: name another capture")
    if not extent.frames:
        raise UsageError(f"{path}: all its frames are outgoing, so there is nothing to replay: name another capture")


def _left_out(account: Account) -> Iterator[str]:
    for reason in account.left_out():
        yield f"not sent: {reason}"
    if account.cut:
        frames = f"{account.cut} frames were" if account.cut > 1 else "1 frame was"
        yield f"{frames} captured only in part, and will be sent so"
    if account.end:
        yield f"{account.end}: sending the {account.frames - account.outgoing} frames before it"


def _counts(account: Account) -> dict[str, int]:
    """What is not sent as captured, in packets of one repetition."""
    found = {
        "not_ethernet": account.foreign.total(),
        "too_long": account.long,
        "outgoing": account.outgoing,
        "cut": account.cut,
    }
    return {name: count for name, count in found.items() if count}


class Extent(NamedTuple):
    """The number of a capture's incoming frames, and the seconds from the first to the last with bounded gaps.

    `long_gaps` of the gaps are longer than `longest_gap` seconds, up to `widest` seconds. `jumps_back` times the clock
    goes back by more than `longest_gap`.
    """

    frames: int
    length: float
    longest_gap: float
    long_gaps: int = 0
    widest: float = 0.0
    jumps_back: int = 0

    @property
    def seconds(self) -> float:
        """From the start of a repetition to the start of the next: between them lies one mean interval."""
        return self.length * self.frames / max(1, self.frames - 1)


class _Gap(NamedTuple):
    """The time between a frame and the one before it, in nanoseconds: as captured, and as it is kept."""

    captured: int
    kept: int


def extent_of(frames: Iterable[FileFrame], longest_gap: float = LONGEST_GAP) -> Extent:
    """The extent of these frames, which are all read."""
    count, length, long_gaps, widest, jumps_back = 0, 0, 0, 0, 0
    for gap, _ in _gaps(frames, longest_gap):
        count += 1
        length += gap.kept
        long_gaps += gap.captured > gap.kept
        widest = max(widest, gap.captured)
        jumps_back += gap.captured < -longest_gap * NANOSECONDS
    return Extent(count, length / NANOSECONDS, longest_gap, long_gaps, widest / NANOSECONDS, jumps_back)


def as_recorded(frames: Iterable[FileFrame], extent: Extent, times: int) -> Timed:
    """The frames, `times` times, due at the recorded intervals.

    A frame that is older than the one before it is due with it, as is one without a time. When the clock goes back
    by more than the longest gap, it was set: the intervals go on from there.
    """
    for number in range(times):
        due = 0
        for gap, frame in _gaps(frames, extent.longest_gap):
            due += gap.kept
            yield number * extent.seconds + due / NANOSECONDS, frame


def _gaps(frames: Iterable[FileFrame], longest_gap: float) -> Iterator[tuple[_Gap, bytes]]:
    """Each incoming frame, with the gap before it."""
    longest = longest_gap * NANOSECONDS
    latest: int | None = None
    for each in frames:
        if each.outgoing:
            continue
        gap = 0 if latest is None or each.time is None else each.time - latest
        if each.time is not None and (latest is None or gap > 0 or gap < -longest):
            latest = each.time
        yield _Gap(gap, int(min(max(gap, 0), longest))), each.frame


def _timing(extent: "Extent", pace: Pace, times: int) -> Iterator[str]:
    seconds = extent.seconds * times
    if pace.rate or pace.flat_out:
        seconds = extent.frames * times / pace.rate if pace.rate else 0.0
    else:
        if extent.long_gaps:
            yield (
                f"gaps longer than {extent.longest_gap:g} s: {extent.long_gaps}, the longest "
                f"{span(extent.widest)}: waiting {extent.longest_gap:g} s in each; --longest-gap sets another limit"
            )
        if extent.jumps_back:
            yield f"times that are more than {extent.longest_gap:g} s earlier than before: {extent.jumps_back}"
    if seconds >= LONG_REPLAY:
        yield f"this takes {span(seconds)}; --rate and --flat-out set another pace"
