# SPDX-License-Identifier: GPL-2.0-or-later
"""An expected frame is found once, in any order. A missing frame is an error that shows the nearest one."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from nicrig.card.wire import Wire
from nicrig.pytest_plugin.expectations import ExpectationError, Expectations
from nicrig.pytest_plugin.traffic import Traffic

pytestmark = pytest.mark.anyio

ONE, TWO = (bytes(Ether() / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=port, dport=9)) for port in (1, 2))


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Expectations, Wire]]:
    """What is expected, and the card's end of the wire."""
    ours, its = (trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in socket.socketpair())
    async with ours, its, trio.open_nursery() as nursery:
        traffic = Traffic(Wire(ours))
        nursery.start_soon(traffic.run)
        yield Expectations(traffic), Wire(its)
        nursery.cancel_scope.cancel()


async def test_each_frame_is_taken_once_and_in_any_order(ends: tuple[Expectations, Wire]) -> None:
    expected, card = ends
    await card.send([ONE, TWO])
    assert bytes(await expected.take(UDP(sport=2), 5)) == TWO
    assert bytes(await expected.take(UDP, 5)) == ONE
    await expected.take_none(UDP, 0.01)


async def test_what_comes_later_is_waited_for(ends: tuple[Expectations, Wire]) -> None:
    expected, card = ends
    async with trio.open_nursery() as nursery:
        nursery.start_soon(expected.take, UDP, 5)
        await trio.testing.wait_all_tasks_blocked()
        await card.send([ONE])


async def test_the_error_of_a_missing_packet_shows_what_came(ends: tuple[Expectations, Wire]) -> None:
    expected, card = ends
    await card.send([ONE])
    with pytest.raises(ExpectationError, match=r"no UDP .*\n.*\n +UDP +sport +expected .* got 1$"):
        await expected.take(UDP(sport=3), 0.2)
    with pytest.raises(ExpectationError, match="should not: Ether / IP / UDP"):
        await expected.take_none(UDP, 5)


async def test_what_is_skipped_is_not_found(ends: tuple[Expectations, Wire]) -> None:
    expected, card = ends
    await card.send([ONE])
    await expected.take(UDP, 5)
    await card.send([TWO])
    with pytest.raises(ExpectationError):
        await expected.take(TCP, 0.2)
    expected.skip()
    await expected.take_none(UDP, 0.01)
