# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge of frames: chunk by chunk, from what the wire had and what device and CPU saw."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

from nicrig.verifier.events import Event
from nicrig.witnesses.classify import COMPLETED_BEFORE_READ, END, Cause, Memory, passed_on
from nicrig.witnesses.collector import Chunk, Collector, Dated, FrameOf
from nicrig.witnesses.pairing import Pair, join
from nicrig.witnesses.sighting import NOWHERE, Sighting
from nicrig.witnesses.words import DROPPED, WORDS, Word

LINE = 64
PART_EVENTS = 50_000
"""The least events in a chunk of a recording."""
IMAGES = 8192
"""The most locations of device memory whose last bytes are kept."""
SOURCE = slice(6, 12)
"""The bytes of a frame's source address."""
AROUND = 256
"""How many events before and after a frame are searched for what concerns it: some batches of a ring."""


ABSENT = ("not-indicated", "interrupt-ignored", "no-interrupt", "no-doorbell", "lost")
"""The words for a frame that the next witness never saw."""
BY_LENGTH: dict[Word, Callable[[Sighting], int]] = {
    "rx_too_short": lambda sighting: sighting.length,
    "rx_too_long": lambda sighting: -sighting.length,
}
"""Of the frames that are missing, the card dropped for this reason the first ones in this order."""

Way = Literal["in", "out", "stack", "echo"]
"""Where a frame went: into the guest, out of it, through its network stack, or all of that."""


@dataclass(frozen=True)
class FrameFinding:
    """The first frame of a word: its sighting at each witness, in order, and what happened around it."""

    word: Word
    why: str
    way: Way
    views: dict[str, Sighting]
    line: int
    story: tuple[Dated, ...] = ()


