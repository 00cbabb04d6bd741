# SPDX-License-Identifier: GPL-2.0-or-later
"""One packet as a capture file has it, of any link type."""

from typing import NamedTuple

from nicrig.captures.cursor import Cursor
from nicrig.card.wire import WIRE_FRAME_MAX

FCS_BYTES = 4
"""Ethernet's frame check sequence. Files give its length in bytes, bits or words; on Ethernet it has no other."""


class FilePacket(NamedTuple):
    """A packet. `data` is None when it is too long for a wire, and `refusal` then says so.

    `time` is in nanoseconds since 1970, None without one. `length` is the packet's size before it was cut. Neither
    `length` nor `data` has the frame check sequence.
    """

    linktype: int
    time: int | None
    data: bytes | None
    length: int
    outgoing: bool = False
    refusal: str = ""


def take_packet(cursor: Cursor, captured: int) -> tuple[bytes | None, str]:
    """The next `captured` bytes, which are a packet, or None and the reason why no wire takes them."""
    if captured > WIRE_FRAME_MAX:
        what = f"a packet of {captured} bytes"
        cursor.skip(captured, what)
        return None, f"{what} is longer than the {WIRE_FRAME_MAX} of a card's wire"
    return cursor.take(captured, "a packet"), ""


def without_fcs(packet: FilePacket) -> FilePacket:
    """The packet, which ends in a frame check sequence, without it. A packet that was cut may have lost it already."""
    length = max(0, packet.length - FCS_BYTES)
    return packet._replace(data=None if packet.data is None else packet.data[:length], length=length)
