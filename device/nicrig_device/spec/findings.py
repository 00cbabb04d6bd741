# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger's findings (docs/datasheet.md section 17): data only."""

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
