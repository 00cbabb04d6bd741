# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads captures: pcap of either byte order, in micro- or nanoseconds, and pcapng with any number of sections.

A file of any size takes the memory of one block. scapy's readers accept a truncated file without a word; here it is an
error.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

from nicrig.captures.pcapng import BYTE_ORDER, DIRECTIONS, ETHERNET, INTERFACE, PACKET, SECTION, SECTION_BYTES
from nicrig.card.wire import WIRE_FRAME_MAX
from nicrig.errors import UsageError
from nicrig.input_file import open_input

LONGEST_BLOCK = 1 << 20
"""Most bytes of a block that is decoded: the longest frame and a few hundred comments. Other blocks are skipped."""
MOST_INTERFACES = 4096
MOST_OPTIONS = 1024
"""Of one block."""
NANOSECONDS = 1_000_000_000
PCAP = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
"""Magic number of a pcap file: nanoseconds in the unit of its times."""
OLD_PACKET, SIMPLE_PACKET = 2, 3
PACKETS = (PACKET, OLD_PACKET, SIMPLE_PACKET)
DIRECTION_BITS = 3
"""The bits of epb_flags that hold the direction."""


class FileFrame(NamedTuple):
    """One frame of a capture file. `time` is in nanoseconds since 1970, `length` is its size before it was cut."""

    time: int
    frame: bytes
    length: int
    outgoing: bool = False
    """Whether the frame left through the interface that captured it, as the file records it."""


class BrokenFileError(Exception):
    """The file is damaged, or is no capture of Ethernet frames."""


class CaptureFile:
    """An open capture. Each iteration reads it from its start, frame by frame, in the order of the file.

    An iteration raises UsageError, with the offset of what is wrong.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file

    def __iter__(self) -> Iterator[FileFrame]:
        size = self._file.seek(0, 2)
        self._file.seek(0)
        cursor = _Cursor(self._file, size)
        try:
            yield from _frames(cursor)
        except BrokenFileError as error:
            raise UsageError(
                f"{self._path}: byte {cursor.offset}: {error}: name a complete pcap or pcapng file"
            ) from None


@contextmanager
def opened(path: Path) -> Iterator[CaptureFile]:
    """The capture, open in this block; `-` is standard input. Raises UsageError for what is not a regular file."""
    try:
        file = open_input(path)
    except ValueError as error:
        raise UsageError(f"{error}: name a pcap or pcapng file") from None
    with file:
        yield CaptureFile(path, file)


class _Cursor:
    """A read position in `size` bytes of a file or block. `order` is struct's sign for their byte order."""

    def __init__(self, file: IO[bytes], size: int, order: str = "<") -> None:
        self.file, self.size, self.offset, self.order = file, size, 0, order

    @property
    def left(self) -> int:
        return self.size - self.offset

    def take(self, length: int, what: str) -> bytes:
        # Check first: a length may promise gigabytes that are not there.
        data = self.file.read(length) if length <= self.left else b""
        if len(data) < length:
            raise BrokenFileError(f"the file ends in the middle of {what}")
        self.offset += length
        return data

    def skip(self, length: int, what: str) -> None:
        if length > self.left:
            raise BrokenFileError(f"the file ends in the middle of {what}")
        self.file.seek(length, 1)
        self.offset += length

    def numbers(self, format: str, what: str) -> tuple[int, ...]:
        return self.unpack(format, self.take(struct.calcsize(self.order + format), what))

    def unpack(self, format: str, data: bytes) -> tuple[int, ...]:
        found: tuple[int, ...] = struct.unpack(self.order + format, data)
        return found

    def frame(self, length: int) -> bytes:
        if length > WIRE_FRAME_MAX:
            raise BrokenFileError(f"a packet of {length} bytes is longer than the {WIRE_FRAME_MAX} of a card's wire")
        return self.take(length, "a packet")


def _frames(cursor: _Cursor) -> Iterator[FileFrame]:
    magic = cursor.file.read(4)
    cursor.file.seek(0)
    if magic == SECTION_BYTES:
        return _pcapng(cursor)
    for order in "<>":
        if len(magic) == 4 and (unit := PCAP.get(struct.unpack(order + "I", magic)[0])):
            cursor.order = order
            return _pcap(cursor, unit)
    raise BrokenFileError("the file is neither pcap nor pcapng")


