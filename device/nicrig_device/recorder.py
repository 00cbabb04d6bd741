# SPDX-License-Identifier: GPL-2.0-or-later
"""The flight recorder (docs/datasheet.md section 14): the ring of records that the guest fills, and the card's own.

Both are files with the same layout. A reader maps them, so the card's thread copies nothing. A record of the card
holds how many records the guest had begun before the card acted: that puts both rings in one order.
"""

from __future__ import annotations

import enum
import mmap
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from crc32c import crc32c

from nicrig_device.dma.frames import Frames
from nicrig_device.dma.shared_memory import Area, replace, sealed_file
from nicrig_device.log import log

RECORD = np.dtype(
    [
        ("sequence", "<u8"),
        ("time", "<u8"),
        ("function", "<u2"),
        ("kind", "u1"),
        ("state", "u1"),
        ("place", "<u4"),
        ("a", "<u8"),
        ("b", "<u8"),
        ("c", "<u8"),
        ("d", "<u8"),
        ("result", "<u8"),
    ]
)
"""64 bytes. The result of a record of the card is the number of guest records begun before it."""

PACKED = {"state": {"phase": 4, "irql": 4}, "place": {"site": 20, "cpu": 8, "locks": 4}}
"""What shares a field of RECORD: how many bits each takes, from the lowest bit up."""

RECORD_DOC = {
    "sequence": "Number of the record, from 1; written last. Another number means that the record is not whole.",
    "time": "Nanoseconds of the writer's clock.",
    "function": "The function that was called; in the card's own ring the event.",
    "kind": "0 a call into NDIS, 1 a handler of the driver begins, 2 it ends, 3 GRANT, 4 REVOKE.",
    "phase": "The adapter's phase.",
    "irql": "Level: 0 PASSIVE, 1 APC, 2 DISPATCH, 3 above.",
    "site": "The call site, as an offset in .text: where the call returns to; a handler's start plus 1; or 0.",
    "cpu": "CPU, modulo 256.",
    "locks": "How many of the driver's spin locks this CPU held, at most 15.",
    "a": "First argument.",
    "b": "Second argument.",
    "c": "Third argument.",
    "d": "Fourth argument.",
    "result": "Result.",
}

HEADER_DOC = {
    "MAGIC": '"NICRRECD" in ASCII, little endian; the card writes it.',
    "CAPACITY": "Records that the ring holds; the card writes it. Record n lies in slot (n - 1) modulo this.",
    "HEAD": "Records begun since the card started; the driver adds 1, atomically, before it fills one in.",
    "DETAIL": "How much is recorded: 0 nothing, 1 all but the steps of each frame, 2 everything, 3 the bytes too.",
    "SETTLED": "In the card's own ring only.",
    "GRANTS": "1 while the card needs STREAMING grants too; the card writes it.",
    "SLOT_HEAD": "Frames kept since the card started. A writer adds 1, atomically, before it fills the slot in.",
    "BUILD": "Names the driver's build; call sites are looked up by it, and 0 means that it is not known.",
}
"""The 64-bit words at the start of BAR3, in order."""

MAGIC_BYTES = b"NICRRECD"
MAGIC = int.from_bytes(MAGIC_BYTES, "little")
HEAD, DETAIL = 2, 3
GRANTS, SLOT_HEAD, BUILD = 5, 6, 7
SETTLED = 4
"""In the card's own ring: its next record will not be older than this many guest records; all ones while it sleeps."""
ASLEEP = (1 << 64) - 1
FRAMES, BYTES = 2, 3
RECORDS_OFFSET = 0x1000
SLOTS_OFFSET = 8 << 20
CAPACITY = (SLOTS_OFFSET - RECORDS_OFFSET) // RECORD.itemsize
SLOTS, SLOT_BYTES = 4096, 2048
"""Frame n, from 1, lies in slot (n - 1) modulo SLOTS. Its length is in its record; a longer frame is cut."""
RECORDER_BYTES = SLOTS_OFFSET + SLOTS * SLOT_BYTES

Numbers: TypeAlias = npt.NDArray[np.integer] | int
Records: TypeAlias = npt.NDArray[Any]


class GuestRecord(enum.IntEnum):
    """The kinds of guest records that the card reads; `function` is the call that made the grant."""

    GRANT = 3  # a, b: device address and length of memory that the card may touch; c: how; d: guard bytes behind it
    REVOKE = 4  # a, b, c: as granted; b EVERYTHING: all grants


