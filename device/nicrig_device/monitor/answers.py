# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor's commands answer with: data only."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec

from nicrig_device.ledger.ledger import Policy
from nicrig_device.spec.counters import COUNTERS
from nicrig_device.spec.findings import LedgerFinding

KEYS = "keys"
"""What the introspection knows a dictionary's keys by."""
CounterValues: TypeAlias = Annotated[dict[str, int], msgspec.Meta(title="Counters", extra={KEYS: tuple(COUNTERS)})]
FINDING_NAMES = tuple(finding.name.lower() for finding in LedgerFinding)
Findings: TypeAlias = Annotated[dict[str, int], msgspec.Meta(title="Findings", extra={KEYS: FINDING_NAMES})]


class Name(msgspec.Struct):
    """A command that there is."""

    name: str


class CardState(msgspec.Struct, rename="kebab"):
    """The card as a whole."""

    kind: str
    interrupts: str
    mac: str
    link: bool
    receiving: bool
    version: str
    memory_ranges: int
    client: bool
    capture: bool


class LedgerState(msgspec.Struct):
    """What the ledger knows and has found; `blind` tells why it judges nothing, null while it does."""

    policy: Policy
    blind: str | None
    ranges: int
    bytes: int
    generation: int
    records: int
    findings: Findings


class PeerState(msgspec.Struct):
    """A peer of the wire: bytes that wait for it to read, frames it has lost, whether it takes any."""

    unsent: int
    lost: int
    listening: bool


class SlotPlaces(msgspec.Struct):
    """Where the bytes of frames are kept in a record ring's file."""

    offset: int
    count: int
    bytes: int


class RecorderPlaces(msgspec.Struct):
    """Where the records are and how they are made, so that a reader needs to know nothing of the card."""

    recorder: str
    trace: str
    record: list[Any]
    offset: int
    capacity: int
    head: int
    detail: int
    settled: int
    slots: SlotPlaces
    events: dict[str, str]


class FieldState(msgspec.Struct):
    """Bits of a register."""

    name: str
    low: int
    width: int
    value: int | None


class RegisterState(msgspec.Struct):
    """A register by its declared name; `copy` tells those of one name apart, `value` is null if it is write-only."""

    block: str
    copy: int
    name: str
    bar: int
    offset: int
    width: int
    access: str
    value: int | None
    fields: list[FieldState]
    doc: str
