# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of cards with DMA in which memory they touch: none of it is what the driver granted.

Each strikes the first descriptor of a batch, or a whole transfer, and touches memory that can bear it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nicrig_device.card import Card
from nicrig_device.dma.transfer import TRANSMIT, Transfer
from nicrig_device.faults.descriptor_faults import descriptor_at, rings
from nicrig_device.faults.fault import FaultHook, Trigger
from nicrig_device.recorder import Grant, GuestRecord, Records
from nicrig_device.spec.descriptors import Descriptors
from nicrig_device.spec.registers import CHANNEL_CONTROL

UNUSED = 0x7C00
"""A PC loads its boot sector here, and Linux leaves that RAM alone."""
FREED_MIN = 60
"""Shortest revoked range that a frame is read from, and the bytes that are read."""
ACROSS, ACROSS_TRANSFER = 16, 4
"""How many bytes too far a buffer reaches, and how far on a transfer begins."""
LATE_SECONDS = 0.01
WRITE_TO_DEVICE = CHANNEL_CONTROL.field("WRITE_TO_DEVICE").mask


class Outside(FaultHook):
    """Receives into memory that was never granted."""

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if not transmit and len(descriptors) and self.trigger.next():
            descriptors["address"][0] = UNUSED
        return descriptors

    def transfer(self, transfer: Transfer) -> Transfer:
        return replace(transfer, address=UNUSED) if not transfer.transmit and self.trigger.next() else transfer


class AfterFree(FaultHook):
    """Sends from, or receives into, memory whose grant was revoked."""

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        granted = {address for address, _ in self.card.ledger.streaming.ranges()}
        if transmit and (freed := self._freed(granted)) and self.trigger.next():
            descriptors["address"][0], descriptors["length"][0] = freed[0], FREED_MIN
        return descriptors

    def transfer(self, transfer: Transfer) -> Transfer:
        freed = self._freed({transfer.address})  # one transfer at a time: nothing else is granted now
        if transfer.transmit or freed is None or not self.trigger.next():
            return transfer
        return replace(transfer, address=freed[0], length=min(transfer.length, freed[1] - freed[0]))

    def _freed(self, granted: set[int]) -> tuple[int, int] | None:
        """Start and end of a revoked range that does not begin where something is granted now."""
        revoked = self.card.ledger.revoked
        return next(((start, end) for start, end in revoked if end - start >= FREED_MIN and start not in granted), None)


class AcrossEnd(FaultHook):
    """Reads, or writes, over the end of what was granted."""

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if transmit and len(descriptors) and self.trigger.next():
            descriptors["length"][0] += ACROSS
        return descriptors

    def transfer(self, transfer: Transfer) -> Transfer:
        if transfer.transmit or not self.trigger.next():
            return transfer
        return replace(transfer, address=transfer.address + ACROSS_TRANSFER)


class WrongDirection(FaultHook):
    """Receives into the buffer of the next send, or reads the buffer of a receive.

    A bus master sends one descriptor a turn while this is armed, so that sends wait when a frame comes in.
    """

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        if transmit:
            return descriptors[:1]
        _, tx = rings(self.card)
        if len(descriptors) and tx.posted() and self.trigger.next():
            for send in descriptor_at(self.card, tx, 0):
                descriptors["address"][0], descriptors["length"][0] = send["address"], send["length"]
        return descriptors

    def transfer(self, transfer: Transfer) -> Transfer:
        if transfer.transmit or not self.trigger.next():
            return transfer
        return replace(transfer, start=transfer.start ^ TRANSMIT, control=transfer.control ^ WRITE_TO_DEVICE)


class GrantSeenLate(FaultHook):
    """The ledger learns of the newest streaming grant only after the card has touched the memory.

    It also forgets what was revoked: a driver grants the same memory again and again, and the past would explain
    the touch.
    """

    def __init__(self, card: Card, trigger: Trigger) -> None:
        super().__init__(card, trigger)
        self._kept: Records | None = None

    def records(self, records: Records) -> Records:
        if self._kept is not None:
            records, self._kept = np.concatenate((self._kept, records)), None
        elif len(records) and _is_streaming_grant(records[-1]) and self.trigger.peek(1):
            records, self._kept = records[:-1], records[-1:]
            self.trigger.later(self._release, LATE_SECONDS)  # also when the fault is disarmed before
        return records

    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        self.card.ledger.revoked.clear()
        return descriptors

    def transfer(self, transfer: Transfer) -> Transfer:
        self.card.ledger.revoked.clear()
        return transfer

    def due(self, now: float) -> float | None:
        if self._kept is not None and self.card.ledger.holding:
            self._release()
        return None

    def _release(self) -> None:
        if self._kept is not None:
            if self.card.ledger.holding:
                self.trigger.next()
            kept, self._kept = self._kept, None
            self.card.ledger.learn(kept)


def _is_streaming_grant(record: np.void) -> bool:
    return bool(record["kind"] == GuestRecord.GRANT and int(record["c"]) & Grant.STREAMING)
