# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads captures: pcap of either byte order, in micro- or nanoseconds, and pcapng with any number of sections.

Both may be compressed with gzip, xz or zstd. A file of any size takes the memory of one block. scapy's readers accept
a file that is cut without a word, and give a frame check sequence as data.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from nicrig.captures.cursor import BrokenFileError, Cursor, CutFileError, unpacked
from nicrig.captures.file_packet import FilePacket, take_packet, without_fcs
from nicrig.captures.pcapng import ETHERNET, SECTION_BYTES
from nicrig.captures.pcapng_file import NANOSECONDS, pcapng_packets
from nicrig.errors import UsageError
from nicrig.input_file import open_input

PCAP = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
"""Magic number of a pcap file: nanoseconds in the unit of its times."""
LINKTYPE_MASK, FCS_PRESENT, FCS_LENGTH_MASK = 0xFFFF, 1 << 26, 0xF << 28
"""The parts of the last number in a pcap file's header."""


class FileFrame(NamedTuple):
    """One frame of a capture file, without its frame check sequence.

    `time` is in nanoseconds since 1970, None when the file has none for it. `length` is its size before it was cut.
    """

    time: int | None
    frame: bytes
    length: int
    outgoing: bool = False
    """Whether the frame left through the interface that captured it, as the file records it."""


@dataclass
class Account:
    """What was found in a capture: its frames, and the packets that are not among them."""

    frames: int = 0
    outgoing: int = 0
    """How many of the frames left the interface that captured them."""
    cut: int = 0
    """How many of the other frames were captured only in part."""
    foreign: Counter[int] = field(default_factory=Counter)
    """Packets that are not Ethernet frames, by link type."""
    long: int = 0
    """Packets that are too long for a card's wire."""
    first_long: str = ""
    end: str = ""
    """Where and how the file ends too early."""

    def take(self, packet: FilePacket, offset: int) -> FileFrame | None:
        """The packet as a frame, or None when it is left out. `offset` is where it ends in the file."""
        if packet.linktype != ETHERNET:
            self.foreign[packet.linktype] += 1
            return None
        if packet.data is None:
            self.long += 1
            self.first_long = self.first_long or f"{packet.refusal} (it ends at byte {offset})"
            return None
        self.frames += 1
        self.outgoing += packet.outgoing
        self.cut += len(packet.data) < packet.length and not packet.outgoing
        return FileFrame(packet.time, packet.data, packet.length, packet.outgoing)

    def left_out(self) -> list[str]:
        """What was left out, and why."""
        found = [
            f"{count} packet{'s' * (count > 1)} of link type {linktype}, not Ethernet ({ETHERNET})"
            for linktype, count in sorted(self.foreign.items())
        ]
        more = f", and {self.long - 1} more" if self.long > 1 else ""
        return [*found, f"{self.first_long}{more}"] if self.long else found


class CaptureFile:
    """An open capture. Each iteration reads it from its start, frame by frame, in the order of the file.

    An iteration raises UsageError for a damaged file, with the offset, and for one with packets of which none is a
    frame. `account` is that of the last iteration.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self.account = Account()
        self._file = file

    def __iter__(self) -> Iterator[FileFrame]:
        self.account = account = Account()
        cursor = Cursor(unpacked(self._file))
        try:
            for packet in _packets(cursor):
                frame = account.take(packet, cursor.offset)
                if frame:
                    yield frame
        except BrokenFileError as error:
            account.end = f"byte {cursor.offset}: {error}"
            if not (isinstance(error, CutFileError) and account.frames):
                raise UsageError(f"{self.path}: {account.end}: name a complete pcap or pcapng file") from None
        if not account.frames and (reasons := account.left_out()):
            raise UsageError(f"{self.path}: no frame in it can be sent: {'; '.join(reasons)}: name another capture")


@contextmanager
def opened(path: Path) -> Iterator[CaptureFile]:
    """The capture, open in this block; `-` is standard input. Raises UsageError for what is not a regular file."""
    try:
        file = open_input(path)
    except ValueError as error:
        raise UsageError(f"{error}: name a pcap or pcapng file") from None
    with file:
        yield CaptureFile(path, file)


def _packets(cursor: Cursor) -> Iterator[FilePacket]:
    magic = cursor.peek(len(SECTION_BYTES))
    if magic == SECTION_BYTES:
        return pcapng_packets(cursor)
    for order in "<>":
        if len(magic) == 4 and (unit := PCAP.get(struct.unpack(order + "I", magic)[0])):
            cursor.order = order
            return _pcap(cursor, unit)
    raise BrokenFileError("the file is neither pcap nor pcapng")


def _pcap(cursor: Cursor, unit: int) -> Iterator[FilePacket]:
    *_, about = cursor.numbers("IHHIIII", "the file header")
    linktype, has_fcs = about & LINKTYPE_MASK, about & FCS_PRESENT and about & FCS_LENGTH_MASK
    while head := cursor.take_if_any(16, "a packet header"):
        seconds, fraction, captured, length = cursor.unpack("IIII", head)
        data, refusal = take_packet(cursor, captured)
        time = seconds * NANOSECONDS + fraction * unit
        packet = FilePacket(linktype, time, data, length, False, refusal)
        yield without_fcs(packet) if has_fcs else packet
