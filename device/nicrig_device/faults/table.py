# SPDX-License-Identifier: GPL-2.0-or-later
"""The faults, in the order of the listings: data only."""

from __future__ import annotations

from functools import partial

from nicrig_device.faults import descriptor_faults, dma_faults, frame_faults, signal_faults
from nicrig_device.faults.fault import Fault
from nicrig_device.models.base import Trait
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN

IN, OUT, MESSAGES, READS = "frames to the driver", "frames to the wire", "interrupts", "register reads"
SENDS, DMA = "descriptors of sends", "batches of descriptors, or transfers"

DROPS = "Counts an error, gives the buffer back, and goes on with the next frame, or with the next transfer."
CANNOT_SEE = "Nothing, because it cannot see it. What was injected and what arrived differ, and the verdict says where."
WITNESSED = "Nothing, because it cannot see it. The witnesses find it: "
LEDGER = "Nothing, because it cannot see it. The ledger finds it: "

FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            "frame-lost",
            "A frame is lost between wire and driver, and not counted.",
            CANNOT_SEE,
            IN,
            partial(frame_faults.ChangedFrames, change=frame_faults.lose),
        ),
        Fault(
            "frame-doubled",
            "A frame is delivered twice.",
            CANNOT_SEE,
            IN,
            partial(frame_faults.ChangedFrames, change=frame_faults.double),
        ),
        Fault(
            "frame-corrupted",
            "The last byte of a frame is wrong.",
            CANNOT_SEE,
            IN,
            partial(frame_faults.ChangedFrames, change=frame_faults.corrupt),
        ),
        Fault(
            "frame-truncated",
            "A frame has lost its second half.",
            CANNOT_SEE,
            IN,
            partial(frame_faults.ChangedFrames, change=frame_faults.truncate),
        ),
        Fault(
            "frame-reordered",
            "A frame is delivered after the frame that follows it.",
            CANNOT_SEE,
            "frames to the driver, the two that change places as one",
            frame_faults.ReorderedFrames,
        ),
        Fault(
            "frame-misdirected",
            "A frame is written into the buffer of a descriptor that was posted up to 100 later.",
            WITNESSED + "misdirected.",
            IN,
            descriptor_faults.MisdirectedFrame,
            Trait.DESCRIPTORS,
        ),
        Fault(
            "frame-torn",
            "Bytes 64 to 127 of a frame are not written: the buffer holds what it held before.",
            WITNESSED + "torn.",
            IN,
            partial(descriptor_faults.RestoredBuffer, part=slice(64, 128)),
            Trait.DESCRIPTORS,
        ),
        Fault(
            "frame-not-written",
            "A frame is not written, but its descriptor is done.",
            WITNESSED + "stale.",
            IN,
            partial(descriptor_faults.RestoredBuffer, part=slice(None)),
            Trait.DESCRIPTORS,
        ),
        Fault(
            "length-too-short",
            "The driver reads a length of 0 for a received frame, 13 for the next one, and so on.",
            DROPS,
            IN,
            partial(frame_faults.ToldLengths, lengths=(0, FRAME_MIN - 1)),
        ),
        Fault(
            "length-too-long",
            f"The driver reads a length of {FRAME_MAX + 1} for a received frame, then 65535, 2^31 - 4, 2^32 - 1, "
            "and so on.",
            DROPS,
            IN,
            partial(frame_faults.ToldLengths, lengths=(FRAME_MAX + 1, 0xFFFF, 0x7FFFFFFC, 0xFFFFFFFF)),
        ),
        Fault(
            "length-cut",
            "The driver reads a length that is 16 bytes less than the card has written.",
            WITNESSED + "truncated.",
            IN,
            partial(frame_faults.ShiftedLengths, shift=-16),
            Trait.DESCRIPTORS,
        ),
        Fault(
            "length-stretched",
            "The driver reads a length that is 16 bytes more than the card has written.",
            WITNESSED + "overrun.",
            IN,
            partial(frame_faults.ShiftedLengths, shift=16),
            Trait.DESCRIPTORS,
        ),
        Fault(
            "count-too-high",
            "The driver reads of 1000 more frames than have come, in a transfer's STATUS or in RX_HEAD.",
            "Takes no more than can be right: stops at the first wrong length, ignores a count above the slots.",
            IN,
            frame_faults.ToldCount,
            Trait.COUNTS,
        ),
        Fault(
            "completion-refused",
            "A good receive buffer comes back with ERROR, its frame lost.",
            DROPS,
            IN,
            partial(descriptor_faults.RefusedCompletion, transmit=False),
            Trait.DESCRIPTORS,
        ),
        Fault(
            "completion-before-data",
            "A descriptor is done 50 ms before its frame is in the buffer.",
            "Nothing: it takes the old content of the buffer. The witnesses find it: written-after-completion.",
            IN,
            descriptor_faults.DataLast,
            Trait.DESCRIPTORS,
        ),
        Fault(
            "completion-out-of-order",
            "A descriptor is done 10 ms after those that follow it, and RX_HEAD stops before it until then.",
            "Stops at the first descriptor that is not done, whatever follows it. No frame is lost.",
            IN,
            descriptor_faults.StatusLast,
            Trait.DESCRIPTORS,
        ),
        Fault(
            "buffer-overrun",
            "The 64 bytes behind a receive buffer are changed.",
            "Keeps nothing there. NDIS warns when the buffer is freed; the ledger finds it: guard_changed.",
            IN,
            descriptor_faults.OverrunBuffer,
            Trait.DESCRIPTORS,
        ),
        Fault(
            "buffer-changed",
            "A byte of a received frame changes in the buffer after the card has written it.",
            WITNESSED + "changed-under-device.",
            IN,
            descriptor_faults.ChangedBuffer,
            Trait.DESCRIPTORS,
        ),
        Fault(
            "send-refused",
            "A frame that was sent comes back with ERROR.",
            "Reports that send as failed, once, and goes on.",
            SENDS,
            partial(descriptor_faults.RefusedCompletion, transmit=True),
            Trait.DESCRIPTORS,
        ),
        Fault(
            "send-cut",
            "The card reads all but the last 16 bytes of a send.",
            WITNESSED + "truncated.",
            SENDS,
            descriptor_faults.CutSend,
            Trait.DESCRIPTORS,
        ),
        Fault(
            "send-changed",
            "The last byte of a send changes in guest memory after the card has read it.",
            WITNESSED + "changed-under-device.",
            SENDS,
            descriptor_faults.ChangedSend,
            Trait.DESCRIPTORS,
        ),
        Fault(
            "send-read-late",
            "Sends go back before they are read: 10 ms later the card sends what lies in their buffers then.",
            "Nothing, because it cannot see it. What comes out of the wire may be other bytes.",
            OUT,
            descriptor_faults.ReadLate,
            Trait.DESCRIPTORS,
        ),
        Fault(
            "send-never-done",
            "The card ignores all doorbells until it has been reset `count` times.",
            "Notices that no send ends, resets the card, and ends each pending send once.",
            "frames to the wire; count: resets",
            signal_faults.HeldSends,
        ),
        Fault(
            "dma-outside",
            "A frame is received into memory that was never granted: the RAM at 0x7c00, which Linux leaves alone.",
            LEDGER + "outside.",
            DMA,
            dma_faults.Outside,
            Trait.DMA,
        ),
        Fault(
            "dma-after-free",
            "A bus master sends from memory whose grant was revoked; the subordinate kind receives into it.",
            LEDGER + "after_free.",
            DMA,
            dma_faults.AfterFree,
            Trait.DMA,
        ),
        Fault(
            "dma-across-end",
            "A bus master reads 16 bytes past the end of a send; the subordinate kind writes 4 past a buffer's end.",
            LEDGER + "across_end.",
            DMA,
            dma_faults.AcrossEnd,
            Trait.DMA,
        ),
        Fault(
            "dma-wrong-direction",
            "A bus master receives into the buffer of a send; the subordinate kind reads the buffer of a receive.",
            LEDGER + "wrong_direction.",
            DMA,
            dma_faults.WrongDirection,
            Trait.DMA,
        ),
        Fault(
            "grant-seen-late",
            "The ledger learns of a streaming grant only after the card has touched the memory.",
            LEDGER + "before_grant.",
            "touches before their grant",
            dma_faults.GrantSeenLate,
            Trait.DMA,
        ),
        Fault(
            "interrupt-lost",
            "The card counts a message as sent, and sends none.",
            "Checks by itself from time to time, or resets a card that seems to hang. Traffic goes on.",
            MESSAGES,
            signal_faults.LostInterrupt,
        ),
        Fault(
            "interrupt-doubled",
            "A second message, without a reason, follows a message.",
            "Finds nothing to do, and arms again. It does not loop.",
            MESSAGES,
            signal_faults.DoubledInterrupt,
        ),
        Fault(
            "interrupt-storm",
            "A thousand messages follow a message, 100 us apart, until interrupts are masked or the card is reset.",
            "Stays schedulable, and loses no frame.",
            MESSAGES,
            signal_faults.Storm,
        ),
        Fault(
            "link-flap",
            "After a frame the link is down for 10 ms.",
            "Tells the protocol of the change. Sends and receives again when the link is back.",
            IN,
            signal_faults.FlappingLink,
        ),
        Fault(
            "registers-stuck",
            "Registers of BAR0 read all-ones, as if the card had been pulled.",
            "Treats the card as gone: fails all sends, drops the carrier, waits for nothing, can be unloaded.",
            READS,
            signal_faults.StuckRegisters,
        ),
        Fault(
            "card-not-ready",
            "STATUS reads without READY.",
            "Resets the card.",
            "reads of STATUS",
            signal_faults.NotReady,
        ),
    )
}
