# SPDX-License-Identifier: GPL-2.0-or-later
"""One worker thread with an asyncio loop for qemu.qmp, which supports only asyncio.

trio calls into the thread and waits. No trio code runs in it, and no asyncio code runs outside it.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio

T = TypeVar("T")


class AsyncioThread:
    """A running asyncio loop. `open_asyncio_thread` makes it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._token = trio.lowlevel.current_trio_token()
        self._thread = threading.Thread(target=self.loop.run_forever, name="nicrig-asyncio", daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Await `function()` in the thread. Returns its result or raises its exception.

        On cancellation this cancels the asyncio task and waits for its end, so no task outlives its caller.
        """
        waiter = trio.lowlevel.current_task()
        raise_cancelled: Callable[[], object] | None = None
        task: asyncio.Task[T] | None = None

        def start() -> None:
            nonlocal task
            task = self.loop.create_task(function())
            task.add_done_callback(lambda _: self.call_trio(trio.lowlevel.reschedule, waiter))

        def abort(raise_it: Callable[[], object]) -> trio.lowlevel.Abort:
            nonlocal raise_cancelled
            raise_cancelled = raise_it
            # This call queues behind start(), so the task exists by then. If it still ends with a result, we return it.
            self.loop.call_soon_threadsafe(lambda: task is not None and task.cancel())
            return trio.lowlevel.Abort.FAILED

        await trio.lowlevel.checkpoint_if_cancelled()
        self.loop.call_soon_threadsafe(start)
        await trio.lowlevel.wait_task_rescheduled(abort)
        assert task is not None, "start() ran before the task could end"
        if raise_cancelled is not None and task.cancelled():
            raise_cancelled()
        return task.result()

    def call_trio(self, function: Callable[..., object], *args: object) -> None:
        """Call `function(*args)` soon in trio's thread. For use in the asyncio thread."""
        self._token.run_sync_soon(function, *args)

    async def close(self) -> None:
        """Stop the loop and end the thread. First close everything that runs in it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._thread.join)
        self.loop.close()


@asynccontextmanager
async def open_asyncio_thread() -> AsyncIterator[AsyncioThread]:
    thread = AsyncioThread()
    try:
        yield thread
    finally:
        await thread.close()
