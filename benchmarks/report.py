# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured, as a table for people and as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks import device_alone, overload, round_trip, verifier


@dataclass
class Setting:
    """Where it was measured, and what was pinned."""

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
class Report:
    """The measurements of one run, filled in one by one: what nobody asked for stays None, or empty.

    Rates are frames per second; our card comes first among the cards.
    """

    setting: Setting
    alone: device_alone.Result | None = None
    verifier: verifier.Judged | None = None
    into_guest: Sequence[overload.Overload] = ()
    effort: overload.Effort | None = None
    recorder: Sequence[overload.Overload] = ()
    ledger: Sequence[overload.Overload] = ()
    round_trips: Sequence[round_trip.RoundTrip] = ()

    def json(self) -> str:
        """The object; a rate is null when an account does not close."""
        return msgspec.json.format(msgspec.json.encode(self)).decode() + "\n"

    def lines(self) -> Iterator[str]:
        """The table."""
        setting = self.setting
        yield f"{setting.accelerator}; {setting.cpu}, {setting.cores} cores"
        if self.alone:
            yield from _alone(self.alone)
        if self.verifier:
            yield from _verifier(self.verifier)
        if self.into_guest:
            yield from self._rates()
        if self.effort:
            yield from self._effort(self.effort)
        if self.recorder:
            yield from self._against_off("flight recorder", "recorded", self.recorder)
        if self.ledger:
            yield from self._against_off("ledger of granted memory", "policy", self.ledger)
        if self.round_trips:
            yield from self._round_trips()

    def _rates(self) -> Iterator[str]:
        ours = next(case for case in self.into_guest if case.offered is not None)
        yield ""
        yield f"into the guest: 60-byte frames a second that its driver received, {_rounds(ours)}"
        yield f"  ({self.setting.into_guest})"
        yield _row("card", "offered", "received", "lowest", "highest", "nicrig / it", "vCPU us/frame", "vCPU ran")
        for case in self.into_guest:
            load = "all it takes" if case.offered is None else f"{case.offered:,}"
            ratio = "" if case.card == ours.card else _ratio(ours, case)
            yield _row(case.card, load, *_rate_cells(case), ratio, *_cost_cells(case))
        yield from _accounts("account", self.into_guest)

    def _effort(self, effort: overload.Effort) -> Iterator[str]:
        events = f"{effort.kicks:,} kicks, {effort.interrupts:,} interrupts, {effort.polls:,} polls"
        yield f"  nicrig, all it takes: {effort.frames:,} frames received with {events}"

    def _against_off(self, what: str, heading: str, cases: Sequence[overload.Overload]) -> Iterator[str]:
        """What something costs: each of its cases against the first."""
        off = cases[0]
        yield ""
        yield f"{what}: 60-byte frames a second that nicrig's driver received, {_rounds(off)}"
        yield f"  ({self.setting.into_guest}; {overload.OFFERED:,} offered)"
        yield _row(heading, "received", "lowest", "highest", "it / off", "vCPU us/frame", "vCPU ran", "vCPU off / it")
        for case in cases:
            rate = "" if case is off else _ratio(case, off)
            cost = "" if case is off else f"{off.vcpu_microseconds / case.vcpu_microseconds:.2f}"
            yield _row(case.card, *_rate_cells(case), rate, *_cost_cells(case), cost)
        yield from _accounts("account", cases)

    def _round_trips(self) -> Iterator[str]:
        ours = self.round_trips[0]
        yield ""
        yield f"round trip: one 60-byte frame at a time through the guest's echo, microseconds, {ours.count:,} each"
        yield f"  ({self.setting.round_trips})"
        yield _row("card", "median", "p1", "p99", "nicrig / it")
        for trip in self.round_trips:
            times = (f"{value:,.1f}" for value in (trip.median, trip.p1, trip.p99))
            yield _row(trip.card, *times, "" if trip is ours else f"{ours.median / trip.median:.2f}")


def _alone(alone: device_alone.Result) -> Iterator[str]:
    yield ""
    yield f"card alone: {device_alone.FRAME_BYTES}-byte frames a second to a fake guest, on one core"
    yield f"  {'card':15}{alone.card:12,.0f}"
    yield f"  {'plain Python':15}{alone.loop:12,.0f}  nicrig / it {alone.card / alone.loop:.2f}"


def _verifier(judged: verifier.Judged) -> Iterator[str]:
    stream = f"{judged.records:,} of {verifier.FRAMES:,} mixed frames echoed, {judged.lost:,} lost"
    yield ""
    yield f"verifier: records a second, on one core, median of {verifier.ROUNDS} rounds"
    yield f"  ({stream}; {judged.broken:,} violations)"
    yield f"  {'raw to verdict':15}{judged.to_verdict:12,.0f}"
    yield f"  {'judging alone':15}{judged.judging:12,.0f}"
    yield f"  {'plain counting':15}{judged.loop:12,.0f}  judging / it {judged.judging / judged.loop:.2f}"
    part, whole = judged.peak_part, judged.peak_whole
    yield (
        f"  {'peak of memory':15}{part / MEBIBYTE:12.1f} MiB for 1/{verifier.PARTS} of it, "
        f"{whole / MEBIBYTE:.1f} MiB for all of it: {whole / part:.2f}"
    )


def _rounds(case: overload.Overload) -> str:
    return f"median of {len(case.rates)} rounds of {overload.SECONDS} s in random order"


def _accounts(title: str, cases: Sequence[overload.Overload]) -> Iterator[str]:
    yield _row(title, "injected", "= received", "+ dropped", "+ missing")
    for case in cases:
        counts = (case.injected, case.received, case.dropped, case.missing)
        yield _row(case.card, *(f"{count:,}" for count in counts))


def _cost_cells(case: overload.Overload) -> tuple[str, str]:
    return (f"{case.vcpu_microseconds:.2f}", f"{case.vcpu_share:.0%}")


def _rate_cells(case: overload.Overload) -> tuple[str, str, str]:
    if case.rate is None:
        return ("no account", "", "")
    return (f"{case.rate:,.0f}", f"{min(case.rates):,}", f"{max(case.rates):,}")


def _ratio(one: overload.Overload, other: overload.Overload) -> str:
    """Of the rates, at equal load; empty where there is nothing to compare."""
    return f"{one.rate / other.rate:.2f}" if one.rate and other.rate else ""


def _row(name: str, *cells: str) -> str:
    return f"  {name:15}" + "".join(f"{cell:>14}" for cell in cells)