class Witnesses:
    """Frames in, verdict out. `counts` are faults by word, `findings` the first of each, `frames` what the CPU saw.

    `line` is the size of a cache line, in bytes; `first` the number of the guest's first record.

    Call begin(); feed() it what is recorded while frames run; when all is at rest, settle(). Only allocations, and the
    last bytes of each location that the device wrote to, are kept from one chunk to the next.
    """

    def __init__(self, *, line: int = LINE, first: int = 1) -> None:
        self.counts: Counter[Word] = Counter()
        self.findings: dict[Word, FrameFinding] = {}
        self.frames: Counter[Way] = Counter()
        self.line = line
        self.noise = b""
        """What an unkind card writes into the memory for receives while it owns it; empty for a kind card."""
        self.refused = 0
        """How many sends the card sends and reports as refused: a fault. Each may be reported as failed, once."""
        self.station = b""
        """The guest's station address: a frame from it that was not injected is the guest's own, and no echo."""
        self.reordered = 0
        """Frames that the guest's network stack put out of order: a queueing discipline did, no driver can."""
        self._collector = Collector(first)
        self._images: OrderedDict[int, bytes] = OrderedDict()

    def restart(self) -> None:
        """Count from zero: a new run of frames begins."""
        self.counts, self.findings, self.frames, self.reordered = Counter(), {}, Counter(), 0
        self.refused = 0

    @property
    def outstanding(self) -> int:
        """Sends that are not completed."""
        return len(self._collector.open)

    def judge_stream(self, events: Iterable[Event], *, under_way: bool = False) -> None:
        """Judge a whole recording, device against CPU: it holds neither the wire nor the bytes.

        A chunk ends where no frame is under way; `under_way` says that the recording does not end so. A frame that a
        reset of the card dropped does not count as lost.
        """
        self.begin()
        for part in _parts(events):
            self.feed(part)
            chunk = self._collector.chunk
            if len(chunk.timeline) > PART_EVENTS and not self.outstanding and chunk.even():
                self.settle()
                self.begin()
        self.settle(under_way=under_way)

    def begin(self, injected: Iterable[bytes] = ()) -> None:
        """Begin a chunk: drop what was seen before. The recorder need not keep the bytes of `injected` frames."""
        self._collector.begin()
        self._collector.known = {Sighting.of(frame).key: frame for frame in injected}

    def feed(self, events: Iterable[Event], frame: FrameOf = lambda digest, length, card: None) -> None:
        """Take these events, which follow the last ones fed. `frame` finds the bytes of a recorded digest."""
        self._collector.feed(events, frame)

    def lost(self) -> None:
        """Events of the card were lost: judge only the wire of this chunk, as after a gap of the guest's."""
        self._collector.chunk.blind = True

    @property
    def sent(self) -> int:
        """How many frames of this chunk the device sent to the wire."""
        return len(self._collector.chunk.device_out)

    def complete(self, injected: int) -> bool:
        """Whether the device has `injected` frames of this chunk, and each witness as many as the one before it."""
        chunk = self._collector.chunk
        return len(chunk.device_in) >= injected and chunk.even()

    def settle(
        self,
        injected: Sequence[bytes] | None = None,
        echoed: Sequence[bytes] | None = None,
        *,
        echoing: bool = True,
        under_way: bool = False,
        dropped: Mapping[Word, int] | None = None,
    ) -> None:
        """Judge the chunk. None: that side's wire is unknown.

        When both are known, the guest must send back what it gets, byte for byte, unless `echoing` is off. With
        `under_way` the run was cut off: a frame that is missing may have been on its way. `dropped` counts
        frames that the card dropped by contract, by the word for the reason.
        """
        chunk = self._collector.end()
        self.frames.update({"in": len(chunk.cpu_in), "out": len(chunk.cpu_out)})
        echoing = echoing and None not in (injected, echoed)
        _Settling(self, chunk, injected, echoed, echoing=echoing, under_way=under_way, dropped=dropped).run()

    def is_own(self, sighting: Sighting) -> bool:
        """Whether the guest made this frame itself."""
        data = sighting.data
        mine = bool(self.station) and data is not None and data[SOURCE] == self.station
        return mine and sighting.key not in self._collector.known

    # -- for one settlement ---------------------------------------------------------------------------------
    @property
    def channel(self) -> bool:
        """Whether the device uses a DMA channel."""
        return self._collector.channel

    def image(self, location: int) -> bytes:
        """The last bytes that the device wrote to a location of its memory, b"" when unknown."""
        return self._images.get(location, b"")

    def imprint(self, location: int, data: bytes) -> None:
        """The device wrote these bytes there."""
        self._images[location] = data + self._images.pop(location, b"")[len(data) :]
        if len(self._images) > IMAGES:
            self._images.popitem(last=False)

    def report(self, word: Word, finding: Callable[[], FrameFinding]) -> None:
        """Count a fault, and keep its finding if it is the first of its word."""
        self.counts[word] += 1
        if word not in self.findings:
            self.findings[word] = finding()


