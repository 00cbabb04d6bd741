# SPDX-License-Identifier: GPL-2.0-or-later
"""Follows single frames through a running card, while the records come: where each lay, what flushed it, its verdict.

The witnesses judge a run when all is at rest; here traffic may never rest. So a frame waits until the witness behind
it has answered, or PATIENCE is over, and what is under way is carried over to the next look.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nicrig.verifier.events import Event
from nicrig.verifier.functions import Detail
from nicrig.witnesses.classify import END, Cause, Memory
from nicrig.witnesses.collector import Chunk, Collector, Dated, FrameOf, within
from nicrig.witnesses.judge import Witnesses
from nicrig.witnesses.pairing import Pair, join
from nicrig.witnesses.sighting import Sighting

PATIENCE = 1_000_000_000
"""Nanoseconds from the device's look at a frame until it is told without the CPU's."""
UNMATCHED = 1024
"""Looks of the CPU that are kept although no frame of the device's belongs to them yet."""
QUEUE_SHIFT = 16
"""Above this bit of a place the card says in which pair of queues it is."""
PLACES = {"bus-master": "descriptor", "subordinate": "transfer", "non-dma": "slot"}
"""What the card counts its frames' places in."""


class Followed(NamedTuple):
    """A frame that the card moved. `time` is in nanoseconds of the card's clock; `frame` None if it is not kept."""

    time: int
    outgoing: bool
    queue: int
    frame: bytes | None
    comments: list[str]


