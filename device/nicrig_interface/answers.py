# SPDX-License-Identifier: GPL-2.0-or-later
"""What the card's monitor answers (docs/sockets.md): the card encodes these structs, the controller decodes them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from nicrig_interface.vocabulary import CardKind, InterruptMode, LedgerPolicy

CounterValues: TypeAlias = Annotated[dict[str, int], msgspec.Meta(title="Counters")]
Findings: TypeAlias = Annotated[dict[str, int], msgspec.Meta(title="Findings")]
HandOverFindings: TypeAlias = Annotated[dict[str, int], msgspec.Meta(title="HandOverFindings")]


class Name(msgspec.Struct, frozen=True):
    """A command of the monitor."""

    name: str


class CardState(msgspec.Struct, frozen=True, rename="kebab"):
    """The card as a whole."""

    kind: CardKind
    interrupts: InterruptMode
    mac: str
    link: bool
    receiving: bool
    version: str
    memory_ranges: int
    refused_ranges: int
    """Ranges of memory that the card did not take from the client, and cannot reach."""
    client: bool
    """QEMU is connected."""
    capture: bool
    """A client of the monitor captures frames."""
    not_in_force: list[str]
    """What the card could not give up when it started, each with the reason."""


class RingState(msgspec.Struct, frozen=True):
    """A ring of slots that go from the driver to the card and back, as it is now."""

    name: str
    queue: int
    """Queue pair."""
    enabled: bool
    base: int | None
    """Device address; None for memory in the card."""
    size: int
    """Slots; bytes for a channel."""
    head: int
    """How far the card has come: a ring index, or a number of transfers or frames."""
    tail: int
    """How far the driver has come, by its doorbell; for a FIFO, how far the wire has come."""
    posted: int
    """Slots that the card owns now; for a FIFO, the frames that wait."""


class LedgerState(msgspec.Struct, frozen=True):
    """What the ledger has granted and found."""

    policy: LedgerPolicy
    blind: str | None
    """Why it judges nothing; None while it judges."""
    ranges: int
    bytes: int
    generation: int
    records: int
    findings: Findings


class TimingState(msgspec.Struct, frozen=True):
    """When the card does its work, as `--card-timing` takes it, and what it has found about what was handed over."""

    timing: str
    findings: HandOverFindings
    noise: bytes
    """What an unkind card writes into the memory for receives when it is handed over; empty for a kind card."""


class PeerState(msgspec.Struct, frozen=True):
    """A peer on the wire: bytes that wait until it reads, frames that it lost, whether it takes frames at all."""

    unsent: int
    lost: int
    listening: bool


class SlotLayout(msgspec.Struct, frozen=True):
    """Where a record file keeps the bytes of frames: frame n, from 1, lies in slot (n - 1) modulo `count`."""

    offset: int
    count: int
    bytes: int


class RecorderLayout(msgspec.Struct, frozen=True):
    """Where the record files are and how to read them. `record` is a numpy dtype's list of fields.

    `packed` has the fields that have parts, and how many bits each part takes, from the lowest up. `build` is the word
    that names the driver's build.
    """

    recorder: str
    trace: str
    record: list[tuple[str, str]]
    packed: dict[str, dict[str, int]]
    offset: int
    capacity: int
    head: int
    detail: int
    settled: int
    build: int
    slots: SlotLayout
    events: dict[str, str]


class FieldState(msgspec.Struct, frozen=True):
    """Bits of a register; `value` is None if you cannot read them."""

    name: str
    low: int
    width: int
    value: int | None


class RegisterState(msgspec.Struct, frozen=True):
    """A register by its declared name; `copy` numbers registers of one name, `value` is None if it is write-only."""

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


class FaultState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault. `fired`: how often it struck since the card started. `passed`: what came by since it was armed."""

    name: str
    does: str
    driver: str
    counts: str
    armed: bool
    fired: int
    at: int | None = None
    count: int | None = None
    passed: int | None = None
