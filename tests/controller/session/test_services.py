# SPDX-License-Identifier: GPL-2.0-or-later
"""What serves a rig's parts ends them in order, and a part's death is the error, whatever else broke with it."""

from __future__ import annotations

import pytest
import trio
import trio.lowlevel
import trio.testing

from nicrig.errors import ConnectionLostError, PartDeathError
from nicrig.session.services import open_services
from tests.fakes.qmp_server import QmpServer

pytestmark = pytest.mark.anyio


async def test_parts_end_in_the_opposite_order_of_their_start_while_their_tasks_still_run() -> None:
    ended: list[str] = []

    async def watch() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("tasks")

    async with open_services() as services:
        services.nursery.start_soon(watch)
        for part in ("card", "machine"):
            services.closing.callback(ended.append, part)
        await trio.testing.wait_all_tasks_blocked()
    assert ended == ["machine", "card", "tasks"]


async def test_parts_end_when_the_block_is_cancelled() -> None:
    ended: list[str] = []

    async def close() -> None:
        await trio.lowlevel.checkpoint()
        ended.append("card")

    with trio.move_on_after(0):
        async with open_services() as services:
            services.closing.push_async_callback(close)
            await trio.sleep_forever()
    assert ended == ["card"]


async def test_a_death_that_is_noticed_after_its_broken_connection_is_the_error() -> None:
    async def notice_late() -> None:
        await trio.sleep(0.05)
        raise PartDeathError("QEMU ended")

    async def lose_the_connection() -> None:
        async with open_services() as services:
            services.nursery.start_soon(notice_late)
            raise ConnectionLostError("the monitor closed")

    with pytest.raises(PartDeathError, match="QEMU ended"):
        await lose_the_connection()


async def test_a_connection_is_served_until_the_end() -> None:
    server = QmpServer({"query-kvm": lambda _: {"enabled": True}})
    # The server ends when its client has gone.
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.serve)
            async with open_services() as services:
                monitor = await services.connect("fake", server.client)
                assert await monitor.execute("query-kvm") == {"enabled": True}
