# SPDX-License-Identifier: GPL-2.0-or-later
"""A recording in memory: its verdict, and its events as columns, because a run may have millions of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nicrig.errors import RecordingError
from nicrig.report.clock import Clock, fit
from nicrig.verdict.offline import PART, OfflineVerdict, judge
from nicrig.verifier.constants import DEVICE_BUS_MASTER, DEVICE_NON_DMA, DEVICE_SUBORDINATE
from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import CARD_EVENTS, Event, column_of
from nicrig.verifier.functions import BY_NAME, RecordKind
from nicrig.verifier.records import MiniportInitialize

MOST_RECORDS = 4_000_000
"""Most records of a page: about 400 MB of columns."""
NAMES = (*BY_NAME, *CARD_EVENTS)
NUMBERS = {name: number for number, name in enumerate(NAMES)}
COLUMNS = np.dtype(
    [
        *(("sequence", "<u8"), ("function", "<u2"), ("kind", "u1"), ("phase", "u1")),
        *(("irql", "u1"), ("locks", "u1"), ("cpu", "<u2"), ("time", "<i8")),
        *((name, "<u8") for name in Event._fields[8:-1]),
        ("site", "<u4"),
    ]
)
"""An Event's fields in its order; `function` is an index of NAMES, `site` one of Run.sites."""
DEVICE = column_of(MiniportInitialize, "device")
KINDS = {DEVICE_BUS_MASTER: "bus-master", DEVICE_SUBORDINATE: "subordinate", DEVICE_NON_DMA: "non-dma"}

Records = npt.NDArray[Any]
Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """`records` are in the recorder's order, `times` are theirs in seconds since the run began."""

    path: Path
    judged: OfflineVerdict
    records: Records
    sites: list[str]
    clock: Clock
    times: Seconds

    def which(self, *names: str, kind: int = RecordKind.CALL) -> npt.NDArray[np.intp]:
        """The indices of the records of these functions, in order."""
        wanted = np.isin(self.records["function"], [NUMBERS[name] for name in names])
        return np.flatnonzero(wanted & (self.records["kind"] == kind))

    def event(self, place: int) -> Event:
        """The record at this index, as the verifier takes it."""
        sequence, function, *rest, site = self.records[place].tolist()
        return make_event(sequence, NAMES[function], *rest, self.sites[site])

    def places_of(self, events: Iterable[Event]) -> npt.NDArray[np.intp]:
        """The indices of these events, in order."""
        wanted = {(event.sequence, NUMBERS[event.function]) for event in events}
        maybe = np.flatnonzero(np.isin(self.records["sequence"], [sequence for sequence, _ in wanted]))
        rows = self.records[maybe]
        keys = zip(rows["sequence"].tolist(), rows["function"].tolist(), strict=True)
        return maybe[np.array([key in wanted for key in keys], np.bool_)]

    @property
    def kind(self) -> str:
        """The kind of card that the driver found."""
        begun = self.which("MiniportInitialize", kind=RecordKind.ENTER)
        found = sorted({int(device) for device in self.records[DEVICE][begun]})
        return ", ".join(KINDS.get(device, f"{device:#x}") for device in found) or "not recorded"


def read_run(path: Path) -> Run:
    """Read and judge a recording. Raises RecordingError for a file that is not a recording."""
    parts: list[Records] = [np.zeros(0, COLUMNS)]
    sites: dict[str, int] = {}

    def see(part: list[Event]) -> None:
        parts.append(columns(part, sites))
        if (len(parts) - 1) * PART > MOST_RECORDS:
            raise RecordingError(f"{path}: a page shows {MOST_RECORDS} records at most: use nicrig verify")

    try:
        judged = judge(path, see)
    except OverflowError:
        raise RecordingError(f"{path}: a number in a record is too large for a recorder's") from None
    return made_run(path, judged, np.concatenate(parts), list(sites))


def made_run(path: Path, judged: OfflineVerdict, records: Records, sites: list[str]) -> Run:
    """A run of these records; `sites` are their call sites."""
    card = is_card(records)
    clock = fit(records["time"], card, np.isin(records["function"], [NUMBERS[name] for name in PROMPT]))
    times = clock.seconds(records["time"], card)
    return Run(path, judged, records, sites, clock, times - (times.min() if len(times) else 0))


PROMPT = ("card.register", "card.doorbell", "card.interrupt", "card.link")
"""What the card records when it happens; all other events have the time at which their batch ended."""


def columns(events: list[Event], sites: dict[str, int]) -> Records:
    """These events as columns. Their call sites go to `sites`. Raises OverflowError for a number that does not fit."""
    rows = [
        (event.sequence, NUMBERS[event.function], *event[2:-1], sites.setdefault(event.site, len(sites)))
        for event in events
    ]
    return np.array(rows, COLUMNS)


def is_card(records: Records) -> npt.NDArray[np.bool_]:
    """Whether the card made each record."""
    return np.asarray(records["function"] >= len(BY_NAME))