def _pcap(cursor: _Cursor, unit: int) -> Iterator[FileFrame]:
    *_, linktype = cursor.numbers("IHHIIII", "the file header")
    _check_ethernet(linktype & 0xFFFF)
    while cursor.left:
        seconds, fraction, captured, length = cursor.numbers("IIII", "a packet header")
        yield FileFrame(seconds * NANOSECONDS + fraction * unit, cursor.frame(captured), length)


def _check_ethernet(linktype: int) -> None:
    if linktype != ETHERNET:
        raise BrokenFileError(f"the frames have link type {linktype}, not Ethernet ({ETHERNET})")


@dataclass(frozen=True)
class _Interface:
    snaplen: int
    time: Callable[[int], int]
    """Converts a time in this interface's unit into nanoseconds since 1970."""


def _pcapng(cursor: _Cursor) -> Iterator[FileFrame]:
    interfaces: list[_Interface] = []
    while cursor.left:
        kind, block = _block(cursor)
        if kind == SECTION:
            interfaces = []
        elif kind == INTERFACE:
            if len(interfaces) == MOST_INTERFACES:
                raise BrokenFileError(f"a section describes more than {MOST_INTERFACES} interfaces")
            interfaces.append(_interface(block))
        elif kind in PACKETS:
            yield _packet(kind, block, interfaces)


def _block(cursor: _Cursor) -> tuple[int, _Cursor]:
    """The next block: its type, and a cursor over its body, which is empty for a type that is not decoded."""
    head = cursor.take(8, "a block header")
    begun = b""
    if head[:4] == SECTION_BYTES:
        begun = cursor.take(4, "a block header")
        cursor.order = _order(begun)
    kind, length = cursor.unpack("II", head)
    if length < 12 + len(begun) or length % 4:
        raise BrokenFileError(f"a block has an impossible length of {length} bytes")
    body, decoded = b"", kind == INTERFACE or kind in PACKETS
    if decoded and length > LONGEST_BLOCK:
        raise BrokenFileError(f"a block of {length} bytes is longer than {LONGEST_BLOCK}")
    if decoded:
        body = cursor.take(length - 12, "a block")
    else:
        cursor.skip(length - 12 - len(begun), "a block")
    if cursor.numbers("I", "a block") != (length,):
        raise BrokenFileError("the two lengths of a block differ")
    return kind, _Cursor(BytesIO(body), len(body), cursor.order)


def _order(magic: bytes) -> str:
    for order in "<>":
        if magic == struct.pack(order + "I", BYTE_ORDER):
            return order
    raise BrokenFileError("a section has no valid byte order mark")


def _interface(block: _Cursor) -> _Interface:
    linktype, _, snaplen = block.numbers("HHI", "an interface description")
    _check_ethernet(linktype)
    options = _options(block)
    resolution, offset = (options.get(9) or b"\6")[0], options.get(14, b"")
    base, power = (2 if resolution & 0x80 else 10), resolution & 0x7F
    seconds = struct.unpack(block.order + "q", offset)[0] if len(offset) == 8 else 0
    return _Interface(snaplen, lambda time: seconds * NANOSECONDS + time * NANOSECONDS // base**power)


def _packet(kind: int, block: _Cursor, interfaces: list[_Interface]) -> FileFrame:
    high = low = number = 0
    if kind == PACKET:
        number, high, low, captured, length = block.numbers("IIIII", "a packet")
    elif kind == OLD_PACKET:
        number, _, high, low, captured, length = block.numbers("HHIIII", "a packet")
    else:
        captured = length = block.numbers("I", "a packet")[0]
    if number >= len(interfaces):
        raise BrokenFileError(f"a packet names interface {number}, which no block before it describes")
    interface = interfaces[number]
    if kind == SIMPLE_PACKET:
        captured = min(length, interface.snaplen or length)
    frame = block.frame(captured)
    block.take(-captured % 4, "a packet")
    flags = _options(block).get(2, b"") if kind == PACKET else b""
    outgoing = len(flags) == 4 and struct.unpack(block.order + "I", flags)[0] & DIRECTION_BITS == DIRECTIONS["out"]
    return FileFrame(interface.time(high << 32 | low), frame, length, outgoing)


def _options(block: _Cursor) -> dict[int, bytes]:
    """The options in the rest of the block, the last one of each code."""
    found = {}
    for _ in range(MOST_OPTIONS):
        if not block.left:
            break
        code, length = block.numbers("HH", "an option")
        if code == 0:
            break
        found[code] = block.take(length, "an option")
        block.take(min(-length % 4, block.left), "an option")
    else:
        raise BrokenFileError(f"a block has more than {MOST_OPTIONS} options")
    return found
