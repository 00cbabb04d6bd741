# SPDX-License-Identifier: GPL-2.0-or-later
"""A child process that dies with its parent, even when the parent is killed."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import trio


class Identity(NamedTuple):
    """A user and the group of the same number, and further groups."""

    user: int
    groups: Sequence[int] = ()


class Child:
    """One process in its own session. Ctrl-C at the terminal then reaches only us, and we end the child in order.

    The calling thread starts it and must outlive it: the kernel sends the parent-death signal when the *thread* that
    forked ends. trio.lowlevel.open_process forks in a worker thread, so its child would die with that thread.
    setpriv sets the signal and then becomes the command, with the same pid.
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
        identity: Identity | None = None,
    ) -> None:
        """`private`: only the child's user can access the files and sockets that the child creates.

        `identity`: the child has this one, no capabilities, and no way to get any. Needs root.
        """
        self.argv = list(argv)
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *_words(identity), "--", *argv],
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
        """Wait for the end. Returns the exit code as subprocess does (negative: the number of a signal)."""
        if self.alive:
            # Each waiter opens its own descriptor: trio lets only one task wait for a descriptor.
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
        """Signal the process and everything that it started. Does nothing after its end."""
        if self.alive:
            os.killpg(self.pid, number)

    async def close(self, *, patience: float = 0) -> None:
        """Send SIGTERM, wait `patience` seconds, then send SIGKILL. Returns when the process has ended."""
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


def _words(identity: Identity | None) -> list[str]:
    if identity is None:
        return []
    user, groups = identity
    in_groups = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
    return [f"--reuid={user}", f"--regid={user}", in_groups, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
