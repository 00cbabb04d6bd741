# SPDX-License-Identifier: GPL-2.0-or-later
"""The tasks that serve and watch the parts of a rig, and what ends the parts."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from socket import socket

import trio

from nicrig.errors import ConnectionLostError, cause
from nicrig.process.asyncio_thread import AsyncioThread, open_asyncio_thread
from nicrig.process.qmp import Qmp, serve_qmp

# After a connection broke, how long to wait for the death that broke it: that death is what the user wants to read.
POST_MORTEM_SECONDS = 1.0


class Services:
    """`nursery` runs the tasks. `closing` ends the parts, the last started first, before the tasks are cancelled."""

    def __init__(self, thread: AsyncioThread, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.closing = AsyncExitStack()
        self._thread = thread

    async def connect(self, name: str, address: Path | socket, *, agent: bool = False) -> Qmp:
        """Connect to a QMP server, see `serve_qmp`. Raises ConnectionLostError when nothing answers there."""
        serve = partial(serve_qmp, name, address, self._thread, agent=agent)
        connected: Qmp = await self.nursery.start(serve)
        return connected


@asynccontextmanager
async def open_services() -> AsyncIterator[Services]:
    """Serve and watch parts in this block; at its end all of them are ended.

    A task that fails cancels the block, and its exception leaves the block: PartDeathError when a part died.
    """
    try:
        async with open_asyncio_thread() as thread, trio.open_nursery() as nursery:
            services = Services(thread, nursery)
            try:
                yield services
            except ConnectionLostError:
                with trio.move_on_after(POST_MORTEM_SECONDS):
                    await trio.sleep_forever()
                raise
            finally:
                with trio.CancelScope(shield=True):
                    await services.closing.aclose()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise cause(group) from None
