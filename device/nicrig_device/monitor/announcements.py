# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's events: their data, and how long some of them wait before they are sent."""

from __future__ import annotations

import time
from typing import Any, Literal, TypeAlias

import msgspec

from nicrig_device.recorder import Trace, TraceEvent
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.findings import HandOverFinding, LedgerFinding

QUIET_SECONDS = 1.0
"""Shortest time between two violations of one name. The later one has the number of all since the first."""


class LinkChanged(msgspec.Struct):
    """The link came up or went down."""

    up: bool


class Reset(msgspec.Struct):
    """The card was reset: by the driver, by QEMU or through the monitor."""


class ClientChanged(msgspec.Struct):
    """A client of the card's PCI function, usually QEMU, connected or disconnected."""

    connected: bool


class ViolationEvent(msgspec.Struct):
    """The card refused something, its ledger found something, or it found something about what was handed over.

    At most one a second of each name.
    """

    by: Literal["refusal", "ledger", "hand-over"]
    name: str
    transmit: bool
    index: int
    address: int | None
    length: int | None
    count: int


Announced: TypeAlias = LinkChanged | Reset | ClientChanged | ViolationEvent
EVENTS: dict[str, type[Announced]] = {
    "CLIENT": ClientChanged,
    "LINK_CHANGED": LinkChanged,
    "RESET": Reset,
    "VIOLATION": ViolationEvent,
}
NAMES = {kind: name for name, kind in EVENTS.items()}


def refusal(code: int, index: int, transmit: int, _: int) -> ViolationEvent:
    """The event for a REFUSAL record."""
    return ViolationEvent("refusal", Refusal(code).name, bool(transmit), index, None, None, 1)


def finding(what: int, address: int, length: int, index: int) -> ViolationEvent:
    """The event for a LEDGER record."""
    return ViolationEvent("ledger", LedgerFinding(what & 0xFF).name, bool(what >> 8), index, address, length, 1)


def hand_over(what: int, address: int, length: int, index: int) -> ViolationEvent:
    """The event for a HAND_OVER record."""
    return ViolationEvent("hand-over", HandOverFinding(what & 0xFF).name, bool(what >> 8), index, address, length, 1)


def _message(event: Announced) -> dict[str, Any]:
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    timestamp = {"seconds": seconds, "microseconds": nanoseconds // 1000}
    data = {"data": event} if msgspec.structs.fields(event) else {}
    return {"event": NAMES[type(event)], **data, "timestamp": timestamp}


class Announcements:
    """Events that wait to be sent. The card's own work only notes them."""

    def __init__(self, trace: Trace) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._held: dict[str, dict[str, Any]] = {}
        """Violations by name: the last one, until the next of its name may be sent."""
        self._quiet_until: dict[str, float] = {}
        trace.listeners[TraceEvent.LINK] = lambda up, *_: self.note(LinkChanged(bool(up)))
        trace.listeners[TraceEvent.RESET] = lambda *_: self.note(Reset())
        trace.listeners[TraceEvent.REFUSAL] = lambda *record: self._note_violation(refusal(*record))
        trace.listeners[TraceEvent.HAND_OVER] = lambda *record: self._note_violation(hand_over(*record))
        trace.listeners[TraceEvent.LEDGER] = lambda *record: self._note_violation(finding(*record))

    def note(self, event: Announced) -> None:
        """Send it at the end of this turn of the loop."""
        self._waiting.append(_message(event))

    def _note_violation(self, violation: ViolationEvent) -> None:
        held = self._held.get(violation.name)
        if held is not None:
            violation.count += held["data"].count
        self._held[violation.name] = _message(violation)

    def take(self, now: float) -> list[dict[str, Any]]:
        """Remove and return the messages that may be sent now."""
        for name in [name for name in self._held if now >= self._quiet_until.get(name, 0.0)]:
            self._waiting.append(self._held.pop(name))
            self._quiet_until[name] = now + QUIET_SECONDS
        taken, self._waiting = self._waiting, []
        return taken

    def due(self) -> float | None:
        """When there is something to take, in seconds of the monotonic clock; None while nothing waits."""
        if self._waiting:
            return 0.0
        return min((self._quiet_until.get(name, 0.0) for name in self._held), default=None)
