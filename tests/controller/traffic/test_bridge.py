# SPDX-License-Identifier: GPL-2.0-or-later
"""Two wires that are joined; plain listening sockets stand for the cards."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from nicrig.errors import ConnectionLostError, UsageError
from nicrig.traffic.bridge import join

pytestmark = pytest.mark.anyio

MUCH = bytes(range(256)) * 16384


class End:
    """A card's wire, as far as join can tell: it listens at `path`, and `stream` is who connected."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stream: trio.SocketStream
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()

    async def accept(self) -> None:
        listening = trio.SocketListener(trio.socket.from_stdlib_socket(self._listening))
        self.stream = await listening.accept()
        await listening.aclose()


@asynccontextmanager
async def joined(folder: Path) -> AsyncIterator[tuple[End, End, list[str]]]:
    """Both ends, and what join says, at last which one closed."""
    one, other, said = End(folder / "one"), End(folder / "other"), list[str]()

    async def run() -> None:
        said.append(await join(str(one.path), str(other.path), said.append))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await one.accept()
            await other.accept()
            yield one, other, said
            await one.stream.aclose()
            await other.stream.aclose()


async def receive(end: End, length: int) -> bytes:
    got = b""
    while len(got) < length:
        got += await end.stream.receive_some()
    return got


async def test_bytes_pass_both_ways_at_once(tmp_path: Path) -> None:
    async with joined(tmp_path) as (one, other, _), trio.open_nursery() as nursery:
        nursery.start_soon(one.stream.send_all, MUCH)
        nursery.start_soon(other.stream.send_all, MUCH[::-1])
        assert await receive(other, len(MUCH)) == MUCH
        assert await receive(one, len(MUCH)) == MUCH[::-1]


async def test_who_does_not_read_holds_back_who_sends(tmp_path: Path) -> None:
    async with joined(tmp_path) as (one, other, _), trio.open_nursery() as nursery:
        sent = trio.Event()

        async def send() -> None:
            await one.stream.send_all(MUCH * 2)
            sent.set()

        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        assert not sent.is_set()
        assert await receive(other, 2 * len(MUCH)) == MUCH * 2


@pytest.mark.parametrize("first", [0, 1])
async def test_it_ends_with_the_one_that_closes_and_says_which(tmp_path: Path, first: int) -> None:
    async with joined(tmp_path) as (one, other, said):
        ends = (one, other)
        await ends[first].stream.aclose()
        assert await ends[1 - first].stream.receive_some() == b""
    assert said == [f"joined {one.path} and {other.path}", str(ends[first].path)]


async def test_nobody_there_is_told_and_the_other_is_left_alone(tmp_path: Path) -> None:
    one, gone = End(tmp_path / "one"), tmp_path / "gone"
    socket.socket(socket.AF_UNIX).bind(str(gone))
    with pytest.raises(ConnectionLostError, match=r"nobody listens at .*gone \(Connection refused\)"):
        await join(str(one.path), str(gone), print)
    await one.accept()
    assert await one.stream.receive_some() == b""
    await one.stream.aclose()


async def test_what_cannot_be_joined_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no socket .*none: start"):
        await join(str(tmp_path), str(tmp_path / "none"), print)
    with pytest.raises(UsageError, match="no rig nobody"):
        await join("nobody", str(tmp_path), print)
    with pytest.raises(UsageError, match="same wire"):
        await join(str(tmp_path), str(tmp_path), print)
