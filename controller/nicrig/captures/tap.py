# SPDX-License-Identifier: GPL-2.0-or-later
"""The recorder's rings of a running card, made into pcapng: both directions, in the card's order and with its times."""

import time
from collections import Counter
from dataclasses import dataclass, field

from nicrig.captures import pcapng
from nicrig.captures.filter import Filter
from nicrig.captures.follow import Followed, Follower
from nicrig.captures.pcapng import Direction
from nicrig.recorder.reader import Recorder
from nicrig.witnesses.judge import LINE
from nicrig_interface.answers import RecorderLayout

DIRECTIONS: tuple[Direction, ...] = ("in", "out")
PREPOSITIONS = {"in": "into", "out": "out of"}
INTERFACES = {"in": "rx0", "out": "tx0"}
"""The interface of each direction, in the order of DIRECTIONS."""


@dataclass
class Tally:
    """Frames by direction: `captured`, and `lost` ones, whose bytes were overwritten before they were read.

    `records` counts the lost records of the card, whether of frames or of something else.
    """

    captured: Counter[Direction] = field(default_factory=Counter)
    lost: Counter[Direction] = field(default_factory=Counter)
    records: int = 0

    def text(self) -> str:
        """One line for the terminal."""
        lost = f", {self.records} records of the card with the frames in them" if self.records else ""
        return (
            f"captured {self.captured.total()} frames (in {self.captured['in']}, out {self.captured['out']}), "
            f"lost {self.lost.total()}{lost}"
        )


class Tap:
    """Reads a card's rings and returns pcapng blocks. Its methods block: call them in a worker thread."""

    def __init__(self, name: str, kind: str, layout: RecorderLayout, matches: Filter, count: int | None) -> None:
        self.tally = Tally()
        self._name = name
        self._kind = kind
        self._matches = matches
        self._count = count
        self._recorder = Recorder(layout)
        self._follower = Follower(kind, LINE)
        self._missing: Counter[Direction] = Counter()
        self._begun = False
        self._began = time.monotonic_ns()
        self._wall = time.time_ns() - self._began
        """Wall clock minus card's clock, taken once: setting the wall clock later changes no interval."""

    @property
    def done(self) -> bool:
        """Whether `count` frames were captured."""
        return self._count is not None and self.tally.captured.total() >= self._count

    def begin(self) -> bytes:
        """The head of the file. Reads what was recorded until now, to learn where the driver's buffers are."""
        self._feed()
        self.tally = Tally()  # losses before this moment do not count for this capture
        self._follower.begin()
        self._begun = True
        described = [
            pcapng.interface(
                f"nicrig-{self._name}:{INTERFACES[direction]}",
                f"{PREPOSITIONS[direction]} the guest, through a {self._kind} card",
            )
            for direction in DIRECTIONS
        ]
        return pcapng.section(f"nicrig {self._kind} card") + b"".join(described)

    def step(self, *, to_end: bool = False) -> bytes:
        """The frames that the card moved since the last step."""
        self._feed()
        followed = self._follower.take(self._recorder.detail, time.monotonic_ns(), to_end=to_end)
        return b"".join(self._block(each) for each in followed if each.time >= self._began)

    def end(self) -> bytes:
        """The frames still in progress, and the totals. Empty if the capture never began."""
        if not self._begun:
            return b""
        last = self.step(to_end=True)
        now, tally = time.time_ns(), self.tally
        comments = [f"{tally.records} records of the card were lost"] if tally.records else []
        totals = [(tally.captured[direction], tally.lost[direction]) for direction in DIRECTIONS]
        return last + b"".join(
            pcapng.statistics(number, now, captured + lost, lost, comments)
            for number, (captured, lost) in enumerate(totals)
        )

    def _feed(self) -> None:
        for batch in self._recorder.read():
            if batch.card_lost:
                self.tally.records += batch.card_lost
                self._follower.lost()
            self._follower.feed(self._recorder.events(batch.records), self._recorder.frame)

    def _block(self, each: Followed) -> bytes:
        direction: Direction = "out" if each.outgoing else "in"
        if each.frame is None:
            self.tally.lost[direction] += 1
            self._missing[direction] += 1
        if each.frame is None or self.done or not self._matches(each.frame):
            return b""
        self.tally.captured[direction] += 1
        number, missing = DIRECTIONS.index(direction), self._missing.pop(direction, 0)
        return pcapng.packet(number, each.time + self._wall, each.frame, direction, each.comments, missing)
