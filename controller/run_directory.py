# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder with a rig's sockets and logs: short, ours alone, and gone when the rig is gone.

Each folder holds a lock that its process keeps. A process that was killed outright leaves its folder behind, unlocked,
and the next rig removes it.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from controller.place import Place

PREFIX = "nicrig-run-"


@contextmanager
def run_directory(parent: Path = Path("/tmp"), *, keep_logs: Path | None = None) -> Iterator[Place]:
    """A fresh folder below `parent`; at the end its *.log files are copied to `keep_logs`, and it is removed.

    Raises UsageError when a socket's path in it would be longer than the kernel takes.
    """
    _remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        Place(folder).check_length()
        with (folder / "lock.new").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Under its name only when it is ours: a folder with a free lock is one that anybody may remove.
            (folder / "lock.new").rename(folder / "lock")
            yield Place(folder)
    finally:
        if keep_logs is not None:
            keep_logs.mkdir(parents=True, exist_ok=True)
            for log in folder.glob("*.log"):
                shutil.copy(log, keep_logs)
        shutil.rmtree(folder)


def _remove_abandoned(parent: Path) -> None:
    for lock in parent.glob(f"{PREFIX}*/lock"):
        # Another user's, or another process was faster.
        with suppress(OSError), lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent)


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, each line set off, for an error message; empty when there is nothing in it."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "".join(f"\n  | {line}" for line in lines[-count:])
