# SPDX-License-Identifier: GPL-2.0-or-later
"""More frames than the guest can take: how many reach its stack, and where the others went.

The guest counts and looks at its clock by itself, before and after a time that it sleeps through, so that no agent and
no socket stands between the two.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import trio

from benchmarks.nic import Counts, Nic
from benchmarks.placement import cpu_seconds
from nicrig.process.polling import PAUSE_SECONDS

OFFERED = 300_000
"""Frames per second at which all cards are compared: more than any takes under TCG, and not so many more that the
queue of those that never drop takes long to drain."""
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

    rate: int
    """Frames per second that the guest's driver received."""
    vcpu_share: float
    """Part of that time in which the virtual CPU ran: less than 1 when the guest waits, or others take its core."""
    injected: int
    counts: Counts
    """By how much they grew until nothing was under way any more."""

    @property
    def missing(self) -> int:
        """Injected, and neither received nor counted as dropped."""
        return self.injected - self.counts.received - self.counts.dropped


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
    rate: float | None
    """The median of `rates`. None, and no rates, when the account of any round does not close."""
    rates: tuple[int, ...]
    vcpu_share: float
    vcpu_microseconds: float
    """Time of the virtual CPU for each frame that it received."""
    injected: int
    received: int
    dropped: int
    missing: int

    @classmethod
    def of(cls, card: str, offered: int | None, rounds: Sequence[Round]) -> Overload:
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
class Effort:
    """What the frames of our card's flat-out rounds cost in events."""

    frames: int
    kicks: int
    interrupts: int
    polls: int

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> Effort:
        def total(name: str) -> int:
            return sum(item.counts.ethtool[name] for item in rounds)

        frames = sum(item.counts.received for item in rounds)
        return cls(frames, total("card_kicks"), total("card_interrupts"), total("polls"))


async def measure(nics: Sequence[Nic], frame: bytes, vcpu: int) -> tuple[list[Overload], Effort]:
    """Ours flat out, and all at one load, each round in another order; `vcpu` is the thread of the guest's CPU."""
    cases = [Case(nics[0], None), *(Case(nic, OFFERED) for nic in nics)]
    rounds: dict[Case, list[Round]] = {case: [] for case in cases}
    for _ in range(ROUNDS):
        for case in random.sample(cases, len(cases)):
            rounds[case].append(await flood(case, frame, vcpu))
    outcomes = [Overload.of(case.nic.name, case.offered, rounds[case]) for case in cases]
    return outcomes, Effort.of(rounds[cases[0]])


async def flood(case: Case, frame: bytes, vcpu: int) -> Round:
    """Flood one card for a while; its rate, and the account when nothing is under way any more."""
    before, stop = await case.nic.counts(), threading.Event()
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
    return Round(rate, share, injected, await _settled(case.nic, before, injected))


async def _count(nic: Nic, vcpu: int) -> tuple[int, float]:
    """The guest's own rate while it is flooded, and the part of that time in which its CPU ran."""
    begin, ran = time.monotonic(), cpu_seconds(vcpu)
    result = await nic.interface.guest.run(["sh", "-c", _COUNT, nic.interface.name, str(SECONDS)])
    share = (cpu_seconds(vcpu) - ran) / (time.monotonic() - begin)
    frames_before, second_before, frames_after, second_after = map(float, result.stdout.split())
    return round((frames_after - frames_before) / (second_after - second_before)), share


async def _settled(nic: Nic, before: Counts, injected: int) -> Counts:
    """How the counts have grown when every injected frame is accounted for, or when that takes too long."""
    until = trio.current_time() + SETTLE_SECONDS * nic.interface.guest.deadlines.scale
    while True:
        grown = await nic.counts() - before
        if grown.received + grown.dropped >= injected or trio.current_time() > until:
            return grown
        await trio.sleep(PAUSE_SECONDS)
