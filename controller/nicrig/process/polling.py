# SPDX-License-Identifier: GPL-2.0-or-later
"""Waits for changes that cause no event, such as a carrier in the guest or the binding of a driver."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")

# A check is a command in the guest and takes milliseconds. More frequent checks would slow down the guest.
PAUSE_SECONDS = 0.05


async def until(check: Callable[[], Awaitable[T | None]], pause: float = PAUSE_SECONDS) -> T:
    """Call `check` until it returns something other than None. The caller sets the deadline."""
    while True:
        found = await check()
        if found is not None:
            return found
        await trio.sleep(pause)
