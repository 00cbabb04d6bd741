# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.2: failures, and release in reverse order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from nicrig.verifier.checks import wording
from nicrig.verifier.constants import PENDING, RESOURCES, SUCCESS
from nicrig.verifier.events import Call, Event
from nicrig.verifier.functions import Phase
from nicrig.verifier.groups import (
    AllocatePacket,
    Chain,
    FreeMemory,
    FreePacket,
    MakeBuffer,
    MemoryAndPools,
    Releases,
    Retried,
    Unclaims,
    field_of,
    records_of,
    subject,
)
from nicrig.verifier.model.adapter import asked, failed, same_request
from nicrig.verifier.model.blocks import meant_by_free
from nicrig.verifier.model.things import Block, EnabledRing
from nicrig.verifier.model.world import AdapterState, World
from nicrig.verifier.records import (
    CardRead,
    CardWrite,
    LeaveMiniportHalt,
    LeaveMiniportInitialize,
    LeaveMiniportQueryInformation,
    LeaveMiniportReset,
    LeaveMiniportSetInformation,
    MiniportHandleInterrupt,
    MiniportISR,
    NdisAdjustBufferLength,
    NdisAllocateBuffer,
    NdisAllocateBufferPool,
    NdisCopyBuffer,
    NdisFlushBuffer,
    NdisFreeBuffer,
    NdisFreeBufferPool,
    NdisFreePacketPool,
    NdisFreeSpinLock,
    NdisMCompleteDmaTransfer,
    NdisMDeregisterDmaChannel,
    NdisMDeregisterInterrupt,
    NdisMDeregisterIoPortRange,
    NdisMFreeMapRegisters,
    NdisMFreeSharedMemory,
    NdisMIndicateReceivePacket,
    NdisMSetAttributesEx,
    NdisMSetupDmaTransfer,
    NdisMUnmapIoSpace,
    NdisMUpdateSharedMemory,
    NdisQueryBuffer,
    NdisQueryBufferSafe,
    NdisReinitializePacket,
)
from nicrig.verifier.registry import Check, Handlers, ReportViolation
from nicrig.verifier.severity import Severity

on: Handlers[Check] = Handlers()

ROUNDS = 16
"""The most failures in a row while a miniport asks for less: halving any size takes fewer."""
SHOWN = 8
"""The most things that were left in one violation's evidence."""

# The field that is NULL after a failure, in the order in which the fields are judged, and the family that failed.
_NULLS: tuple[tuple[Any, str, str], ...] = (
    (FreeMemory | NdisAllocateBuffer, "address", "memory"),
    (NdisMSetAttributesEx, "context", "memory"),
    (NdisMFreeSharedMemory | NdisMUpdateSharedMemory | NdisAllocateBuffer, "address", "shared"),
    (NdisMIndicateReceivePacket | NdisReinitializePacket | FreePacket | Chain, "packet", "packet"),
    (NdisFreeBuffer | NdisAdjustBufferLength | NdisFlushBuffer | Chain, "buffer", "buffer"),
    (NdisCopyBuffer, "source", "buffer"),
    (NdisFreePacketPool | AllocatePacket, "pool", "packet pool"),
    (NdisMUnmapIoSpace, "address", "device memory"),
    (NdisMSetupDmaTransfer | NdisMCompleteDmaTransfer | NdisMDeregisterDmaChannel, "handle", "channel"),
)
_POINTERS: defaultdict[type[Event], list[tuple[Callable[[Event], int], str]]] = defaultdict(list)
for _records, _field, _family in _NULLS:
    for _record in records_of(_records):
        _POINTERS[_record].append((field_of(_record, _field), _family))


def null_of_failure(world: World, event: Event, value: int) -> bool:
    """Whether this NULL is what a failed allocation left, which R20 or R21 reports."""
    return value == 0 and any(family in world.failed for _, family in _POINTERS[type(event)])


@on.among(_POINTERS)
def failed_pointer_is_not_used(world: World, event: Call, report: ReportViolation) -> None:
    if not world.failed:
        return
    for pointer, family in _POINTERS[type(event)]:
        failure = world.failed.get(family)
        if failure and pointer(event) == 0:
            rule = "R21" if family == "shared" else "R20"
            text = f"{event.function} is given the NULL that {failure.function} left when it failed"
            report(rule, text, failure, event)
            return


def failure_of_pool(world: World, pool: int) -> NdisAllocateBufferPool | None:
    """The last failure to allocate a buffer pool, if it left this handle."""
    failure = world.failed.get("buffer pool")
    return failure if isinstance(failure, NdisAllocateBufferPool) and failure.pool == pool else None


@on
def failed_pool_is_not_used(world: World, event: MakeBuffer | NdisFreeBufferPool, report: ReportViolation) -> None:
    failure = failure_of_pool(world, event.pool)
    if failure and event.pool not in world.buffer_pools:
        text = f"{event.function} uses buffer pool {event.pool:#x}, whose allocation failed"
        report("R21", f"{text} with {wording.status(failure.result)}", failure, event)


