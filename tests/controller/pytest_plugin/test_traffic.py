# SPDX-License-Identifier: GPL-2.0-or-later
"""What ran over the wire is kept, and judged once."""

from __future__ import annotations

import socket

import pytest
import trio

from nicrig.card.wire import Wire
from nicrig.errors import UsageError
from nicrig.pytest_plugin.traffic import Traffic

pytestmark = pytest.mark.anyio


async def test_frames_of_both_ways_are_kept_in_order_and_settled_once() -> None:
    ours, its = (trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in socket.socketpair())
    card = Wire(its)
    async with ours, its, trio.open_nursery() as nursery:
        traffic = Traffic(Wire(ours))
        nursery.start_soon(traffic.run)
        await traffic.send([b"one", b"two"])
        assert await card.receive() == [b"one", b"two"]
        await card.send([b"three", b"four"])
        with trio.fail_after(5):
            await traffic.wait_out(2)
            assert await traffic.receive() == [b"three", b"four"]
        assert [(frame.way, frame.data) for frame in traffic.frames] == [
            ("in", b"one"),
            ("in", b"two"),
            ("out", b"three"),
            ("out", b"four"),
        ]
        assert [frame.time for frame in traffic.frames] == sorted(frame.time for frame in traffic.frames)
        traffic.settle(2, 1)
        assert (traffic.unsettled("in"), traffic.unsettled("out")) == ([], [b"four"])
        nursery.cancel_scope.cancel()


async def test_receive_after_forget_read_has_only_what_comes_then() -> None:
    ours, its = (trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in socket.socketpair())
    async with ours, its, trio.open_nursery() as nursery:
        traffic = Traffic(Wire(ours))
        nursery.start_soon(traffic.run)
        with trio.fail_after(5):
            await Wire(its).send([b"old"])
            await traffic.wait_out(1)
            traffic.forget_read()
            await Wire(its).send([b"new"])
            assert await traffic.receive() == [b"new"]
        nursery.cancel_scope.cancel()


async def test_a_frame_that_no_wire_takes_is_an_error_of_the_test_and_no_traffic() -> None:
    ours, its = (trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in socket.socketpair())
    async with ours, its:
        traffic = Traffic(Wire(ours))
        with pytest.raises(UsageError, match="a frame of 140000 bytes is longer"):
            await traffic.send([b"good", bytes(140_000)])
        assert traffic.frames == []
