# SPDX-License-Identifier: GPL-2.0-or-later
"""A child process that dies with its parent, however the parent dies."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import trio


class Child:
    """One process in its own session (a Ctrl-C at the terminal reaches only us, and we take it down in order).

    It is started from the thread that calls, which must outlive it: the kernel sends the parent-death signal when the
    *thread* that forked ends, so a child forked by a worker thread (as trio.lowlevel.open_process does) would die when
    that thread is retired. setpriv sets the signal and becomes the command: same pid.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        private: bool = False,
    ) -> None:
        """`private`: the files and sockets that it makes are for this user alone."""
        self.argv = list(argv)
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *argv],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            umask=0o077 if private else -1,
        )
        self.pid = self._process.pid
        self.stdout = self._process.stdout

    async def wait(self) -> int:
        """Wait for the end; the code as subprocess gives it (negative: the signal's number)."""
        if self.alive:
            # One descriptor for each waiter: trio lets one task wait for one.
            ended = os.pidfd_open(self.pid)
            try:
                await trio.lowlevel.wait_readable(ended)
            finally:
                os.close(ended)
        return self._process.wait()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Signal the process and all that it started; nothing if it has ended."""
        if self.alive:
            os.killpg(self.pid, number)

    async def close(self, *, patience: float = 0) -> None:
        """End it: SIGTERM and `patience` seconds to comply, then SIGKILL; returns when it is gone."""
        try:
            with trio.CancelScope(shield=True):
                if patience and self.alive:
                    self.signal(signal.SIGTERM)
                    with trio.move_on_after(patience):
                        await self.wait()
                self.signal(signal.SIGKILL)
                await self.wait()
        finally:
            if self.stdout is not None:
                self.stdout.close()
