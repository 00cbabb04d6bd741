# SPDX-License-Identifier: GPL-2.0-or-later
"""What one witness saw of one frame."""

from __future__ import annotations

from dataclasses import dataclass

from crc32c import crc32c

from nicrig.verifier.records import (
    CardFrameIn,
    CardFrameOut,
    MiniportSendPackets,
    NdisMIndicateReceivePacket,
    NdisMSendComplete,
)

NOWHERE = -1
Moved = CardFrameIn | CardFrameOut
"""The device's sighting of a frame."""
Handed = NdisMIndicateReceivePacket | MiniportSendPackets
"""The CPU's sighting of a frame."""
Seen = Moved | Handed | NdisMSendComplete


@dataclass(slots=True)
class Sighting:
    """A frame as one witness saw it; `data` when the bytes are known.

    `order` is its number in the recorder's merged order, NOWHERE for the wire. `address` is the device address at which
    it was seen, `posted` the address in the descriptor; 0 when it is unknown or the card has no such address.
    """

    length: int
    crc: int
    data: bytes | None = None
    order: int = NOWHERE
    event: Seen | None = None
    address: int = 0
    posted: int = 0
    start: int = 0
    """The CPU's sighting: the CPU's address of the first buffer."""
    first: int = 0
    """The CPU's sighting: bytes of the first buffer."""
    block: int = 0
    """The CPU's sighting: the CPU's address of the block of shared memory that has the first buffer."""
    cached: bool = False
    """The CPU's sighting: whether the CPU sees the device's memory through its cache."""
    after: Sighting | None = None
    """The CPU's sighting of a send: the same packet at its completion."""

    @classmethod
    def of(cls, frame: bytes) -> Sighting:
        """The wire's sighting."""
        return cls(len(frame), crc32c(frame), frame)

    @property
    def key(self) -> tuple[int, int]:
        """Frames with the same key count as the same frame."""
        return self.length, self.crc

    @property
    def packet(self) -> int:
        """The NDIS_PACKET of a CPU's sighting."""
        return self.event.packet if isinstance(self.event, Handed | NdisMSendComplete) else 0

    @property
    def buffer(self) -> int:
        """The first NDIS_BUFFER of a CPU's sighting."""
        return self.event.buffer if isinstance(self.event, Handed) else 0

    @property
    def location(self) -> int:
        """Where the device moved the frame: an address, or the slot number of a card with slots."""
        return self.address or (self.event.place if isinstance(self.event, Moved) else 0)

    def begins(self, other: Sighting) -> bool | None:
        """Whether this is a proper beginning of the other; None when the other's bytes are unknown."""
        if self.length >= other.length:
            return False
        return None if other.data is None else crc32c(other.data[: self.length]) == self.crc
