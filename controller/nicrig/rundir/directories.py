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
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from nicrig.errors import UsageError
from nicrig.rundir.own_files import PREFIX, RUN_NAME, foreign, is_name, read_end
from nicrig.rundir.ownership import (
    NoRigError,
    open_folder,
    open_lock,
    remove_files,
    remove_folder,
    remove_if_dead,
    remove_link,
    take,
)
from nicrig.rundir.paths import NAME_MAX, RigPaths, names_folder, paths_named
from nicrig.text.printable import TAIL_BYTES, printable_lines

NAME = rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{NAME_MAX - 1}}}"


@contextmanager
def run_directory(parent: Path | None = None, *, keep_logs: Path | None = None) -> Iterator[RigPaths]:
    """A fresh folder in `parent`, or in the folder of rigs; at the end it is removed.

    Its *.log files are copied to `keep_logs` first. Raises UsageError when a socket's path in it would be too long for
    the kernel, or when `parent` is not this user's alone.
    """
    parent = parent or names_folder()
    RigPaths(parent / f"{PREFIX}{'x' * 8}").check_length()
    _make_own(parent)
    _remove_abandoned(parent)
    paths = RigPaths(Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)))
    try:
        lock = _new_lock(paths)
    except OSError:
        remove_folder(paths.folder)
        raise
    try:
        yield paths
    finally:
        if keep_logs is not None:
            keep_logs.mkdir(parents=True, exist_ok=True)
            for log in paths.folder.glob("*.log"):
                shutil.copy(log, keep_logs)
        os.close(lock)
        # Another process may be faster now.
        with suppress(NoRigError):
            remove_if_dead(paths)


@contextmanager
def named_directory(name: str) -> Iterator[RigPaths]:
    """As `run_directory`, for a rig with a name. Raises UsageError when a rig of that name runs."""
    paths = free_paths(name)
    with run_directory() as fresh:
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
            remove_link(paths.folder, fresh.folder.name)


def free_paths(name: str) -> RigPaths:
    """The paths for a new rig of this name. Raises UsageError for a bad name, or when the name is taken."""
    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"{name!r} is no name for a rig: use letters, digits, - and _, and begin with a letter or a digit"
        )
    paths = paths_named(name)
    paths.check_length()
    _make_own(paths.folder.parent)
    if os.path.lexists(paths.folder):
        try:
            dead = remove_if_dead(paths)
        except NoRigError:
            raise UsageError(
                f"{paths.folder} is not a rig: move it away, or give this rig another name with --name"
            ) from None
        if not dead:
            raise UsageError(
                f"a rig {name} runs already: nicrig down {name} ends it, --name gives this one another name"
            )
    return paths


@contextmanager
def shared_directory(folder: Path) -> Iterator[RigPaths]:
    """Use the folder that the caller names, such as one that containers share. It stays if it existed before.

    What is not the rig's stays in any case. Raises UsageError when a rig runs there, or the folder is not this user's
    alone.
    """
    paths = RigPaths(folder.absolute())
    paths.check_length()
    if RUN_NAME.fullmatch(paths.folder.name):
        raise UsageError(f"{folder} has the name of a folder that nicrig makes and removes: use another name")
    made = _make_own(folder)
    with ExitStack() as stack:
        here = open_folder(folder)
        stack.callback(os.close, here)
        try:
            lock = open_lock(here)
        except NoRigError as error:
            raise UsageError(f"{folder} cannot hold a card: {error}: use another folder") from None
        stack.callback(os.close, lock)
        if not take(lock, here):
            raise UsageError(f"a card runs in {folder} already: nicrig down {folder} ends it")
        try:
            yield paths
        finally:
            remove_files(here, made=made)
            if made:
                remove_folder(paths.folder)


def _make_own(folder: Path) -> bool:
    """Make the folder if it is missing; returns whether it was. Raises UsageError when it is not this user's alone."""
    made = not os.path.lexists(folder)
    if made:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    why = foreign(folder.lstat())
    if why is not None:
        raise UsageError(f"{folder} {why}: use a folder that is yours alone (mode 0700)")
    return made


def _new_lock(paths: RigPaths) -> int:
    fresh = paths.lock.with_suffix(".new")
    lock = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Give the lock its name only when we hold it: other rigs remove a folder whose lock is free.
    fresh.rename(paths.lock)
    return lock


def _remove_abandoned(parent: Path) -> None:
    # Links first: one whose run folder is gone would keep a name taken.
    entries = sorted(parent.iterdir(), key=is_name, reverse=True)
    for entry in (each for each in entries if is_name(each) or RUN_NAME.fullmatch(each.name)):
        # Another process may be faster.
        with suppress(NoRigError, OSError):
            remove_if_dead(RigPaths(entry))


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, each line indented, for an error message; empty for an empty log."""
    try:
        lines = printable_lines(read_end(log, TAIL_BYTES), most=count)
    except OSError:
        return ""
    return "".join(f"\n  | {line}" for line in lines)
