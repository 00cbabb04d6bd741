# SPDX-License-Identifier: GPL-2.0-or-later
"""The words of the verdict, and the evidence that each stands for. When several fit, the first of this order wins.

The order is that of certainty: what two records prove by their order alone, then what a call or its absence proves,
then what addresses and lengths say, then what the bytes sighting like. `corrupted` is what is left where nothing explains
a difference, and the only word for changed bytes where only wire frames are known; `unexpected` is a frame that nobody
before sent; `lost`, `duplicated` and `reordered` are about whole frames, so they never compete with the others.
"""

from typing import Literal, get_args

Word = Literal[
    "written-after-completion",
    "changed-under-device",
    "read-before-flush",
    "stale",
    "torn",
    "misdirected",
    "truncated",
    "overrun",
    "corrupted",
    "duplicated",
    "reordered",
    "lost",
    "unexpected",
]
WORDS: tuple[Word, ...] = get_args(Word)

EVIDENCE: dict[Word, tuple[str, str]] = {
    "written-after-completion": (
        "The device's write follows the CPU's sighting at the frame, in the order of the recorder.",
        "never",
    ),
    "changed-under-device": (
        "The bytes differ from what the device wrote although they were flushed in time, and are no older ones: the "
        "CPU stored into the buffer.",
        "The digest at NdisMSendComplete is not that of the send: the CPU stored while the device owned the buffer.",
    ),
    "read-before-flush": (
        "The bytes differ, and the flush of the buffer (for a channel NdisMCompleteDmaTransfer) comes after the sighting.",
        "The bytes differ, and NdisFlushBuffer(TRUE) of the buffer comes after the device's read.",
    ),
    "stale": (
        "The bytes differ, and nothing flushed the buffer between the device's write and the sighting; or all lines are "
        "those that lay there before.",
        "The bytes differ, and nothing flushed the buffer between the send and the device's read; or no line is new.",
    ),
    "torn": (
        "Some cache lines are what the device wrote, the others what lay there before.",
        "Some cache lines are what the CPU sees, the others not, although its bytes did not change until completion.",
    ),
    "misdirected": (
        "The device wrote the frame to another buffer than the one that was posted, or that the CPU looked at.",
        "The device read the frame from another address than the packet's.",
    ),
    "truncated": ("The CPU has only the beginning.", "The device, or the wire, has only the beginning."),
    "overrun": ("The CPU has more bytes than the device moved.", "The device, or the wire, has more than was sent."),
    "corrupted": ("The device wrote other bytes than came from the wire.", "The wire got other bytes than were read."),
    "duplicated": ("A frame arrives a second time.", "A frame goes out a second time."),
    "reordered": ("A frame arrives after one that followed it.", "A frame goes out after one that followed it."),
    "lost": ("The next witness never saw the frame.", "The next witness never saw the frame."),
    "unexpected": ("A frame that no witness before saw.", "A frame that no witness before saw."),
}
"""Of a frame that comes in, and of one that goes out."""
