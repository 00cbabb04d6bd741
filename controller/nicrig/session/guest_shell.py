# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig run` and `nicrig shell`: a command or a shell in the guest."""

import os
import select
import socket
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from nicrig.errors import RefusedError, RigError
from nicrig.machine.guest_agent import CommandResult
from nicrig.provision import provide
from nicrig.provision.cache import Progress
from nicrig.rundir.paths import RigPaths
from nicrig.session.guest_handle import GuestHandle
from nicrig.session.options import Options
from nicrig.session.rig import attach_guest, open_rig

LEAVE = b"\x1d"
"""Ctrl-]"""
READ_BYTES = 4096
NOT_FOUND = 127
"""A shell's exit code for an unknown command."""


async def run_command(
    argv: Sequence[str],
    options: Options,
    paths: RigPaths | None,
    *,
    deadline: float,
    report: Progress,
    input: bytes | None = None,
) -> CommandResult:
    """Run a command in the guest at `paths`. Without `paths`, boot a guest for it and bring the card's interface up."""
    async with _fresh_guest(options, report) if paths is None else attach_guest(paths) as guest:
        try:
            return await guest.run(argv, input=input, check=False, deadline=deadline / guest.deadlines.scale)
        except RefusedError as error:
            return CommandResult(NOT_FOUND, "", f"nicrig: {error}\n")


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
