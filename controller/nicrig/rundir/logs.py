# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps the logs of a rig small: when one grows too large, its beginning is dropped and a line says so.

QEMU and the card append to their logs themselves. The process that watches them cuts the files from time to time. So
no pipe lies between a guest and its console that could fill up and stop the guest.
"""

import fcntl
import os
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio

from nicrig.rundir.paths import RigPaths

MOST = 1 << 23
"""Bytes at which a log is cut."""
KEPT = 1 << 21
"""Most bytes of its end that stay."""
PERIOD = 1.0
"""Seconds between two looks at the sizes. Between them a guest writes less than 1 MB to its console."""
_MARK = re.compile(rb"\[nicrig: (\d{1,18}) bytes of this log were dropped here\]\n")
_MARK_BYTES = 80


@asynccontextmanager
async def bounded_logs(paths: RigPaths) -> AsyncIterator[None]:
    """In this block, no *.log file of the rig stays larger than MOST. Their writers must open them for appending."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cut_always, paths.folder)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


async def _cut_always(folder: Path) -> None:
    while True:
        _cut_all(folder)
        await trio.sleep(PERIOD)


def _cut_all(folder: Path) -> None:
    for log in folder.glob("*.log"):
        with suppress(OSError):  # it was removed, or another process cuts it just now
            cut(log)


def cut(log: Path) -> None:
    """Drop the beginning of a log that is larger than MOST. Raises OSError."""
    descriptor = os.open(log, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or os.fstat(descriptor).st_size <= MOST:
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.seek(-KEPT, os.SEEK_END)
        last = file.read()
        kept = last.partition(b"\n")[2] or last
        mark = b"[nicrig: %d bytes of this log were dropped here]\n" % (_end(descriptor) - len(kept))
        # Overwrite, then cut: the writer appends, so nothing of its can come before the line. What it writes until the
        # cut is lost.
        os.pwrite(descriptor, mark + kept, 0)
        os.truncate(descriptor, len(mark) + len(kept))


def end_of(log: Path) -> int:
    """How many bytes were ever written to the log, dropped ones too. 0 when there is no log."""
    try:
        descriptor = os.open(log, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        return _end(descriptor)
    finally:
        os.close(descriptor)


def _end(descriptor: int) -> int:
    dropped, length = _mark(os.pread(descriptor, _MARK_BYTES, 0))
    return dropped + os.fstat(descriptor).st_size - length


def text_since(log: Path, position: int) -> str:
    """What was written to the log after `end_of` returned `position`. It begins with the mark if a part was dropped."""
    data = log.read_bytes() if log.exists() else b""
    dropped, length = _mark(data)
    return data[length + position - dropped if position >= dropped else 0 :].decode(errors="replace")


def _mark(data: bytes) -> tuple[int, int]:
    """The bytes that were dropped at the beginning of these, and the length of the line that says so."""
    found = _MARK.match(data)
    return (int(found[1]), found.end()) if found else (0, 0)
