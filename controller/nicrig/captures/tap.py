# SPDX-License-Identifier: GPL-2.0-or-later
"""The rings of a running card as pcapng: both directions, in the order and at the time in which the card moved them."""

import time
from collections import Counter
from dataclasses import dataclass, field

from nicrig.captures import pcapng
from nicrig.captures.filter import Filter
from nicrig.captures.follow import Followed, Follower
from nicrig.captures.pcapng import Direction
from nicrig.recorder.reader import Layout, Recorder, events
from nicrig.witnesses.judge import LINE

DIRECTIONS: tuple[Direction, ...] = ("in", "out")
WORDS = {"in": "into", "out": "out of"}
INTERFACES = {"in": "rx0", "out": "tx0"}
"""An interface for each queue, in the order of DIRECTIONS."""


@dataclass
class Tally:
    """Frames by direction: captured, and those whose bytes were written over before they were read.

    `records` are lost records of the card's, of frames or of anything else.
    """

    captured: Counter[Direction] = field(default_factory=Counter)
    lost: Counter[Direction] = field(default_factory=Counter)
    records: int = 0

    def text(self) -> str:
        """For people."""
        lost = f", {self.records} records of the card with the frames in them" if self.records else ""
        return (
            f"captured {self.captured.total()} frames (in {self.captured['in']}, out {self.captured['out']}), "
            f"lost {self.lost.total()}{lost}"
        )


class Tap:
    """A card's rings in, blocks of pcapng out; where it blocks it does so on no loop's time."""

    def __init__(self, name: str, kind: str, layout: Layout, passes: Filter, count: int | None) -> None:
        self.tally = Tally()
        self._name = name
        self._kind = kind
        self._passes = passes
        self._count = count
        self._recorder = Recorder(layout)
        self._follower = Follower(kind, LINE)
        self._missing: Counter[Direction] = Counter()
        self._begun = False
        self._began = time.monotonic_ns()
        self._wall = time.time_ns() - self._began
        """Wall clock less card's clock, once for all: a clock that is set meanwhile changes no distance."""

    @property
    def done(self) -> bool:
        """Whether as many frames were captured as were wanted."""
        return self._count is not None and self.tally.captured.total() >= self._count

    def begin(self) -> bytes:
        """Read what was recorded until now, which tells where the driver's buffers are; the head of the file."""
        self._feed()
        self.tally = Tally()  # what was lost before is not this capture's
        self._follower.begin()
        self._begun = True
        described = [
            pcapng.interface(
                f"nicrig-{self._name}:{INTERFACES[way]}", f"{WORDS[way]} the guest, through a {self._kind} card"
            )
            for way in DIRECTIONS
        ]
        return pcapng.section(f"nicrig {self._kind} card") + b"".join(described)

    def step(self, *, to_end: bool = False) -> bytes:
        """The frames that the card has moved since the last step."""
        self._feed()
        followed = self._follower.take(self._recorder.detail, time.monotonic_ns(), to_end=to_end)
        return b"".join(self._block(each) for each in followed if each.time >= self._began)

    def end(self) -> bytes:
        """What is under way, and the account; nothing of a capture that never began."""
        if not self._begun:
            return b""
        last = self.step(to_end=True)
        now, tally = time.time_ns(), self.tally
        comments = [f"{tally.records} records of the card were lost"] if tally.records else []
        return last + b"".join(
            pcapng.statistics(number, now, tally.captured[way] + tally.lost[way], tally.lost[way], comments)
            for number, way in enumerate(DIRECTIONS)
        )

    def _feed(self) -> None:
        for batch in self._recorder.read():
            if batch.card_lost:
                self.tally.records += batch.card_lost
                self._follower.lost()
            self._follower.feed(events(batch.records, self._recorder.names), self._recorder.frame)

    def _block(self, each: Followed) -> bytes:
        way: Direction = "out" if each.outgoing else "in"
        if each.frame is None:
            self.tally.lost[way] += 1
            self._missing[way] += 1
        if each.frame is None or self.done or not self._passes(each.frame):
            return b""
        self.tally.captured[way] += 1
        number, missing = DIRECTIONS.index(way), self._missing.pop(way, 0)
        return pcapng.packet(number, each.time + self._wall, each.frame, way, each.comments, missing)
