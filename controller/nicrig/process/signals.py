# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes SIGTERM and SIGHUP end a run as Ctrl-C does: with an exception, so that all clean-up runs."""

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")


class TerminationError(Exception):
    """The process received SIGTERM or SIGHUP."""


async def stop_on_sigterm(function: Callable[[], Awaitable[T]]) -> T:
    """Await `function()`. Raises TerminationError (in a group) when a signal comes first."""
    async with trio.open_nursery() as nursery:
        await nursery.start(_raise_on_signal)
        result = await function()
        nursery.cancel_scope.cancel()
    return result


async def _raise_on_signal(*, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            raise TerminationError
