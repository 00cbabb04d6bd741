# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.4: levels, locks and what interrupts what."""

from __future__ import annotations

from nicrig.verifier.checks import wording
from nicrig.verifier.constants import PAGED
from nicrig.verifier.events import Event
from nicrig.verifier.functions import BY_NAME, FUNCTIONS, Irql, Phase
from nicrig.verifier.model.acceptance import highest_free, highest_pool
from nicrig.verifier.model.adapter import HANDLERS
from nicrig.verifier.model.things import Family
from nicrig.verifier.model.world import World
from nicrig.verifier.registry import Check, Handlers, ReportViolation
from nicrig.verifier.rules import Severity

on: Handlers[Check] = Handlers()

PASSIVE, DISPATCH, DEVICE = Irql.PASSIVE.value, Irql.DISPATCH.value, Irql.DEVICE.value

WAITS = ("NdisMSleep", "NdisWaitEvent")
POOL_CALLS = ("ExAllocatePool", "ExAllocatePoolWithTag", "ExFreePool", "ExFreePoolWithTag")
DPR = tuple(each.name for each in FUNCTIONS if each.name.startswith("NdisDpr"))
_OWN_RULE = (*HANDLERS, "ScatterGatherElement", "NdisFreeMemory", *WAITS, *POOL_CALLS, *DPR)
_JUDGED = [each for each in FUNCTIONS if each.name not in _OWN_RULE]


def _too_high(event: Event, report: ReportViolation) -> None:
    highest = BY_NAME[event.function].highest
    text = f"{event.function} at {wording.level(event.irql)}, at most {wording.level(highest)}"
    if event.irql >= DEVICE and event.phase != Phase.SHUTDOWN:
        report("R65", f"{text}: a service routine may not call it", event)
    else:
        severity = Severity.FATAL if event.function == "NdisMAllocateSharedMemory" else None
        report("R60", text, event, severity=severity)


@on.call(*(each.name for each in _JUDGED if each.highest == Irql.PASSIVE))
def passive_call_is_made_at_passive(world: World, event: Event, report: ReportViolation) -> None:
    if event.irql > PASSIVE:
        _too_high(event, report)


@on.call(*(each.name for each in _JUDGED if each.highest == Irql.DISPATCH))
def dispatch_call_is_made_at_dispatch(world: World, event: Event, report: ReportViolation) -> None:
    if event.irql > DISPATCH:
        _too_high(event, report)


@on.call("NdisAllocateMemory")
def flagged_memory_is_claimed_at_passive(world: World, event: Event, report: ReportViolation) -> None:
    if event.c and event.irql != PASSIVE:
        report("R61", f"NdisAllocateMemory with flags {event.c:#x} at {wording.level(event.irql)}", event)


@on.call("NdisFreeMemory")
def memory_is_freed_low_enough(world: World, event: Event, report: ReportViolation) -> None:
    block = world.blocks.get(event.a)
    flags = block.flags if block and block.family is Family.MEMORY else event.c
    highest = highest_free(flags)
    if event.irql > highest:
        text = f"NdisFreeMemory with flags {flags:#x} at {wording.level(event.irql)}"
        report("R62", f"{text}, at most {wording.level(highest)}", block.made if block else None, event)


@on.call(*DPR)
def dpr_call_is_made_at_dispatch(world: World, event: Event, report: ReportViolation) -> None:
    if event.irql != DISPATCH:
        report("R63", f"{event.function} at {wording.level(event.irql)}, not DISPATCH_LEVEL", event)


@on.call(*POOL_CALLS)
def pool_is_used_low_enough(world: World, event: Event, report: ReportViolation) -> None:
    frees = event.function.startswith("ExFree")
    block = world.blocks.get(event.a) if frees else None
    kind = block.flags if block and block.family is Family.POOL else 0 if frees else event.a
    highest = highest_pool(kind)
    if event.irql > highest:
        sort = "paged" if kind & PAGED else "nonpaged"
        text = f"{event.function} of {sort} pool at {wording.level(event.irql)}"
        report("R64", f"{text}, at most {wording.level(highest)}", block.made if block else None, event)


@on.call(*WAITS)
def nobody_waits_at_dispatch(world: World, event: Event, report: ReportViolation) -> None:
    if event.irql >= DISPATCH or event.locks:
        held = f" with {wording.plural(event.locks, 'spin lock')} held" if event.locks else ""
        report("R66", f"{event.function} at {wording.level(event.irql)}{held}", event)


@on.call("NdisMIndicateReceivePacket", "NdisMSendComplete")
def packets_are_handed_over_without_locks(world: World, event: Event, report: ReportViolation) -> None:
    if event.locks:
        text = f"{event.function} of packet {event.a:#x} with {wording.plural(event.locks, 'spin lock')} held"
        report("R67", text, event)


@on.call("NdisAllocateBufferPool", "NdisFreeBufferPool", "NdisFreePacketPool", "NdisFreeBuffer")
def pools_are_called_without_locks(world: World, event: Event, report: ReportViolation) -> None:
    if event.locks:
        report("R68", f"{event.function} with {wording.plural(event.locks, 'spin lock')} held", event)


@on.leave(*HANDLERS)
def handler_returns_as_it_was_entered(world: World, event: Event, report: ReportViolation) -> None:
    entered = world.entry(event)
    if entered and (entered.irql, entered.locks) != (event.irql, event.locks):
        before = f"{wording.level(entered.irql)} with {wording.plural(entered.locks, 'lock')}"
        after = f"{wording.level(event.irql)} with {wording.plural(event.locks, 'lock')}"
        report("R69", f"{event.function} was entered at {before} and returned at {after}", entered, event)
