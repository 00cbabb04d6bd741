# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor of a card that runs, for whoever only wants to ask it something."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from controller.asyncio_thread import open_asyncio_thread
from controller.deadlines import Deadlines
from controller.errors import RigError, cause
from controller.place import Place
from controller.qmp import Qmp, serve_qmp


@asynccontextmanager
async def card_monitor(place: Place) -> AsyncIterator[Qmp]:
    """Connected to the monitor of the card at `place`. Raises RigError when no card answers there."""
    deadlines = Deadlines()
    if not place.monitor.is_socket():
        raise RigError(f"no card serves at {place.folder}: start one with nicrig serve --sockets {place.folder}")
    try:
        async with open_asyncio_thread() as thread, trio.open_nursery() as nursery:
            with deadlines.limit(deadlines.monitor, f"the card to answer at {place.monitor}"):
                monitor = await nursery.start(serve_qmp, "the card's monitor", place.monitor, thread)
            yield monitor
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise cause(group) from None
