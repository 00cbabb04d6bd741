# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGTERM ends a run as Ctrl-C does: by an exception that everything's clean-up sees."""

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")


class TerminationError(Exception):
    """The process was told to end by SIGTERM or SIGHUP."""


async def stop_on_sigterm(function: Callable[[], Awaitable[T]]) -> T:
    """Await `function()`; raises TerminationError (in a group) when a signal comes first."""
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
