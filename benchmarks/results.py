# SPDX-License-Identifier: GPL-2.0-or-later
"""The results of a run, as a table and as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks import card_alone, overload, round_trip, verifier_speed


@dataclass
class Environment:
    """The machine, and how the parts were pinned to its cores."""

    accelerator: Literal["kvm", "tcg"]
    cpu: str
    cores: int
    into_guest: str = ""
    round_trips: str = ""


MEBIBYTE = 1 << 20


def cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown CPU")


@dataclass
class Results:
    """The results of one run, filled in part by part. Parts that were not measured stay None or empty.

    Rates are in frames per second. Our card comes first among the cards.
    """

    setting: Environment
    alone: card_alone.CardSpeed | None = None
    verifier: verifier_speed.VerifierSpeed | None = None
    into_guest: Sequence[overload.FloodResult] = ()
    effort: overload.EventCounts | None = None
    recorder: Sequence[overload.FloodResult] = ()
    ledger: Sequence[overload.FloodResult] = ()
    round_trips: Sequence[round_trip.RoundTrip] = ()

    def json(self) -> str:
        """The JSON object. A rate is null if frames are missing."""
        return msgspec.json.format(msgspec.json.encode(self)).decode() + "\n"

    def lines(self) -> Iterator[str]:
        """The table, line by line."""
        setting = self.setting
        yield f"{setting.accelerator}; {setting.cpu}, {setting.cores} cores"
        if self.alone:
            yield from _alone(self.alone)
        if self.verifier:
            yield from _verifier(self.verifier)
        if self.into_guest:
            yield from self._overload()
        if self.effort:
            yield from self._events(self.effort)
        if self.recorder:
            yield from self._against_off("flight recorder", "recorded", self.recorder)
        if self.ledger:
            yield from self._against_off("ledger of granted memory", "policy", self.ledger)
        if self.round_trips:
            yield from self._round_trips()

    def _overload(self) -> Iterator[str]:
        ours = next(case for case in self.into_guest if case.offered is not None)
        yield ""
        yield f"overload: 60-byte frames per second that the guest's driver received, {_rounds(ours)}"
        yield f"  ({self.setting.into_guest})"
        yield _row("card", "offered", "received", "lowest", "highest", "nicrig / row", "vCPU us/frame", "vCPU ran")
        for case in self.into_guest:
            load = "flat out" if case.offered is None else f"{case.offered:,}"
            ratio = "" if case.card == ours.card else _ratio(ours, case)
            yield _row(case.card, load, *_rate_cells(case), ratio, *_cost_cells(case))
        yield from _counts(self.into_guest)

    def _events(self, effort: overload.EventCounts) -> Iterator[str]:
        events = f"{effort.kicks:,} kicks, {effort.interrupts:,} interrupts, {effort.polls:,} polls"
        yield f"  nicrig, flat out: {effort.frames:,} frames received with {events}"

    def _against_off(self, title: str, heading: str, cases: Sequence[overload.FloodResult]) -> Iterator[str]:
        """The cost of something: each case compared to the first, "off"."""
        off = cases[0]
        yield ""
        yield f"{title}: 60-byte frames per second that nicrig's driver received, {_rounds(off)}"
        yield f"  ({self.setting.into_guest}; {overload.OFFERED:,} offered)"
        yield _row(heading, "received", "lowest", "highest", "row / off", "vCPU us/frame", "vCPU ran", "CPU off / row")
        for case in cases:
            rate = "" if case is off else _ratio(case, off)
            cost = "" if case is off else f"{off.vcpu_microseconds / case.vcpu_microseconds:.2f}"
            yield _row(case.card, *_rate_cells(case), rate, *_cost_cells(case), cost)
        yield from _counts(cases)

    def _round_trips(self) -> Iterator[str]:
        ours = self.round_trips[0]
        yield ""
        yield f"round trip: one 60-byte frame at a time through the guest's echo, microseconds, {ours.count:,} each"
        yield f"  ({self.setting.round_trips})"
        yield _row("card", "median", "p1", "p99", "nicrig / row")
        for trip in self.round_trips:
            times = (f"{value:,.1f}" for value in (trip.median, trip.p1, trip.p99))
            yield _row(trip.card, *times, "" if trip is ours else f"{ours.median / trip.median:.2f}")


def _alone(alone: card_alone.CardSpeed) -> Iterator[str]:
    yield ""
    yield f"card alone: {card_alone.FRAME_BYTES}-byte frames per second to a fake guest, on one core"
    yield f"  {'card':15}{alone.card:12,.0f}"
    yield f"  {'plain Python':15}{alone.loop:12,.0f}  nicrig / row {alone.card / alone.loop:.2f}"


def _verifier(speed: verifier_speed.VerifierSpeed) -> Iterator[str]:
    source = f"{speed.records:,} records of {verifier_speed.FRAMES:,} echoed frames, {speed.lost:,} lost"
    yield ""
    yield f"verifier: records per second on one core, median of {verifier_speed.ROUNDS} rounds"
    yield f"  ({source}; {speed.broken:,} violations)"
    yield f"  {'raw to verdict':15}{speed.to_verdict:12,.0f}"
    yield f"  {'judging alone':15}{speed.judging:12,.0f}"
    yield f"  {'plain counting':15}{speed.loop:12,.0f}  judging / row {speed.judging / speed.loop:.2f}"
    part, whole = speed.peak_part, speed.peak_whole
    yield (
        f"  {'peak memory':15}{part / MEBIBYTE:12.1f} MiB for 1/{verifier_speed.PARTS} of them, "
        f"{whole / MEBIBYTE:.1f} MiB for all of them: {whole / part:.2f}"
    )


def _rounds(case: overload.FloodResult) -> str:
    return f"median of {len(case.rates)} rounds of {overload.SECONDS} s in random order"


def _counts(cases: Sequence[overload.FloodResult]) -> Iterator[str]:
    yield _row("frames", "injected", "= received", "+ dropped", "+ missing")
    for case in cases:
        counts = (case.injected, case.received, case.dropped, case.missing)
        yield _row(case.card, *(f"{count:,}" for count in counts))


def _cost_cells(case: overload.FloodResult) -> tuple[str, str]:
    return (f"{case.vcpu_microseconds:.2f}", f"{case.vcpu_share:.0%}")


def _rate_cells(case: overload.FloodResult) -> tuple[str, str, str]:
    if case.rate is None:
        return ("miscounted", "", "")
    return (f"{case.rate:,.0f}", f"{min(case.rates):,}", f"{max(case.rates):,}")


def _ratio(one: overload.FloodResult, other: overload.FloodResult) -> str:
    """The ratio of the rates, at equal load. Empty if either rate is missing."""
    return f"{one.rate / other.rate:.2f}" if one.rate and other.rate else ""


def _row(name: str, *cells: str) -> str:
    return f"  {name:15}" + "".join(f"{cell:>14}" for cell in cells)
