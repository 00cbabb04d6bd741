# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs an asynchronous function from a synchronous test or fixture."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import trio

T = TypeVar("T")


def run_apart(function: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """The result of `function`, from a loop in a thread of its own: this thread's loop may hold machines already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(trio.run, function, *arguments).result()
