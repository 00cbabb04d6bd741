# SPDX-License-Identifier: GPL-2.0-or-later
"""Joins two wires. Plain listening sockets play the cards."""

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


class ListeningWire:
    """Plays a card's wire: it listens on `path`. `stream` is the peer that connected."""

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
async def joined(folder: Path) -> AsyncIterator[tuple[ListeningWire, ListeningWire, list[str]]]:
    """Both ends, and the lines of join: the last one is the name of the wire that closed."""
    one, other, lines = ListeningWire(folder / "one"), ListeningWire(folder / "other"), list[str]()

    async def run() -> None:
        lines.append(await join(str(one.path), str(other.path), lines.append))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await one.accept()
            await other.accept()
            yield one, other, lines
            await one.stream.aclose()
            await other.stream.aclose()


async def receive(end: ListeningWire, length: int) -> bytes:
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


async def test_a_full_receiver_holds_back_the_sender(tmp_path: Path) -> None:
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
async def test_it_ends_when_one_wire_closes_and_names_it(tmp_path: Path, first: int) -> None:
    async with joined(tmp_path) as (one, other, lines):
        ends = (one, other)
        await ends[first].stream.aclose()
        assert await ends[1 - first].stream.receive_some() == b""
    assert lines == [f"joined {one.path} and {other.path}", str(ends[first].path)]


async def test_a_dead_socket_is_an_error_and_the_other_wire_stays_usable(tmp_path: Path) -> None:
    one, gone = ListeningWire(tmp_path / "one"), tmp_path / "gone"
    socket.socket(socket.AF_UNIX).bind(str(gone))
    with pytest.raises(ConnectionLostError, match=r"no program listens on .*gone \(Connection refused\)"):
        await join(str(one.path), str(gone), print)
    await one.accept()
    assert await one.stream.receive_some() == b""
    await one.stream.aclose()


async def test_what_cannot_be_joined_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no socket .*none: first start"):
        await join(str(tmp_path), str(tmp_path / "none"), print)
    with pytest.raises(UsageError, match="no rig missing"):
        await join("missing", str(tmp_path), print)
    with pytest.raises(UsageError, match="same wire"):
        await join(str(tmp_path), str(tmp_path), print)
