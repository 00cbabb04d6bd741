# SPDX-License-Identifier: GPL-2.0-or-later
"""The descriptor of both rings and the refusal codes (docs/datasheet.md sections 5 and 9): data only."""

from __future__ import annotations

import enum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

DESCRIPTOR = np.dtype([("address", "<u8"), ("length", "<u4"), ("flags", "<u2"), ("status", "<u2")])
"""16 bytes. Driver to card: address, length, flags, status 0. Card to driver: length, flags, then status."""
Descriptors: TypeAlias = npt.NDArray[Any]

DESCRIPTOR_DOC = {
    "address": "Device address of the buffer.",
    "length": "Bytes: the buffer's when posted, the frame's when a receive is written back.",
    "flags": "END_OF_FRAME.",
    "status": "0 while the card owns the descriptor; written back last.",
}


class Flag(enum.IntFlag):
    END_OF_FRAME = 0x0001


class Status(enum.IntFlag):
    DONE = 0x0001
    ERROR = 0x0002


STATUS_CODE_SHIFT = 8
"""A status with ERROR carries its Refusal in bits 15 to 8."""


class Refusal(enum.IntEnum):
    """Why the card refused something; the same number in FAULT.CODE and in a descriptor's status."""

    DOORBELL = 1
    RING = 2
    LENGTH = 3
    ADDRESS = 4
    CHAIN = 5
    ACCESS = 6
    TRANSFER = 7
    LEDGER = 8


REFUSAL_DOC = {
    Refusal.DOORBELL: (
        "Doorbell over 0xffff, or further ahead than the ring has descriptors or slots. Ignored; the ring goes on with "
        "the next good one."
    ),
    Refusal.RING: "Ring base not aligned, size not a power of two from 8 to 4096, or not in memory. ENABLE stays 0.",
    Refusal.LENGTH: (
        "Descriptor or channel length 0 or over 65536, a frame to send that is not FRAME_MIN to FRAME_MAX bytes, or a "
        "channel too short for the frame that waits."
    ),
    Refusal.ADDRESS: "[address, address + length) is not inside one writable range of guest memory.",
    Refusal.CHAIN: "More than 16 descriptors in a frame, or a doorbell or transfer that covers a frame only in part.",
    Refusal.ACCESS: (
        "BAR0 or port access not of 4 aligned bytes, or to a register that is absent or read-only. Reads give 0."
    ),
    Refusal.TRANSFER: (
        "Transfer started without an enabled channel, against the channel's direction, out of turn, or with no frame "
        "waiting. Nothing is moved."
    ),
    Refusal.LEDGER: (
        "Memory that the driver has not granted, while the ledger enforces (section 17): the buffer of a descriptor or "
        "a channel, or a ring, which is then off."
    ),
}
