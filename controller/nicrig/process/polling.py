# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for what nobody tells of: a carrier in the guest, a driver's binding. Events are waited for elsewhere."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")

# A look is a command in the guest and costs it milliseconds: more often would slow down what is awaited.
PAUSE_SECONDS = 0.05


async def until(look: Callable[[], Awaitable[T | None]]) -> T:
    """Look again and again; the first result that is not None. The caller sets the deadline."""
    while True:
        found = await look()
        if found is not None:
            return found
        await trio.sleep(PAUSE_SECONDS)
