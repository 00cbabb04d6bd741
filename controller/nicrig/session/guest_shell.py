# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig run` and `nicrig shell`: a command or a shell in the guest."""

import os
import select
import socket
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import trio

from nicrig.errors import DeadlineError, RigError
from nicrig.process.output import write_some
from nicrig.provision import provide
from nicrig.provision.cache import Progress
from nicrig.rundir.paths import RigPaths
from nicrig.session.guest_handle import GuestHandle
from nicrig.session.options import Options
from nicrig.session.rig import attach_guest, open_rig

LEAVE = b"\x1d"
"""Ctrl-]"""
READ_BYTES = 32 * 1024
STDIN, STDOUT, STDERR = 0, 1, 2


async def run_command(
    argv: Sequence[str], options: Options, paths: RigPaths | None, *, deadline: float, report: Progress
) -> int:
    """Run a command in the guest at `paths`, with this process's standard streams; returns its exit code.

    Standard input is passed on unless it is a terminal. Without `paths`, boot a guest for the command and bring the
    card's interface up.
    """
    async with _fresh_guest(options, report) if paths is None else attach_guest(paths) as guest:
        stdin = None if os.isatty(STDIN) else _read_all(STDIN)
        stdout, stderr = Output(STDOUT), Output(STDERR)
        seconds = deadline / guest.deadlines.scale
        try:
            return await guest.stream(argv, stdin=stdin, stdout=stdout.write, stderr=stderr.write, deadline=seconds)
        except DeadlineError as error:
            if held := await guest.held():
                raise DeadlineError(f"{error}: {held}") from None
            raise


async def _read_all(file: int) -> AsyncIterator[bytes]:
    # The thread is abandoned when the command ends first: it goes with this process.
    with suppress(OSError):  # a stream that is closed or cannot be read is empty
        while data := await trio.to_thread.run_sync(os.read, file, READ_BYTES, abandon_on_cancel=True):
            yield data


class Output:
    """A standard stream of this process. When its reader goes away, the rest is dropped."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._read = True

    async def write(self, data: bytes) -> None:
        if self._read:
            await trio.to_thread.run_sync(self._write, data)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[write_some(self._file, data) :]
        except BrokenPipeError:
            self._read = False


@asynccontextmanager
async def _fresh_guest(options: Options, report: Progress) -> AsyncIterator[GuestHandle]:
    provision = await provide(report)
    report("starting the card and booting the guest")
    async with open_rig(provision, options) as rig:
        await rig.guest.bring_up()
        yield rig.guest


async def fit_shell(paths: RigPaths) -> None:
    """Give the guest's shell the size of this terminal, if the terminal has one."""
    size = os.get_terminal_size()
    if not size.lines:
        return
    async with attach_guest(paths) as guest:
        await guest.run(["stty", "-F", "/dev/hvc0", "rows", str(size.lines), "cols", str(size.columns)])


def join_shell(paths: RigPaths) -> None:
    """Connect this terminal to the guest's shell until Ctrl-]. Raises RigError when no guest serves a shell."""
    with socket.socket(socket.AF_UNIX) as shell, _raw_terminal() as (keys, screen):
        try:
            shell.connect(str(paths.shell))
        except OSError as error:
            raise RigError(f"no guest serves a shell at {paths.shell}: {error.strerror}") from error
        shell.send(b"\n")  # to get a prompt
        while True:
            ready, _, _ = select.select([keys, shell.fileno()], [], [])
            if keys in ready and not _pass_keys(os.read(keys, READ_BYTES), shell):
                return
            if shell.fileno() in ready:
                said = shell.recv(READ_BYTES)
                if not said:
                    return
                os.write(screen, said)


def _pass_keys(typed: bytes, shell: socket.socket) -> bool:
    before, leave, _ = typed.partition(LEAVE)
    shell.sendall(before)
    return bool(typed) and not leave


@contextmanager
def _raw_terminal() -> Iterator[tuple[int, int]]:
    """This terminal's input and output, in raw mode: it passes every key on."""
    keys, screen = sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(keys)
    tty.setraw(keys)
    try:
        yield keys, screen
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
