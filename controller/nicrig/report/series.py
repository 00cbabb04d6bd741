# SPDX-License-Identifier: GPL-2.0-or-later
"""Rates of events and levels of the rings over time: numbers for plots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nicrig.report.columns import NUMBERS, Run, Seconds, is_card
from nicrig.verifier.events import column_of
from nicrig.verifier.functions import RecordKind
from nicrig.verifier.records import CardDoorbell, CardFrameIn, NdisMIndicateReceivePacket

SLICES = 120
"""How many slices of time a plot has."""
INDEX = 0xFFFF
"""Ring indices run freely modulo 2^16."""
RESOURCES = 0xC000009A
"""The status of a packet that the protocol copies and gives back at once."""

LENGTH = column_of(CardFrameIn, "length")
MOVED = column_of(CardFrameIn, "place")
TRANSMIT, TAIL, HEAD, SIZE = (column_of(CardDoorbell, field) for field in ("transmit", "tail", "head", "size"))
STATUS = column_of(NdisMIndicateReceivePacket, "status")

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Span:
    """A part of the run, in its seconds."""

    begin: float
    end: float

    @property
    def slice(self) -> float:
        """The length of a slice."""
        return (self.end - self.begin) / SLICES

    @property
    def edges(self) -> Seconds:
        return np.linspace(self.begin, self.end, SLICES + 1)


@dataclass(frozen=True)
class Series:
    """The lowest and highest value in each slice; a rate has one value for both."""

    name: str
    low: Values
    high: Values

    @property
    def most(self) -> float:
        return float(self.high.max()) if len(self.high) else 0.0


def traffic(run: Run) -> Span:
    """From the first frame to the last one; all of the run when there are none."""
    frames = run.times[run.which("card.frame_in", "card.frame_out")]
    return _span(frames if len(frames) else run.times)


def driver(run: Run) -> Span:
    """From the driver's first record on; all of the run when there are none."""
    made = run.times[~is_card(run.records)]
    return _span(run.times[run.times >= made.min()] if len(made) else run.times)


def _span(times: Seconds) -> Span:
    """The span of these times, with a margin."""
    begin, end = (float(times.min()), float(times.max())) if len(times) else (0.0, 0.0)
    margin = max((end - begin) / 50, 1e-6)
    return Span(max(0.0, begin - margin), end + margin)


def rate(name: str, run: Run, span: Span, function: str, *, bits: bool = False) -> Series:
    """Events of the card per second; with `bits`, the bits per second of its frames."""
    places = run.which(function)
    weights = run.records[LENGTH][places] * 8.0 if bits else None
    found, _ = np.histogram(run.times[places], span.edges, weights=weights)
    made = found / span.slice
    return Series(name, made, made)


def posted(name: str, run: Run, span: Span, *, transmit: bool) -> Series | None:
    """How many descriptors of a ring are the card's; None for a kind without rings."""
    doorbells = run.which("card.doorbell")
    doorbells = doorbells[run.records[TRANSMIT][doorbells] == int(transmit)]
    if not len(doorbells) or run.records[SIZE][doorbells].max() <= 1:
        return None
    moved = run.which("card.read" if transmit else "card.write")
    if not len(moved):
        moved = run.which("card.frame_out" if transmit else "card.frame_in")
    places = np.sort(np.concatenate([doorbells, moved]))
    level = _levels(run, places)
    return _series(name, run.times[places], level, span)


def _levels(run: Run, places: npt.NDArray[np.intp]) -> Values:
    """Tail minus head after each of these events; the card moves the descriptor at the head."""
    rows = run.records[places]
    tail = size = level = 0
    made = []
    columns = (rows[name].tolist() for name in ("function", TAIL, HEAD, SIZE, MOVED))
    for function, rung, head, entries, moved in zip(*columns, strict=True):
        if function == NUMBERS["card.doorbell"]:
            tail, size, level = rung, entries, (rung - head) & INDEX
        elif (tail - moved - 1) & INDEX <= size:
            level = (tail - moved - 1) & INDEX
        made.append(level)
    return np.array(made, np.float64)


def outstanding(name: str, run: Run, span: Span) -> Series | None:
    """How many sends the driver has not completed."""
    return _balance(
        name, run, span, run.which("MiniportSendPackets", kind=RecordKind.ENTER), run.which("NdisMSendComplete")
    )


def lent(name: str, run: Run, span: Span) -> Series | None:
    """How many receives the protocol has not given back; None when it copies them."""
    given = run.which("NdisMIndicateReceivePacket")
    given = given[run.records[STATUS][given] != RESOURCES]
    back = run.which("MiniportReturnPacket", kind=RecordKind.ENTER)
    return _balance(name, run, span, given, back) if len(back) else None


def _balance(name: str, run: Run, span: Span, more: npt.NDArray[np.intp], less: npt.NDArray[np.intp]) -> Series | None:
    if not len(more):
        return None
    places = np.concatenate([more, less])
    steps = np.concatenate([np.ones(len(more)), -np.ones(len(less))])
    order = np.argsort(places, kind="stable")
    return _series(name, run.times[places[order]], np.maximum(np.cumsum(steps[order]), 0), span)


def _series(name: str, times: Seconds, levels: Values, span: Span) -> Series:
    """The lowest and the highest level in each slice, of levels that hold until the next one."""
    order = np.argsort(times, kind="stable")
    times, levels = times[order], levels[order]
    cuts = np.searchsorted(times, span.edges)
    low, high = np.zeros(SLICES), np.zeros(SLICES)
    for number in range(SLICES):
        first, last = cuts[number], cuts[number + 1]
        held = levels[max(first - 1, 0) : last] if first else np.concatenate([[0.0], levels[:last]])
        low[number], high[number] = held.min(), held.max()
    return Series(name, low, high)
