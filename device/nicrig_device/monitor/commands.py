# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's commands. Each function in `functions` is a command, by its name, signature and docstring."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import msgspec

from nicrig_device.card import Card
from nicrig_device.ledger.ledger import BLIND
from nicrig_device.monitor.announcements import EVENTS
from nicrig_device.monitor.command_table import Command, QmpError, table
from nicrig_device.monitor.fault_commands import FaultCommands
from nicrig_device.monitor.register_states import register_states
from nicrig_device.monitor.schema import schema
from nicrig_device.monitor.version import Version
from nicrig_device.recorder import (
    BUILD,
    CAPACITY,
    DETAIL,
    HEAD,
    PACKED,
    RECORD,
    RECORDS_OFFSET,
    SETTLED,
    SLOT_BYTES,
    SLOTS,
    SLOTS_OFFSET,
    TraceEvent,
)
from nicrig_device.spec import registers
from nicrig_device.spec.counters import COUNTERS
from nicrig_device.spec.findings import HandOverFinding, LedgerFinding
from nicrig_device.timing import parse_timing
from nicrig_device.wire.hub import SocketWire
from nicrig_interface.answers import (
    CardState,
    CounterValues,
    LedgerState,
    Name,
    PeerState,
    RecorderLayout,
    RegisterState,
    RingState,
    SlotLayout,
    TimingState,
)
from nicrig_interface.files import RECORDER_FILE, TRACE_FILE
from nicrig_interface.vocabulary import InterruptMode, LedgerPolicy

KEYS = {
    "Counters": tuple(COUNTERS),
    "Findings": tuple(finding.name.lower() for finding in LedgerFinding),
    "HandOverFindings": tuple(finding.name.lower() for finding in HandOverFinding),
}
"""The keys of the answers that are dictionaries, by the title of their type."""


class CardCommands:
    """The commands for this card, in `table`. To add a group of commands, write a class with its own `functions`."""

    def __init__(self, card: Card, interrupts: InterruptMode, folder: Path, wire: SocketWire) -> None:
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
        # Made at the start: it takes too long while the card works.
        self._schema = msgspec.Raw(msgspec.json.encode(schema(self.table, EVENTS, KEYS)))

    def forget(self, session: object) -> None:
        """A session is over: end its capture."""
        self._card.trace.captures.discard(session)

    # -- queries ------------------------------------------------------------------------------------
    def query_card(self) -> CardState:
        """The card and its state. `client`: QEMU is connected. `capture`: a client of the monitor captures.

        `refused-ranges`: ranges of memory that the card did not take from the client, and cannot reach.
        `not-in-force`: the rights that the card could not give up, each with the reason.
        """
        return CardState(
            kind=self._card.kind.name,
            interrupts=self._interrupts,
            mac=self._card.mac.hex(":"),
            link=self._card.link_up,
            receiving=self._card.receiving,
            version=f"{registers.VERSION_MAJOR}.{registers.VERSION_MINOR}",
            memory_ranges=len(self._card.memory),
            refused_ranges=self._card.memory.refused,
            client=self.client,
            capture=bool(self._card.trace.captures),
            not_in_force=self._card.not_in_force,
        )

    def query_counters(self) -> CounterValues:
        """The counters of the datasheet's section 11."""
        return self._card.counters.snapshot()

    def query_registers(self) -> list[RegisterState]:
        """Every register with its value. Reading them here changes nothing. `offset` is in its BAR, `width` in bits."""
        return list(register_states(self._card))

    def query_rings(self) -> list[RingState]:
        """The rings, or what the kind has instead: slots, a FIFO and a channel."""
        return self._card.kind.rings()

    def query_wire(self) -> list[PeerState]:
        """The peers on the wire."""
        return [PeerState(peer.unsent, peer.lost, peer.listening) for peer in self._wire.peers]

    def query_recorder(self) -> RecorderLayout:
        """Where the flight recorder's files are, and how to read them."""
        return RecorderLayout(
            recorder=str(self._folder / RECORDER_FILE),
            trace=str(self._folder / TRACE_FILE),
            record=[(name, RECORD[name].str) for name in RECORD.names or ()],
            packed=PACKED,
            offset=RECORDS_OFFSET,
            capacity=CAPACITY,
            head=HEAD,
            detail=DETAIL,
            settled=SETTLED,
            build=BUILD,
            slots=SlotLayout(SLOTS_OFFSET, SLOTS, SLOT_BYTES),
            events={str(int(event)): f"card.{event.name.lower()}" for event in TraceEvent},
        )

    def query_ledger(self) -> LedgerState:
        """The ledger's grants and findings. `blind` says why it judges nothing; it is null while it judges."""
        ledger, counters = self._card.ledger, self._card.counters
        ledger.update()
        return LedgerState(
            policy=ledger.policy,
            blind=BLIND.get(ledger.blind),
            ranges=len(ledger.persistent) + len(ledger.streaming),
            bytes=ledger.persistent.size + ledger.streaming.size,
            generation=ledger.generation,
            records=ledger.drained,
            findings={finding.name.lower(): counters[finding.counter] for finding in LedgerFinding},
        )

    def query_timing(self) -> TimingState:
        """When the card does its work, with the seed, and what an unkind card has found about the driver."""
        counters = self._card.counters
        findings = {finding.name.lower(): counters[finding.counter] for finding in HandOverFinding}
        timing = self._card.timing
        return TimingState(timing.name, findings, timing.noise.tobytes() if timing.unkind else b"")

    # -- what changes the card ------------------------------------------------------------------------
    def set_link(self, up: bool) -> None:
        """Bring the link up or down."""
        self._card.set_link(up)

    def set_ledger(self, policy: LedgerPolicy) -> None:
        """Set what happens to DMA that the driver has not granted."""
        self._card.ledger.set_policy(policy)

    def set_timing(self, timing: str) -> None:
        """Work at once (`kind`), or at any moment that the datasheet allows (`unkind:SEED`; `unkind` is `unkind:1`)."""
        try:
            seed = parse_timing(timing)
        except ValueError as error:
            raise QmpError(str(error)) from error
        self._card.timing.set(seed)

    def set_capture(self, on: bool, session: object) -> None:
        """Keep each frame with its bytes in the card's record ring, until you switch it off or disconnect."""
        (self._card.trace.captures.add if on else self._card.trace.captures.discard)(session)

    def reset(self) -> None:
        """Reset the function. The driver gets no notice."""
        self._card.reset()

    # -- the monitor itself -----------------------------------------------------------------------------
    def query_commands(self) -> list[Name]:
        """The names of all commands."""
        return [Name(name) for name in sorted(self.table)]

    def query_version(self) -> Version:
        """The version of the card, as in the greeting."""
        return Version()

    def query_qmp_schema(self) -> msgspec.Raw:
        """All commands and events with the types of their arguments and answers, as in QEMU."""
        return self._schema

    functions: ClassVar[tuple[Callable[..., object], ...]] = (
        *(query_card, query_counters, query_registers, query_rings, query_wire, query_recorder, query_ledger),
        *(query_timing, set_link, set_ledger, set_timing, set_capture, reset),
        *(query_commands, query_version, query_qmp_schema),
    )
    """The functions that are commands."""
