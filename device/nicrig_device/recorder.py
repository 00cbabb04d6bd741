# SPDX-License-Identifier: GPL-2.0-or-later
"""The flight recorder (docs/datasheet.md section 14): the ring of records that the guest fills, and the card's own.

Both are files, so that a reader maps them and the hot thread copies nothing; both have the same layout. A record of
the card carries how many of the guest's records were begun before the card acted: that puts the two in one order.
"""

from __future__ import annotations

import enum
import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from crc32c import crc32c

from nicrig_device.dma.frames import Frames

RECORD = np.dtype(
    [
        ("sequence", "<u8"),
        ("time", "<u8"),
        ("function", "<u2"),
        ("kind", "u1"),
        ("phase", "u1"),
        ("irql", "u1"),
        ("locks", "u1"),
        ("cpu", "<u2"),
        ("a", "<u8"),
        ("b", "<u8"),
        ("c", "<u8"),
        ("d", "<u8"),
        ("result", "<u8"),
    ]
)
"""64 bytes. The card's own records have the number of guest records begun before it as their result."""

RECORD_DOC = {
    "sequence": "Number of the record, from 1; written last: another number means that the record is not whole.",
    "time": "Nanoseconds of the writer's clock.",
    "function": "What was called; the card's own: which event.",
    "kind": "0 a call into NDIS, 1 a handler of the driver begins, 2 it ends, 3 GRANT, 4 REVOKE.",
    "phase": "What the adapter was doing.",
    "irql": "Level: 0 PASSIVE, 1 APC, 2 DISPATCH, 3 above.",
    "locks": "Spin locks of the driver that this CPU held.",
    "cpu": "CPU.",
    "a": "First argument.",
    "b": "Second argument.",
    "c": "Third argument.",
    "d": "Fourth argument.",
    "result": "Result.",
}

HEADER_DOC = {
    "MAGIC": '"NICRRECD" in ASCII, little endian; the card writes it.',
    "CAPACITY": "Records that the ring holds; the card writes it. Record n lies in place (n - 1) modulo this.",
    "HEAD": "Records begun since the card started; the driver adds 1, atomically, before it fills one in.",
    "DETAIL": "How much is recorded: 0 nothing, 1 all but what happens for each frame, 2 everything, 3 bytes too.",
    "SETTLED": "Of the card's own ring only.",
    "GRANTS": "1 while the card wants to know of STREAMING grants too; the card writes it.",
    "SLOT_HEAD": "Frames kept since the card started; who keeps one adds 1, atomically, before it fills the slot in.",
}
"""The 64-bit words at the start of BAR3, in order."""

MAGIC = int.from_bytes(b"NICRRECD", "little")
HEAD, DETAIL = 2, 3
GRANTS, SLOT_HEAD = 5, 6
SETTLED = 4
"""Of the card's own ring: its next record will not be older than this many guest records; all ones while it sleeps."""
ASLEEP = (1 << 64) - 1
FRAMES, BYTES = 2, 3
RECORDS_OFFSET = 0x1000
SLOTS_OFFSET = 8 << 20
CAPACITY = (SLOTS_OFFSET - RECORDS_OFFSET) // RECORD.itemsize
SLOTS, SLOT_BYTES = 4096, 2048
"""Frame n, from 1, lies in slot (n - 1) modulo SLOTS, its length elsewhere; more than a slot holds is cut."""
RECORDER_BYTES = SLOTS_OFFSET + SLOTS * SLOT_BYTES


Numbers = npt.NDArray[np.integer] | int


class GuestRecord(enum.IntEnum):
    """Kinds of guest records that the card itself understands; `function` is the call that made the grant."""

    GRANT = 3  # a, b: the card may touch so many bytes from this device address on; c: how; d: guard bytes behind them
    REVOKE = 4  # a, b, c: as granted; b EVERYTHING: whatever was granted


