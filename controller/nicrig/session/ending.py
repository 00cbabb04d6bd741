# SPDX-License-Identifier: GPL-2.0-or-later
"""How a rig ends: its daemon is asked, over a socket in the rig's folder.

Both ends check that the other belongs to this user. A process that runs a machine for the card stays connected: it ends
before the card does. No process is signalled by a number out of a file, which could be another process by now.
"""

import os
import socket
import stat
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio

from nicrig.errors import PartDeathError, RigError
from nicrig.process.deadlines import Deadlines
from nicrig.rundir.ownership import NoRigError, remove_if_dead
from nicrig.rundir.paths import RigPaths, log_of, names_folder

END, MACHINE = b"end\n", b"machine\n"
"""What a client says: end the rig; or: this is a machine for your card. The daemon says END to its machines."""
WORD_BYTES = 16
END_SECONDS, MACHINE_SECONDS = 30.0, 10.0
"""How long a rig may take to end, and its machines before it."""

_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid


class Daemon:
    """The socket of the daemon of the rig at `paths`. `serving` serves it; `end_machines` comes before a card ends."""

    def __init__(self, paths: RigPaths) -> None:
        self._path = paths.daemon
        self._machines: dict[trio.SocketStream, trio.Event] = {}
        self._work = trio.CancelScope()
        self._listening = trio.CancelScope(shield=True)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve the socket in this block. The block is cancelled, without an exception, when a client says END."""
        listener = await self._listen()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._serve, listener)
            try:
                with self._work:
                    yield
            finally:
                await self.end_machines()
                self._listening.cancel()

    async def end_machines(self) -> None:
        """Tell the machines of the card to end, and wait until they have. The wait is not cancelled."""
        with trio.move_on_after(MACHINE_SECONDS, shield=True):
            machines = dict(self._machines)
            for machine in machines:
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
                    await machine.send_all(END)
            for gone in machines.values():
                await gone.wait()

    async def _listen(self) -> trio.SocketListener:
        # One that a killed daemon left. We hold the rig's lock.
        with suppress(FileNotFoundError):
            if stat.S_ISSOCK(self._path.lstat().st_mode):
                self._path.unlink()
        listener = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.fchmod(listener.fileno(), 0o600)
        await listener.bind(str(self._path))
        listener.listen()
        return trio.SocketListener(listener)

    async def _serve(self, listener: trio.SocketListener) -> None:
        # Shielded: the machines get their END while everything else is cancelled.
        with self._listening:
            await trio.serve_listeners(self._answer, [listener])

    async def _answer(self, client: trio.SocketStream) -> None:
        async with client:
            with suppress(trio.BrokenResourceError):
                word = await client.receive_some(WORD_BYTES) if _is_ours(client) else b""
                if word == END:
                    # The answer is the end of this connection, which the kernel brings about when we have ended.
                    os.dup(client.socket.fileno())
                    self._work.cancel()
                elif word == MACHINE:
                    await self._keep(client)

    async def _keep(self, machine: trio.SocketStream) -> None:
        self._machines[machine] = gone = trio.Event()
        try:
            while await machine.receive_some(WORD_BYTES):
                pass
        finally:
            del self._machines[machine]
            gone.set()


@asynccontextmanager
async def ends_with_card(paths: RigPaths) -> AsyncIterator[None]:
    """Cancel the block when the daemon of the card at `paths` ends. A card without a daemon leaves it alone.

    Raises PartDeathError (in a group) when the daemon is killed.
    """
    daemon = await _connect(paths)
    if daemon is None:
        yield
        return

    async def watch() -> None:
        with suppress(trio.BrokenResourceError):
            if await daemon.receive_some(WORD_BYTES) == END:
                nursery.cancel_scope.cancel()
                return
        raise PartDeathError(f"the process that serves the card at {paths.folder} was killed")

    async with daemon, trio.open_nursery() as nursery:
        await daemon.send_all(MACHINE)
        nursery.start_soon(watch)
        yield
        nursery.cancel_scope.cancel()


async def end_rig(paths: RigPaths) -> None:
    """End the rig, and wait until nothing of it is left.

    Raises NoRigError when there is no rig of this user, RigError when it does not end, DeadlineError.
    """
    if remove_if_dead(paths):
        return
    with Deadlines().limit(END_SECONDS, f"the rig at {paths.folder} to end"):
        daemon = await _connect(paths)
        if daemon is None:
            raise RigError(f"no daemon answers for {paths.folder}: end the command that uses it (Ctrl-C)")
        async with daemon:
            with suppress(trio.BrokenResourceError):
                await daemon.send_all(END)
                while await daemon.receive_some(WORD_BYTES):
                    pass
    # The daemon may have been killed meanwhile.
    with suppress(NoRigError):
        if not remove_if_dead(paths):
            raise RigError(f"the rig at {paths.folder} did not end: end the command that uses it (Ctrl-C)")
    if paths.folder.parent == names_folder():
        log_of(paths.folder.name).unlink(missing_ok=True)


async def _connect(paths: RigPaths) -> trio.SocketStream | None:
    """A connection to the daemon at `paths`, if one of this user listens there."""
    try:
        daemon = await trio.open_unix_socket(paths.daemon)
    except OSError:
        return None
    if _is_ours(daemon):
        return daemon
    await daemon.aclose()
    return None


def _is_ours(peer: trio.SocketStream) -> bool:
    found = peer.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(found)[1] == os.geteuid())
