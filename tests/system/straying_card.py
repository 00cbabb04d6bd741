# SPDX-License-Identifier: GPL-2.0-or-later
"""Lies of a card's process about where its DMA goes. It imports this when it starts, and lies while a file names a lie.

Only the first descriptor of a batch, or a transfer, is lied about. What is touched then is memory that can bear it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nicrig_device.ledger.grant_records import GrantRecords, Records
from nicrig_device.ledger.grants import Grants
from nicrig_device.ledger.ledger import Ledger
from nicrig_device.models.queue import Ring
from nicrig_device.models.subordinate.subordinate import Subordinate, Transfer
from nicrig_device.recorder import Grant, GuestRecord
from nicrig_device.spec.descriptors import Descriptors
from nicrig_device.spec.registers import CHANNEL_CONTROL, START

NOBODYS = 0x7C00
"""Where a PC's boot sector was loaded: RAM that Linux leaves alone."""
SENDING: list[Ring] = []
"""The transmit ring, once it has been used."""


def ranges(grants: Grants) -> list[tuple[int, int, int]]:
    return list(grants._entries)


def gone(ledger: Ledger, alive: set[int]) -> tuple[int, int] | None:
    """A range that was revoked, and that begins nowhere where something is granted now."""
    return next(((start, end) for start, end in ledger._revoked if end - start >= 60 and start not in alive), None)


# -- the bus master: its copy of the next descriptors -----------------------------------------------
def outside(ring: Ring, taken: Descriptors) -> None:
    if not ring.transmit:
        taken["address"][0] = NOBODYS


def after_free(ring: Ring, taken: Descriptors) -> None:
    old = gone(ring._ledger, {address for address, _, _ in ranges(ring._ledger.streaming)})
    if ring.transmit and old:
        taken["address"][0], taken["length"][0] = old[0], 60


def across_end(ring: Ring, taken: Descriptors) -> None:
    if ring.transmit:
        taken["length"][0] += 16


def wrong_direction(ring: Ring, taken: Descriptors) -> None:
    """Receive into what is to be sent next, and is the card's until then."""
    if not ring.transmit and SENDING and SENDING[0].posted():
        tx = SENDING[0]
        assert tx._view is not None
        taken["address"][0], taken["length"][0], _, _ = tx._view[tx.head % tx.size]


def guard_changed(ring: Ring, taken: Descriptors) -> None:
    address = int(taken["address"][0])
    for start, length, _ in ranges(ring._ledger.persistent):
        if start == address and not ring.transmit:
            ring._memory.view(start + length, 1)[0] ^= 0xFF


LIES: dict[str, Callable[[Ring, Descriptors], None]] = {
    "outside": outside,
    "after_free": after_free,
    "across_end": across_end,
    "wrong_direction": wrong_direction,
    "guard_changed": guard_changed,
}


# -- subordinate: its copy of the channel -----------------------------------------------------------
def another_transfer(lie: str, ledger: Ledger, transfer: Transfer) -> Transfer:
    old = gone(ledger, {transfer.address})  # one transfer at a time: what is granted is this one's
    if transfer.transmit:
        return transfer
    if lie == "outside":
        return replace(transfer, address=NOBODYS)
    if lie == "after_free" and old:
        return replace(transfer, address=old[0], length=min(transfer.length, old[1] - old[0]))
    if lie == "across_end":
        return replace(transfer, address=transfer.address + 4)
    if lie == "wrong_direction":
        control = transfer.control ^ CHANNEL_CONTROL.field("WRITE_TO_DEVICE").mask
        return replace(transfer, start=transfer.start ^ START.field("TRANSMIT").mask, control=control)
    return transfer


# -- both: the newest grant is seen only after its memory was touched --------------------------------
class LateGrants:
    """Keeps the last STREAMING grant back until the ledger looks whether one came late."""

    def __init__(self, lying: Callable[[], bool]) -> None:
        self._lying = lying
        self._kept: Records | None = None
        self._releasing = False

    def patches(self) -> list[tuple[type, str, Any]]:
        take, pending, due = GrantRecords.take, GrantRecords.pending, Ledger.due

        def late_due(ledger: Ledger, now: float) -> float | None:
            self._releasing = True
            told = due(ledger, now)
            self._releasing = False
            return told

        def late_pending(records: GrantRecords) -> bool:
            return pending(records) or (self._releasing and self._kept is not None)

        def late_take(records: GrantRecords) -> Records:
            taken = take(records)
            if self._releasing and self._kept is not None:
                taken, self._kept = np.concatenate((self._kept, taken)), None
            elif len(taken) and self._lying() and self._kept is None and _is_passing_grant(taken[-1]):
                taken, self._kept = taken[:-1], taken[-1:]
            return taken

        return [(GrantRecords, "take", late_take), (GrantRecords, "pending", late_pending), (Ledger, "due", late_due)]


def _is_passing_grant(record: Any) -> bool:
    return bool(record["kind"] == GuestRecord.GRANT and int(record["c"]) & Grant.STREAMING)


def begin(flag: Path) -> None:
    """From now on this process is such a card."""
    posted, fetch, read_transfer, sees = Ring.posted, Ring.fetch, Subordinate._read_transfer, Ledger.sees

    def lie() -> str:
        try:
            return flag.read_text()
        except FileNotFoundError:
            return ""

    def slow_posted(ring: Ring) -> int:
        """So that something is being sent when a frame comes in."""
        if ring.transmit:
            SENDING[:] = [ring]
        return min(posted(ring), 1) if ring.transmit and lie() == "wrong_direction" else posted(ring)

    def lying_fetch(ring: Ring, count: int) -> Descriptors:
        taken = fetch(ring, count)
        if len(taken) and (name := lie()) in LIES:
            LIES[name](ring, taken)
        return taken

    def lying_read_transfer(card: Subordinate, start: int) -> Transfer:
        return another_transfer(lie(), card._board.ledger, read_transfer(card, start))

    def sees_no_past(ledger: Ledger) -> bool:
        """Memory is used again and again: its past is not to speak for it."""
        seen = sees(ledger)
        if lie() == "before_grant":
            ledger._revoked.clear()
        return seen

    patched: list[tuple[type, str, Any]] = [
        (Ring, "posted", slow_posted),
        (Ring, "fetch", lying_fetch),
        (Subordinate, "_read_transfer", lying_read_transfer),
        (Ledger, "sees", sees_no_past),
        *LateGrants(lambda: lie() == "before_grant").patches(),
    ]
    for owner, name, replacement in patched:
        setattr(owner, name, replacement)
