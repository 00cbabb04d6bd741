# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's events: what they tell, and which of them wait a while before they are told."""

from __future__ import annotations

import time
from typing import Any, Literal, TypeAlias

import msgspec

from nicrig_device.recorder import Trace, TraceEvent
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.findings import LedgerFinding

QUIET_SECONDS = 1.0
"""After a violation the next of the same name is told so much later, with how many there were."""


class LinkChanged(msgspec.Struct):
    """The link came up or went down."""

    up: bool


class Reset(msgspec.Struct):
    """The card was reset, by whomever."""


class Client(msgspec.Struct):
    """A client of the card's PCI function, QEMU that is, connected or is gone."""

    connected: bool


class ViolationEvent(msgspec.Struct):
    """The card refused something, or its ledger found something; of one name at most one a second."""

    by: Literal["refusal", "ledger"]
    name: str
    transmit: bool
    index: int
    address: int | None
    length: int | None
    count: int


Told: TypeAlias = LinkChanged | Reset | Client | ViolationEvent
EVENTS: dict[str, type[Told]] = {
    "CLIENT": Client,
    "LINK_CHANGED": LinkChanged,
    "RESET": Reset,
    "VIOLATION": ViolationEvent,
}
NAMES = {kind: name for name, kind in EVENTS.items()}


def refusal(code: int, index: int, transmit: int, _: int) -> ViolationEvent:
    """What a REFUSAL record says."""
    return ViolationEvent("refusal", Refusal(code).name, bool(transmit), index, None, None, 1)


def finding(what: int, address: int, length: int, index: int) -> ViolationEvent:
    """What a LEDGER record says."""
    return ViolationEvent("ledger", LedgerFinding(what & 0xFF).name, bool(what >> 8), index, address, length, 1)


def _message(event: Told) -> dict[str, Any]:
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    timestamp = {"seconds": seconds, "microseconds": nanoseconds // 1000}
    data = {"data": event} if msgspec.structs.fields(event) else {}
    return {"event": NAMES[type(event)], **data, "timestamp": timestamp}


class Announcements:
    """Events that wait to be told. Noting one is all that the card's work pays for."""

    def __init__(self, trace: Trace) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._held: dict[str, dict[str, Any]] = {}
        """Violations by name: the last one, until its name may be told again."""
        self._quiet_until: dict[str, float] = {}
        trace.told[TraceEvent.LINK] = lambda up, *_: self.note(LinkChanged(bool(up)))
        trace.told[TraceEvent.RESET] = lambda *_: self.note(Reset())
        trace.told[TraceEvent.REFUSAL] = lambda *record: self._note_violation(refusal(*record))
        trace.told[TraceEvent.LEDGER] = lambda *record: self._note_violation(finding(*record))

    def note(self, event: Told) -> None:
        """To be told at the end of this turn of the loop."""
        self._waiting.append(_message(event))

    def _note_violation(self, violation: ViolationEvent) -> None:
        held = self._held.get(violation.name)
        if held is not None:
            violation.count += held["data"].count
        self._held[violation.name] = _message(violation)

    def take(self, now: float) -> list[dict[str, Any]]:
        """The messages to be sent now."""
        for name in [name for name in self._held if now >= self._quiet_until.get(name, 0.0)]:
            self._waiting.append(self._held.pop(name))
            self._quiet_until[name] = now + QUIET_SECONDS
        taken, self._waiting = self._waiting, []
        return taken

    def due(self) -> float | None:
        """When there is something to take, on the monotonic clock; None for not before something happens."""
        if self._waiting:
            return 0.0
        return min((self._quiet_until.get(name, 0.0) for name in self._held), default=None)
