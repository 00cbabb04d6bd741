# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose turn it is with a guest: QEMU lets one client at a time reach its monitor and the guest's agent."""

import fcntl
import os

from nicrig.process.deadlines import Deadlines
from nicrig.process.polling import until
from nicrig.rundir.paths import RigPaths


class GuestLock:
    """This process's turn at a place; it ends with the process too."""

    def __init__(self, paths: RigPaths) -> None:
        self._paths = paths
        self._lock: int | None = None

    async def acquire(self, deadlines: Deadlines) -> None:
        """Returns when it is ours, at once if it is already. Raises DeadlineError when others do not give it."""
        if self._lock is None:
            with deadlines.limit(
                deadlines.command, f"another command to be done with the guest of {self._paths.folder}"
            ):
                self._lock = await until(self._try)

    async def _try(self) -> int | None:
        lock = os.open(self._paths.guest_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def release(self) -> None:
        """Others may have it; nothing if it is not ours."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
