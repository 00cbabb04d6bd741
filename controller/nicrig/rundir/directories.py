# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder with a rig's sockets and logs: its path is short, only this user can open it, and it goes with the rig.

The process of the rig holds a lock in the folder. A process that is killed outright leaves the folder behind, with the
lock free, and the next rig removes it. A rig's name is a link to its folder.
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
from nicrig.text.printable import tail

PREFIX = "nicrig-run-"
NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}"


@contextmanager
def run_directory(parent: Path = Path("/tmp"), *, keep_logs: Path | None = None) -> Iterator[RigPaths]:
    """A fresh folder below `parent`; at the end its *.log files are copied to `keep_logs`, and it is removed.

    Raises UsageError when a socket's path in it would be too long for the kernel.
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
    """As `run_directory`, for a rig with a name. Raises UsageError when a rig of that name runs."""
    paths = free_paths(name)
    with run_directory(paths.folder.parent) as fresh:
        # Link the name only when the folder is locked. Another process may have been faster.
        try:
            paths.folder.symlink_to(fresh.folder.name)
        except FileExistsError as error:
            raise UsageError(
                f"another process started a rig {name} at the same moment: choose another name with --name"
            ) from error
        try:
            yield paths
        finally:
            paths.folder.unlink()


def free_paths(name: str) -> RigPaths:
    """The paths for a new rig of this name. Raises UsageError for a bad name, or when a rig of that name runs."""
    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"{name!r} is no name for a rig: use letters, digits, - and _, and begin with a letter or a digit"
        )
    parent, paths = names_folder(), paths_named(name)
    paths.check_length()
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if parent.stat().st_uid != os.getuid():
        raise UsageError(f"{parent} belongs to another user: set NICRIG_RIGS to a folder of your own")
    if paths.folder.exists() and not remove_if_dead(paths):
        raise UsageError(f"a rig {name} runs already: nicrig down {name} ends it, --name gives this one another name")
    return paths


@contextmanager
def shared_directory(folder: Path) -> Iterator[RigPaths]:
    """Use the folder that the caller names, such as one that containers share. It stays if it existed before.

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
        # Give the lock its name only when we hold it: other rigs remove a folder whose lock is free.
        fresh.rename(paths.lock)
        yield


def remove_if_dead(paths: RigPaths) -> bool:
    """Remove what is left of a rig whose process is gone; returns whether it was gone."""
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
        # It may belong to another user, or another process may have been faster.
        with suppress(OSError), lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent)


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, each line indented, for an error message; empty for an empty log."""
    return "".join(f"\n  | {line}" for line in tail(log, count))
