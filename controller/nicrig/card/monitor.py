# SPDX-License-Identifier: GPL-2.0-or-later
"""A short connection to the monitor of a running card."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from nicrig.errors import RigError, cause
from nicrig.process.asyncio_thread import open_asyncio_thread
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp, serve_qmp
from nicrig.rundir.paths import RigPaths
from nicrig_interface.answers import CardState, RecorderLayout

TAKEN = "rx_frames"
DROPS = ("rx_no_buffer", "rx_disabled", "rx_link_down", "rx_too_long", "rx_too_short")
"""The counters of frames that the card drops by its contract."""
REFUSED = "rx_refused"
"""The counter of frames that the card drops because it refuses the driver's descriptor.

One of all these counters grows by one for each frame that comes from the wire."""
COUNTERS = frozenset((TAKEN, *DROPS, REFUSED, "rx_bytes", "tx_frames", "tx_bytes", "interrupts", "kicks", "resets"))
"""All counters that the controller uses by name."""


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
    return await monitor.ask("query-recorder", RecorderLayout)


async def card_state(monitor: Qmp) -> CardState:
    """What the card says of itself. Raises ConnectionLostError when the card ends."""
    return await monitor.ask("query-card", CardState)


async def counters(monitor: Qmp) -> dict[str, int]:
    """The card's counters by the datasheet's names (section 11). Raises ConnectionLostError when the card ends."""
    found = await monitor.ask("query-counters", dict[str, int])
    if missing := COUNTERS - found.keys():
        raise RigError(f"{monitor.name} has no counter {', '.join(sorted(missing))}: start the card with this nicrig")
    return found
