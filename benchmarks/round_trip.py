# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures round trips: one frame at a time to the guest's echo and back, over our card and its peer in turn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import trio

from benchmarks.guest_nics import GuestNic

BLOCKS = 12
BLOCK = 200
WARM_UP = 100


@dataclass(frozen=True)
class RoundTrip:
    """Microseconds of `count` round trips."""

    card: str
    count: int
    median: float
    p1: float
    p99: float

    @classmethod
    def of(cls, card: str, nanoseconds: Sequence[int]) -> RoundTrip:
        p1, median, p99 = np.percentile(nanoseconds, (1, 50, 99)) / 1e3
        return cls(card, len(nanoseconds), round(float(median), 1), round(float(p1), 1), round(float(p99), 1))


async def measure(nics: Sequence[GuestNic], frame: bytes) -> list[RoundTrip]:
    """Start the echo on all cards, then measure them in blocks, in random order."""
    spent: dict[str, list[int]] = {nic.name: [] for nic in nics}
    for nic in nics:
        await nic.interface.start_echo()
        await trio.to_thread.run_sync(nic.wire.round_trips, frame, WARM_UP)
    for _ in range(BLOCKS):
        for nic in random.sample(nics, len(nics)):
            spent[nic.name] += await trio.to_thread.run_sync(nic.wire.round_trips, frame, BLOCK)
    return [RoundTrip.of(name, times) for name, times in spent.items()]
