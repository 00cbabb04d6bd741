# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the flight recorder: merges the guest's records and the card's own in the order in which they happened.

Both are rings in files that the card keeps. A reader that is too slow loses the oldest records, and counts them. The
card describes the layout of its records (query-recorder), so it is not repeated here.

The files are read and not mapped: another process may cut one, and mapped memory that is cut ends the program (SIGBUS).
"""

import os
import stat
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from crc32c import crc32c

from nicrig.errors import RigError
from nicrig.recorder.call_sites import UNKNOWN_BUILD, CallSites
from nicrig.text.printable import printable
from nicrig.verifier.decoder import Decoder
from nicrig.verifier.events import Event
from nicrig.verifier.functions import FUNCTIONS, Detail
from nicrig_interface.answers import RecorderLayout

Records = npt.NDArray[Any]

CARD_NUMBERS = 1 << 15
"""The offset of the numbers of the card's events, which keeps them apart from functions."""
UNDECLARED = 0
"""The number of no function and no event."""
ALL = (1 << 64) - 1
DEAD_SECONDS = 1.0
"""After this time, the writer of an incomplete record is dead. A live writer may lose its CPU for a shorter while."""
NAME_BYTES = 100
RECORD = np.dtype(
    [
        *(("sequence", "<u8"), ("time", "<u8"), ("function", "<u2"), ("kind", "u1"), ("phase", "u1"), ("irql", "u1")),
        *(("locks", "u1"), ("cpu", "<u2"), ("a", "<u8"), ("b", "<u8"), ("c", "<u8"), ("d", "<u8"), ("result", "<u8")),
        ("site", "<u4"),
    ]
)
"""A record as it is read: nothing shares a field."""
READ_MAX = 16384
"""The most records that one read copies from a ring, which bounds the memory that it takes."""
WORD_BYTES = 8
LOOKS_MAX = 8
"""How often a word is read, at most, until two reads agree."""


def names_of(layout: RecorderLayout) -> dict[int, str]:
    """Functions and events by their number in merged records. The card says what its events are called.

    Raises RigError for an event without a number.
    """
    names = {function.number: function.name for function in FUNCTIONS}
    for number, name in layout.events.items():
        if not (number.isascii() and number.isdecimal()):
            raise RigError(f"the card has an event {printable(name)} with {printable(number)} as its number")
        names[CARD_NUMBERS + int(number)] = printable(name, limit=NAME_BYTES)
    return names


class Wait(NamedTuple):
    """The record that a reader waits for, the last one that it then gives up, and the monotonic start of the wait."""

    record: int
    until: int
    since: float


class Part(NamedTuple):
    """Where a number lies in a raw record: in `field`, shifted by so many bits."""

    field: str
    shift: int
    mask: int


def _parts(record: np.dtype[Any], packed: Mapping[str, Mapping[str, int]]) -> dict[str, Part]:
    """Each number of a record. Raises ValueError when the parts of a field are longer than the field."""
    found: dict[str, Part] = {}
    for field in record.names or ():
        bits, shift = 8 * record[field].itemsize, 0
        if record[field].kind != "u":
            continue
        for name, width in packed.get(field, {field: bits}).items():
            if width < 1 or shift + width > bits:
                raise ValueError(f"the parts of {field} are longer than its {bits} bits")
            found[name] = Part(field, shift, (1 << width) - 1)
            shift += width
    return found


