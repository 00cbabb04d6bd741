# SPDX-License-Identifier: GPL-2.0-or-later
"""Feeds each event to the checks of section 9, then updates the model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nicrig.verifier.checks import dma as dma_checks
from nicrig.verifier.checks import layer, levels, limits, matching, phase, teardown
from nicrig.verifier.checks import packets as packet_checks
from nicrig.verifier.events import CardEvent, Event, Undeclared
from nicrig.verifier.functions import Detail, Phase, RecordKind
from nicrig.verifier.groups import AllocateMemory, records_of
from nicrig.verifier.model import adapter, blocks, hardware, mappings, packet_pools
from nicrig.verifier.model.world import World
from nicrig.verifier.records import RECORDS, GrantRecord, NdisFreeMemory, RevokeRecord
from nicrig.verifier.registry import Check, Handler, Handlers, Update
from nicrig.verifier.rules import RULES
from nicrig.verifier.severity import FAIL_ON, Severity
from nicrig.verifier.verdict import KEPT, Findings, Verdict, Violation

_CHECKS = (phase.on, teardown.on, matching.on, levels.on, packet_checks.on, dma_checks.on, layer.on, limits.on)
_UPDATES = (blocks.on, packet_pools.on, mappings.on, hardware.on, adapter.on)

_PLAIN_MEMORY = records_of(AllocateMemory | NdisFreeMemory)


class _Plan(NamedTuple):
    """What runs at a record of one class."""

    checks: tuple[Check, ...]
    updates: tuple[Update, ...]
    protocols: tuple[Update, ...]
    """What runs when the protocol made the call."""
    memory: bool
    """Whether it is a call for plain memory: the protocol's are judged too, in a world of their own."""
    card: bool
    """Whether the card recorded it; then it has no number of the guest's."""


def _gather(tables: Iterable[Handlers[Handler]], record: type[Event]) -> tuple[Handler, ...]:
    return tuple(handler for table in tables for handler in table.at.get(record, ()))


def _plan(record: type[Event]) -> _Plan:
    protocols, checks, updates = (_gather(tables, record) for tables in ((packet_pools.protocol,), _CHECKS, _UPDATES))
    return _Plan(checks, updates, protocols, record in _PLAIN_MEMORY, issubclass(record, CardEvent))


_RECORDS: tuple[type[Event], ...] = (*RECORDS.values(), GrantRecord, RevokeRecord, Undeclared)
_PLANS = {record: _plan(record) for record in _RECORDS}


class Verifier:
    """Judges one recorder's stream, in its order. Pure: it reads no clock, file or socket.

    `detail` is how much the guest records. A loss of records empties the model: until the next MiniportInitialize,
    only what is made after the loss is judged in full. A gap in the driver's numbers is such a loss, and so is a call
    of lost(). A stream that begins later than record `first` begins with a loss. A gap shows only at the driver's next
    record: call lost() before you feed events of the card that came after the gap and before that record.
    `fail_on` is from which severity on a violation fails the run.
    """

    def __init__(
        self, detail: Detail = Detail.FRAMES, *, kept: int = KEPT, first: int = 1, fail_on: Severity = FAIL_ON
    ) -> None:
        self._world = World(frames=detail >= Detail.FRAMES)
        self._protocol = World(frames=False)
        # At a lower detail its allocations were not recorded: what it frees may be memory that it has.
        self._protocol.certain = False
        self._findings = Findings(kept)
        self._fail_on = fail_on
        self._next = first
        self._events = 0
        self._cards = 0
        self._lost = 0

    @property
    def violations(self) -> list[Violation]:
        """The first violations of each rule, in the order in which they were found."""
        return self._findings.violations

    @property
    def firsts(self) -> list[Violation]:
        """The first violation of each rule at each call site, with how many more there are of it."""
        return self._findings.firsts

    @property
    def verdict(self) -> Verdict:
        return Verdict(self._events, self._events - self._cards, self._lost, dict(self._findings.counts), self._fail_on)

    @property
    def live(self) -> int:
        """How many things the model follows now: it grows with what exists in the guest, not with the stream."""
        return self._world.live + self._protocol.live

    def feed(self, events: Iterable[Event]) -> None:
        """Judge these events, which follow the last ones fed.

        Raises KeyError for an event of no class of `records`: use the decoder to make events.
        """
        world, report = self._world, self._findings.report
        for event in events:
            self._events += 1
            plan = _PLANS[type(event)]
            if plan.card:
                self._cards += 1
                # The card acted after this many guest records: if one of them has not come, it is lost.
                if event.result >= self._next:
                    self._jump(event.result + 1)
            else:
                if event.sequence != self._next:
                    self._jump(event.sequence)
                self._next = event.sequence + 1
                if event.phase == Phase.PROTOCOL and event.kind == RecordKind.CALL:
                    for update in plan.protocols:
                        update(world, event)
                    if plan.memory:
                        self._judge_protocol(plan, event)
                    continue
            for check in plan.checks:
                check(world, event, report)
            for update in plan.updates:
                update(world, event)

    def lost(self, records: int, cards: int = 0) -> None:
        """Count records of the driver, and events of the card, that are missing at this point of the stream."""
        self._lost += records + cards
        self._next += records
        self._world.forget()
        self._protocol.forget()

    def reached(self, sequence: int) -> None:
        """The driver's next record is `sequence`: those before it that were not fed are lost.

        When the numbers went back, as many are lost: the driver's head cannot be trusted for what came before.
        """
        if sequence != self._next:
            self.lost(abs(sequence - self._next))
            self._next = sequence

    def finish(self) -> None:
        """The guest has stopped: no more events follow."""
        layer.stream_ends(self._world, self._findings.report)

    def _judge_protocol(self, plan: _Plan, event: Event) -> None:
        """Judge a call for memory, which is the protocol's own. The miniport's author gets no advice about it."""

        def report(rule: str, text: str, *evidence: Event | None, severity: Severity | None = None) -> None:
            if (severity or RULES[rule].severity) is not Severity.NOTE:
                self._findings.report(rule, f"the protocol: {text}", *evidence, severity=severity)

        for check in plan.checks:
            check(self._protocol, event, report)
        for update in plan.updates:
            update(self._protocol, event)

    def _jump(self, sequence: int) -> None:
        """Count a gap in the driver's numbers. A number that goes back means that the recorder began again."""
        self.lost(sequence - self._next if sequence > self._next else sequence - 1)