def _parts(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events, cut after each one that may have ended the last frame under way."""
    part: list[Event] = []
    for event in events:
        part.append(event)
        if event.function in ("NdisMSendComplete", "MiniportReturnPacket") or len(part) == PART_EVENTS:
            yield part
            part = []
    yield part


class FrameFault(NamedTuple):
    """What is wrong with a frame, on which way, and its sighting at each witness."""

    cause: Cause
    way: Way
    views: dict[str, Sighting]


class _Settling:
    """Judges one chunk: pairs sightings, hop by hop, then names what differs."""

    def __init__(
        self,
        witnesses: Witnesses,
        chunk: Chunk,
        injected: Sequence[bytes] | None,
        echoed: Sequence[bytes] | None,
        *,
        echoing: bool,
        under_way: bool,
        dropped: Mapping[Word, int] | None,
    ) -> None:
        self._witnesses = witnesses
        self._dropped = Counter(dropped or {})
        if chunk.reset != NOWHERE:
            del self._dropped["rx_disabled"]  # a reset drops what waits in the card, too
        self._echoing = echoing
        self._under_way = under_way
        self._chunk = chunk
        self._injected = None if injected is None else list(map(Sighting.of, injected))
        self._echoed = None if echoed is None else list(map(Sighting.of, echoed))
        self._memory = Memory(chunk, witnesses.line, channel=witnesses.channel, noise=witnesses.noise)
        self._faults: dict[int, FrameFault] = {}
        self._faulty: set[int] = set()
        """The CPU's faulty sightings, by identity."""
        self._wire_of: dict[int, Sighting] = {}
        """The wire's sighting of a frame, by the identity of the device's sighting."""

    def run(self) -> None:
        """Pair, name, report."""
        self._name()
        self._explain_reads()
        for fault in self._faults.values():
            self._witnesses.report(fault.cause.word, partial(self._finding, fault))

    def _name(self) -> None:
        if self._chunk.blind or (self._echoing and self._nothing_seen()):
            self._wire_alone()
            return
        chunk = self._chunk
        entered = self._hop(self._injected, chunk.device_in)
        read = join(chunk.device_in, chunk.cpu_in, memory=True)
        sent, own_sent = self._apart(chunk.cpu_out)
        taken, own_taken = self._apart(chunk.device_out)
        written = join(sent, taken, memory=True)
        left = self._hop(taken, self._echoed)
        self._wire_of = {id(pair.right): pair.left for pair in entered if pair.right and pair.left}
        self._wire_of |= {id(pair.left): pair.right for pair in left if pair.right and pair.left}
        for pair, cause in self._with_drops([(pair, self._memory.entered(pair)) for pair in entered]):
            self._judge(cause, "in", {"wire": pair.left, "device": pair.right})
        self._judge_reads(read)
        if self._echoing:
            self._judge_stack(join(chunk.cpu_in, sent, memory=False))
        self._judge_writes(written)
        # One that crosses the chunk's begin or end has only one sighting.
        self._judge_writes([pair for pair in join(own_sent, own_taken, memory=True) if pair.left and pair.right])
        for pair in left:
            self._judge(passed_on(pair, "the device", "the wire"), "out", {"device": pair.left, "wire": pair.right})

    def _with_drops(self, judged: Sequence[tuple[Pair, Cause | None]]) -> Iterator[tuple[Pair, Cause | None]]:
        """The same, where as many lost frames as the card dropped have the word for the reason.

        Which ones is not recorded. So the shortest were too short, the longest too long, and the others come in order.
        """
        lost = [pair.left for pair, cause in judged if pair.left and cause and cause.word == "lost"]
        named: dict[int, Word] = {}
        for word in DROPPED:
            rest = sorted((each for each in lost if id(each) not in named), key=BY_LENGTH.get(word, lambda sighting: 0))
            named |= {id(each): word for each in rest[: self._dropped[word]]}
        for pair, cause in judged:
            why = named.get(id(pair.left))
            yield pair, Cause(why, f"dropped by contract ({why}): {DROPPED[why]}") if why else cause

    def _apart(self, sightings: Sequence[Sighting]) -> tuple[list[Sighting], list[Sighting]]:
        """The frames of the run, and the guest's own, which are never partners of the others."""
        both: tuple[list[Sighting], list[Sighting]] = ([], [])
        for sighting in sightings:
            both[self._witnesses.is_own(sighting)].append(sighting)
        return both

    def _judge_stack(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            cause = self._memory.held(pair)
            if id(pair.left) in self._faulty:  # a faulty one already has its word
                continue
            if cause and cause.word == "reordered":
                self._witnesses.reordered += 1
                continue
            self._judge(cause, "stack", {"cpu in": pair.left, "cpu out": pair.right})

    def _judge_writes(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            if self._taken_by_reset(pair):
                continue
            cause = self._memory.write(pair)
            if cause and cause.word == "misreported" and self._witnesses.refused:
                self._witnesses.refused -= 1
                continue
            after = pair.left and pair.left.after
            views = {"cpu": pair.left, "device": pair.right, "wire": self._wire(pair.right), "cpu after": after}
            self._judge(cause, "out", views)

    def _explain_reads(self) -> None:
        """A device reads later than its record says, so of sends that ended too early some seem to end in time."""
        if any(fault.cause.word == "completed-before-read" for fault in self._faults.values()):
            for number, fault in self._faults.items():
                if fault.way == "out" and fault.cause.by_bytes:
                    self._faults[number] = fault._replace(cause=COMPLETED_BEFORE_READ)

    def _nothing_seen(self) -> bool:
        chunk = self._chunk
        return not (chunk.device_in or chunk.cpu_in or chunk.cpu_out or chunk.device_out)

    @staticmethod
    def _hop(left: Sequence[Sighting] | None, right: Sequence[Sighting] | None) -> list[Pair]:
        return [] if left is None or right is None else join(left, right, memory=False)

    def _wire_alone(self) -> None:
        if not self._echoing:
            return
        went, came = "the wire into the guest", "the wire out of it"
        pairs = [(pair, passed_on(pair, went, came)) for pair in self._hop(self._injected, self._echoed)]
        for pair, cause in self._with_drops(pairs):
            # Which hop is to blame is unknown.
            short = cause and cause.word in ("truncated", "overrun")
            found = Cause("corrupted", cause.why) if cause and short else cause
            self._judge(found, "echo", {"injected": pair.left, "echoed": pair.right})

    def _judge_reads(self, pairs: list[Pair]) -> None:
        """Judge in the order of the device's writes, since each write changes an image."""
        by_device = {id(pair.left): pair for pair in pairs if pair.left and not pair.again}
        writes: defaultdict[int, list[int]] = defaultdict(list)
        for sighting in self._chunk.device_in:
            writes[sighting.location].append(sighting.order)
        befores = {}
        for sighting in self._chunk.device_in:
            pair = by_device[id(sighting)]
            if not pair.same:
                befores[id(sighting)] = self._witnesses.image(sighting.location)
            if sighting.data is not None:
                self._witnesses.imprint(sighting.location, sighting.data)
        for pair in pairs:
            if self._taken_by_reset(pair):
                continue
            before = befores.get(id(pair.left), b"")
            cause = self._memory.read(pair, before, self._next_write(writes, pair))
            self._judge(cause, "in", {"wire": self._wire(pair.left), "device": pair.left, "cpu": pair.right})

    def _taken_by_reset(self, pair: Pair) -> bool:
        known = self._injected is not None or self._echoed is not None
        return not known and pair.right is None and pair.left is not None and pair.left.order < self._chunk.reset

    @staticmethod
    def _next_write(writes: dict[int, list[int]], pair: Pair) -> int:
        if pair.left is None:
            return END
        orders = writes[pair.left.location]
        following = bisect_right(orders, pair.left.order)
        return orders[following] if following < len(orders) else END

    def _wire(self, device: Sighting | None) -> Sighting | None:
        return self._wire_of.get(id(device))

    def _judge(self, cause: Cause | None, way: Way, views: dict[str, Sighting | None]) -> None:
        """Keep one word for a frame: when two hops differ, the more certain word."""
        if cause is None or (self._under_way and cause.word in ABSENT):
            return
        device = views.get("device")
        fault = FrameFault(cause, way, {name: sighting for name, sighting in views.items() if sighting})
        number = id(device) if device else id(fault)
        cpu = views.get("cpu")
        if cpu:
            self._faulty.add(id(cpu))
        self._faults.setdefault(number, fault)
        if WORDS.index(cause.word) < WORDS.index(self._faults[number].cause.word):
            self._faults[number] = fault

    def _finding(self, fault: FrameFault) -> FrameFinding:
        cause, way, views = fault
        return FrameFinding(cause.word, cause.why, way, views, self._witnesses.line, self._story(views.values()))

    def _story(self, sightings: Collection[Sighting]) -> tuple[Dated, ...]:
        """The events that concern the frame, and the doorbells and interrupts between them."""
        orders = [sighting.order for sighting in sightings if sighting.order != NOWHERE]
        if not orders:
            return ()
        mine = {
            number
            for sighting in sightings
            for number in (sighting.packet, sighting.buffer, sighting.address, sighting.posted)
            if number
        }
        first, last = min(orders), max(orders)
        around = self._chunk.between(first - AROUND, last + AROUND)
        return tuple((order, event) for order, event in around if _concerns(event, mine, first <= order <= last))


SIGNALS = ("card.doorbell", "card.interrupt", "MiniportISR", "NdisMSetupDmaTransfer", "NdisMCompleteDmaTransfer")


def _concerns(event: Event, mine: set[int], between: bool) -> bool:
    return not mine.isdisjoint(event.arguments) or (between and event.function in SIGNALS)
