# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.4: levels, locks and what interrupts what."""

from __future__ import annotations

from nicrig.verifier.checks import wording
from nicrig.verifier.constants import PAGED
from nicrig.verifier.events import Call, Event, Leave
from nicrig.verifier.functions import BY_NAME, Irql, Phase
from nicrig.verifier.groups import ExAllocate, ExFree
from nicrig.verifier.model.acceptance import highest_free, highest_pool
from nicrig.verifier.model.things import Family
from nicrig.verifier.model.world import World
from nicrig.verifier.records import (
    RECORDS,
    NdisAllocateBufferPool,
    NdisAllocateMemory,
    NdisDprAllocatePacket,
    NdisDprAllocatePacketNonInterlocked,
    NdisDprFreePacket,
    NdisDprFreePacketNonInterlocked,
    NdisFreeBuffer,
    NdisFreeBufferPool,
    NdisFreeMemory,
    NdisFreePacketPool,
    NdisMAllocateSharedMemory,
    NdisMIndicateReceivePacket,
    NdisMSendComplete,
    NdisMSleep,
    NdisWaitEvent,
    ScatterGatherElement,
)
from nicrig.verifier.registry import Check, Handlers, ReportViolation
from nicrig.verifier.severity import Severity

on: Handlers[Check] = Handlers()

PASSIVE, DISPATCH, DEVICE = Irql.PASSIVE.value, Irql.DISPATCH.value, Irql.DEVICE.value

Wait = NdisMSleep | NdisWaitEvent
PoolCall = ExAllocate | ExFree
Dpr = NdisDprAllocatePacket | NdisDprAllocatePacketNonInterlocked | NdisDprFreePacket | NdisDprFreePacketNonInterlocked
OwnRule = ScatterGatherElement | NdisFreeMemory | Wait | PoolCall | Dpr
"""Calls whose level has a rule of its own."""


def _calls(highest: Irql) -> list[type[Event]]:
    """The calls that may be made up to this level, without those that have a rule of their own."""
    return [
        record
        for record in RECORDS.values()
        if issubclass(record, Call) and not issubclass(record, OwnRule) and BY_NAME[record.__name__].highest == highest
    ]


def _too_high(event: Call, report: ReportViolation) -> None:
    highest = BY_NAME[event.function].highest
    text = f"{event.function} at {wording.level(event.irql)}, at most {wording.level(highest)}"
    if event.irql >= DEVICE and event.phase != Phase.SHUTDOWN:
        report("R65", f"{text}: a service routine may not call it", event)
    else:
        severity = Severity.FATAL if isinstance(event, NdisMAllocateSharedMemory) else None
        report("R60", text, event, severity=severity)


@on.among(_calls(Irql.PASSIVE))
def passive_call_is_made_at_passive(world: World, event: Call, report: ReportViolation) -> None:
    if event.irql > PASSIVE:
        _too_high(event, report)


@on.among(_calls(Irql.DISPATCH))
def dispatch_call_is_made_at_dispatch(world: World, event: Call, report: ReportViolation) -> None:
    if event.irql > DISPATCH:
        _too_high(event, report)


@on
def flagged_memory_is_claimed_at_passive(world: World, event: NdisAllocateMemory, report: ReportViolation) -> None:
    if event.flags and event.irql != PASSIVE:
        report("R61", f"NdisAllocateMemory with flags {event.flags:#x} at {wording.level(event.irql)}", event)


@on
def memory_is_freed_low_enough(world: World, event: NdisFreeMemory, report: ReportViolation) -> None:
    block = world.blocks.get(event.address)
    flags = block.flags if block and block.family is Family.MEMORY else event.flags
    highest = highest_free(flags)
    if event.irql > highest:
        text = f"NdisFreeMemory with flags {flags:#x} at {wording.level(event.irql)}"
        report("R62", f"{text}, at most {wording.level(highest)}", block.made if block else None, event)


@on
def dpr_call_is_made_at_dispatch(world: World, event: Dpr, report: ReportViolation) -> None:
    if event.irql != DISPATCH:
        report("R63", f"{event.function} at {wording.level(event.irql)}, not DISPATCH_LEVEL", event)


@on
def pool_is_used_low_enough(world: World, event: PoolCall, report: ReportViolation) -> None:
    block, kind = None, 0
    if isinstance(event, ExAllocate):
        kind = event.type
    else:
        block = world.blocks.get(event.address)
        if block and block.family is Family.POOL:
            kind = block.flags
    highest = highest_pool(kind)
    if event.irql > highest:
        sort = "paged" if kind & PAGED else "nonpaged"
        text = f"{event.function} of {sort} pool at {wording.level(event.irql)}"
        report("R64", f"{text}, at most {wording.level(highest)}", block.made if block else None, event)


@on
def no_wait_at_dispatch(world: World, event: Wait, report: ReportViolation) -> None:
    if event.irql >= DISPATCH or event.locks:
        held = f" with {wording.plural(event.locks, 'spin lock')} held" if event.locks else ""
        report("R66", f"{event.function} at {wording.level(event.irql)}{held}", event)


@on
def packets_are_handed_over_without_locks(
    world: World, event: NdisMIndicateReceivePacket | NdisMSendComplete, report: ReportViolation
) -> None:
    if event.locks:
        text = f"{event.function} of packet {event.packet:#x} with {wording.plural(event.locks, 'spin lock')} held"
        report("R67", text, event)


@on
def pools_are_called_without_locks(
    world: World,
    event: NdisAllocateBufferPool | NdisFreeBufferPool | NdisFreePacketPool | NdisFreeBuffer,
    report: ReportViolation,
) -> None:
    if event.locks:
        report("R68", f"{event.function} with {wording.plural(event.locks, 'spin lock')} held", event)


@on
def handler_returns_as_it_was_entered(world: World, event: Leave, report: ReportViolation) -> None:
    entered = world.entry(event)
    if entered and (entered.irql, entered.locks) != (event.irql, event.locks):
        before = f"{wording.level(entered.irql)} with {wording.plural(entered.locks, 'lock')}"
        after = f"{wording.level(event.irql)} with {wording.plural(event.locks, 'lock')}"
        report("R69", f"{event.function} was entered at {before} and returned at {after}", entered, event)
