# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the blocks of a pcapng file (draft-ietf-opsawg-pcapng) in either byte order."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nicrig.captures.cursor import BlockCursor, BrokenFileError, Cursor
from nicrig.captures.file_packet import FilePacket, take_packet, without_fcs
from nicrig.captures.pcapng import BYTE_ORDER, DIRECTIONS, ETHERNET, INTERFACE, PACKET, SECTION, SECTION_BYTES

LONGEST_BLOCK = 1 << 20
"""Most bytes of a block that is decoded: the longest frame and a few hundred comments. Other blocks are skipped."""
MOST_INTERFACES = 4096
MOST_OPTIONS = 1024
"""Of one block."""
NANOSECONDS = 1_000_000_000
OLD_PACKET, SIMPLE_PACKET = 2, 3
PACKETS = (PACKET, OLD_PACKET, SIMPLE_PACKET)
FLAGS, RESOLUTION, FCS_LENGTH, OFFSET = 2, 9, 13, 14
"""Options: epb_flags of a packet; if_tsresol, if_fcslen and if_tsoffset of an interface."""
DIRECTION_BITS, FCS_BITS = 0x3, 0x1E0
"""The bits of epb_flags that hold the direction and the length of the frame check sequence."""


@dataclass(frozen=True)
class _Interface:
    linktype: int
    snaplen: int
    has_fcs: bool
    time: Callable[[int], int]
    """Converts a time in this interface's unit into nanoseconds since 1970."""


def pcapng_packets(cursor: Cursor) -> Iterator[FilePacket]:
    """The packets of all sections. Raises BrokenFileError."""
    interfaces: list[_Interface] = []
    while head := cursor.take_if_any(8, "a block header"):
        kind, length, block = _block(cursor, head)
        if kind == SECTION:
            interfaces = []
        elif length > LONGEST_BLOCK and kind in PACKETS:
            refusal = f"a block of {length} bytes is longer than {LONGEST_BLOCK}"
            yield FilePacket(ETHERNET, None, None, length, refusal=refusal)
        elif kind == INTERFACE:
            if len(interfaces) == MOST_INTERFACES:
                raise BrokenFileError(f"a section describes more than {MOST_INTERFACES} interfaces")
            interfaces.append(_interface(block))
        elif kind in PACKETS:
            yield _packet(kind, block, interfaces)


def _block(cursor: Cursor, head: bytes) -> tuple[int, int, BlockCursor]:
    """The block that begins with `head`: its type, its length, and a cursor over its body, empty if not decoded."""
    begun = b""
    if head[:4] == SECTION_BYTES:
        begun = cursor.take(4, "a block header")
        cursor.order = _order(begun)
    kind, length = cursor.unpack("II", head)
    if length < 12 + len(begun) or length % 4:
        raise BrokenFileError(f"a block has an impossible length of {length} bytes")
    body = b""
    if kind == INTERFACE and length > LONGEST_BLOCK:
        raise BrokenFileError(f"a block of {length} bytes is longer than {LONGEST_BLOCK}")
    if kind in (INTERFACE, *PACKETS) and length <= LONGEST_BLOCK:
        body = cursor.take(length - 12, "a block")
    else:
        cursor.skip(length - 12 - len(begun), "a block")
    if cursor.numbers("I", "a block") != (length,):
        raise BrokenFileError("the two lengths of a block differ")
    return kind, length, BlockCursor(body, cursor.order)


def _order(magic: bytes) -> str:
    for order in "<>":
        if magic == struct.pack(order + "I", BYTE_ORDER):
            return order
    raise BrokenFileError("a section has no valid byte order mark")


def _interface(block: BlockCursor) -> _Interface:
    linktype, _, snaplen = block.numbers("HHI", "an interface description")
    options = _options(block)
    resolution, offset = (options.get(RESOLUTION) or b"\6")[0], options.get(OFFSET, b"")
    base, power = (2 if resolution & 0x80 else 10), resolution & 0x7F
    seconds = struct.unpack(block.order + "q", offset)[0] if len(offset) == 8 else 0

    def time(ticks: int) -> int:
        return int(seconds * NANOSECONDS + ticks * NANOSECONDS // base**power)

    return _Interface(linktype, snaplen, any(options.get(FCS_LENGTH, b"")), time)


def _packet(kind: int, block: BlockCursor, interfaces: list[_Interface]) -> FilePacket:
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
        captured = min(length, interface.snaplen or length, block.left)
    data, refusal = take_packet(block, captured)
    if kind != SIMPLE_PACKET:
        block.take(-captured % 4, "a packet")
    time = None if kind == SIMPLE_PACKET else interface.time(high << 32 | low)
    flags = 0 if kind == SIMPLE_PACKET else _flags(block)
    outgoing = flags & DIRECTION_BITS == DIRECTIONS["out"]
    packet = FilePacket(interface.linktype, time, data, length, outgoing, refusal)
    return without_fcs(packet) if flags & FCS_BITS or interface.has_fcs else packet


def _flags(block: BlockCursor) -> int:
    found = _options(block).get(FLAGS, b"")
    return int(block.unpack("I", found)[0]) if len(found) == 4 else 0


def _options(block: BlockCursor) -> dict[int, bytes]:
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
