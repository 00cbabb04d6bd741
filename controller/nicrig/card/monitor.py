# SPDX-License-Identifier: GPL-2.0-or-later
"""A short connection to the monitor of a running card."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import trio

from nicrig.errors import RigError, cause
from nicrig.process.asyncio_thread import open_asyncio_thread
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp, serve_qmp
from nicrig.rundir.paths import RigPaths
from nicrig_interface.answers import RecorderLayout


@asynccontextmanager
async def card_monitor(paths: RigPaths) -> AsyncIterator[Qmp]:
    """Connect to the monitor of the card at `paths`. Raises RigError when no card answers there."""
    deadlines = Deadlines()
    if not paths.monitor.is_socket():
        raise RigError(f"no card serves at {paths.folder}: start one with nicrig serve --sockets {paths.folder}")
    try:
        async with open_asyncio_thread() as thread, trio.open_nursery() as nursery:
            with deadlines.limit(deadlines.monitor, f"the card to answer at {paths.monitor}"):
                monitor = await nursery.start(serve_qmp, "the card's monitor", paths.monitor, thread)
            yield monitor
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise cause(group) from None


async def recorder_layout(monitor: Qmp) -> RecorderLayout:
    """Where the card's flight recorder is. Raises ConnectionLostError when the card ends."""
    return msgspec.convert(await monitor.execute("query-recorder"), RecorderLayout)