class Grant(enum.IntFlag):
    """How memory is granted."""

    READ = 1  # the card may read it
    WRITE = 2  # the card may write it
    CACHED = 4  # the CPU sees it through its cache
    STREAMING = 8  # for one packet or transfer


EVERYTHING = (1 << 64) - 1
"""The length in a REVOKE of all grants. A driver starts with it, so that no older grant counts."""
GUARD = 0x5A
"""The content of guard bytes. Neither driver nor card may write there."""


class TraceEvent(enum.IntEnum):
    """What the card records about itself."""

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
    HAND_OVER = 14
    TAKEN = 15


EVENT_DOC = {
    TraceEvent.RESET: "The card was reset.",
    TraceEvent.REGISTER: "A trapped register was written: BAR, offset, value.",
    TraceEvent.ENABLE: "A ring was switched on, or a transfer took the channel: 1 for transmit, base, size.",
    TraceEvent.DISABLE: "A ring was switched off, or a transfer gave the channel back: 1 for transmit.",
    TraceEvent.DOORBELL: "A doorbell was obeyed: 1 for transmit, tail, head, size; START: tail DONE + 1.",
    TraceEvent.READ: "A transmit buffer was read: ring index or transfer, address, bytes, status as written back.",
    TraceEvent.WRITE: "A receive buffer was written: ring index or transfer, address, bytes, status as written back.",
    TraceEvent.INTERRUPT: "A vector was fired: vector.",
    TraceEvent.LINK: "The link came up or went down: 1 for up.",
    TraceEvent.REFUSAL: "Something was refused: code, index, 1 for transmit.",
    TraceEvent.FRAME_IN: "A frame was given to the driver: ring index, slot or transfer; address or 0, bytes, digest.",
    TraceEvent.FRAME_OUT: "A frame of the driver was taken for the wire: as FRAME_IN.",
    TraceEvent.LEDGER: (
        "The ledger found something (section 17): finding, plus 256 for transmit; address, bytes; ring index or "
        "transfer, 65536 for the ring itself."
    ),
    TraceEvent.HAND_OVER: (
        "An unkind card found something (section 18): finding, plus 256 for transmit; address or 0, bytes; ring index, "
        "slot or transfer."
    ),
    TraceEvent.TAKEN: "An unkind card saw a posted receive buffer: ring index, address, bytes, status.",
}


def _left_by_a_card(path: Path) -> bool:
    """Whether it is an ordinary file of this user that begins with MAGIC, or has no byte: a card was killed at once."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        found = os.fstat(fd)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        return ours and os.pread(fd, len(MAGIC_BYTES), 0) in (b"", MAGIC_BYTES)
    finally:
        os.close(fd)


class RecordRing:
    """The mapped file of a record ring; without a path a memory file. A guest may map `fd`."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        if path is None:
            self.fd = sealed_file("nicrig-records", RECORDER_BYTES)
        else:
            if _left_by_a_card(path):
                path.unlink()
            elif os.path.lexists(path):
                raise FileExistsError(f"{path} exists and is not a card's: choose another folder or remove it")
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.write(self.fd, MAGIC_BYTES)
                # Reserve the disk space now: a page that cannot be written later would kill the guest.
                os.posix_fallocate(self.fd, 0, RECORDER_BYTES)
            except OSError:
                self.close()
                raise
        self._data = mmap.mmap(self.fd, RECORDER_BYTES)
        self.words = memoryview(self._data).cast("Q")
        self.records: npt.NDArray[Any] = np.frombuffer(self._data, RECORD, CAPACITY, RECORDS_OFFSET)
        self.slots = memoryview(self._data)[SLOTS_OFFSET:]
        self.words[0], self.words[1] = MAGIC, CAPACITY
        self.area = Area(self.records.ctypes.data - RECORDS_OFFSET, RECORDER_BYTES, self._restore)
        """Its memory, and what makes it whole again after another process has cut the file."""

    def _restore(self) -> None:
        try:
            os.posix_fallocate(self.fd, 0, RECORDER_BYTES)
        except OSError:
            replace(self.area.start, RECORDER_BYTES)
        self.words[0], self.words[1] = MAGIC, CAPACITY
        log.warning("records are lost: another process has cut %s", self._path)

    def bytes(self) -> memoryview:
        return memoryview(self._data)

    def close(self) -> None:
        """Close the descriptor and remove the file; the mapping ends with its last view."""
        with suppress(FileNotFoundError):
            if self._path is not None and os.path.samestat(self._path.lstat(), os.fstat(self.fd)):
                self._path.unlink()
        os.close(self.fd)


