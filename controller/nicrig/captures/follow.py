# SPDX-License-Identifier: GPL-2.0-or-later
"""Follows single frames through a running card: where each was in memory, what flushed it, and its verdict.

The witnesses judge a run when all is at rest; here traffic may never rest. So a frame waits for the next witness, at
most for PATIENCE, and the frames under way are carried over to the next chunk.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nicrig.verifier.events import Event
from nicrig.verifier.functions import Detail
from nicrig.verifier.records import CardFrameOut
from nicrig.witnesses.classify import END, Cause, Memory, flushes_of, is_write
from nicrig.witnesses.collector import Chunk, Collector, FrameOf, Kind, within
from nicrig.witnesses.judge import Witnesses
from nicrig.witnesses.pairing import Pair, join
from nicrig.witnesses.sighting import Moved, Sighting

PATIENCE = 1_000_000_000
"""Nanoseconds from the device's sighting of a frame until it is shown without the CPU's."""
UNMATCHED = 1024
"""The most sightings of the CPU that are kept without a sighting of the device."""
UNITS = {"bus-master": "descriptor", "subordinate": "transfer", "non-dma": "slot"}
"""What the card counts, by its kind."""


class Followed(NamedTuple):
    """A frame that the card moved. `time` is in nanoseconds of the card's clock; `frame` is None if it is not kept."""

    time: int
    outgoing: bool
    queue: int
    frame: bytes | None
    comments: list[str]


