# SPDX-License-Identifier: GPL-2.0-or-later
"""The wire's framing, as in QEMU's stream netdevs: 4 bytes of big-endian length, then the frame."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from nicrig_device.dma.frames import Bytes, Frames, Offsets, copy_pieces, windows

LENGTH_PREFIX = 4
WIRE_FRAME_MAX = 1 << 17
"""A longer frame means that the sender does not use this framing."""


class FramingError(ValueError):
    """A length prefix that is too long. `frames` came complete before it."""

    def __init__(self, message: str, frames: Frames) -> None:
        super().__init__(message)
        self.frames = frames


class WirePort(Protocol):
    """Takes the frames of the transmit path: a socket, or a list in a test."""

    def full(self) -> bool:
        """Whether the last batch still waits. The transmit path then leaves descriptors in the ring."""

    def refusal(self) -> str | None:
        """The counter for frames that are dropped now, or None when a peer takes them."""

    def send(self, framed: Bytes, frames: int) -> None:
        """Take this many frames, in the wire's framing."""


def write_prefixes(framed: Bytes, offset: Offsets, length: Offsets) -> None:
    """Write the length prefix of each frame at its offset."""
    if len(offset):
        windows(framed, LENGTH_PREFIX)[offset] = length.astype(">u4").view(np.dtype((np.void, LENGTH_PREFIX)))


def framed(frames: Frames) -> Bytes:
    """The frames in the wire's framing: a copy, the only read of their bytes."""
    start = np.cumsum(frames.length + LENGTH_PREFIX) - frames.length
    made = np.empty(int(frames.length.sum()) + LENGTH_PREFIX * len(frames), np.uint8)
    write_prefixes(made, start - LENGTH_PREFIX, frames.length)
    copy_pieces(made, start, frames.data, frames.offset, frames.length)
    return made


def split(data: Bytes) -> tuple[Frames, int]:
    """The complete frames at the start of a byte stream, and the bytes that they and their prefixes take.

    Raises FramingError when a prefix is over WIRE_FRAME_MAX.
    """
    view = data.data
    offsets: list[int] = []
    lengths: list[int] = []

    def found() -> Frames:
        return Frames(data, np.array(offsets, np.int64), np.array(lengths, np.int64))

    at, end = 0, len(view)
    while at + LENGTH_PREFIX <= end:
        length = int.from_bytes(view[at : at + LENGTH_PREFIX], "big")
        if length > WIRE_FRAME_MAX:
            raise FramingError(f"length prefix {length} is over {WIRE_FRAME_MAX}: not QEMU's stream framing", found())
        after = at + LENGTH_PREFIX + length
        if after > end:
            break
        offsets.append(at + LENGTH_PREFIX)
        lengths.append(length)
        at = after
    return found(), at