class Trace:
    """Writes the card's own records. It records the steps of each frame only while the guest records frames too.

    It also records FRAME_IN and FRAME_OUT, with the bytes, while a client captures.
    """

    def __init__(self, guest: RecordRing, own: RecordRing) -> None:
        self._guest = guest.words
        self._own = own
        self._written = 0
        self.listeners: dict[TraceEvent, Callable[[int, int, int, int], None]] = {}
        """A function to call with a, b, c and d of each event of a kind."""
        self.captures: set[object] = set()
        """The monitor sessions that want each frame with its bytes, however much the guest records."""

    @property
    def steps(self) -> bool:
        """Whether the steps of each frame are recorded."""
        return self._guest[DETAIL] >= FRAMES

    @property
    def frames(self) -> bool:
        """Whether the frames themselves are recorded: FRAME_IN and FRAME_OUT."""
        return bool(self.captures) or self.steps

    def begin(self) -> None:
        """A turn of the card's loop begins: everything that the last one did is recorded."""
        self._own.words[SETTLED] = self._guest[HEAD]

    def rest(self) -> None:
        """The card is about to sleep: it records nothing until it wakes."""
        self._own.words[SETTLED] = ASLEEP

    def stamp(self) -> int:
        """How many guest records have been begun. Take it before the card touches guest memory."""
        return self._guest[HEAD]

    def add(self, event: TraceEvent, a: int = 0, b: int = 0, c: int = 0, d: int = 0, stamp: int | None = None) -> None:
        """Record one event, with the stamp of now or an earlier one."""
        self._own.records[self._written % CAPACITY] = (
            *(self._written + 1, time.monotonic_ns(), event, 0, 0, 0),
            *(a, b, c, d, self.stamp() if stamp is None else stamp),
        )
        self._publish(1)
        listener = self.listeners.get(event)
        if listener is not None:
            listener(a, b, c, d)

    def add_buffers(
        self,
        event: TraceEvent,
        stamp: int,
        numbers: Numbers,
        descriptors: npt.NDArray[Any],
        status: npt.NDArray[np.uint16],
    ) -> None:
        """Record the buffers of descriptors, each with its ring index, address, length and status."""
        made = self._next(event, stamp, len(descriptors))
        made["a"] = numbers
        made["b"] = descriptors["address"]
        made["c"] = descriptors["length"]
        made["d"] = status
        self._put(made)

    def add_frames(self, event: TraceEvent, stamp: int, numbers: Numbers, address: Numbers, frames: Frames) -> None:
        """The card's witness: record the frames that were moved, each with its ring index, slot or transfer.

        The digest is the CRC32C of the bytes that were moved. The bytes are kept while the guest keeps its own, or
        while a client captures.
        """
        made = self._next(event, stamp, len(frames))
        made["a"] = numbers
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
        """Keep the bytes of a frame. Returns their number."""
        words = self._own.words
        number = words[SLOT_HEAD] = words[SLOT_HEAD] + 1 & 0xFFFF_FFFF
        at = (number - 1) % SLOTS * SLOT_BYTES
        kept = frame[:SLOT_BYTES]
        self._own.slots[at : at + len(kept)] = kept
        return number

    def _next(self, event: TraceEvent, stamp: int, count: int) -> npt.NDArray[Any]:
        """The next records, still without a, b, c and d."""
        made = np.zeros(count, RECORD)
        made["sequence"] = np.arange(self._written + 1, self._written + 1 + count)
        made["time"] = time.monotonic_ns()
        made["function"] = event
        made["result"] = stamp
        return made

    def _put(self, made: npt.NDArray[Any]) -> None:
        slots = np.arange(self._written, self._written + len(made)) % CAPACITY
        self._own.records[slots] = made
        self._publish(len(made))

    def _publish(self, count: int) -> None:
        self._written += count
        self._own.words[HEAD] = self._written
