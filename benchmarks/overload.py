# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends more frames than the guest can take, and counts how many its stack gets and where the others end.

One script in the guest reads the counter and the clock, sleeps, and reads both again. So neither the guest agent nor
a socket delays the measurement.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import trio

from benchmarks.guest_nics import Counts, GuestNic
from benchmarks.pinning import cpu_seconds
from nicrig.process.polling import PAUSE_SECONDS

OFFERED = 300_000
"""Frames per second at which all cards are compared. No card takes as many under TCG. Much more would leave a long
queue behind the cards that never drop."""
ROUNDS = 5
SECONDS = 1.5
WARM_UP_SECONDS = 0.2
SETTLE_SECONDS = 20.0
"""How long a card may take to deliver the frames that wait on its wire. The rest then counts as missing."""

# /proc/uptime counts hundredths.
_COUNT = """
read -r before < "/sys/class/net/$0/statistics/rx_packets"
read -r begin rest < /proc/uptime
sleep "$1"
read -r after < "/sys/class/net/$0/statistics/rx_packets"
read -r end rest < /proc/uptime
echo "$before $begin $after $end"
"""


@dataclass(frozen=True)
class FloodRound:
    """One flood of one card: the rate in its middle, and the counts of the whole flood."""

    rate: int
    """Frames per second that the guest's driver received."""
    vcpu_share: float
    """Fraction of that time in which the virtual CPU ran. Less than 1 if the guest waited or shared its core."""
    injected: int
    counts: Counts
    """How much the counters grew until no frame was on its way."""

    @property
    def missing(self) -> int:
        """Frames that were injected, but neither received nor counted as dropped. Negative if there are too many."""
        return self.injected - self.counts.received - self.counts.dropped


@dataclass(frozen=True)
class Case:
    """A card and a load in frames per second. None means as fast as the card takes them."""

    nic: GuestNic
    offered: int | None


@dataclass(frozen=True)
class FloodResult:
    """The result of one case: medians of its rounds, and sums of their counts."""

    card: str
    offered: int | None
    rate: float | None
    """The median of `rates`. None, and no rates, if frames are missing in any round."""
    rates: tuple[int, ...]
    vcpu_share: float
    vcpu_microseconds: float
    """Time of the virtual CPU per received frame."""
    injected: int
    received: int
    dropped: int
    missing: int

    @classmethod
    def of(cls, card: str, offered: int | None, rounds: Sequence[FloodRound]) -> FloodResult:
        rates = () if any(item.missing for item in rounds) else tuple(item.rate for item in rounds)
        costs = [1e6 * item.vcpu_share / max(1, item.rate) for item in rounds]
        return cls(
            card=card,
            offered=offered,
            rate=median(rates) if rates else None,
            rates=rates,
            vcpu_share=round(median(item.vcpu_share for item in rounds), 3),
            vcpu_microseconds=round(median(costs), 3),
            injected=sum(item.injected for item in rounds),
            received=sum(item.counts.received for item in rounds),
            dropped=sum(item.counts.dropped for item in rounds),
            missing=sum(item.missing for item in rounds),
        )


@dataclass(frozen=True)
class EventCounts:
    """The events that the frames of our card's flat-out rounds caused."""

    frames: int
    kicks: int
    interrupts: int
    polls: int

    @classmethod
    def of(cls, rounds: Sequence[FloodRound]) -> EventCounts:
        def total(name: str) -> int:
            return sum(item.counts.ethtool[name] for item in rounds)

        frames = sum(item.counts.received for item in rounds)
        return cls(frames, total("card_kicks"), total("card_interrupts"), total("polls"))


async def measure(nics: Sequence[GuestNic], frame: bytes, vcpu: int) -> tuple[list[FloodResult], EventCounts]:
    """Measure our card flat out, then every card at one load. Each round takes the cases in another order.

    `vcpu` is the thread id of the guest's CPU.
    """
    cases = [Case(nics[0], None), *(Case(nic, OFFERED) for nic in nics)]
    rounds: dict[Case, list[FloodRound]] = {case: [] for case in cases}
    for _ in range(ROUNDS):
        for case in random.sample(cases, len(cases)):
            rounds[case].append(await flood(case, frame, vcpu))
    results = [FloodResult.of(case.nic.name, case.offered, rounds[case]) for case in cases]
    return results, EventCounts.of(rounds[cases[0]])


async def flood(case: Case, frame: bytes, vcpu: int) -> FloodRound:
    """Flood one card for a while. Returns its rate, and its counts once no frame is on its way."""
    before, stop = await case.nic.counts(), threading.Event()
    injected = 0

    async def inject() -> None:
        nonlocal injected
        injected = await trio.to_thread.run_sync(case.nic.wire.flood, frame, case.offered, stop)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(inject)
        try:
            await trio.sleep(WARM_UP_SECONDS)
            rate, share = await _count(case.nic, vcpu)
        finally:
            stop.set()
    return FloodRound(rate, share, injected, await _settled(case.nic, before, injected))


async def _count(nic: GuestNic, vcpu: int) -> tuple[int, float]:
    """The rate that the guest measures during the flood, and the fraction of that time in which its CPU ran."""
    begin, ran = time.monotonic(), cpu_seconds(vcpu)
    result = await nic.interface.guest.run(["sh", "-c", _COUNT, nic.interface.name, str(SECONDS)])
    share = (cpu_seconds(vcpu) - ran) / (time.monotonic() - begin)
    frames_before, second_before, frames_after, second_after = map(float, result.stdout.split())
    return round((frames_after - frames_before) / (second_after - second_before)), share


async def _settled(nic: GuestNic, before: Counts, injected: int) -> Counts:
    """How much the counts grew. Waits until they include every injected frame, or for SETTLE_SECONDS."""
    until = trio.current_time() + SETTLE_SECONDS * nic.interface.guest.deadlines.scale
    while True:
        grown = await nic.counts() - before
        if grown.received + grown.dropped >= injected or trio.current_time() > until:
            return grown
        await trio.sleep(PAUSE_SECONDS)