class Follower:
    """Events in, frames out, in the card's order. `kind` is the card's, `line` the size of a cache line."""

    def __init__(self, kind: str, line: int) -> None:
        self._unit = UNITS.get(kind, "number")
        self._collector = Collector()
        self._witnesses = Witnesses(line=line)
        self._line = line
        self._chunk = Chunk()
        self._pairs: dict[int, Pair] = {}
        """The pair of each sighting of the device, by identity."""

    @property
    def held(self) -> int:
        """How many sightings and flushes are kept: those of frames under way, and few more."""
        chunk = self._collector.chunk
        sightings = len(chunk.device_in) + len(chunk.cpu_in) + len(chunk.cpu_out) + len(chunk.device_out)
        return sightings + len(chunk.completed) + sum(len(dated) for dated in chunk.flushes.values())

    def begin(self) -> None:
        """Follow frames from now on. What was fed before only says where memory is."""
        self._collector.begin()

    def feed(self, events: Iterable[Event], frame: FrameOf) -> None:
        """Take these events, which follow the last ones fed."""
        self._collector.feed(events, frame)

    def lost(self) -> None:
        """Events were lost: frames under way are not judged."""
        self._collector.chunk.blind = True

    def take(self, detail: Detail, now: int, *, to_end: bool = False) -> list[Followed]:
        """The frames that are judged, or have waited too long at `now` on the card's clock."""
        self._chunk = self._collector.chunk
        sightings = sorted((*self._chunk.device_in, *self._chunk.device_out), key=_order)
        if detail >= Detail.FRAMES and not self._chunk.blind:
            self._join()
        ended = to_end or detail < Detail.FRAMES or self._chunk.blind
        ready = 0
        while ready < len(sightings) and (
            ended or self._answered(sightings[ready]) or _time(sightings[ready]) < now - PATIENCE
        ):
            ready += 1
        found = [self._followed(sighting, detail, END if to_end else now) for sighting in sightings[:ready]]
        self._carry_over(sightings[ready:])
        return found

    def _join(self) -> None:
        chunk = self._chunk
        reads = join(chunk.device_in, chunk.cpu_in, memory=True)
        writes = join(chunk.cpu_out, chunk.device_out, memory=True)
        self._pairs = {id(pair.left): pair for pair in reads if pair.left and not pair.again}
        self._pairs |= {id(pair.right): pair for pair in writes if pair.right}

    def _answered(self, sighting: Sighting) -> bool:
        """Whether no more events are due. A difference waits for events that may explain it."""
        pair = self._pairs.get(id(sighting))
        if pair is None or not pair.same or pair.left is None:
            return False
        return pair.right is not sighting or pair.left.after is not None

    # -- what a frame's comments say ------------------------------------------------------------------------
    def _followed(self, sighting: Sighting, detail: Detail, now: int) -> Followed:
        assert isinstance(sighting.event, Moved), "the device's sightings are made from its events"
        outgoing = isinstance(sighting.event, CardFrameOut)
        queue = sighting.event.queue
        at = f" at {sighting.address:#x}" if sighting.address else ""
        where = f"{'tx' if outgoing else 'rx'}{queue} {self._unit} {sighting.event.index}{at}"
        comments = [f"{where}, {sighting.length} bytes"]
        if detail >= Detail.FRAMES:
            comments += self._judged(sighting, outgoing, now)
        return Followed(sighting.event.time, outgoing, queue, sighting.data, comments)

    def _judged(self, sighting: Sighting, outgoing: bool, now: int) -> list[str]:
        if self._chunk.blind:
            return ["verdict: none: records of the guest were lost"]
        pair = self._pairs.get(id(sighting)) or Pair(*((None, sighting) if outgoing else (sighting, None)))
        cause = self._cause(sighting, pair, outgoing)
        if pair.left is None or pair.right is None:
            seen = "had sent it" if outgoing else "looked at it"
            until = "before the capture ended" if now == END else "within a second"
            return [f"verdict: none: no record that the CPU {seen} {until}"]
        said = f"{cause.word}: {cause.why}" if cause else "coherent"
        return [*self._flush(sighting, pair, outgoing), f"verdict: {said}"]

    def _cause(self, sighting: Sighting, pair: Pair, outgoing: bool) -> Cause | None:
        memory = Memory(self._chunk, self._line, channel=self._collector.channel)
        if outgoing:
            return memory.write(pair)
        place = sighting.location
        before = self._witnesses.image(place)
        if sighting.data is not None:
            self._witnesses.imprint(place, sighting.data)
        again = [
            other.order for other in self._chunk.device_in if other.order > sighting.order and other.location == place
        ]
        return memory.read(pair, before, min(again, default=END))

    def _flush(self, sighting: Sighting, pair: Pair, outgoing: bool) -> list[str]:
        """The call that made both sides see the same bytes; [] where none is needed."""
        assert pair.left is not None
        assert pair.right is not None
        cpu, first, last = (pair.left if outgoing else pair.right), pair.left.order, pair.right.order
        if self._collector.channel:
            made: list[Event] = [] if outgoing else list(within(self._chunk.completed, first, last))
        else:
            flushes = flushes_of(self._chunk, cpu, first, last)
            made = [event for event in flushes if is_write(event) == outgoing]
        return [
            f"flush: {event.function}, record {event.sequence}, at {event.time / 1e9:.9f} s of the guest's clock"
            for event in made[-1:]
        ]

    # -- from one chunk to the next -------------------------------------------------------------------------
    def _carry_over(self, waiting: list[Sighting]) -> None:
        """Begin a chunk with the sightings and flushes of the frames that wait."""
        old, device = self._chunk, {id(sighting) for sighting in waiting}
        mine = {
            id(side)
            for sighting in waiting
            if (pair := self._pairs.get(id(sighting)))
            for side in (pair.left, pair.right)
        }
        taken = {id(side) for pair in self._pairs.values() for side in (pair.left, pair.right)} - mine
        chunk = Chunk(
            device_in=[sighting for sighting in old.device_in if id(sighting) in device],
            device_out=[sighting for sighting in old.device_out if id(sighting) in device],
            # What the CPU saw before the first frame that waits belongs to none of them.
            cpu_in=[
                sighting
                for sighting in old.cpu_in
                if id(sighting) not in taken and waiting and sighting.order > waiting[0].order
            ],
            cpu_out=[sighting for sighting in old.cpu_out if id(sighting) not in taken][-UNMATCHED:],
        )
        kept = (*waiting, *chunk.cpu_in, *chunk.cpu_out)
        if kept:
            oldest = min(map(_order, kept))
            chunk.completed = _since(old.completed, oldest)
            since = {buffer: _since(dated, oldest) for buffer, dated in old.flushes.items()}
            chunk.flushes.update({buffer: dated for buffer, dated in since.items() if dated})
        self._collector.chunk, self._pairs = chunk, {}


def _since(dated: list[tuple[int, Kind]], oldest: int) -> list[tuple[int, Kind]]:
    return [each for each in dated if each[0] > oldest]


def _order(sighting: Sighting) -> int:
    return sighting.order


def _time(sighting: Sighting) -> int:
    return sighting.event.time if sighting.event else 0
