# SPDX-License-Identifier: GPL-2.0-or-later
"""Two wires joined: what comes out of one goes into the other, byte for byte, for both speak QEMU's stream framing."""

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
class End:
    """One of the two, and what it was called."""

    name: str
    stream: trio.SocketStream


async def join(one: str, other: str, say: Callable[[str], None]) -> str:
    """Pass frames both ways until one of the two closes, and return which; `say` is called when both are reached.

    Each is a rig's name, its folder, or the path of a socket. Raises UsageError when there is no such rig, or both are
    the same, ConnectionLostError when nobody listens.
    """
    if socket_of(one) == socket_of(other):
        raise UsageError(f"{one} and {other} are the same wire: its frames would come back to it for ever")
    closed: list[str] = []
    async with _reach(one) as first, _reach(other) as second, trio.open_nursery() as nursery:

        async def pass_on(source: End, sink: End) -> None:
            closed.append(await _pass_on(source, sink))
            nursery.cancel_scope.cancel()

        nursery.start_soon(pass_on, first, second)
        nursery.start_soon(pass_on, second, first)
        say(f"joined {one} and {other}")
    return closed[0]


def socket_of(name: str) -> Path:
    """The wire that is meant: a socket is taken as it is, a rig has one. Raises UsageError when there is neither."""
    path = Path(name)
    if path.is_socket():
        return path
    if "/" in name and not path.is_dir():
        raise UsageError(f"there is no socket {name}: start what is to listen there")
    return paths_of(name).wire


@asynccontextmanager
async def _reach(name: str) -> AsyncIterator[End]:
    path = socket_of(name)
    deadlines = Deadlines()
    try:
        with deadlines.limit(deadlines.monitor, f"{path} to take one peer more"):
            stream = await trio.open_unix_socket(path)
    except OSError as error:
        raise ConnectionLostError(f"nobody listens at {path} ({error.strerror}): start what is to be there") from error
    async with stream:
        yield End(name, stream)


async def _pass_on(source: End, sink: End) -> str:
    """One way; nothing more is read while the sink does not take what there is. Returns who closed."""
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
