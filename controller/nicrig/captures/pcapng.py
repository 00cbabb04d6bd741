# SPDX-License-Identifier: GPL-2.0-or-later
"""The blocks of a pcapng file (draft-ietf-opsawg-pcapng) as bytes; the caller writes them.

scapy's own writer keeps microseconds only. Times here are nanoseconds since 1970.
"""

import struct
from collections.abc import Iterable
from typing import Literal

from nicrig.text.printable import printable

Direction = Literal["in", "out"]

ETHERNET = 1
"""The link type."""
SECTION, INTERFACE, PACKET, STATISTICS = 0x0A0D0D0A, 1, 6, 5
BYTE_ORDER, UNKNOWN_LENGTH = 0x1A2B3C4D, -1
SECTION_BYTES = SECTION.to_bytes(4, "big")
"""The first bytes of a section: the same in either byte order."""
SNAPLEN = 1 << 18
"""Bytes: longer than any frame."""
COMMENT = 1
DIRECTIONS: dict[Direction, int] = {"in": 1, "out": 2}
"""The direction bits of epb_flags: into the guest is inbound."""


def section(hardware: str) -> bytes:
    """The section header, which starts a file. `hardware` names the card."""
    options = _options((2, hardware.encode()), (4, b"nicrig"))
    return _block(SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, UNKNOWN_LENGTH), options)


def interface(name: str, description: str) -> bytes:
    """An interface description. Packets refer to it by its number in the file, from 0."""
    options = _options((2, name.encode()), (3, description.encode()), (9, bytes([9])))
    return _block(INTERFACE, struct.pack("<HHI", ETHERNET, 0, SNAPLEN), options)


def packet(
    number: int, time: int, frame: bytes, direction: Direction, comments: Iterable[str] = (), lost: int = 0
) -> bytes:
    """A frame on interface `number`. `lost` frames are missing between it and that interface's last frame."""
    fixed = struct.pack("<IIIII", number, *_halves(time), len(frame), len(frame))
    options = [(2, struct.pack("<I", DIRECTIONS[direction]))]
    options += [(4, struct.pack("<Q", lost))] if lost else []
    options += [(COMMENT, printable(comment).encode()) for comment in comments]
    return _block(PACKET, fixed + _padded(frame), _options(*options))


def statistics(number: int, time: int, received: int, lost: int, comments: Iterable[str] = ()) -> bytes:
    """An interface's totals at the end of a capture, in frames."""
    options = [(4, struct.pack("<Q", received)), (5, struct.pack("<Q", lost))]
    options += [(COMMENT, printable(comment).encode()) for comment in comments]
    return _block(STATISTICS, struct.pack("<III", number, *_halves(time)), _options(*options))


def whole_blocks(data: bytes) -> int:
    """How many of these bytes, which begin with a block, are blocks that are complete."""
    at = 0
    while at + 8 <= len(data) and (after := at + int.from_bytes(data[at + 4 : at + 8], "little")) <= len(data):
        at = after
    return at


def _halves(time: int) -> tuple[int, int]:
    return time >> 32, time & 0xFFFF_FFFF


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    made = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join([*made, struct.pack("<HH", 0, 0)])


def _block(kind: int, fixed: bytes, options: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(fixed) + len(options))
    return struct.pack("<I", kind) + length + fixed + options + length
