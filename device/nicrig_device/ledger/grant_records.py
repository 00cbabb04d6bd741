# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the GRANT and REVOKE records of the guest's ring, each once (docs/datasheet.md section 14)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nicrig_device.recorder import CAPACITY, HEAD, GuestRecord, RecordRing, Records

TAKEN_MAX = 16384
"""Most GRANT and REVOKE records in one `take`: reading them costs time on the card's one thread."""
WAITING_MAX = 256
"""Most records that are begun and not whole: each CPU has one, and one more for each nested interrupt."""


class RecordsLostError(LookupError):
    """Records were overwritten, or there are too many to read at once. The next `take` starts behind them."""


class GrantRecords:
    """Works on copies only, because the guest may write anything into its ring at any time."""

    def __init__(self, ring: RecordRing) -> None:
        self._words = ring.words
        self._records = ring.records
        self.restart()

    def restart(self) -> None:
        """Skip all records so far."""
        self._seen = self._words[HEAD]
        self._waiting: list[int] = []

    def pending(self) -> bool:
        """Whether there may be new records. Nearly always one load."""
        return self._words[HEAD] != self._seen or bool(self._waiting)

    def take(self) -> Records:
        """The new records in order. Raises RecordsLostError.

        A record that is not whole yet is taken later, and does not hold back the records after it.
        """
        head = self._words[HEAD]
        numbers = self._numbers(head)
        slots = (numbers - np.uint64(1)) % np.uint64(CAPACITY)
        sequence = self._records["sequence"][slots]  # read first: the guest writes it last
        whole = sequence == numbers
        kind = self._records["kind"][slots]
        wanted = whole & ((kind == GuestRecord.GRANT) | (kind == GuestRecord.REVOKE))
        taken: Records = self._records[slots[wanted]]
        waiting = numbers[~whole].tolist()
        overwritten = (sequence > numbers).any() or (taken["sequence"] != numbers[wanted]).any()
        if overwritten or len(taken) > TAKEN_MAX or len(waiting) > WAITING_MAX:
            self.restart()
            raise RecordsLostError
        self._seen, self._waiting = head, waiting
        return taken

    def _numbers(self, head: int) -> npt.NDArray[np.uint64]:
        """The records to read: those that were not whole last time, then the new ones."""
        oldest = self._waiting[0] if self._waiting else self._seen + 1
        if not 0 <= head - self._seen <= CAPACITY or head - oldest >= CAPACITY:
            self.restart()
            raise RecordsLostError
        fresh = np.arange(head - self._seen, dtype=np.uint64) + np.uint64(min(self._seen + 1, head))
        return np.concatenate((np.array(self._waiting, np.uint64), fresh))