class Follower:
    """Events in, frames out, in the card's order. `kind` is the card's, `line` the size of a cache line."""

    def __init__(self, kind: str, line: int) -> None:
        self._place = PLACES.get(kind, "place")
        self._collector = Collector()
        self._witnesses = Witnesses(line=line)
        self._line = line
        self._chunk = Chunk()
        self._pairs: dict[int, Pair] = {}
        """What is known of each look of the device's, by identity."""

    @property
    def held(self) -> int:
        """Looks and flushes that are kept: what is under way, and little more."""
        chunk = self._collector.chunk
        looks = len(chunk.device_in) + len(chunk.cpu_in) + len(chunk.cpu_out) + len(chunk.device_out)
        return looks + len(chunk.completed) + sum(len(dated) for dated in chunk.flushes.values())

    def begin(self) -> None:
        """From now on frames are followed; what was fed before tells only where memory is."""
        self._collector.begin()

    def feed(self, events: Iterable[Event], frame: FrameOf) -> None:
        """Take these events, which follow the last ones fed."""
        self._collector.feed(events, frame)

    def lost(self) -> None:
        """Events were lost: what is under way is not judged."""
        self._collector.chunk.blind = True

    def take(self, detail: Detail, now: int, *, to_end: bool = False) -> list[Followed]:
        """The frames of which all is known, or about which it is too late at `now` on the card's clock."""
        self._chunk = self._collector.chunk
        looks = sorted((*self._chunk.device_in, *self._chunk.device_out), key=_order)
        if detail >= Detail.FRAMES and not self._chunk.blind:
            self._join()
        ended = to_end or detail < Detail.FRAMES or self._chunk.blind
        ready = 0
        while ready < len(looks) and (ended or self._answered(looks[ready]) or _time(looks[ready]) < now - PATIENCE):
            ready += 1
        found = [self._followed(look, detail, END if to_end else now) for look in looks[:ready]]
        self._carry_over(looks[ready:])
        return found

    def _join(self) -> None:
        chunk = self._chunk
        reads = join(chunk.device_in, chunk.cpu_in, memory=True)
        writes = join(chunk.cpu_out, chunk.device_out, memory=True)
        self._pairs = {id(pair.left): pair for pair in reads if pair.left and not pair.again}
        self._pairs |= {id(pair.right): pair for pair in writes if pair.right}

    def _answered(self, look: Sighting) -> bool:
        """Whether nothing more is to come. A difference waits for what may explain it."""
        pair = self._pairs.get(id(look))
        if pair is None or not pair.same or pair.left is None:
            return False
        return pair.right is not look or pair.left.after is not None

    # -- what is told of a frame ----------------------------------------------------------------------------
    def _followed(self, look: Sighting, detail: Detail, now: int) -> Followed:
        assert look.event is not None, "the device's looks are made from events"
        outgoing = look.event.function == "card.frame_out"
        queue = look.event.a >> QUEUE_SHIFT
        comments = [self._where(look, outgoing, queue)]
        if detail >= Detail.FRAMES:
            comments += self._judged(look, outgoing, now)
        return Followed(look.event.time, outgoing, queue, look.data, comments)

    def _where(self, look: Sighting, outgoing: bool, queue: int) -> str:
        assert look.event is not None
        at = f" at {look.address:#x}" if look.address else ""
        place = look.event.a & (1 << QUEUE_SHIFT) - 1
        return f"{'tx' if outgoing else 'rx'}{queue} {self._place} {place}{at}, {look.length} bytes"

    def _judged(self, look: Sighting, outgoing: bool, now: int) -> list[str]:
        if self._chunk.blind:
            return ["verdict: none: records of the guest were lost"]
        pair = self._pairs.get(id(look)) or Pair(*((None, look) if outgoing else (look, None)))
        cause = self._cause(look, pair, outgoing)
        if pair.left is None or pair.right is None:
            seen = "had sent it" if outgoing else "looked at it"
            until = "before the capture ended" if now == END else "within a second"
            return [f"verdict: none: no record that the CPU {seen} {until}"]
        said = f"{cause.word}: {cause.why}" if cause else "coherent"
        return [*self._flush(look, pair, outgoing), f"verdict: {said}"]

    def _cause(self, look: Sighting, pair: Pair, outgoing: bool) -> Cause | None:
        memory = Memory(self._chunk, self._line, channel=self._collector.channel)
        if outgoing:
            return memory.write(pair)
        place = _place(look)
        before = self._witnesses.image(place)
        if look.data is not None:
            self._witnesses.imprint(place, look.data)
        again = [other.order for other in self._chunk.device_in if other.order > look.order and _place(other) == place]
        return memory.read(pair, before, min(again, default=END))

    def _flush(self, look: Sighting, pair: Pair, outgoing: bool) -> list[str]:
        """Which call made both sides see the same bytes; nothing where none has to."""
        assert pair.left is not None
        assert pair.right is not None
        cpu, first, last = (pair.left if outgoing else pair.right), pair.left.order, pair.right.order
        if self._collector.channel:
            made = [] if outgoing else list(within(self._chunk.completed, first, last))
        else:
            flushes = within(self._chunk.flushes.get(cpu.buffer, ()), first, last)
            made = [event for event in flushes if bool(event.d) == outgoing]
        return [
            f"flush: {event.function}, record {event.sequence}, at {event.time / 1e9:.9f} s of the guest's clock"
            for event in made[-1:]
        ]

    # -- from one look to the next --------------------------------------------------------------------------
    def _carry_over(self, waiting: list[Sighting]) -> None:
        """A new chunk begins, with what belongs to the frames that wait."""
        old, device = self._chunk, {id(look) for look in waiting}
        mine = {id(side) for look in waiting if (pair := self._pairs.get(id(look))) for side in (pair.left, pair.right)}
        taken = {id(side) for pair in self._pairs.values() for side in (pair.left, pair.right)} - mine
        chunk = Chunk(
            device_in=[look for look in old.device_in if id(look) in device],
            device_out=[look for look in old.device_out if id(look) in device],
            # What the CPU looked at before any frame that waits was none of them.
            cpu_in=[look for look in old.cpu_in if id(look) not in taken and waiting and look.order > waiting[0].order],
            cpu_out=[look for look in old.cpu_out if id(look) not in taken][-UNMATCHED:],
        )
        kept = (*waiting, *chunk.cpu_in, *chunk.cpu_out)
        if kept:
            oldest = min(map(_order, kept))
            chunk.completed = _since(old.completed, oldest)
            since = {buffer: _since(dated, oldest) for buffer, dated in old.flushes.items()}
            chunk.flushes.update({buffer: dated for buffer, dated in since.items() if dated})
        self._collector.chunk, self._pairs = chunk, {}


def _since(dated: list[Dated], oldest: int) -> list[Dated]:
    return [each for each in dated if each[0] > oldest]


def _order(look: Sighting) -> int:
    return look.order


def _time(look: Sighting) -> int:
    return look.event.time if look.event else 0


def _place(look: Sighting) -> int:
    return look.address or (look.event.a if look.event else 0)
