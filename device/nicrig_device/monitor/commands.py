# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's commands: each of `functions` is one by its name, signature and docstring."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import msgspec

from nicrig_device.card import RECORDER_FILE, TRACE_FILE, Card
from nicrig_device.ledger.ledger import BLIND, Policy
from nicrig_device.models.base import RingState
from nicrig_device.monitor.announcements import EVENTS
from nicrig_device.monitor.answers import (
    CardState,
    CounterValues,
    LedgerState,
    Name,
    PeerState,
    RecorderPlaces,
    RegisterState,
    SlotPlaces,
)
from nicrig_device.monitor.command_table import Command, table
from nicrig_device.monitor.fault_commands import FaultCommands
from nicrig_device.monitor.register_states import register_states
from nicrig_device.monitor.schema import schema
from nicrig_device.monitor.version import Version
from nicrig_device.recorder import (
    CAPACITY,
    DETAIL,
    HEAD,
    RECORD,
    RECORDS_OFFSET,
    SETTLED,
    SLOT_BYTES,
    SLOTS,
    SLOTS_OFFSET,
    TraceEvent,
)
from nicrig_device.spec import registers
from nicrig_device.spec.findings import LedgerFinding
from nicrig_device.wire.hub import SocketWire


class CardCommands:
    """What a client may ask of this card, in `table`; a further part of it is a class with `functions` of its own."""

    def __init__(self, card: Card, interrupts: str, folder: Path, wire: SocketWire) -> None:
        self._card = card
        self._interrupts = interrupts
        self._folder = folder
        self._wire = wire
        self.client = False
        """Whether QEMU is connected."""
        self.table: dict[str, Command] = {
            **table(self.functions, self),
            **table(FaultCommands.functions, FaultCommands(card)),
        }
        # Made now: it takes too long to be made while the card works.
        self._schema = msgspec.Raw(msgspec.json.encode(schema(self.table, EVENTS)))

    def forget(self, session: object) -> None:
        """A session is over: what it had the card do for it ends."""
        self._card.trace.captures.discard(session)

    # -- queries ------------------------------------------------------------------------------------
    def query_card(self) -> CardState:
        """What the card is, and how it stands; `client`: QEMU is connected; `capture`: somebody captures."""
        return CardState(
            kind=self._card.kind.name,
            interrupts=self._interrupts,
            mac=self._card.mac.hex(":"),
            link=self._card.link_up,
            receiving=self._card.receiving,
            version=f"{registers.VERSION_MAJOR}.{registers.VERSION_MINOR}",
            memory_ranges=len(self._card.memory),
            client=self.client,
            capture=bool(self._card.trace.captures),
        )

    def query_counters(self) -> CounterValues:
        """The counters of the datasheet's section 11."""
        return self._card.counters.snapshot()

    def query_registers(self) -> list[RegisterState]:
        """Every register with its value; looking changes nothing. `offset` is in its BAR, `width` in bits."""
        return list(register_states(self._card))

    def query_rings(self) -> list[RingState]:
        """The rings, or what the kind has instead: slots, a FIFO and a channel."""
        return self._card.kind.rings()

    def query_wire(self) -> list[PeerState]:
        """Who is connected to the wire."""
        return [PeerState(peer.unsent, peer.lost, peer.listening) for peer in self._wire.peers]

    def query_recorder(self) -> RecorderPlaces:
        """Where the flight recorder's files are, and how to read them."""
        return RecorderPlaces(
            recorder=str(self._folder / RECORDER_FILE),
            trace=str(self._folder / TRACE_FILE),
            record=RECORD.descr,
            offset=RECORDS_OFFSET,
            capacity=CAPACITY,
            head=HEAD,
            detail=DETAIL,
            settled=SETTLED,
            slots=SlotPlaces(SLOTS_OFFSET, SLOTS, SLOT_BYTES),
            events={str(int(event)): f"card.{event.name.lower()}" for event in TraceEvent},
        )

    def query_ledger(self) -> LedgerState:
        """What the ledger knows and has found; `blind` tells why it judges nothing, null while it does."""
        ledger, counters = self._card.ledger, self._card.counters
        ledger.sees()  # what has been granted until now
        return LedgerState(
            policy=ledger.policy,
            blind=BLIND.get(ledger.blind),
            ranges=len(ledger.persistent) + len(ledger.streaming),
            bytes=ledger.persistent.size + ledger.streaming.size,
            generation=ledger.generation,
            records=ledger.drained,
            findings={finding.name.lower(): counters[finding.counter] for finding in LedgerFinding},
        )

    # -- what changes the card ------------------------------------------------------------------------
    def set_link(self, up: bool) -> None:
        """Bring the link up or down."""
        self._card.set_link(up)

    def set_ledger(self, policy: Policy) -> None:
        """What becomes of DMA that the driver has not granted."""
        self._card.ledger.set_policy(policy)

    def set_capture(self, on: bool, session: object) -> None:
        """Keep each frame with its bytes in the card's record ring, until told otherwise or the session ends."""
        (self._card.trace.captures.add if on else self._card.trace.captures.discard)(session)

    def reset(self) -> None:
        """A function reset, which no driver expects."""
        self._card.reset()

    # -- of the monitor itself --------------------------------------------------------------------------
    def query_commands(self) -> list[Name]:
        """The commands that there are."""
        return [Name(name) for name in sorted(self.table)]

    def query_version(self) -> Version:
        """The version of the card, as the greeting has it."""
        return Version()

    def query_qmp_schema(self) -> msgspec.Raw:
        """All commands and events with the types of what they take and give, as QEMU's command of this name."""
        return self._schema

    functions: ClassVar[tuple[Callable[..., object], ...]] = (
        *(query_card, query_counters, query_registers, query_rings, query_wire, query_recorder, query_ledger),
        *(set_link, set_ledger, set_capture, reset),
        *(query_commands, query_version, query_qmp_schema),
    )
    """Those that are commands."""
