# SPDX-License-Identifier: GPL-2.0-or-later
"""More frames than the guest can take: how many reach its stack, and where the others went.

The guest counts and looks at its clock by itself, before and after a time that it sleeps through, so that no agent and
no socket stands between the two.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import trio

from benchmarks.nic import Nic, Statistics
from benchmarks.placement import cpu_seconds

OFFERED = 250_000
"""Frames per second that all cards are compared at: more than any of them takes under TCG."""
ROUNDS = 5
SECONDS = 1.5
WARM_UP_SECONDS = 0.2
SETTLE_SECONDS = 20.0
"""How long a card may go on to deliver what waits on its wire, before the rest counts as missing."""

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
class Round:
    """One flood of one card: its rate in the middle, and the account of all of it."""

    rate: float
    """Frames per second that the guest's driver received."""
    vcpu_share: float
    """Part of that time in which the virtual CPU ran: less than 1 when the guest waits, or others take its core."""
    injected: int
    before: Statistics
    after: Statistics

    @property
    def received(self) -> int:
        return self.after.received - self.before.received

    def grown(self, *names: str) -> int:
        """By how much these counters of `ethtool -S` grew together."""
        return sum(self.after.ethtool[name] - self.before.ethtool[name] for name in names)


@dataclass(frozen=True)
class Case:
    """A card under a load, in frames per second; None is as fast as the card takes them."""

    nic: Nic
    offered: int | None


@dataclass(frozen=True)
class Overload:
    """What became of a case: medians of its rounds, and the sums of their accounts."""

    card: str
    offered: int | None
    rates: tuple[float, ...]
    vcpu_share: float
    vcpu_microseconds: float
    """Time of the virtual CPU for each frame that it received."""
    injected: int
    received: int
    dropped: int

    @property
    def missing(self) -> int:
        """Injected, and neither received nor counted as dropped: 0, or the rate is worth nothing."""
        return self.injected - self.received - self.dropped

    @property
    def rate(self) -> float | None:
        """Frames per second, the median; None when the account does not close."""
        return None if self.missing else statistics.median(self.rates)

    @classmethod
    def of(cls, case: Case, rounds: Sequence[Round]) -> Overload:
        return cls(
            card=case.nic.name,
            offered=case.offered,
            rates=tuple(item.rate for item in rounds),
            vcpu_share=statistics.median(item.vcpu_share for item in rounds),
            vcpu_microseconds=statistics.median(1e6 * item.vcpu_share / item.rate for item in rounds),
            injected=sum(item.injected for item in rounds),
            received=sum(item.received for item in rounds),
            dropped=sum(item.grown(*case.nic.drops) for item in rounds),
        )


@dataclass(frozen=True)
class Effort:
    """What the frames of our card's flat-out rounds cost in events."""

    frames: int
    kicks: int
    interrupts: int
    polls: int

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> Effort:
        names = ("card_kicks", "card_interrupts", "polls")
        return cls(sum(item.received for item in rounds), *(sum(item.grown(name) for item in rounds) for name in names))


async def measure(nics: Sequence[Nic], frame: bytes, vcpu: int) -> tuple[list[Overload], Effort]:
    """Ours flat out, and all at one load, each round in another order; `vcpu` is the thread of the guest's CPU."""
    cases = [Case(nics[0], None), *(Case(nic, OFFERED) for nic in nics)]
    rounds: dict[Case, list[Round]] = {case: [] for case in cases}
    for _ in range(ROUNDS):
        for case in random.sample(cases, len(cases)):
            rounds[case].append(await _flood(case, frame, vcpu))
    return [Overload.of(case, rounds[case]) for case in cases], Effort.of(rounds[cases[0]])


async def _flood(case: Case, frame: bytes, vcpu: int) -> Round:
    before, stop = await case.nic.statistics(), threading.Event()
    injected = 0

    async def inject() -> None:
        nonlocal injected
        injected = await trio.to_thread.run_sync(case.nic.sender.flood, frame, case.offered, stop)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(inject)
        try:
            await trio.sleep(WARM_UP_SECONDS)
            rate, share = await _count(case.nic, vcpu)
        finally:
            stop.set()
    return Round(rate, share, injected, before, await _settled(case.nic, before, injected))


async def _count(nic: Nic, vcpu: int) -> tuple[float, float]:
    """The guest's own rate while it is flooded, and the part of that time in which its CPU ran."""
    begin, ran = time.monotonic(), cpu_seconds(vcpu)
    result = await nic.interface.guest.run(["sh", "-c", _COUNT, nic.interface.name, str(SECONDS)])
    share = (cpu_seconds(vcpu) - ran) / (time.monotonic() - begin)
    frames_before, second_before, frames_after, second_after = map(float, result.stdout.split())
    return (frames_after - frames_before) / (second_after - second_before), share


async def _settled(nic: Nic, before: Statistics, injected: int) -> Statistics:
    """The counters when every injected frame is accounted for, or when it has been waited long enough."""
    deadlines = nic.interface.guest.deadlines
    until = trio.current_time() + SETTLE_SECONDS * deadlines.scale
    while True:
        now = await nic.statistics()
        settled = Round(0, 0, injected, before, now)
        if settled.received + settled.grown(*nic.drops) >= injected or trio.current_time() > until:
            return now
        await trio.sleep(0.1)