def _report_left(rule: str, what: str, world: World, event: Event, report: ReportViolation) -> None:
    for thing, made in world.left():
        if made:
            severity = Severity.FATAL if thing in ("interrupt", "timer") else None
            text = f"{what} with {wording.plural(len(made), thing)} left, the first {_named(made[0])}"
            report(rule, text, *made[:SHOWN], event, severity=severity)


def _named(made: Event) -> str:
    return f"by {made.function}, record {made.sequence}"


@on
def failed_initialize_leaves_nothing(world: World, event: LeaveMiniportInitialize, report: ReportViolation) -> None:
    if event.result != SUCCESS:
        _report_left("R22", f"MiniportInitialize failed ({wording.status(event.result)})", world, event, report)


@on
def retry_asks_for_less(world: World, event: Retried, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or not failed(event):
        return
    before = adapter.retry
    if before and same_request(before, event) and asked(event) >= asked(before) > 0:
        text = f"{event.function} of {asked(event):#x} right after {asked(before):#x} failed"
        report("R23", text, before, event)
    if adapter.failures == ROUNDS:
        report("R23", f"{event.function} fails the {ROUNDS + 1}th time in a row", before, event)


@on
def failed_initialize_had_asked_for_less(world: World, event: LeaveMiniportInitialize, report: ReportViolation) -> None:
    adapter = world.adapter
    if event.result == SUCCESS or not adapter or not adapter.scarce_failure or adapter.asked_for_less:
        return
    failure = adapter.scarce_failure
    text = f"MiniportInitialize failed after {failure.function} of {asked(failure):#x} bytes, never asked for less"
    report("R24", text, failure, event)


@on
def pool_failure_is_returned(
    world: World,
    event: LeaveMiniportInitialize | LeaveMiniportReset | LeaveMiniportQueryInformation | LeaveMiniportSetInformation,
    report: ReportViolation,
) -> None:
    failure = world.adapter.pool_failure if world.adapter else None
    entered = world.entry(event)
    if failure and entered and event.result not in (SUCCESS, PENDING, RESOURCES):
        text = f"{event.function} returned {wording.status(event.result)} after {failure.function} returned NULL"
        report("R25", text, failure, event)


@on
def allocation_failure_is_returned(world: World, event: LeaveMiniportInitialize, report: ReportViolation) -> None:
    adapter = world.adapter
    failure = adapter.last_allocation if adapter and adapter.allocation_failed else None
    if event.result == SUCCESS or not adapter or not failure:
        return
    ended = f"{failure.function} ended MiniportInitialize"
    if event.result != RESOURCES:
        report("R26", f"a failure of {ended} with {wording.status(event.result)}, not RESOURCES", failure, event)
    if not adapter.logged:
        report("R26", f"a failure of {ended} without NdisWriteErrorLogEntry", failure, event)


@on
def halt_leaves_nothing(world: World, event: LeaveMiniportHalt, report: ReportViolation) -> None:
    _report_left("R27", "MiniportHalt returned", world, event, report)


@on
def halt_waits_for_packets(world: World, event: LeaveMiniportHalt, report: ReportViolation) -> None:
    above = [packet.indicated for packet in world.packets.values() if packet.indicated]
    if above:
        text = f"MiniportHalt returned while the protocol has {wording.plural(len(above), 'packet')}"
        report("R28", f"{text}, the first {above[0].packet:#x}", *above[:SHOWN], event)


@on
def halt_completes_sends(world: World, event: LeaveMiniportHalt, report: ReportViolation) -> None:
    pending = [send.made for send in world.sends.values()] if world.adapter and world.adapter.deserialized else []
    if pending:
        text = f"MiniportHalt returned with {wording.plural(len(pending), 'send')} pending"
        report("R29", f"{text}, the first {pending[0].packet:#x}", *pending[:SHOWN], event)


@on
def shared_memory_goes_before_map_registers(
    world: World, event: NdisMFreeMapRegisters, report: ReportViolation
) -> None:
    block = next(iter(world.granted), None)
    if block:
        text = f"NdisMFreeMapRegisters before {wording.plural(len(world.granted), 'shared block')} was freed"
        report("R30", f"{text}, the first {block}", block.made, event)


@on
def interrupt_goes_before_memory(world: World, event: MemoryAndPools, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or event.phase != Phase.HALT or not adapter.interrupt or adapter.freed_under_interrupt:
        return
    report("R31", f"{event.function} in MiniportHalt before NdisMDeregisterInterrupt", adapter.interrupt, event)


@on
def no_interrupt_after_a_free(
    world: World, event: MiniportISR | MiniportHandleInterrupt, report: ReportViolation
) -> None:
    adapter = world.adapter
    if adapter and adapter.freed_under_interrupt and adapter.state is AdapterState.HALTING:
        text = f"{event.function} ran after MiniportHalt had begun to free memory"
        report("R31", text, adapter.freed_under_interrupt, event, severity=Severity.ERROR)


@on
def card_is_masked_first(world: World, event: NdisMDeregisterInterrupt, report: ReportViolation) -> None:
    if event.phase != Phase.HALT or not world.adapter or not world.adapter.whole or world.adapter.removed:
        return
    if world.card.interrupts:
        report("R31", "interrupt deregistered while CONTROL.INTERRUPT is set", world.card.control, event)


@on
def context_goes_last(world: World, event: FreeMemory, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or event.phase != Phase.HALT or not adapter.context or adapter.context.start != event.address:
        return
    made = [each for _, things in world.left() for each in things if each is not adapter.context.made]
    if made:
        text = f"adapter context {event.address:#x} freed before {wording.plural(len(made), 'other thing')}"
        report("R32", f"{text}, the first {_named(made[0])}", *made[:SHOWN], event)


@on
def shutdown_releases_nothing(
    world: World,
    event: Releases
    | NdisMDeregisterInterrupt
    | NdisMFreeMapRegisters
    | NdisMDeregisterDmaChannel
    | NdisMUnmapIoSpace
    | NdisMDeregisterIoPortRange
    | NdisFreeSpinLock,
    report: ReportViolation,
) -> None:
    if event.phase == Phase.SHUTDOWN:
        report("R33", f"{event.function} in MiniportShutdown, which may only quiet the card", event)


@on
def halt_waits_for_memory(world: World, event: LeaveMiniportHalt, report: ReportViolation) -> None:
    pending = [request for requests in world.asynchronous.values() for request in requests]
    if pending:
        text = f"MiniportHalt returned before {wording.plural(len(pending), 'asynchronous allocation')} called back"
        report("R34", text, *pending[:SHOWN], event)


def ring_in(world: World, block: Block) -> EnabledRing | None:
    """An enabled ring of the card that is in the block."""
    for ring in world.card.rings.values():
        if block.physical <= ring.base < block.physical + block.length:
            return ring
    return None


@on
def card_is_off_before_its_memory_goes(world: World, event: NdisMFreeSharedMemory, report: ReportViolation) -> None:
    block = meant_by_free(world, event)
    ring = ring_in(world, block) if block else None
    if block and ring and world.whole and world.adapter and not world.adapter.removed:
        name = "transmit" if ring.transmit else "receive"
        report("R35", f"{block} freed while the {name} ring at {ring.base:#x} is on", block.made, ring.made, event)


def access_after_free(world: World, event: CardRead | CardWrite, report: ReportViolation) -> bool:
    """R35 for an access of the card to a shared block that was freed before. Returns whether it was reported."""
    for block, freed in world.freed_blocks:
        if block.physical and block.physical <= event.address < block.physical + block.length:
            text = f"{event.function} of {event.length:#x} bytes at {event.address:#x}, in a {block} that was freed"
            report("R35", text, block.made, freed, event)
            return True
    return False


@on
def memory_outlives_its_buffers(
    world: World, event: FreeMemory | NdisMFreeSharedMemory, report: ReportViolation
) -> None:
    block = meant_by_free(world, event)
    if block and block.buffers:
        buffer = next(iter(block.buffers.values()))
        report("R36", f"{block} freed under {buffer}", block.made, buffer.made, event)


@on
def dangling_buffer_is_not_used(
    world: World,
    event: NdisFlushBuffer | NdisQueryBuffer | NdisQueryBufferSafe | NdisMIndicateReceivePacket | Chain,
    report: ReportViolation,
) -> None:
    buffer = world.buffers.get(event.buffer)
    if buffer and buffer.dangling:
        block, freed = buffer.dangling
        text = f"{event.function} of {buffer}, whose memory was freed"
        report("R36", text, block.made, freed, event, severity=Severity.FATAL)


@on
def halt_waits_for_timers(world: World, event: LeaveMiniportHalt, report: ReportViolation) -> None:
    for timer in world.timers.values():
        if timer.missed:
            text = f"MiniportHalt returned without waiting for timer {timer.address:#x}, which was past cancelling"
            report("R37", text, timer.made, timer.missed, event)


@on
def release_has_a_claim(world: World, event: Unclaims, report: ReportViolation) -> None:
    if event.phase not in (Phase.INITIALIZE, Phase.HALT, Phase.SHUTDOWN):
        report("R38", f"{event.function} {wording.phase(event.phase)}", event)
    if not _claimed(world, event) and world.certain and world.whole:
        what = "" if isinstance(event, NdisMFreeMapRegisters) else f" of {subject(event):#x}"
        report("R38", f"{event.function}{what} without a matching claim", event)


def _claimed(world: World, event: Unclaims) -> bool:
    if isinstance(event, NdisMDeregisterIoPortRange):
        claim = world.ports.get(event.first)
        return claim is not None and (claim.count, claim.offset) == (event.count, event.offset)
    if isinstance(event, NdisMUnmapIoSpace):
        return world.io_space.get(event.address) is not None or null_of_failure(world, event, event.address)
    if isinstance(event, NdisMDeregisterDmaChannel):
        return event.handle in world.channels or null_of_failure(world, event, event.handle)
    return world.adapter is not None and world.adapter.map_registers is not None
