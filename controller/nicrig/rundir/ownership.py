# SPDX-License-Identifier: GPL-2.0-or-later
"""What is a rig of this user, and the only place that removes one.

A rig is a folder of this user with a `lock`: an empty, regular file of this user, which the rig's process holds locked.
There are two kinds. A run folder is one that we made: its name begins with PREFIX, in the folder of rigs; a rig's name
is a link to it, and the link lies beside it. A shared folder is one that the user gave us: it has a `rig.json` too.

Files are removed by their names, and a folder when it is empty then. So what the user put there stays, wherever it is.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nicrig.errors import UsageError
from nicrig.rundir.own_files import RUN_NAME, foreign, is_name, open_own
from nicrig.rundir.paths import RigPaths

LOCK, DESCRIPTION = RigPaths(Path()).lock.name, RigPaths(Path()).description.name

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class NoRigError(UsageError):
    """There is no rig of this user (exit code 2)."""


@dataclass(frozen=True)
class OwnedFolder:
    """A rig of this user. `alive`: its process runs; otherwise we hold its lock.

    `parent` and `folder` are descriptors of folders. `folder` is None when only the link of the name is left.
    """

    alive: bool
    name: str
    link: str | None
    parent: int
    folder: int | None

    def remove(self) -> None:
        """Remove a dead rig: its files, its folder when we made it, and the link of its name."""
        assert not self.alive
        if self.link is not None:
            remove_link(self.link, self.name, self.parent)
        if self.folder is None:
            return
        made = bool(RUN_NAME.fullmatch(self.name))
        remove_files(self.folder, made=made)
        if made:
            remove_folder(self.name, self.parent)


@contextmanager
def own_rig(paths: RigPaths) -> Iterator[OwnedFolder]:
    """The rig at `paths`, which is a name's link or a folder. Raises NoRigError when there is none of this user."""
    with ExitStack() as stack:
        try:
            found = _look(paths, stack)
        except OSError:
            found = None
        if found is None:
            raise NoRigError(f"{paths.folder} is no rig of yours: nicrig status lists them")
        yield found


def remove_if_dead(paths: RigPaths) -> bool:
    """Remove what is left of a rig whose process is gone. Returns whether it was gone. Raises NoRigError."""
    with own_rig(paths) as rig:
        if not rig.alive:
            rig.remove()
        return not rig.alive


def _look(paths: RigPaths, stack: ExitStack) -> OwnedFolder | None:
    def keep(descriptor: int) -> int:
        stack.callback(os.close, descriptor)
        return descriptor

    parent, name, link = keep(os.open(paths.folder.parent, _FOLDER)), paths.folder.name, None
    ours = foreign(os.fstat(parent)) is None
    if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        if not ours or not is_name(paths.folder):
            return None
        link, name = name, os.readlink(name, dir_fd=parent)
    made = bool(RUN_NAME.fullmatch(name))
    if made and not ours:
        return None
    try:
        folder = keep(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent))
    except FileNotFoundError:
        return OwnedFolder(alive=False, name=name, link=link, parent=parent, folder=None) if link else None
    if foreign(os.fstat(folder)) is not None:
        return None
    lock = keep(open_own(LOCK, folder))
    if os.fstat(lock).st_size:
        return None
    alive = not take(lock, folder)
    with suppress(FileNotFoundError):
        os.close(open_own(DESCRIPTION, folder))
        made = True
    return OwnedFolder(alive, name, link, parent, folder) if made or alive else None


def take(lock: int, folder: int) -> bool:
    """Lock the open file if it is free, and still the lock in the folder. Both are descriptors."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), os.stat(LOCK, dir_fd=folder, follow_symlinks=False))
    except (BlockingIOError, FileNotFoundError):
        return False


def open_lock(folder: int) -> int:
    """A descriptor of the lock in a folder that the user gave us; it is made if it is missing.

    Raises NoRigError when the folder has a `lock` or a `rig.json` that is not a rig's.
    """
    try:
        with suppress(FileExistsError):
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            lock = os.open(LOCK, flags, 0o600, dir_fd=folder)
            if not _exists(DESCRIPTION, folder):
                return lock
            os.unlink(LOCK, dir_fd=folder)
            os.close(lock)
            raise NoRigError(f"its {DESCRIPTION} is not a rig's")
        lock = open_own(LOCK, folder)
    except OSError as error:
        raise NoRigError(f"its {LOCK} is not a rig's ({error.strerror})") from None
    if os.fstat(lock).st_size:
        os.close(lock)
        raise NoRigError(f"its {LOCK} is not a rig's")
    return lock


def open_folder(path: Path) -> int:
    """A descriptor of a folder of this user, which is no link. Raises OSError."""
    return os.open(path, _FOLDER | os.O_NOFOLLOW)


def remove_files(folder: int, *, made: bool) -> None:
    """Remove a rig's files. From a folder that the user gave us: its sockets, description and lock, not its logs."""
    empty = RigPaths(Path())
    sockets, files = {path.name for path in empty.sockets}, {path.name for path in empty.files}
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISSOCK(mode):
                ours = made or name in sockets
            else:
                ours = stat.S_ISREG(mode) and (name in sockets | files if made else name == DESCRIPTION)
            if ours:
                os.unlink(name, dir_fd=folder)
    # Last: a rig without its lock is none, and what is left of it would stay.
    with suppress(FileNotFoundError):
        os.unlink(LOCK, dir_fd=folder)


def remove_link(link: Path | str, name: str, parent: int | None = None) -> None:
    """Remove a rig's link, if it still leads to the run folder `name`."""
    with suppress(OSError):
        if os.readlink(link, dir_fd=parent) == name:
            os.unlink(link, dir_fd=parent)


def remove_folder(name: Path | str, parent: int | None = None) -> None:
    """Remove a folder that we made, if it is empty: what is left in it then is the user's."""
    with suppress(OSError):
        os.rmdir(name, dir_fd=parent)


def _exists(name: str, folder: int) -> bool:
    with suppress(FileNotFoundError):
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    return False
