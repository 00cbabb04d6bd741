# SPDX-License-Identifier: GPL-2.0-or-later
"""A flight recorder's memory as docs/datasheet.md section 14 has it, written by hand, without nicrig_device.recorder.

A guest's ring and the card's have one form, so this writes, and reads, either.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import NamedTuple

from crc32c import crc32c

from nicrig_interface.answers import RecorderLayout, SlotLayout

MAGIC, CAPACITY, HEAD, DETAIL, SETTLED, GRANTS = 0x00, 0x08, 0x10, 0x18, 0x20, 0x28
SLOT_HEAD, BUILD = 0x30, 0x38
GRANT, REVOKE = 3, 4
MAY_READ, MAY_WRITE, CACHED, STREAMING = 1, 2, 4, 8
ALL_ONES = (1 << 64) - 1
RECORDS_AT = 0x1000
SLOTS, SLOT_BYTES = 4, 2048
RECORD = struct.Struct("<QQHBBIQQQQQ")
ASLEEP = (1 << 64) - 1


class Record(NamedTuple):
    """One record, what it holds in the datasheet's order."""

    sequence: int
    time: int = 0
    function: int = 0
    kind: int = 0
    phase: int = 0
    irql: int = 0
    site: int = 0
    cpu: int = 0
    locks: int = 0
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    result: int = 0

    def pack(self) -> bytes:
        state, place = self.irql << 4 | self.phase, self.locks << 28 | self.cpu << 20 | self.site
        return RECORD.pack(*self[:4], state, place, *self[9:])

    @classmethod
    def unpack(cls, data: bytes) -> Record:
        values = RECORD.unpack(data)
        state, place = values[4:6]
        packed = state & 0xF, state >> 4, place & 0xFFFFF, place >> 20 & 0xFF, place >> 28
        return cls._make((*values[:4], *packed, *values[6:]))


class RecorderMemory:
    """`memory` is the whole of a ring's file or of BAR3."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory

    def word(self, offset: int) -> int:
        return int.from_bytes(self._memory[offset : offset + 8], "little")

    def set_word(self, offset: int, value: int) -> None:
        self._memory[offset : offset + 8] = value.to_bytes(8, "little")

    def begin(self) -> int:
        """Take the next record's number."""
        self.set_word(HEAD, self.word(HEAD) + 1)
        return self.word(HEAD)

    def fill(self, record: Record) -> None:
        """Store the other fields, and the sequence last."""
        at, data = self._place(record.sequence), record.pack()
        self._memory[at + 8 : at + RECORD.size] = data[8:]
        self._memory[at : at + 8] = data[:8]

    def write(self, **fields: int) -> int:
        """A whole record; its number."""
        sequence = self.begin()
        self.fill(Record(sequence, **fields))
        return sequence

    def record(self, sequence: int) -> Record:
        """The record in the slot of this number."""
        at = self._place(sequence)
        return Record.unpack(bytes(self._memory[at : at + RECORD.size]))

    def keep(self, frame: bytes) -> int:
        """Keep a frame's bytes; its digest word."""
        number = self.word(SLOT_HEAD) + 1
        self.set_word(SLOT_HEAD, number)
        at = len(self._memory) - SLOTS * SLOT_BYTES + (number - 1) % SLOTS * SLOT_BYTES
        self._memory[at : at + len(frame)] = frame
        return crc32c(frame) | number << 32

    def _place(self, sequence: int) -> int:
        return RECORDS_AT + (sequence - 1) % self.word(CAPACITY) * RECORD.size


class Granting:
    """Grants as a guest records them, from the start of a driver on."""

    def __init__(self, records: RecorderMemory) -> None:
        self.records = records
        records.set_word(DETAIL, max(1, records.word(DETAIL)))
        self.revoke(0, ALL_ONES, 0)

    def grant(self, address: int, length: int, how: int = MAY_READ | MAY_WRITE, guard: int = 0) -> None:
        self.records.write(kind=GRANT, a=address, b=length, c=how, d=guard)

    def revoke(self, address: int, length: int, how: int = MAY_READ | MAY_WRITE) -> None:
        self.records.write(kind=REVOKE, a=address, b=length, c=how)


class Rings:
    """Both rings of a card that is not there, as files in `folder`; `layout` is what it would answer."""

    def __init__(self, folder: Path, capacity: int = 8) -> None:
        self.guest = _file(folder / "recorder", capacity)
        self.card = _file(folder / "trace", capacity)
        self.card.set_word(SETTLED, ASLEEP)
        small = {"function": "<u2", "kind": "|u1", "state": "|u1", "place": "<u4"}
        fields = ("sequence", "time", *small, "a", "b", "c", "d", "result")
        self.layout = RecorderLayout(
            recorder=str(folder / "recorder"),
            trace=str(folder / "trace"),
            record=[(name, small.get(name, "<u8")) for name in fields],
            packed={"state": {"phase": 4, "irql": 4}, "place": {"site": 20, "cpu": 8, "locks": 4}},
            offset=RECORDS_AT,
            capacity=capacity,
            head=HEAD // 8,
            detail=DETAIL // 8,
            settled=SETTLED // 8,
            build=BUILD // 8,
            slots=SlotLayout(offset=RECORDS_AT + capacity * RECORD.size, count=SLOTS, bytes=SLOT_BYTES),
            events={"1": "card.reset", "5": "card.doorbell", "9": "card.link", "11": "card.frame_in"},
        )


def _file(path: Path, capacity: int) -> RecorderMemory:
    path.write_bytes(bytes(RECORDS_AT + capacity * RECORD.size + SLOTS * SLOT_BYTES))
    with path.open("r+b") as file:
        made = RecorderMemory(memoryview(mmap.mmap(file.fileno(), 0)))
    made.set_word(MAGIC, int.from_bytes(b"NICRRECD", "little"))
    made.set_word(CAPACITY, capacity)
    return made
