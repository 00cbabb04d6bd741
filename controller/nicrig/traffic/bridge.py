# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig join`: passes bytes between two wires. Both use QEMU's stream framing, so no frame is unpacked."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from nicrig.card.wire import READ_BYTES
from nicrig.errors import ConnectionLostError, UsageError
from nicrig.process.deadlines import Deadlines
from nicrig.rundir.paths import paths_of


@dataclass(frozen=True)
class JoinedWire:
    """One of the two wires, connected. `name` is what the user called it."""

    name: str
    stream: trio.SocketStream


async def join(one: str, other: str, say: Callable[[str], None]) -> str:
    """Pass frames both ways until one wire closes, and return its name. Calls `say` when both are connected.

    Each of the two is a rig's name, its folder, or the path of a socket. Raises UsageError when there is no such rig
    or both are the same wire, ConnectionLostError when no process listens on a socket.
    """
    if socket_of(one) == socket_of(other):
        raise UsageError(
            f"{one} and {other} are the same wire: its frames would loop for ever: name two different wires"
        )
    closed: list[str] = []
    async with _connect(one) as first, _connect(other) as second, trio.open_nursery() as nursery:

        async def pass_on(source: JoinedWire, sink: JoinedWire) -> None:
            closed.append(await _pass_on(source, sink))
            nursery.cancel_scope.cancel()

        nursery.start_soon(pass_on, first, second)
        nursery.start_soon(pass_on, second, first)
        say(f"joined {one} and {other}")
    return closed[0]


def socket_of(name: str) -> Path:
    """The socket of a wire: `name` itself if it is one, else the rig's. Raises UsageError when there is neither."""
    path = Path(name)
    if path.is_socket():
        return path
    if "/" in name and not path.is_dir():
        raise UsageError(f"there is no socket {name}: first start the program that listens on it")
    return paths_of(name).wire


@asynccontextmanager
async def _connect(name: str) -> AsyncIterator[JoinedWire]:
    path = socket_of(name)
    deadlines = Deadlines()
    try:
        with deadlines.limit(deadlines.monitor, f"{path} to accept another peer"):
            stream = await trio.open_unix_socket(path)
    except OSError as error:
        raise ConnectionLostError(
            f"no program listens on {path} ({error.strerror}): first start the program that listens on it"
        ) from error
    async with stream:
        yield JoinedWire(name, stream)


async def _pass_on(source: JoinedWire, sink: JoinedWire) -> str:
    """Pass bytes one way, and read no more while the sink is full. Returns the name of the wire that closed."""
    while True:
        try:
            data = await source.stream.receive_some(READ_BYTES)
        except trio.BrokenResourceError:
            return source.name
        if not data:
            return source.name
        try:
            await sink.stream.send_all(data)
        except trio.BrokenResourceError:
            return sink.name
