# SPDX-License-Identifier: GPL-2.0-or-later
"""Lies of a card's process about where its DMA goes. It imports this when it starts, and lies while a file names a lie.

Only the first descriptor of a batch, or a transfer, is lied about. What is touched then is memory that can bear it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from device.descriptors import Descriptors
from device.grants import Grants
from device.ledger import Ledger
from device.queue import Ring
from device.registers import CHANNEL_CONTROL, START
from device.subordinate import Subordinate, Transfer

NOBODYS = 0x7C00
"""Where a PC's boot sector was loaded: RAM that Linux leaves alone."""


def ranges(grants: Grants) -> list[tuple[int, int, int]]:
    return list(grants._entries)


def gone(ledger: Ledger, but: int) -> tuple[int, int] | None:
    """A range that was revoked and in which nothing is granted now, nor begins at `but`."""
    alive = {address for address, _, _ in ranges(ledger.passing)} | {but}
    return next(((start, end) for start, end in ledger._revoked if end - start >= 60 and start not in alive), None)


# -- the bus master: its copy of the next descriptors -----------------------------------------------
def outside(ring: Ring, taken: Descriptors) -> None:
    if not ring.transmit:
        taken["address"][0] = NOBODYS


def after_free(ring: Ring, taken: Descriptors) -> None:
    old = gone(ring._ledger, 0)
    if ring.transmit and old:
        taken["address"][0], taken["length"][0] = old[0], 60


def across_end(ring: Ring, taken: Descriptors) -> None:
    if ring.transmit:
        taken["length"][0] += 16


def wrong_direction(ring: Ring, taken: Descriptors) -> None:
    """Receive into what is being sent."""
    sending = [key for key in ranges(ring._ledger.passing) if key[1] >= 60]
    if not ring.transmit and sending:
        taken["address"][0], taken["length"][0], _ = sending[0]


def guard_changed(ring: Ring, taken: Descriptors) -> None:
    address = int(taken["address"][0])
    for start, length, _ in ranges(ring._ledger.lasting):
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
    old = gone(ledger, transfer.address)
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


def begin(flag: Path) -> None:
    """From now on this process is such a card."""
    posted, fetch, read_transfer, sees = Ring.posted, Ring.fetch, Subordinate._read_transfer, Ledger.sees

    def lie() -> str:
        return flag.read_text() if flag.exists() else ""

    def slow_posted(ring: Ring) -> int:
        """So that something is being sent when a frame comes in."""
        return min(posted(ring), 1) if ring.transmit and lie() == "wrong_direction" else posted(ring)

    def lying_fetch(ring: Ring, count: int) -> Descriptors:
        taken = fetch(ring, count)
        if len(taken) and (name := lie()) in LIES:
            LIES[name](ring, taken)
        return taken

    def lying_read_transfer(card: Subordinate, start: int) -> Transfer:
        return another_transfer(lie(), card._board.ledger, read_transfer(card, start))

    def late_sees(ledger: Ledger) -> bool:
        """What the guest has recorded is seen only after the card has touched the memory."""
        if lie() != "before_grant" or ledger.blind:
            return sees(ledger)
        ledger._revoked.clear()
        return True

    patched: list[tuple[type, str, Any]] = [
        (Ring, "posted", slow_posted),
        (Ring, "fetch", lying_fetch),
        (Subordinate, "_read_transfer", lying_read_transfer),
        (Ledger, "sees", late_sees),
    ]
    for owner, name, replacement in patched:
        setattr(owner, name, replacement)
