# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured, as a table for people and as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks import device_alone, judge, overload, round_trip


@dataclass(frozen=True)
class Setting:
    """Where it was measured, and what was pinned."""

    accelerator: str
    cpu: str
    cores: int
    into_guest: str
    round_trips: str


def cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown CPU")


@dataclass(frozen=True)
class Report:
    """The measurements of one run. Rates are frames per second; our card comes first among the cards."""

    setting: Setting
    alone: device_alone.Result
    judge: judge.Result
    into_guest: Sequence[overload.Overload]
    effort: overload.Effort
    round_trips: Sequence[round_trip.RoundTrip]

    def json(self) -> str:
        """The object; a rate is null when an account does not close."""
        return msgspec.json.format(msgspec.json.encode(self)).decode() + "\n"

    def lines(self) -> Iterator[str]:
        """The table."""
        setting = self.setting
        yield f"{setting.accelerator}; {setting.cpu}, {setting.cores} cores"
        yield from self._alone()
        yield from self._judge()
        yield from self._rates()
        yield from self._accounts()
        yield from self._round_trips()

    def _alone(self) -> Iterator[str]:
        yield ""
        yield f"card alone: {device_alone.FRAME_BYTES}-byte frames a second to a fake guest, on one core"
        yield f"  {'card':15}{self.alone.card:12,.0f}"
        yield f"  {'plain Python':15}{self.alone.loop:12,.0f}  nicrig / it {self.alone.card / self.alone.loop:.2f}"

    def _judge(self) -> Iterator[str]:
        yield ""
        yield "verifier: events of a clean driver's stream judged a second, on one core"
        yield f"  {'verifier':15}{self.judge.events:12,.0f}  with {self.judge.violations} violations"

    def _rates(self) -> Iterator[str]:
        ours = next(case for case in self.into_guest if case.offered is not None)
        rounds = f"{len(ours.rates)} rounds of {overload.SECONDS} s in random order"
        yield ""
        yield f"into the guest: 60-byte frames a second that its driver received, median of {rounds}"
        yield f"  ({self.setting.into_guest})"
        yield _row("card", "offered", "received", "lowest", "highest", "nicrig / it", "vCPU us/frame", "vCPU ran")
        for case in self.into_guest:
            load = "all it takes" if case.offered is None else f"{case.offered:,}"
            cost = (f"{case.vcpu_microseconds:.2f}", f"{case.vcpu_share:.0%}")
            yield _row(case.card, load, *_rate_cells(case), _ratio(ours, case), *cost)

    def _accounts(self) -> Iterator[str]:
        yield _row("account", "injected", "= received", "+ dropped", "+ missing")
        for case in self.into_guest:
            counts = (case.injected, case.received, case.dropped, case.missing)
            yield _row(case.card, *(f"{count:,}" for count in counts))
        effort = self.effort
        events = f"{effort.kicks:,} kicks, {effort.interrupts:,} interrupts, {effort.polls:,} polls"
        yield f"  nicrig, all it takes: {effort.frames:,} frames received with {events}"

    def _round_trips(self) -> Iterator[str]:
        ours = self.round_trips[0]
        yield ""
        yield f"round trip: one 60-byte frame at a time through the guest's echo, microseconds, {ours.count:,} each"
        yield f"  ({self.setting.round_trips})"
        yield _row("card", "median", "p1", "p99", "nicrig / it")
        for trip in self.round_trips:
            times = (f"{value:,.1f}" for value in (trip.median, trip.p1, trip.p99))
            yield _row(trip.card, *times, "" if trip is ours else f"{ours.median / trip.median:.2f}")


def _rate_cells(case: overload.Overload) -> tuple[str, str, str]:
    if case.rate is None:
        return ("no account", "", "")
    return (f"{case.rate:,.0f}", f"{min(case.rates):,}", f"{max(case.rates):,}")


def _ratio(ours: overload.Overload, case: overload.Overload) -> str:
    """At equal load; empty where there is nothing to compare."""
    if case.card == ours.card or not ours.rate or not case.rate:
        return ""
    return f"{ours.rate / case.rate:.2f}"


def _row(name: str, *cells: str) -> str:
    return f"  {name:15}" + "".join(f"{cell:>14}" for cell in cells)
