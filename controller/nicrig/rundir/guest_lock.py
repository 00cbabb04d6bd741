# SPDX-License-Identifier: GPL-2.0-or-later
"""The lock on a guest: QEMU serves one client at a time on its monitor and on the guest's agent."""

import fcntl
import os

from nicrig.process.deadlines import Deadlines
from nicrig.process.polling import until
from nicrig.rundir.paths import RigPaths


class GuestLock:
    """The lock of the rig at `paths`, free or held by this process. It is released when the process ends, too."""

    def __init__(self, paths: RigPaths) -> None:
        self._paths = paths
        self._lock: int | None = None

    async def acquire(self, deadlines: Deadlines) -> None:
        """Returns when this process holds the lock, at once if it does already. Raises DeadlineError."""
        if self._lock is None:
            with deadlines.limit(
                deadlines.command, f"another command to finish with the guest of {self._paths.folder}"
            ):
                self._lock = await until(self._try)

    async def _try(self) -> int | None:
        lock = os.open(self._paths.guest_lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def release(self) -> None:
        """Release the lock, if this process holds it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