class Grant(enum.IntFlag):
    """How memory is granted."""

    READ = 1  # the card may read it
    WRITE = 2  # the card may write it
    CACHED = 4  # the CPU sees it through its cache
    STREAMING = 8  # for one packet or transfer


EVERYTHING = (1 << 64) - 1
"""The length in a REVOKE of all: so a driver begins, and nothing is known of what was granted before."""
GUARD = 0x5A
"""What guard bytes hold: they belong to nobody, and nobody may write there."""


class TraceEvent(enum.IntEnum):
    """What the card records of itself."""

    RESET = 1
    REGISTER = 2
    ENABLE = 3
    DISABLE = 4
    DOORBELL = 5
    READ = 6
    WRITE = 7
    INTERRUPT = 8
    LINK = 9
    REFUSAL = 10
    FRAME_IN = 11
    FRAME_OUT = 12
    LEDGER = 13


EVENT_DOC = {
    TraceEvent.RESET: "The card was reset.",
    TraceEvent.REGISTER: "A trapped register was written: BAR, offset, value.",
    TraceEvent.ENABLE: "A ring was switched on, or a transfer took the channel: 1 for transmit, base, size.",
    TraceEvent.DISABLE: "A ring was switched off, or a transfer gave the channel back: 1 for transmit.",
    TraceEvent.DOORBELL: "A doorbell was obeyed: 1 for transmit, tail, head, size; START: tail DONE + 1.",
    TraceEvent.READ: "A transmit buffer was read: place, address, bytes, status as written back.",
    TraceEvent.WRITE: "A receive buffer was written: place, address, bytes, status as written back.",
    TraceEvent.INTERRUPT: "A vector was fired: vector.",
    TraceEvent.LINK: "The link came up or went down: 1 for up.",
    TraceEvent.REFUSAL: "Something was refused: code, index, 1 for transmit.",
    TraceEvent.FRAME_IN: "A frame was given to the driver: place, address or 0, bytes, digest.",
    TraceEvent.FRAME_OUT: "A frame of the driver was taken for the wire: as FRAME_IN.",
    TraceEvent.LEDGER: (
        "The ledger found something (section 17): finding, plus 256 for transmit; address, bytes; ring index or "
        "transfer, 65536 for the ring itself."
    ),
}


