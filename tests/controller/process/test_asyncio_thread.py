# SPDX-License-Identifier: GPL-2.0-or-later
import asyncio
import threading

import pytest
import trio

from nicrig.process.asyncio_thread import open_asyncio_thread

pytestmark = pytest.mark.anyio


async def test_a_result_comes_back_from_another_thread() -> None:
    async def name_of_thread() -> str:
        return threading.current_thread().name

    async with open_asyncio_thread() as thread:
        assert await thread.run(name_of_thread) == "nicrig-asyncio"


async def test_an_exception_comes_back() -> None:
    async def fail() -> None:
        raise KeyError("lost")

    async with open_asyncio_thread() as thread:
        with pytest.raises(KeyError, match="lost"):
            await thread.run(fail)


async def test_cancellation_waits_for_the_end_of_the_asyncio_task() -> None:
    ended: list[str] = []
    running = trio.Event()

    async with open_asyncio_thread() as thread:

        async def hang() -> None:
            thread.call_trio(running.set)
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cleaned up")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(thread.run, hang)
            await running.wait()
            nursery.cancel_scope.cancel()
        assert ended == ["cleaned up"]


async def test_a_result_despite_cancellation_is_returned() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "done anyway"
        return "never"

    async with open_asyncio_thread() as thread:
        with trio.move_on_after(0.01):
            assert await thread.run(stubborn) == "done anyway"
            return
    pytest.fail("the result was lost")


async def test_no_thread_remains() -> None:
    async with open_asyncio_thread():
        pass
    assert "nicrig-asyncio" not in {thread.name for thread in threading.enumerate()}
