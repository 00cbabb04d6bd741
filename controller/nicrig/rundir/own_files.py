# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders, files and links of this user. Nothing here follows a link, writes to a file that it finds, or waits."""

import errno
import os
import re
import stat
from pathlib import Path

PREFIX = "nicrig-run-"
RUN_NAME = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_]+")
"""The name of a run folder, a folder that we made for a rig."""

# No FIFO or device makes us wait.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def foreign(folder: os.stat_result) -> str | None:
    """Why a folder is not this user's alone, or None."""
    if stat.S_ISLNK(folder.st_mode):
        return "is a link"
    if not stat.S_ISDIR(folder.st_mode):
        return "is no folder"
    if folder.st_uid != os.geteuid():
        return "belongs to another user"
    return "can be written by other users" if folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else None


def is_name(link: Path) -> bool:
    """Whether this is a link of this user to a run folder beside it, as the name of a rig is."""
    try:
        return link.lstat().st_uid == os.geteuid() and bool(RUN_NAME.fullmatch(str(link.readlink())))
    except OSError:
        return False


def read_end(path: Path, most: int) -> bytes:
    """The last `most` bytes of a regular file. Raises OSError for anything else, and never waits."""
    descriptor = _open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(0, os.fstat(descriptor).st_size - most))
        return file.read(most)


def open_own(name: str, folder: int) -> int:
    """A descriptor that reads a regular file of this user. Raises OSError for anything else."""
    descriptor = _open_regular(name, folder)
    if os.fstat(descriptor).st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    raise PermissionError(errno.EPERM, "not a file of yours", name)


def _open_regular(file: Path | str, folder: int | None = None) -> int:
    descriptor = os.open(file, _READ, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise PermissionError(errno.EPERM, "not a regular file", str(file))