class RecordRing:
    """The ring's file, mapped; without a path it is a memory file. `fd` is what a guest may map."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        if path is None:
            self.fd = os.memfd_create("nicrig-records", os.MFD_CLOEXEC)
        else:
            path.unlink(missing_ok=True)
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                # Room on the disk now, or an error now: a page that cannot be had later would end card and guest.
                os.posix_fallocate(self.fd, 0, RECORDER_BYTES)
            except OSError:
                self.close()
                raise
        os.ftruncate(self.fd, RECORDER_BYTES)
        self._data = mmap.mmap(self.fd, RECORDER_BYTES)
        self.words = memoryview(self._data).cast("Q")
        self.records: npt.NDArray[Any] = np.frombuffer(self._data, RECORD, CAPACITY, RECORDS_OFFSET)
        self.slots = memoryview(self._data)[SLOTS_OFFSET:]
        self.words[0], self.words[1] = MAGIC, CAPACITY

    def bytes(self) -> memoryview:
        return memoryview(self._data)

    def close(self) -> None:
        """Close the descriptor and remove the file; the mapping ends with its last view."""
        os.close(self.fd)
        if self._path is not None:
            self._path.unlink(missing_ok=True)


class Trace:
    """What the card records of itself. What it does for each frame is kept only while the guest records frames too.

    FRAME_IN and FRAME_OUT, with the bytes, are kept also while somebody captures.
    """

    def __init__(self, guest: RecordRing, own: RecordRing) -> None:
        self._guest = guest.words
        self._own = own
        self._written = 0
        self.told: dict[TraceEvent, Callable[[int, int, int, int], None]] = {}
        """Who else is told of an event of a kind, with what is recorded of it."""
        self.captures: set[object] = set()
        """Who wants each frame with its bytes, whatever the guest records."""

    @property
    def steps(self) -> bool:
        """Whether what the card does for each frame is recorded."""
        return self._guest[DETAIL] >= FRAMES

    @property
    def frames(self) -> bool:
        """Whether the frames themselves are recorded: FRAME_IN and FRAME_OUT."""
        return bool(self.captures) or self.steps

    def begin(self) -> None:
        """A turn of the card's loop begins: what the last one did is recorded."""
        self._own.words[SETTLED] = self._guest[HEAD]

    def rest(self) -> None:
        """The card is about to sleep: whatever it records next is still to come."""
        self._own.words[SETTLED] = ASLEEP

    def stamp(self) -> int:
        """How many guest records have been begun: to be taken before the card touches guest memory."""
        return self._guest[HEAD]

    def add(self, event: TraceEvent, a: int = 0, b: int = 0, c: int = 0, d: int = 0, stamp: int | None = None) -> None:
        """Record one event, as of now or of an earlier stamp."""
        self._own.records[self._written % CAPACITY] = (
            *(self._written + 1, time.monotonic_ns(), event, 0, 0, 0, 0, 0),
            *(a, b, c, d, self.stamp() if stamp is None else stamp),
        )
        self._publish(1)
        told = self.told.get(event)
        if told is not None:
            told(a, b, c, d)

    def add_buffers(
        self,
        event: TraceEvent,
        stamp: int,
        place: Numbers,
        descriptors: npt.NDArray[Any],
        status: npt.NDArray[np.uint16],
    ) -> None:
        """Record the buffers of descriptors, each with its place, address, length and status."""
        made = self._next(event, stamp, len(descriptors))
        made["a"] = place
        made["b"] = descriptors["address"]
        made["c"] = descriptors["length"]
        made["d"] = status
        self._put(made)

    def add_frames(self, event: TraceEvent, stamp: int, place: Numbers, address: Numbers, frames: Frames) -> None:
        """The card's witness: record what was moved, each frame with its place and its device address.

        The digest is the CRC32C of the bytes that were moved; they are kept too while the guest keeps its own, or
        somebody captures.
        """
        made = self._next(event, stamp, len(frames))
        made["a"] = place
        made["b"] = address
        made["c"] = frames.length
        made["d"] = self._digests(frames)
        self._put(made)

    def _digests(self, frames: Frames) -> list[int]:
        data, keep = frames.data.data, bool(self.captures) or self._guest[DETAIL] >= BYTES
        found = []
        for offset, length in zip(frames.offset.tolist(), frames.length.tolist(), strict=True):
            frame = data[offset : offset + length]
            found.append(crc32c(frame) | (self._keep(frame) << 32 if keep else 0))
        return found

    def _keep(self, frame: memoryview) -> int:
        """Keep the bytes of a frame; the number under which they are found."""
        words = self._own.words
        number = words[SLOT_HEAD] = words[SLOT_HEAD] + 1 & 0xFFFF_FFFF
        at = (number - 1) % SLOTS * SLOT_BYTES
        kept = frame[:SLOT_BYTES]
        self._own.slots[at : at + len(kept)] = kept
        return number

    def _next(self, event: TraceEvent, stamp: int, count: int) -> npt.NDArray[Any]:
        """The next records, to be filled in."""
        made = np.zeros(count, RECORD)
        made["sequence"] = np.arange(self._written + 1, self._written + 1 + count)
        made["time"] = time.monotonic_ns()
        made["function"] = event
        made["result"] = stamp
        return made

    def _put(self, made: npt.NDArray[Any]) -> None:
        place = np.arange(self._written, self._written + len(made)) % CAPACITY
        self._own.records[place] = made
        self._publish(len(made))

    def _publish(self, count: int) -> None:
        self._written += count
        self._own.words[HEAD] = self._written
