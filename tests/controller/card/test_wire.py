# SPDX-License-Identifier: GPL-2.0-or-later
import socket
from itertools import pairwise
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from nicrig.card.wire import WIRE_FRAME_MAX, Deframer, Wire, connect, pack
from nicrig.errors import ConnectionLostError, UsageError

pytestmark = pytest.mark.anyio


def streams() -> tuple[trio.SocketStream, trio.SocketStream]:
    one, other = socket.socketpair()
    return trio.SocketStream(trio.socket.from_stdlib_socket(one)), trio.SocketStream(
        trio.socket.from_stdlib_socket(other)
    )


def test_a_frame_stands_behind_its_length_big_endian() -> None:
    assert pack([b"abc", b""]) == b"\0\0\0\3abc\0\0\0\0"


@given(frames=st.lists(st.binary(max_size=40)), cuts=st.lists(st.integers(0, 500)))
def test_frames_survive_any_split_of_the_stream(frames: list[bytes], cuts: list[int]) -> None:
    packed, deframer, found = pack(frames), Deframer(), []
    edges = sorted({0, len(packed), *(cut for cut in cuts if cut < len(packed))})
    for start, end in pairwise(edges):
        found += deframer.feed(packed[start:end])
    assert found == frames


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_frames_or_a_lost_connection(pieces: list[bytes]) -> None:
    deframer = Deframer()
    try:
        for piece in pieces:
            deframer.feed(piece)
    except ConnectionLostError:
        assert any(piece[at] for piece in pieces for at in range(len(piece)))


def test_a_frame_that_is_announced_too_long_ends_the_connection() -> None:
    assert Deframer().feed(pack([bytes(WIRE_FRAME_MAX)])) == [bytes(WIRE_FRAME_MAX)]
    with pytest.raises(ConnectionLostError, match="announced a frame of 131073 bytes"):
        Deframer().feed((WIRE_FRAME_MAX + 1).to_bytes(4, "big") + bytes(6))


async def test_receive_waits_for_a_whole_frame() -> None:
    ours, theirs = streams()
    wire = Wire(ours)
    await theirs.send_all(pack([b"hello"])[:6])
    got: list[list[bytes]] = []

    async def receive() -> None:
        got.append(await wire.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        assert got == []
        await theirs.send_all(pack([b"hello"])[6:])
    assert got == [[b"hello"]]


async def test_a_batch_is_one_stream_of_frames() -> None:
    ours, theirs = streams()
    await Wire(ours).send([b"one", b"two"])
    assert await theirs.receive_some() == pack([b"one", b"two"])


async def test_a_frame_that_no_wire_takes_is_an_error_before_anything_is_sent() -> None:
    ours, theirs = streams()
    with pytest.raises(UsageError, match="a frame of 131073 bytes is longer than the 131072 of a card's wire"):
        await Wire(ours).send([b"good", bytes(WIRE_FRAME_MAX + 1)])
    await ours.aclose()
    assert await theirs.receive_some() == b""


@pytest.mark.parametrize("only_send", [False, True])
async def test_a_wire_that_the_card_has_closed_is_seen(only_send: bool) -> None:
    ours, theirs = streams()
    wire = Wire(ours)
    if only_send:
        wire.only_send()
    await wire.send([b"frame"])
    assert not wire.closed()
    await theirs.aclose()
    assert wire.closed()


async def test_the_end_of_the_card_raises_an_error_that_says_so() -> None:
    ours, theirs = streams()
    await theirs.aclose()
    with pytest.raises(ConnectionLostError, match="closed the wire"):
        await Wire(ours).receive()


async def test_a_missing_card_is_reported_with_its_socket(tmp_path: Path) -> None:
    with pytest.raises(ConnectionLostError, match=r"wire\.sock"):
        await connect(tmp_path / "wire.sock")
