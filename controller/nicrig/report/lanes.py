# SPDX-License-Identifier: GPL-2.0-or-later
"""The time axis: a lane for each group of functions and of the card's events, with a mark for each event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nicrig.report.columns import NUMBERS, Run
from nicrig.verifier.functions import FUNCTIONS

MARKS_MAX = 30_000
"""The most marks of all lanes together."""
FINEST = 1 << 20
"""The columns of the axis, fewer when there are too many marks."""

SECTIONS = {
    "4.1": "memory",
    "4.2": "attributes",
    "4.3": "bus-master DMA",
    "4.4": "DMA channel",
    "4.5": "packets",
    "4.6": "buffers",
    "4.7": "registers, interrupt",
    "4.8": "handlers, indications",
    "4.9": "kernel pool",
    "8.1": "locks, timers, set-up",
    "9.8": "waiting",
}
"""The sections of docs/ndis51.md."""
CARD = {
    "card: frames in": ("card.write", "card.frame_in"),
    "card: frames out": ("card.read", "card.frame_out"),
    "card: doorbells": ("card.doorbell",),
    "card: interrupts": ("card.interrupt",),
    "card: registers, rings": ("card.register", "card.reset", "card.enable", "card.disable", "card.link"),
    "card: refusals, findings": ("card.refusal", "card.ledger", "card.hand_over", "card.taken"),
}


@dataclass(frozen=True)
class Lane:
    """`marks` are columns of the axis, from 0 to `Axis.places`; `count` is the number of records in the lane."""

    name: str
    group: str
    marks: npt.NDArray[np.int64]
    count: int


@dataclass(frozen=True)
class Axis:
    """All lanes that have a record. Records of one column share a mark; a column is `seconds` / `places` long."""

    lanes: list[Lane]
    seconds: float
    places: int


def axis(run: Run) -> Axis:
    """The lanes of a run, as fine as the limit on marks allows."""
    seconds = float(run.times.max()) if len(run.times) else 0.0
    members = [(name, group, _members(run, functions)) for name, group, functions in _groups()]
    members.insert(0, ("broken rules", "broken", _broken(run)))
    members = [each for each in members if len(each[2])]
    places = FINEST
    lanes = _lanes(run, members, seconds, places)
    while sum(len(lane.marks) for lane in lanes) > MARKS_MAX:
        places //= 2
        lanes = _lanes(run, members, seconds, places)
    return Axis(lanes, seconds, places)


def _groups() -> list[tuple[str, str, list[str]]]:
    guest = [
        (title, "guest", [function.name for function in FUNCTIONS if function.section == section])
        for section, title in SECTIONS.items()
    ]
    return guest + [(title, "card", list(names)) for title, names in CARD.items()]


def _members(run: Run, functions: list[str]) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.isin(run.records["function"], [NUMBERS[name] for name in functions]))


def _broken(run: Run) -> npt.NDArray[np.intp]:
    """The last record of each violation's evidence: the culprit."""
    culprits = [each.evidence[-1] for each in run.judged.verifier.violations if each.evidence]
    return run.places_of(culprits)


def _lanes(run: Run, members: list[tuple[str, str, npt.NDArray[np.intp]]], seconds: float, places: int) -> list[Lane]:
    scale = places / seconds if seconds else 0.0
    return [
        Lane(name, group, np.unique((run.times[found] * scale).astype(np.int64)), len(found))
        for name, group, found in members
    ]
