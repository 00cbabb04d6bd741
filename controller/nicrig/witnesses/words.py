# SPDX-License-Identifier: GPL-2.0-or-later
"""The words of the verdict, and the evidence for each. When several fit, the first in this order wins.

The order is that of certainty: first what the order of two records proves, then what a call or its absence proves, then
what addresses and lengths say, then what the bytes look like. `corrupted` remains where nothing explains a difference.
It is also the only word for changed bytes where only the wire is known. `unexpected` is a frame that no earlier witness
saw. It and the words from `duplicated` on are about whole frames, so they never compete with the others.
The words that begin with `rx_` are the names of the card's counters of frames that it dropped.
The words with `copied` are for drivers that copy frames: no flush and no cache line explains what their copy has.
"""

from typing import Literal, get_args

Word = Literal[
    "written-after-completion",
    "completed-before-read",
    "posted-while-lent",
    "posted-early",
    "posted-twice",
    "changed-under-device",
    "read-before-flush",
    "stale",
    "torn",
    "misdirected",
    "truncated",
    "overrun",
    "copied-early",
    "copied-late",
    "copied-wrong",
    "corrupted",
    "misreported",
    "duplicated",
    "reordered",
    "rx_no_buffer",
    "rx_disabled",
    "rx_link_down",
    "rx_too_long",
    "rx_too_short",
    "not-indicated",
    "interrupt-ignored",
    "no-interrupt",
    "no-doorbell",
    "lost",
    "unexpected",
]
WORDS: tuple[Word, ...] = get_args(Word)

DROPPED: dict[Word, str] = {
    "rx_too_short": "the frame was shorter than the card takes",
    "rx_too_long": "the frame was longer than the card takes, or than the buffer that the driver had posted",
    "rx_no_buffer": "the driver had no buffer posted",
    "rx_disabled": "the driver had its receiver switched off",
    "rx_link_down": "the link was down",
}
"""Why the card dropped a frame as its contract says, by the counter in which it counted the frame."""

EVIDENCE: dict[Word, tuple[str, str]] = {
    "written-after-completion": (
        "The device's write comes after the CPU's sighting of the frame, in the recorder's order.",
        "never",
    ),
    "completed-before-read": (
        "never",
        "NdisMSendComplete comes before the device's read, in the recorder's order, and the driver does not copy.",
    ),
    "posted-while-lent": (
        "The device wrote into the buffer of a packet that the protocol had: between NdisMIndicateReceivePacket and "
        "MiniportReturnPacket. Or what the protocol sent back has the noise of an unkind card.",
        "The packet's bytes became the noise of an unkind card: they lie in a receive buffer.",
    ),
    "posted-early": (
        "The device wrote the buffer again before the driver indicated this frame; the driver had posted it after the "
        "device wrote this frame. Or the CPU sees the noise of an unkind card.",
        "never",
    ),
    "posted-twice": (
        "The device wrote the buffer again before the driver indicated this frame: the buffer was in the ring twice.",
        "never",
    ),
    "changed-under-device": (
        "The bytes were flushed in time, differ from what the device wrote, and are not older ones: the CPU stored "
        "into the buffer.",
        "The digest at NdisMSendComplete is not that of the send: the CPU stored while the device owned the buffer.",
    ),
    "read-before-flush": (
        "The bytes differ, and the flush of the buffer comes after the sighting. For a channel: "
        "NdisMCompleteDmaTransfer comes after it, whatever the bytes.",
        "The bytes differ, and NdisFlushBuffer(TRUE) of the buffer comes after the device's read.",
    ),
    "stale": (
        "The bytes differ, and nothing flushed the buffer between the device's write and the sighting; or all cache "
        "lines are those from before the write.",
        "The bytes differ, and nothing flushed the buffer between the send and the device's read; or no line is new.",
    ),
    "torn": (
        "Some cache lines are what the device wrote, the others are those from before the write.",
        "Some cache lines are what the CPU sees and others are not, although the CPU's bytes did not change until "
        "completion.",
    ),
    "misdirected": (
        "The device wrote the frame to a buffer other than the one that was posted, or that the CPU looked at.",
        "The device read the frame from an address other than the packet's.",
    ),
    "truncated": ("The CPU has only the beginning.", "The device, or the wire, has only the beginning."),
    "overrun": ("The CPU has more bytes than the device moved.", "The device, or the wire, has more than was sent."),
    "copied-early": ("The driver's copy has what lay there before the device gave it the frame.", "never"),
    "copied-late": (
        "The driver's copy has bytes of the frame that the device put there next, or the noise of an unkind card: the "
        "driver gave the memory back before it copied.",
        "never",
    ),
    "copied-wrong": (
        "The driver's copy differs from what the device gave it in another way.",
        "The device read other bytes than the protocol sent: the driver's copy is wrong, or was made too late.",
    ),
    "corrupted": ("The device wrote other bytes than came from the wire.", "The wire got other bytes than were read."),
    "misreported": (
        "never",
        "NdisMSendComplete has the status of a failure, and the device sent the frame without a reset in between.",
    ),
    "duplicated": ("A frame arrives a second time.", "A frame goes out a second time."),
    **{word: (f"Dropped by contract: {why}.", "never") for word, why in DROPPED.items()},
    "not-indicated": (
        "MiniportHandleInterrupt ran, or the driver indicated another frame, after the device had put this one into "
        "memory. No indication of it followed.",
        "never",
    ),
    "interrupt-ignored": (
        "The device put the frame into memory and raised an interrupt, and MiniportHandleInterrupt did not run.",
        "never",
    ),
    "no-interrupt": (
        "The device put the frame into memory, and no interrupt followed: the driver had not armed one.",
        "never",
    ),
    "no-doorbell": ("never", "The device never read the frame: no transmit doorbell followed the send."),
    "reordered": ("A frame arrives after one that followed it.", "A frame goes out after one that followed it."),
    "lost": ("The next witness never saw the frame.", "The next witness never saw the frame."),
    "unexpected": ("No earlier witness saw the frame.", "No earlier witness saw the frame."),
}
"""The evidence for a frame that comes in, and for one that goes out."""
