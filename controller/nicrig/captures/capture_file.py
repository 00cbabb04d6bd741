# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads captures: pcap of either byte order, in micro- or nanoseconds, and pcapng with any number of sections.

scapy's readers accept a truncated file without a word. Here it is an error, raised before any frame is sent.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nicrig.captures.pcapng import BYTE_ORDER, DIRECTIONS, ETHERNET, INTERFACE, PACKET, SECTION, SECTION_BYTES
from nicrig.errors import UsageError

LONGEST = 1 << 24
"""Most bytes of a packet or block. A greater length means that the file is damaged."""
NANOSECONDS = 1_000_000_000
PCAP = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
"""Magic number of a pcap file: nanoseconds in the unit of its times."""
OLD_PACKET, SIMPLE_PACKET = 2, 3
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


def load(path: Path) -> list[FileFrame]:
    """All frames of a capture, in the order of the file. Raises UsageError with the offset of what is wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a pcap or pcapng file") from None
    cursor = _Cursor(data)
    try:
        return list(_pcapng(cursor) if data.startswith(SECTION_BYTES) else _pcap(cursor))
    except BrokenFileError as error:
        raise UsageError(f"{path}: byte {cursor.offset}: {error}: name a complete pcap or pcapng file") from None


class _Cursor:
    """A read position in bytes. `order` is struct's sign for their byte order."""

    def __init__(self, data: bytes, order: str = "<") -> None:
        self.data, self.offset, self.order = data, 0, order

    @property
    def left(self) -> int:
        return len(self.data) - self.offset

    def take(self, length: int, what: str) -> bytes:
        if length > LONGEST:
            raise BrokenFileError(f"{what} has an impossible length of {length} bytes")
        if length > self.left:
            raise BrokenFileError(f"the file ends in the middle of {what}")
        self.offset += length
        return self.data[self.offset - length : self.offset]

    def numbers(self, format: str, what: str) -> tuple[int, ...]:
        found: tuple[int, ...] = struct.unpack(
            self.order + format, self.take(struct.calcsize(self.order + format), what)
        )
        return found


def _pcap(cursor: _Cursor) -> Iterator[FileFrame]:
    for order in "<>":
        cursor.offset, cursor.order = 0, order
        if cursor.left >= 4 and (unit := PCAP.get(cursor.numbers("I", "the file header")[0])):
            break
    else:
        cursor.offset = 0
        raise BrokenFileError("the file is neither pcap nor pcapng")
    *_, linktype = cursor.numbers("HHIIII", "the file header")
    _check_ethernet(linktype & 0xFFFF)
    while cursor.left:
        seconds, fraction, captured, length = cursor.numbers("IIII", "a packet header")
        yield FileFrame(seconds * NANOSECONDS + fraction * unit, cursor.take(captured, "a packet"), length)


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
            interfaces.append(_interface(block))
        elif kind in (PACKET, OLD_PACKET, SIMPLE_PACKET):
            yield _packet(kind, block, interfaces)


def _block(cursor: _Cursor) -> tuple[int, _Cursor]:
    """The next block: its type, and a cursor over its body."""
    if cursor.data[cursor.offset : cursor.offset + 4] == SECTION_BYTES:
        cursor.order = _order(cursor.data[cursor.offset + 8 : cursor.offset + 12])
    kind, length = cursor.numbers("II", "a block header")
    if length < 12 or length % 4:
        raise BrokenFileError(f"a block has an impossible length of {length} bytes")
    body = cursor.take(length - 12, "a block")
    if cursor.numbers("I", "a block") != (length,):
        raise BrokenFileError("the two lengths of a block differ")
    return kind, _Cursor(body, cursor.order)


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
    frame = block.take(captured, "a packet")
    block.take(-captured % 4, "a packet")
    flags = _options(block).get(2, b"") if kind == PACKET else b""
    outgoing = len(flags) == 4 and struct.unpack(block.order + "I", flags)[0] & DIRECTION_BITS == DIRECTIONS["out"]
    return FileFrame(interface.time(high << 32 | low), frame, length, outgoing)


def _options(block: _Cursor) -> dict[int, bytes]:
    """The options in the rest of the block, the last one of each code."""
    found = {}
    while block.left:
        code, length = block.numbers("HH", "an option")
        if code == 0:
            break
        found[code] = block.take(length, "an option")
        block.take(min(-length % 4, block.left), "an option")
    return found
