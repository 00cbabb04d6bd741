# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU as a user of its own, when root starts it.

That user owns nothing, and the folders of root's rigs and of root's cache are closed to it. So QEMU gets what it needs
as open descriptors: the folders of program, kernel, image and rig, the sockets that it serves, and its console's log. A
path through an open folder (/proc/self/fd/N/name) needs no right in the folders above.

QEMU could also become that user by itself (-run-with user=). It would then outlive us, because the kernel forgets the
parent-death signal when a process changes its user, and its sandbox would have to let it change users.
"""

import os
import secrets
import socket
import stat
from contextlib import ExitStack, suppress
from pathlib import Path

FIRST, COUNT = 61184, 4336
"""The numbers that systemd keeps for users without a name."""

NEEDED = {"CAP_CHOWN": 0, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SETPCAP": 8}


class NotLentError(Exception):
    """QEMU cannot have a user of its own; the text says why."""


def free_user() -> int | None:
    """The number of a user and group that own nothing; None when we are not root. Raises NotLentError."""
    if os.geteuid() != 0:
        return None
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held = int(status["CapEff"], 16)
    if lacking := [name for name, bit in NEEDED.items() if not held >> bit & 1]:
        raise NotLentError(f"root has no {', '.join(lacking)} here")
    for name in ("uid_map", "gid_map"):
        ranges = [[int(word) for word in line.split()] for line in Path("/proc/self", name).read_text().splitlines()]
        if not any(inside <= FIRST < FIRST + COUNT <= inside + count for inside, _, count in ranges):
            raise NotLentError(f"/proc/self/{name} has no users {FIRST} to {FIRST + COUNT - 1}")
    return FIRST + secrets.randbelow(COUNT)


def check_reachable(program: Path) -> None:
    """Raises NotLentError for a program that other users cannot start by its path."""
    for folder in {*program.parents, *program.resolve().parents}:
        _check(folder, folder.stat(), stat.S_IXOTH)
    _check(program, program.stat(), stat.S_IXOTH)


class Lent:
    """What a process of user and group `user` gets from us, until it has `started`, and until we `close` it."""

    def __init__(self, user: int) -> None:
        self.user = user
        self.descriptors: list[int] = []
        self._opened, self._changed = ExitStack(), ExitStack()

    def started(self) -> None:
        """Close our descriptors: the process has its own."""
        self._opened.close()

    def close(self) -> None:
        """Also take back what the process might still reach by a path."""
        self.started()
        self._changed.close()

    def folder(self, folder: Path) -> Path:
        """A path of this folder for the process. Raises NotLentError when other users may not enter it."""
        here = self._keep(os.open(folder, os.O_PATH | os.O_DIRECTORY))
        _check(folder, os.fstat(here), stat.S_IXOTH)
        return Path(f"/proc/self/fd/{here}")

    def file(self, file: Path) -> Path:
        """As `folder`, for a file to read."""
        _check(file, file.stat(), stat.S_IROTH)
        return self.folder(file.parent) / file.name

    def rig(self, folder: Path) -> Path:
        """A path of the rig's folder, where the process may open what `reach` gives it, and list nothing."""
        here = self._keep(os.open(folder, os.O_PATH | os.O_DIRECTORY))
        before = os.fstat(here)
        self._changed.callback(_restore, folder, before)
        os.chown(folder, -1, self.user)
        folder.chmod(stat.S_IMODE(before.st_mode) | stat.S_IXGRP)
        return Path(f"/proc/self/fd/{here}")

    def reach(self, path: Path) -> None:
        """Let the process connect to a socket of ours in the rig's folder."""
        os.chown(path, -1, self.user)
        path.chmod(0o660)

    def server(self, path: Path) -> int:
        """A socket that listens at `path`, where only we may connect."""
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            before = os.umask(0o177)
            try:
                listener.bind(str(path))
            finally:
                os.umask(before)
            listener.listen(1)
            return self._keep(listener.detach())

    def log(self, path: Path) -> int:
        """A file of ours to append to."""
        return self._keep(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _keep(self, descriptor: int) -> int:
        self._opened.callback(os.close, descriptor)
        self.descriptors.append(descriptor)
        return descriptor


def _check(path: Path, found: os.stat_result, needed: int) -> None:
    if not found.st_mode & needed:
        raise NotLentError(f"other users may not open {path}")


def _restore(folder: Path, before: os.stat_result) -> None:
    with suppress(FileNotFoundError):
        folder.chmod(stat.S_IMODE(before.st_mode))
        os.chown(folder, -1, before.st_gid)
