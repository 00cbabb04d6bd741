# SPDX-License-Identifier: GPL-2.0-or-later
"""The verifier on one core: events of a clean bus-master miniport with frames both ways, judged in batches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from controller.verifier.events import Event
from controller.verifier.judge import Verifier
from tests.controller.verifier.drivers import BusMaster

RING = 256
ARRAY = 64
ARRAYS = 80
BATCH = 4096


@dataclass(frozen=True, slots=True)
class Result:
    """Events per second, the median of the rounds, and the violations, of which there are none."""

    events: float
    violations: int


def _stream() -> tuple[list[Event], list[Event]]:
    """What comes before the frames, and what the frames bring."""
    driver = BusMaster(size=RING)
    driver.initialize()
    begin = len(driver.events)
    for _ in range(ARRAYS):
        driver.traffic(ARRAY)
    return driver.events[:begin], driver.events[begin:]


def measure(rounds: int = 5) -> Result:
    before, frames = _stream()
    batches = [frames[first : first + BATCH] for first in range(0, len(frames), BATCH)]
    rates, violations = [], 0
    for _ in range(rounds):
        verifier = Verifier()
        verifier.feed(before)
        begin = time.perf_counter()
        for batch in batches:
            verifier.feed(batch)
        rates.append(len(frames) / (time.perf_counter() - begin))
        violations += sum(verifier.verdict.counts.values())
    return Result(median(rates), violations)
