# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge: feeds each event to the checks of section 9, then lets the world move on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nicrig.verifier.checks import dma as dma_checks
from nicrig.verifier.checks import layer, levels, limits, matching, phase, teardown
from nicrig.verifier.checks import packets as packet_checks
from nicrig.verifier.events import CardEvent, Event, Undeclared
from nicrig.verifier.functions import Detail, Phase, RecordKind
from nicrig.verifier.model import adapter, blocks, hardware, mappings, packet_pools
from nicrig.verifier.model.world import World
from nicrig.verifier.records import RECORDS, Grant, Revoke
from nicrig.verifier.registry import Check, Handler, Handlers, Update
from nicrig.verifier.verdict import KEPT, Findings, Verdict, Violation

_CHECKS = (phase.on, teardown.on, matching.on, levels.on, packet_checks.on, dma_checks.on, layer.on, limits.on)
_UPDATES = (blocks.on, packet_pools.on, mappings.on, hardware.on, adapter.on)


class _Plan(NamedTuple):
    """What is done at a record of one class."""

    checks: tuple[Check, ...]
    updates: tuple[Update, ...]
    protocols: tuple[Update, ...]
    """What is done when the protocol made the call: its own objects are not judged."""
    card: bool
    """The card recorded it: it has no number of the guest's."""


def _gather(tables: Iterable[Handlers[Handler]], record: type[Event]) -> tuple[Handler, ...]:
    return tuple(handler for table in tables for handler in table.at.get(record, ()))


def _plan(record: type[Event]) -> _Plan:
    protocols = _gather((packet_pools.protocol,), record)
    return _Plan(_gather(_CHECKS, record), _gather(_UPDATES, record), protocols, issubclass(record, CardEvent))


_RECORDS: tuple[type[Event], ...] = (*RECORDS.values(), Grant, Revoke, Undeclared)
_PLANS = {record: _plan(record) for record in _RECORDS}


class Verifier:
    """Judges one recorder's stream, in its order. Pure: it reads no clock, file or socket.

    `detail` is how much the guest records. Lost records, told by lost() or seen as a gap of the driver's sequence,
    empty the model: until the next MiniportInitialize whatever is not known may be right, and only what is made after
    the loss is judged in full. A stream that begins later than record `first` begins with a loss. A gap is seen at the
    next record of the driver, so whoever merges the card's events in tells lost() before those that come sooner.
    """

    def __init__(self, detail: Detail = Detail.FRAMES, *, kept: int = KEPT, first: int = 1) -> None:
        self._world = World(frames=detail >= Detail.FRAMES)
        self._findings = Findings(kept)
        self._next = first
        self._events = 0
        self._lost = 0

    @property
    def violations(self) -> list[Violation]:
        """The first ones of each rule, in the order in which they were found."""
        return self._findings.violations

    @property
    def verdict(self) -> Verdict:
        return Verdict(self._events, self._lost, dict(self._findings.counts), self._findings.worst)

    @property
    def live(self) -> int:
        """Things that the model follows now: it grows with what lives in the guest, not with the stream."""
        return self._world.live

    def feed(self, events: Iterable[Event]) -> None:
        """Judge these events, which follow the last ones fed.

        Raises KeyError for an event of no class of `records`: use the decoder to make events.
        """
        world, report = self._world, self._findings.report
        for event in events:
            self._events += 1
            plan = _PLANS[type(event)]
            if plan.card:
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
                    continue
            for check in plan.checks:
                check(world, event, report)
            for update in plan.updates:
                update(world, event)

    def lost(self, records: int, cards: int = 0) -> None:
        """So many records of the driver, and events of the card, were never seen, here in the stream."""
        self._lost += records + cards
        self._next += records
        self._world.forget()

    def finish(self) -> None:
        """The guest has stopped: no further event will come."""
        layer.stream_ends(self._world, self._findings.report)

    def _jump(self, sequence: int) -> None:
        """A gap in the driver's numbers; one that goes back is a recorder that began again, unseen before."""
        self.lost(sequence - self._next if sequence > self._next else sequence - 1)
