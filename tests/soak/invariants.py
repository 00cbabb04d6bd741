# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds after each action, whatever it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import trio

from nicrig.captures.capture_file import opened
from nicrig.card.monitor import DROPS, REFUSED, TAKEN
from nicrig.errors import UsageError
from nicrig.process.polling import until
from tests.soak.diary import ViolationError

FORMAT_BYTES = 12
"""A shorter file does not say yet that it is a capture."""
END_SECONDS = 60.0
"""How long processes may take to end on a busy machine."""
FILES_MORE, KIB_MORE = 24, 48 << 10
"""How many descriptors, and how much memory of its own, a card may have more than when it was new."""


class Footprint(NamedTuple):
    """Open files of a process, and the memory that is its own, in KiB: without the guest's."""

    files: int
    kib: int


def users_of(folder: Path) -> list[int]:
    """The processes with this folder in their command line."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdecimal() and bytes(folder) in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return [pid for pid in found if pid != os.getpid()]


async def no_orphans(folder: Path) -> None:
    """Nothing that was started for the rigs in this folder runs any more."""
    await eventually(lambda: not users_of(folder), lambda: f"processes are left: {_shown(users_of(folder))}")


async def eventually(holds: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until it holds. The end of a process that is not our child has no event for us."""

    async def look() -> bool | None:
        return holds() or None

    with trio.move_on_after(END_SECONDS):
        await until(look)
        return
    raise ViolationError(f"{what()} after {END_SECONDS:.0f} s")


def footprint(pid: int) -> Footprint:
    status = Path(f"/proc/{pid}/status").read_text()
    own = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    return Footprint(len(list(Path(f"/proc/{pid}/fd").iterdir())), int(own.split()[1]))


def check_footprint(first: Footprint, now: Footprint) -> None:
    """A card needs little more than when it was new."""
    if now.files > first.files + FILES_MORE or now.kib > first.kib + KIB_MORE:
        raise ViolationError(f"the card grows: {first} when it was new, {now} now")


def accounted(before: Mapping[str, int], now: Mapping[str, int]) -> int:
    """How many frames from the wire the card's counters account for."""
    return sum(now[name] - before[name] for name in (TAKEN, *DROPS, REFUSED))


def check_capture(path: Path) -> None:
    """What a killed `nicrig capture` left can be read, up to a last block that may be cut."""
    if not path.exists() or path.stat().st_size < FORMAT_BYTES:
        return
    try:
        with opened(path) as capture:
            for _ in capture:
                pass
    except UsageError as error:
        if "ends in the middle of" not in str(error):
            raise ViolationError(f"a torn capture: {error}") from None


def is_whole(recording: Path) -> bool:
    """Whether the recording has its end."""
    return recording.read_bytes().rstrip(b"\n").rpartition(b"\n")[2].startswith(b'{"recording":"end"')


def _shown(pids: list[int]) -> str:
    lines = []
    for pid in pids:
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            lines.append(f"{pid}: {words[:200]}")
    return "; ".join(lines)