class RecordReader:
    """One ring; each read continues where the last one ended."""

    def __init__(self, path: Path, layout: RecorderLayout) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # no FIFO makes us wait
        except OSError as error:
            raise RigError(f"{path}: no flight recorder ({error}): name the folder of a running card") from error
        weakref.finalize(self, os.close, self._fd)
        try:
            self._record = self._laid_out(layout)
        except (TypeError, ValueError, OverflowError) as error:
            raise RigError(f"{path}: the card describes its flight recorder wrongly: {printable(str(error))}") from None
        self._offset, self._capacity = layout.offset, layout.capacity
        self._slots = layout.slots
        self._head = layout.head
        self._build = layout.build
        self._next = 1
        self._waits = Wait(0, 0, 0.0)
        self.lost = 0

    def _laid_out(self, layout: RecorderLayout) -> np.dtype[Any]:
        """A record in the file. Raises TypeError, ValueError or OverflowError when it does not have this layout."""
        record, found = np.dtype(layout.record), os.fstat(self._fd)
        size = found.st_size
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no regular file")
        self._parts = _parts(record, layout.packed)
        if not set(RECORD.names or ()) <= set(self._parts):
            raise ValueError(f"a record has the numbers {list(self._parts)}, not {RECORD.names}")
        words = (layout.head, layout.detail, layout.settled, layout.build)
        if not all(0 <= index < size // WORD_BYTES for index in words):
            raise ValueError("head, detail, settled or build is beyond the end of the file")
        slots = layout.slots
        if min(slots.offset, layout.offset) < 0 or min(slots.count, slots.bytes, layout.capacity) < 1:
            raise ValueError("a place is negative, or there is no room for a record or a frame")
        if record.hasobject:
            raise ValueError("a record has a field that is no number")
        ends = slots.offset + slots.count * slots.bytes, layout.offset + layout.capacity * record.itemsize
        if max(ends) > size:
            raise ValueError("its slots or records are beyond the end of the file")
        return record

    def word(self, index: int) -> int:
        """A 64-bit word of the header as it is now; 0 when the file ends before it.

        The system may copy it in parts while the guest writes it, so one read is not enough.
        """
        before, now = b"", self._bytes(WORD_BYTES * index, WORD_BYTES)
        for _ in range(LOOKS_MAX):
            if now == before:
                break
            before, now = now, self._bytes(WORD_BYTES * index, WORD_BYTES)
        return int.from_bytes(now, "little")

    def _bytes(self, offset: int, count: int) -> bytes:
        """What the file holds there now: less than `count` bytes when another process has cut it."""
        return os.pread(self._fd, count, offset)

    def _copy(self, first: int, count: int) -> Records:
        """The records in the places of these numbers, as they are now; zero where the file was cut."""
        copied = np.zeros(count, self._record)
        place, size = (first - 1) % self._capacity, self._record.itemsize
        data, done = copied.view(np.uint8).data, min(count, self._capacity - place)
        for part, at in ((data[: done * size], place), (data[done * size :], 0)):
            os.preadv(self._fd, [part], self._offset + at * size)
        return copied

    @property
    def head(self) -> int:
        """How many records were begun. A guest may write anything there: the next number still fits 64 bits."""
        return min(self.word(self._head), ALL - 1)

    @property
    def done(self) -> int:
        """The number of the last record that was read, or given up."""
        return self._next - 1

    @property
    def build(self) -> int:
        """The number of the driver's build."""
        return self.word(self._build)

    def nothing(self) -> Records:
        """An empty array of records."""
        return np.zeros(0, RECORD)

    def skip_to_last(self, count: int) -> None:
        """Continue with the last `count` records; those before them do not count as lost."""
        self._next = max(1, self.head - count + 1)

    def read(self, until: int, *, to_end: bool = False) -> Iterator[Records]:
        """Copies of the complete records that follow, up to number `until`, at most READ_MAX at a time.

        An incomplete record ends the read, because its writer may be at work. After DEAD_SECONDS, or with `to_end`, it
        is lost, with all records that were incomplete when the wait began.
        """
        waited_for = until if to_end else self._given_up()
        going_on = True
        while going_on:
            count = min(min(until, self._follow_head()) + 1 - self._next, READ_MAX)
            if count <= 0:
                return
            wanted = np.arange(count, dtype=np.uint64) + np.uint64(self._next)
            taken = self._copy(self._next, count)
            # Some may have been overwritten while they were copied. The guest moves HEAD before it writes; the card
            # marks the record itself.
            overwritten = wanted <= max(0, self.head - self._capacity)
            whole = (taken["sequence"] == wanted) & (self._copy(self._next, count)["sequence"] == wanted)
            settled = whole | overwritten | (wanted <= waited_for)
            going_on = bool(settled.all())
            passed = count if going_on else int(np.argmin(settled))
            found = taken[:passed][(whole & ~overwritten)[:passed]]
            self._next += passed
            self.lost += passed - len(found)
            if len(found):
                yield self._unpacked(found)
        if self._waits.record != self._next:
            self._waits = Wait(self._next, until, time.monotonic())

    def _unpacked(self, found: Records) -> Records:
        made = np.zeros(len(found), RECORD)
        for name in RECORD.names or ():
            part = self._parts[name]
            made[name] = found[part.field] >> part.shift & part.mask
        return made

    def _given_up(self) -> int:
        """The number of the last record that is given up, or 0."""
        waits = self._waits
        dead = waits.record == self._next and time.monotonic() - waits.since >= DEAD_SECONDS
        return waits.until if dead else 0

    def frame(self, number: int, length: int) -> bytes:
        """What the slot of this frame holds now. It may be a newer frame: compare the digest."""
        at = self._slots.offset + (number - 1) % self._slots.count * self._slots.bytes
        return self._bytes(at, min(length, self._slots.bytes))

    def _follow_head(self) -> int:
        """The head now. Overwritten records are lost, and so are those that a head that went back takes back."""
        head = self.head
        oldest = head - self._capacity + 1
        if oldest > self._next:
            self.lost += oldest - self._next
            self._next = oldest
        elif head < self.done:
            self.lost += self.done - head
            self._next = head + 1
        return head


@dataclass(frozen=True)
class Batch:
    """Records in order. Lost records of the guest are a gap in their numbers; `card_lost` counts those of the card.

    A gap at the end has no record behind it: see `Recorder.next`.

    What the card did in a gap of the guest counts as lost.
    """

    records: Records
    card_lost: int


class Recorder:
    """Both rings of one card."""

    def __init__(self, layout: RecorderLayout) -> None:
        self.names = names_of(layout)
        self._guest = RecordReader(Path(layout.recorder), layout)
        self._card = RecordReader(Path(layout.trace), layout)
        self._folder = Path(layout.recorder).parent
        self._sites = CallSites(self._folder, UNKNOWN_BUILD)
        self._settled = layout.settled
        self._detail = layout.detail
        self._early: Records = self._card.nothing()
        """Records of the card that must wait for guest records before them."""
        self._last = 0
        """The number of the last guest record that was read."""
        self._began_after = 0
        """The number of the last guest record that is left out on purpose."""
        self._cards_lost = 0

    @property
    def detail(self) -> Detail:
        """How much the guest records now; a guest may write anything there."""
        return Detail(min(self._guest.word(self._detail), Detail.BYTES))

    @property
    def sites(self) -> CallSites:
        """The call sites of the driver that records now."""
        if self._guest.build != self._sites.build:
            self._sites = CallSites(self._folder, self._guest.build)
        return self._sites

    def events(self, records: Records) -> Iterator[Event]:
        """These records of a batch as the verifier takes them."""
        return events(records, self.names, self.sites)

    def frame(self, digest: int, length: int, card: bool) -> bytes | None:
        """The bytes of the frame with this recorded digest, of card or guest; None when they are overwritten."""
        number, crc = digest >> 32, digest & 0xFFFF_FFFF
        kept = (self._card if card else self._guest).frame(number, length) if number else b""
        return kept if len(kept) == length and crc32c(kept) == crc else None

    @property
    def next(self) -> int:
        """The number of the next guest record to read. It goes back when the guest sets its head back."""
        return self._guest.done + 1

    @property
    def lost(self) -> int:
        """How many records of guest and card were lost so far."""
        return self._guest.lost + self._cards_lost

    def skip(self) -> None:
        """Continue with what is recorded from now on."""
        self._skip_to_last(0)

    def at_rest(self) -> bool:
        """Whether the card sleeps and all records have been read."""
        asleep = self._card.word(self._settled) == ALL
        return asleep and self._guest.done == self._guest.head and not len(self._early)

    def read(self, *, to_end: bool = False) -> Iterator[Batch]:
        """New records, in batches. A record waits while the card may still record something before it.

        With `to_end` all are read: use it when guest and card are at rest, or have stopped.
        """
        # The order matters: what the card records after its ring is read is newer than `settled`.
        guest_head = self._guest.head
        settled = guest_head if to_end else min(guest_head, self._card.word(self._settled))
        card_head = self._card.head
        fresh = list(self._card.read(card_head, to_end=to_end))
        for records in fresh:
            records["function"] += CARD_NUMBERS
        self._early = np.concatenate([self._early, *fresh])
        for guest in self._guest.read(settled, to_end=to_end):
            # A guest may write anything there, but not in the card's name.
            guest["function"][guest["function"] >= CARD_NUMBERS] = UNDECLARED
            yield self._batch(guest, self._card_until(self._guest.done, guest))
        rest = self._card_until(ALL if to_end else self._guest.done, self._guest.nothing())
        if len(rest) or self._card.lost:
            yield self._batch(self._guest.nothing(), rest)

    def _card_until(self, sequence: int, guest: Records) -> Records:
        """The card's records up to the guest record `sequence`; `guest` are the guest records just read.

        What the card did after a lost record of the guest is lost too: its context is unknown. What it did before the
        first record to read is left out.
        """
        due = self._early["result"] <= sequence
        taken, self._early = self._early[due], self._early[~due]
        after = taken["result"]
        known = np.isin(after, guest["sequence"]) | (after == self._last) | (after > self._guest.done)
        lost = int(np.count_nonzero(~known & (after >= self._began_after)))
        if len(guest):
            self._last = int(guest["sequence"][-1])
        self._card.lost += lost
        return taken if known.all() else taken[known]

    def last(self, count: int) -> Iterator[Batch]:
        """The last `count` records of the guest, and the card's records among them."""
        self._skip_to_last(count)
        yield from self.read(to_end=True)

    def _skip_to_last(self, count: int) -> None:
        self._guest.skip_to_last(count)
        self._card.skip_to_last(count)
        self._last = self._began_after = self._guest.done

    def _batch(self, guest: Records, card: Records) -> Batch:
        lost, self._card.lost = self._card.lost, 0
        self._cards_lost += lost
        return Batch(merge(guest, card), lost)


def merge(guest: Records, card: Records) -> Records:
    """Merge the two. A card's record comes after as many guest records as its result says."""
    keys = np.concatenate([2 * guest["sequence"], 2 * card["result"] + 1])
    return np.concatenate([guest, card])[np.argsort(keys, kind="stable")]


def events(records: Records, names: dict[int, str], sites: Mapping[int, str]) -> Iterator[Event]:
    """The records as the verifier takes them; `sites` has the call sites as text.

    A number that nothing declares becomes the name `#number`.
    """
    decoder = Decoder(names)
    columns: list[list[Any]] = [records[name].tolist() for name in Event._fields]
    keys = (records["function"].astype(np.uint32) << 8 | records["kind"]).tolist()
    columns[1] = list(map(decoder.names.__getitem__, columns[1]))
    columns[-1] = list(map(sites.__getitem__, columns[-1]))
    return decoder.decode(keys, zip(*columns, strict=True))
