# SPDX-License-Identifier: GPL-2.0-or-later
"""What the card finds about its driver (docs/datasheet.md sections 17 and 18): data only."""

from __future__ import annotations

import enum


class LedgerFinding(enum.IntEnum):
    """What is wrong with a DMA; the same number in a LEDGER event."""

    BEFORE_GRANT = 1
    AFTER_FREE = 2
    OUTSIDE = 3
    ACROSS_END = 4
    WRONG_DIRECTION = 5
    GUARD_CHANGED = 6

    @property
    def counter(self) -> str:
        """The counter's name."""
        return f"ledger_{self.name.lower()}"


FINDING_DOC = {
    LedgerFinding.BEFORE_GRANT: "Memory that was granted only after the card had touched it.",
    LedgerFinding.AFTER_FREE: "Memory whose grant was revoked, one of the last 4096 since the reset.",
    LedgerFinding.OUTSIDE: "Memory that was never granted.",
    LedgerFinding.ACROSS_END: "A range that begins in granted memory and goes past its end.",
    LedgerFinding.WRONG_DIRECTION: "A write to memory that was granted for reading, or the other way round.",
    LedgerFinding.GUARD_CHANGED: "Changed guard bytes behind a grant that the card wrote to, once for each grant.",
}


class HandOverFinding(enum.IntEnum):
    """What is wrong with something that the driver handed over; the same number in a HAND_OVER event."""

    INCOMPLETE = 1
    DESCRIPTOR_CHANGED = 2
    SEND_CHANGED = 3
    RECEIVE_CHANGED = 4

    @property
    def counter(self) -> str:
        """The counter's name."""
        return f"hand_over_{self.name.lower()}"


HAND_OVER_DOC = {
    HandOverFinding.INCOMPLETE: "Descriptors that were empty, or done, when a doorbell covered them.",
    HandOverFinding.DESCRIPTOR_CHANGED: "Descriptors that changed while the card owned them.",
    HandOverFinding.SEND_CHANGED: "Buffers or slots of sends that changed while the card owned them.",
    HandOverFinding.RECEIVE_CHANGED: "Buffers or slots for receives that changed while the card owned them.",
}
