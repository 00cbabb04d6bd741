# SPDX-License-Identifier: GPL-2.0-or-later
"""Packed frames (docs/datasheet.md section 15): little-endian length, frame, padding to a multiple of 4."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.frames import Bytes, Frames, Offsets, copy_pieces, windows
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN, PACK_ALIGNMENT, PACK_PREFIX

PREFIX = struct.Struct("<I")


def packed_ends(length: npt.NDArray[np.integer]) -> Offsets:
    """Where each frame ends, padding included, when frames of these lengths are packed."""
    padded = -(-length.astype(np.int64) // PACK_ALIGNMENT) * PACK_ALIGNMENT
    return np.cumsum(padded + PACK_PREFIX)


def packed_starts(length: npt.NDArray[np.integer]) -> Offsets:
    """Where each frame's own bytes begin, after its length."""
    return np.concatenate(([0], packed_ends(length)[:-1])) + PACK_PREFIX


def pack(target: Bytes, frames: Frames) -> None:
    """Write the packed frames into target, which has exactly their packed size."""
    target[:] = 0
    start = packed_starts(frames.length)
    put_lengths(target, start, frames.length)
    copy_pieces(target, start, frames.data, frames.offset, frames.length)


def put_lengths(target: Bytes, start: Offsets, length: npt.NDArray[np.integer]) -> None:
    """Write the length of each frame in front of its bytes."""
    prefix = length.astype("<u4").view(np.dtype((np.void, PACK_PREFIX)))
    windows(target, PACK_PREFIX)[start - PACK_PREFIX] = prefix


def unpack(data: Bytes) -> tuple[Frames, int, Refusal | None]:
    """The frames before the first wrong length, the offset of that length, and why it is wrong.

    Without a wrong length the offset is the end of the data.
    """
    offsets: list[int] = []
    lengths: list[int] = []
    at, end = 0, data.size
    refusal = None
    while at < end:
        after = at + PACK_PREFIX
        if after > end:
            refusal = Refusal.CHAIN
            break
        (length,) = PREFIX.unpack_from(data.data, at)
        if not FRAME_MIN <= length <= FRAME_MAX:
            refusal = Refusal.LENGTH
            break
        if after + length > end:
            refusal = Refusal.CHAIN
            break
        offsets.append(after)
        lengths.append(length)
        at = after + -(-length // PACK_ALIGNMENT) * PACK_ALIGNMENT
    return Frames(data, np.array(offsets, np.int64), np.array(lengths, np.int64)), min(at, end), refusal
