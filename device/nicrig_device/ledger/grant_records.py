# SPDX-License-Identifier: GPL-2.0-or-later
"""The GRANT and REVOKE records of the guest's ring (docs/datasheet.md section 14), each taken out once."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nicrig_device.recorder import CAPACITY, HEAD, GuestRecord, RecordRing

Records: TypeAlias = npt.NDArray[Any]

TAKEN_MAX = 16384
"""Most grants and revokes between two looks: what they cost is time of the card's one thread."""
WAITING_MAX = 256
"""Most records that were begun and are not whole: a CPU has one, and one for each interrupt that came into it."""


class RecordsLostError(LookupError):
    """Some records can be had no more, or are more than a look may cost; the next look begins behind them."""


class GrantRecords:
    """The guest may write anything into its ring: what is taken is a copy, and only the copy is looked at."""

    def __init__(self, ring: RecordRing) -> None:
        self._words = ring.words
        self._records = ring.records
        self.restart()

    def restart(self) -> None:
        """Begin with what is recorded from now on."""
        self._seen = self._words[HEAD]
        self._waiting: list[int] = []

    def pending(self) -> bool:
        """Whether there may be something to take: one load, nearly always."""
        return self._words[HEAD] != self._seen or bool(self._waiting)

    def take(self) -> Records:
        """What is new, in order. A record that is not whole yet is taken when it is, and holds no later one back."""
        head = self._words[HEAD]
        numbers = self._numbers(head)
        places = (numbers - np.uint64(1)) % np.uint64(CAPACITY)
        sequence = self._records["sequence"][places]  # before anything else of the record
        whole = sequence == numbers
        kind = self._records["kind"][places]
        wanted = whole & ((kind == GuestRecord.GRANT) | (kind == GuestRecord.REVOKE))
        taken: Records = self._records[places[wanted]]
        waiting = numbers[~whole].tolist()
        overwritten = (sequence > numbers).any() or (taken["sequence"] != numbers[wanted]).any()
        if overwritten or len(taken) > TAKEN_MAX or len(waiting) > WAITING_MAX:
            self.restart()
            raise RecordsLostError
        self._seen, self._waiting = head, waiting
        return taken

    def _numbers(self, head: int) -> npt.NDArray[np.uint64]:
        """The records to look at: those that were not whole the last time, and the new ones."""
        oldest = self._waiting[0] if self._waiting else self._seen + 1
        if not 0 <= head - self._seen <= CAPACITY or head - oldest >= CAPACITY:
            self.restart()
            raise RecordsLostError
        fresh = np.arange(head - self._seen, dtype=np.uint64) + np.uint64(min(self._seen + 1, head))
        return np.concatenate((np.array(self._waiting, np.uint64), fresh))
