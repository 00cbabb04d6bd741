# SPDX-License-Identifier: GPL-2.0-or-later
"""What the ledger may find wrong with a DMA (docs/datasheet.md section 17): data only."""

from __future__ import annotations

import enum


class LedgerFinding(enum.IntEnum):
    """How a DMA broke what the driver had granted; the same number in a LEDGER event."""

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
    LedgerFinding.BEFORE_GRANT: "Memory that nobody had granted, and that was granted right after.",
    LedgerFinding.AFTER_FREE: "Memory that had been granted and was revoked, one of the last 4096 since the reset.",
    LedgerFinding.OUTSIDE: "Memory that nobody has granted.",
    LedgerFinding.ACROSS_END: "A range that begins in granted memory and reaches over its end.",
    LedgerFinding.WRONG_DIRECTION: "Memory granted for reading that was to be written, or the other way round.",
    LedgerFinding.GUARD_CHANGED: "Guard bytes behind a grant that the card has just written to; told once a grant.",
}
