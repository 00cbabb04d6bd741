# SPDX-License-Identifier: GPL-2.0-or-later
"""The faults there are, in the order of the listings: data only."""

from __future__ import annotations

from nicrig_device.faults import frame_faults, length_faults, ring_faults, signal_faults
from nicrig_device.faults.fault import Fault
from nicrig_device.models.bus_master.bus_master import BusMaster
from nicrig_device.models.non_dma.non_dma import NonDma
from nicrig_device.models.subordinate.subordinate import Subordinate
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN

RINGS = (BusMaster.name,)
COUNTS = (Subordinate.name, NonDma.name)
IN, OUT, MESSAGES, READS = "frames to the driver", "frames to the wire", "interrupts", "register reads"

DROPS = "Counts an error, gives the buffer back, and goes on with the next frame, or behind the transfer."
BELIEVES = "Nothing: it cannot know. What was injected and what arrived differ, and the verdict says where."

FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            "frame-lost",
            "A frame is lost between wire and driver, and not counted.",
            BELIEVES,
            IN,
            frame_faults.around_receive(frame_faults.lose),
        ),
        Fault(
            "frame-doubled",
            "A frame is delivered twice.",
            BELIEVES,
            IN,
            frame_faults.around_receive(frame_faults.double),
        ),
        Fault(
            "frame-corrupted",
            "The last byte of a frame is wrong.",
            BELIEVES,
            IN,
            frame_faults.around_receive(frame_faults.corrupt),
        ),
        Fault(
            "frame-truncated",
            "A frame has lost its second half.",
            BELIEVES,
            IN,
            frame_faults.around_receive(frame_faults.truncate),
        ),
        Fault(
            "length-too-short",
            "A received frame is told to have 0 bytes, the next one 13, and so in turn.",
            DROPS,
            IN,
            length_faults.tell_lengths(0, FRAME_MIN - 1),
        ),
        Fault(
            "length-too-long",
            "A received frame is told to have 1519 bytes, the next ones 65535, 2^31 - 4, 2^32 - 1, and so in turn.",
            DROPS,
            IN,
            length_faults.tell_lengths(FRAME_MAX + 1, 0xFFFF, 0x7FFFFFFC, 0xFFFFFFFF),
        ),
        Fault(
            "count-too-high",
            "More frames are told to have come than have: 65535 in a transfer, or 1000 by RX_HEAD.",
            "Takes none that cannot be: stops at the first length that is none, ignores a count over the slots.",
            IN,
            length_faults.tell_count,
            COUNTS,
        ),
        Fault(
            "completion-refused",
            "A good receive buffer comes back with ERROR, its frame lost.",
            DROPS,
            IN,
            ring_faults.refuse(transmit=False),
            RINGS,
        ),
        Fault(
            "completion-before-data",
            "A descriptor is done 10 ms before its frame is in the buffer.",
            "Nothing: it takes what lay there. The witnesses call it written-after-completion, or stale.",
            IN,
            ring_faults.data_last,
            RINGS,
        ),
        Fault(
            "completion-out-of-order",
            "A descriptor is done 10 ms after those that follow it, and RX_HEAD stands before it until then.",
            "Stops at the first that is not done, whatever lies behind it; no frame is lost.",
            IN,
            ring_faults.status_last,
            RINGS,
        ),
        Fault(
            "buffer-overrun",
            "The 64 bytes behind a receive buffer are changed.",
            "Keeps nothing there. NDIS warns when the buffer is freed; the ledger finds the guard changed.",
            IN,
            ring_faults.overrun,
            RINGS,
        ),
        Fault(
            "send-refused",
            "A frame that was sent comes back with ERROR.",
            "Reports that send as failed, once, and goes on.",
            "descriptors of sends",
            ring_faults.refuse(transmit=True),
            RINGS,
        ),
        Fault(
            "send-read-late",
            "Sends are given back before they are read: 10 ms later the card sends what lies there then.",
            "Nothing: it cannot know. What comes out of the wire may be other bytes.",
            OUT,
            ring_faults.read_late,
            RINGS,
        ),
        Fault(
            "send-never-done",
            "The card takes nothing more from the driver until it has been reset, `count` times.",
            "Notices that no send ends, resets the card, and ends each send that was under way, once.",
            "doorbells with something to do; count: resets",
            signal_faults.hold_sends,
        ),
        Fault(
            "interrupt-lost",
            "The card believes to have sent a message; nobody gets it.",
            "Looks by itself once in a while, or resets a card that seems to hang; traffic goes on.",
            MESSAGES,
            signal_faults.lose_interrupt,
        ),
        Fault(
            "interrupt-doubled",
            "Behind a message comes another for which there is no reason.",
            "Finds nothing to do, and arms again; no loop.",
            MESSAGES,
            signal_faults.double_interrupt,
        ),
        Fault(
            "interrupt-storm",
            "Behind a message come 1000 more, 100 us apart, unless interrupts are masked or the card is reset.",
            "Stays schedulable, and loses no frame.",
            MESSAGES,
            signal_faults.storm,
        ),
        Fault(
            "link-flap",
            "Behind a frame the link is down for 10 ms.",
            "Tells the protocol of the change, sends and receives again when the link is back.",
            IN,
            signal_faults.flap_link,
        ),
        Fault(
            "registers-stuck",
            "Registers of BAR0 read all-ones, as if the card had been pulled.",
            "Takes the card for gone: fails all sends, takes the carrier away, waits for nothing, can be unloaded.",
            READS,
            signal_faults.stick_registers,
        ),
        Fault(
            "card-not-ready",
            "STATUS reads without READY.",
            "Resets the card.",
            "reads of STATUS",
            signal_faults.deny_ready,
        ),
    )
}
