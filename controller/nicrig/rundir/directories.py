# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder with a rig's sockets and logs: short, ours alone, and gone when the rig is gone.

Each folder holds a lock that its process keeps. A process that was killed outright leaves its folder behind, unlocked,
and the next rig removes it. A rig's name is a link to its folder.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nicrig.errors import UsageError
from nicrig.rundir.paths import RigPaths, names_folder, paths_named

PREFIX = "nicrig-run-"
NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}"


@contextmanager
def run_directory(parent: Path = Path("/tmp"), *, keep_logs: Path | None = None) -> Iterator[RigPaths]:
    """A fresh folder below `parent`; at the end its *.log files are copied to `keep_logs`, and it is removed.

    Raises UsageError when a socket's path in it would be longer than the kernel takes.
    """
    _remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        with _locked(folder):
            yield RigPaths(folder)
    finally:
        if keep_logs is not None:
            keep_logs.mkdir(parents=True, exist_ok=True)
            for log in folder.glob("*.log"):
                shutil.copy(log, keep_logs)
        shutil.rmtree(folder)


@contextmanager
def named_directory(name: str) -> Iterator[RigPaths]:
    """As `run_directory`, for a rig that others call by its name. Raises UsageError when one of that name runs."""
    paths = free_paths(name)
    with run_directory(paths.folder.parent) as fresh:
        # Under its name only when it is locked, and only if nobody else was faster.
        try:
            paths.folder.symlink_to(fresh.folder.name)
        except FileExistsError as error:
            raise UsageError(f"a rig {name} was started at the same moment") from error
        try:
            yield paths
        finally:
            paths.folder.unlink()


def free_paths(name: str) -> RigPaths:
    """The place of a rig that is to be called so. Raises UsageError when that is no name, or when one of it runs."""
    if not re.fullmatch(NAME, name):
        raise UsageError(f"{name!r} is no name for a rig: letters, digits, - and _ make one")
    parent, paths = names_folder(), paths_named(name)
    paths.check_length()
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if parent.stat().st_uid != os.getuid():
        raise UsageError(f"{parent} belongs to somebody else: have NICRIG_RIGS name a folder of your own")
    if paths.folder.exists() and not remove_if_dead(paths):
        raise UsageError(f"a rig {name} runs already: nicrig down {name} ends it, --name gives this one another name")
    return paths


@contextmanager
def shared_directory(folder: Path) -> Iterator[RigPaths]:
    """A folder that is given, such as one that containers share; it stays if it was there before.

    Raises UsageError when a rig runs there.
    """
    paths = RigPaths(folder.absolute())
    paths.check_length()
    there = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with paths.lock.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"a card runs in {folder} already: nicrig down {folder} ends it") from None
        try:
            yield paths
        finally:
            paths.lock.unlink(missing_ok=True)
            if not there:
                shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    paths = RigPaths(folder)
    paths.check_length()
    fresh = paths.lock.with_suffix(".new")
    with fresh.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Under its name only when it is ours: a folder with a free lock is one that anybody may remove.
        fresh.rename(paths.lock)
        yield


def remove_if_dead(paths: RigPaths) -> bool:
    """Remove what a rig has left whose process was killed outright; whether it was one."""
    try:
        with paths.lock.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        pass
    if paths.folder.is_symlink():
        shutil.rmtree(paths.folder.resolve(), ignore_errors=True)
        paths.folder.unlink()
    else:
        paths.description.unlink(missing_ok=True)
    return True


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
