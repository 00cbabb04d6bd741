# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads captures: pcap of either byte order, in micro- or nanoseconds, and pcapng with all that its sections may say.

scapy's readers take a file that breaks off for one that ends; here that is an error, before a frame has been sent.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nicrig.errors import UsageError

ETHERNET = 1
LONGEST = 1 << 24
"""Of a packet or block; a length above it is no length."""
NANOSECONDS = 1_000_000_000
PCAP = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
"""The magic number of a pcap file, and how many nanoseconds the unit of its times is."""
SECTION = b"\x0a\x0d\x0d\x0a"
INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET = 1, 2, 3, 6
OUT = 2


class Recorded(NamedTuple):
    """A frame of a file: nanoseconds since 1970, what there is of it, and how long it was."""

    time: int
    frame: bytes
    length: int
    outgoing: bool = False
    """Whether the file says that it went out at the interface at which it was captured."""


class BrokenError(Exception):
    """Something in the file cannot be."""


def load(path: Path) -> list[Recorded]:
    """All frames of a capture, in the order of the file. Raises UsageError, which says where the file is wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a pcap or pcapng file") from None
    cursor = _Cursor(data)
    try:
        return list(_pcapng(cursor) if data.startswith(SECTION) else _pcap(cursor))
    except BrokenError as error:
        raise UsageError(f"{path}: byte {cursor.at}: {error}: name a whole pcap or pcapng file") from None


class _Cursor:
    """Goes through bytes; `order` is struct's sign for their byte order."""

    def __init__(self, data: bytes, order: str = "<") -> None:
        self.data, self.at, self.order = data, 0, order

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, length: int, what: str) -> bytes:
        if length > LONGEST:
            raise BrokenError(f"{what} of {length} bytes cannot be")
        if length > self.left:
            raise BrokenError(f"the file ends in the middle of {what}")
        self.at += length
        return self.data[self.at - length : self.at]

    def numbers(self, format: str, what: str) -> tuple[int, ...]:
        found: tuple[int, ...] = struct.unpack(
            self.order + format, self.take(struct.calcsize(self.order + format), what)
        )
        return found


def _pcap(cursor: _Cursor) -> Iterator[Recorded]:
    for order in "<>":
        cursor.at, cursor.order = 0, order
        if cursor.left >= 4 and (unit := PCAP.get(cursor.numbers("I", "the head")[0])):
            break
    else:
        cursor.at = 0
        raise BrokenError("this is neither pcap nor pcapng")
    *_, linktype = cursor.numbers("HHIIII", "the head")
    _check_ethernet(linktype & 0xFFFF)
    while cursor.left:
        seconds, fraction, captured, length = cursor.numbers("IIII", "the head of a packet")
        yield Recorded(seconds * NANOSECONDS + fraction * unit, cursor.take(captured, "a packet"), length)


def _check_ethernet(linktype: int) -> None:
    if linktype != ETHERNET:
        raise BrokenError(f"these are no Ethernet frames, but of link type {linktype}")


@dataclass(frozen=True)
class _Interface:
    snaplen: int
    time: Callable[[int], int]
    """Nanoseconds since 1970 of a time in the unit of this interface."""


def _pcapng(cursor: _Cursor) -> Iterator[Recorded]:
    interfaces: list[_Interface] = []
    while cursor.left:
        kind, block = _block(cursor)
        if kind == int.from_bytes(SECTION, "big"):
            interfaces = []
        elif kind == INTERFACE:
            interfaces.append(_interface(block))
        elif kind in (PACKET, OLD_PACKET, SIMPLE_PACKET):
            yield _packet(kind, block, interfaces)


def _block(cursor: _Cursor) -> tuple[int, _Cursor]:
    """The next block: its kind, and what is in it."""
    if cursor.data[cursor.at : cursor.at + 4] == SECTION:
        cursor.order = _order(cursor.data[cursor.at + 8 : cursor.at + 12])
    kind, length = cursor.numbers("II", "the head of a block")
    if length < 12 or length % 4:
        raise BrokenError(f"a block of {length} bytes cannot be")
    body = cursor.take(length - 12, "a block")
    if cursor.numbers("I", "a block") != (length,):
        raise BrokenError("a block ends with another length than it begins with")
    return kind, _Cursor(body, cursor.order)


def _order(magic: bytes) -> str:
    for order in "<>":
        if magic == struct.pack(order + "I", 0x1A2B3C4D):
            return order
    raise BrokenError("a section has no byte order")


def _interface(block: _Cursor) -> _Interface:
    linktype, _, snaplen = block.numbers("HHI", "an interface")
    _check_ethernet(linktype)
    options = _options(block)
    resolution, offset = (options.get(9) or b"\6")[0], options.get(14, b"")
    base, power = (2 if resolution & 0x80 else 10), resolution & 0x7F
    seconds = struct.unpack(block.order + "q", offset)[0] if len(offset) == 8 else 0
    return _Interface(snaplen, lambda time: seconds * NANOSECONDS + time * NANOSECONDS // base**power)


def _packet(kind: int, block: _Cursor, interfaces: list[_Interface]) -> Recorded:
    high = low = number = 0
    if kind == PACKET:
        number, high, low, captured, length = block.numbers("IIIII", "a packet")
    elif kind == OLD_PACKET:
        number, _, high, low, captured, length = block.numbers("HHIIII", "a packet")
    else:
        captured = length = block.numbers("I", "a packet")[0]
    if number >= len(interfaces):
        raise BrokenError(f"a packet is of interface {number}, which is not described before")
    known = interfaces[number]
    if kind == SIMPLE_PACKET:
        captured = min(length, known.snaplen or length)
    frame = block.take(captured, "a packet")
    block.take(-captured % 4, "a packet")
    flags = _options(block).get(2, b"") if kind == PACKET else b""
    outgoing = len(flags) == 4 and struct.unpack(block.order + "I", flags)[0] & 3 == OUT
    return Recorded(known.time(high << 32 | low), frame, length, outgoing)


def _options(block: _Cursor) -> dict[int, bytes]:
    """The options that follow, the last one of each code."""
    found = {}
    while block.left:
        code, length = block.numbers("HH", "an option")
        if code == 0:
            break
        found[code] = block.take(length, "an option")
        block.take(min(-length % 4, block.left), "an option")
    return found
