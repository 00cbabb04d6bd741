# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.2: failures, and the way back."""

from __future__ import annotations

from nicrig.verifier.checks import wording
from nicrig.verifier.constants import PENDING, RESOURCES, SUCCESS
from nicrig.verifier.events import Event
from nicrig.verifier.functions import Phase
from nicrig.verifier.model.adapter import MEMORY_AND_POOLS, RELEASES, RETRIED, asked, failed, same_request
from nicrig.verifier.model.blocks import meant_by_free
from nicrig.verifier.model.packet_pools import ALLOCATE_PACKET, CHAIN, FREE_PACKET
from nicrig.verifier.model.things import Block, EnabledRing
from nicrig.verifier.model.world import AdapterState, World
from nicrig.verifier.registry import Check, Handlers, ReportViolation
from nicrig.verifier.rules import Severity

on: Handlers[Check] = Handlers()

ROUNDS = 16
"""Failures in a row that a search for a smaller size may take: halving from any size ends sooner."""
SHOWN = 8
"""Events of things that were left, in one violation."""

# What a call's first argument (or the one named) is: the family whose failure leaves NULL there.
_POINTERS: dict[str, tuple[tuple[str, str], ...]] = {
    "NdisFreeMemory": (("a", "memory"),),
    "ExFreePool": (("a", "memory"),),
    "ExFreePoolWithTag": (("a", "memory"),),
    "NdisMSetAttributesEx": (("a", "memory"),),
    "NdisMFreeSharedMemory": (("c", "shared"),),
    "NdisMUpdateSharedMemory": (("b", "shared"),),
    "NdisAllocateBuffer": (("b", "memory"), ("b", "shared")),
    "NdisFreeBuffer": (("a", "buffer"),),
    "NdisAdjustBufferLength": (("a", "buffer"),),
    "NdisFlushBuffer": (("a", "buffer"),),
    "NdisCopyBuffer": (("b", "buffer"),),
    "NdisMIndicateReceivePacket": (("a", "packet"),),
    "NdisReinitializePacket": (("a", "packet"),),
    "NdisFreePacketPool": (("a", "packet pool"),),
    "NdisMUnmapIoSpace": (("a", "device memory"),),
    "NdisMSetupDmaTransfer": (("a", "channel"),),
    "NdisMCompleteDmaTransfer": (("a", "channel"),),
    "NdisMDeregisterDmaChannel": (("a", "channel"),),
    **dict.fromkeys(ALLOCATE_PACKET, (("a", "packet pool"),)),
    **dict.fromkeys(FREE_PACKET, (("a", "packet"),)),
    **dict.fromkeys(CHAIN, (("a", "packet"), ("b", "buffer"))),
}


def null_of_failure(world: World, function: str, value: int) -> bool:
    """Whether this NULL is what a failed allocation left: R20 and R21 have said so."""
    return value == 0 and any(family in world.failed for _, family in _POINTERS[function])


@on.call(*_POINTERS)
def failed_pointer_is_not_used(world: World, event: Event, report: ReportViolation) -> None:
    if not world.failed:
        return
    for argument, family in _POINTERS[event.function]:
        failure = world.failed.get(family)
        if failure and getattr(event, argument) == 0:
            rule = "R21" if family == "shared" else "R20"
            text = f"{event.function} is given the NULL that {failure.function} left when it failed"
            report(rule, text, failure, event)
            return


@on.call("NdisAllocateBuffer", "NdisCopyBuffer", "NdisFreeBufferPool")
def failed_pool_is_not_used(world: World, event: Event, report: ReportViolation) -> None:
    failure = world.failed.get("buffer pool")
    if failure and failure.a == event.a and event.a not in world.buffer_pools:
        text = f"{event.function} uses buffer pool {event.a:#x}, whose allocation failed"
        report("R21", f"{text} with {wording.status(failure.result)}", failure, event)


def _report_left(rule: str, what: str, world: World, event: Event, report: ReportViolation) -> None:
    for thing, made in world.left():
        if made:
            severity = Severity.FATAL if thing in ("interrupt", "timer") else None
            text = f"{what} with {wording.plural(len(made), thing)} left, the first {_named(made[0])}"
            report(rule, text, *made[:SHOWN], event, severity=severity)


def _named(made: Event) -> str:
    return f"by {made.function}, record {made.sequence}"


@on.leave("MiniportInitialize")
def failed_initialize_leaves_nothing(world: World, event: Event, report: ReportViolation) -> None:
    if event.result != SUCCESS:
        _report_left("R22", f"MiniportInitialize failed ({wording.status(event.result)})", world, event, report)


@on.call(*RETRIED)
def retry_asks_for_less(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or not failed(event):
        return
    before = adapter.retry
    if before and same_request(before, event) and asked(event) >= asked(before) > 0:
        text = f"{event.function} of {asked(event):#x} right after {asked(before):#x} failed"
        report("R23", text, before, event)
    if adapter.failures == ROUNDS:
        report("R23", f"{event.function} fails the {ROUNDS + 1}th time in a row", before, event)


@on.leave("MiniportInitialize")
def failed_initialize_had_asked_for_less(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if event.result == SUCCESS or not adapter or not adapter.scarce_failure or adapter.asked_for_less:
        return
    failure = adapter.scarce_failure
    text = f"MiniportInitialize failed after {failure.function} of {asked(failure):#x} bytes, never asked for less"
    report("R24", text, failure, event)


@on.leave("MiniportInitialize", "MiniportReset", "MiniportQueryInformation", "MiniportSetInformation")
def pool_failure_is_told(world: World, event: Event, report: ReportViolation) -> None:
    failure = world.adapter.pool_failure if world.adapter else None
    entered = world.entry(event)
    if failure and entered and event.result not in (SUCCESS, PENDING, RESOURCES):
        text = f"{event.function} returned {wording.status(event.result)} after {failure.function} returned NULL"
        report("R25", text, failure, event)


@on.leave("MiniportInitialize")
def allocation_failure_is_told(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    failure = adapter.last_allocation if adapter and adapter.allocation_failed else None
    if event.result == SUCCESS or not adapter or not failure:
        return
    ended = f"{failure.function} ended MiniportInitialize"
    if event.result != RESOURCES:
        report("R26", f"a failure of {ended} with {wording.status(event.result)}, not RESOURCES", failure, event)
    if not adapter.logged:
        report("R26", f"a failure of {ended} without NdisWriteErrorLogEntry", failure, event)


@on.leave("MiniportHalt")
def halt_leaves_nothing(world: World, event: Event, report: ReportViolation) -> None:
    _report_left("R27", "MiniportHalt returned", world, event, report)


@on.leave("MiniportHalt")
def halt_waits_for_packets(world: World, event: Event, report: ReportViolation) -> None:
    above = [packet.indicated for packet in world.packets.values() if packet.indicated]
    if above:
        text = f"MiniportHalt returned while the protocol has {wording.plural(len(above), 'packet')}"
        report("R28", f"{text}, the first {above[0].a:#x}", *above[:SHOWN], event)


@on.leave("MiniportHalt")
def halt_completes_sends(world: World, event: Event, report: ReportViolation) -> None:
    pending = [send.made for send in world.sends.values()] if world.adapter and world.adapter.deserialized else []
    if pending:
        text = f"MiniportHalt returned with {wording.plural(len(pending), 'send')} pending"
        report("R29", f"{text}, the first {pending[0].a:#x}", *pending[:SHOWN], event)


@on.call("NdisMFreeMapRegisters")
def shared_memory_goes_before_map_registers(world: World, event: Event, report: ReportViolation) -> None:
    block = next(iter(world.granted), None)
    if block:
        text = f"NdisMFreeMapRegisters before {wording.plural(len(world.granted), 'shared block')} was freed"
        report("R30", f"{text}, the first {block}", block.made, event)


@on.call(*MEMORY_AND_POOLS)
def interrupt_goes_before_memory(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or event.phase != Phase.HALT or not adapter.interrupt or adapter.freed_under_interrupt:
        return
    report("R31", f"{event.function} in MiniportHalt before NdisMDeregisterInterrupt", adapter.interrupt, event)


@on.enter("MiniportISR", "MiniportHandleInterrupt")
def no_interrupt_after_a_free(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.freed_under_interrupt and adapter.state is AdapterState.HALTING:
        text = f"{event.function} ran after MiniportHalt had begun to free memory"
        report("R31", text, adapter.freed_under_interrupt, event, severity=Severity.ERROR)


@on.call("NdisMDeregisterInterrupt")
def card_is_masked_first(world: World, event: Event, report: ReportViolation) -> None:
    if event.phase != Phase.HALT or not world.adapter or not world.adapter.whole or world.adapter.removed:
        return
    if world.card.interrupts:
        report("R31", "interrupt deregistered while CONTROL.INTERRUPT is set", world.card.control, event)


@on.call("NdisFreeMemory", "ExFreePool", "ExFreePoolWithTag")
def context_goes_last(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or event.phase != Phase.HALT or not adapter.context or adapter.context.start != event.a:
        return
    made = [each for _, things in world.left() for each in things if each is not adapter.context.made]
    if made:
        text = f"adapter context {event.a:#x} freed before {wording.plural(len(made), 'other thing')}"
        report("R32", f"{text}, the first {_named(made[0])}", *made[:SHOWN], event)


@on.call(
    *RELEASES,
    *("NdisMDeregisterInterrupt", "NdisMFreeMapRegisters", "NdisMDeregisterDmaChannel", "NdisMUnmapIoSpace"),
    *("NdisMDeregisterIoPortRange", "NdisFreeSpinLock"),
)
def shutdown_releases_nothing(world: World, event: Event, report: ReportViolation) -> None:
    if event.phase == Phase.SHUTDOWN:
        report("R33", f"{event.function} in MiniportShutdown, which may only quiet the card", event)


@on.leave("MiniportHalt")
def halt_waits_for_memory(world: World, event: Event, report: ReportViolation) -> None:
    pending = [request for requests in world.asynchronous.values() for request in requests]
    if pending:
        text = f"MiniportHalt returned before {wording.plural(len(pending), 'asynchronous allocation')} called back"
        report("R34", text, *pending[:SHOWN], event)


def ring_in(world: World, block: Block) -> EnabledRing | None:
    """A ring of the card's that is on and lies in the block."""
    for ring in world.card.rings.values():
        if block.physical <= ring.base < block.physical + block.length:
            return ring
    return None


@on.call("NdisMFreeSharedMemory")
def card_is_off_before_its_memory_goes(world: World, event: Event, report: ReportViolation) -> None:
    block = meant_by_free(world, event)
    ring = ring_in(world, block) if block else None
    if block and ring and world.whole and world.adapter and not world.adapter.removed:
        name = "transmit" if ring.transmit else "receive"
        report("R35", f"{block} freed while the {name} ring at {ring.base:#x} is on", block.made, ring.made, event)


def access_after_free(world: World, event: Event, report: ReportViolation) -> bool:
    """The other half of R35: whether the card's access is to a shared block that was freed a moment ago."""
    for block, freed in world.freed_blocks:
        if block.physical and block.physical <= event.b < block.physical + block.length:
            text = f"{event.function} of {event.c:#x} bytes at {event.b:#x}, in a {block} that was freed"
            report("R35", text, block.made, freed, event)
            return True
    return False


@on.call("NdisFreeMemory", "ExFreePool", "ExFreePoolWithTag", "NdisMFreeSharedMemory")
def memory_outlives_its_buffers(world: World, event: Event, report: ReportViolation) -> None:
    shared = event.function == "NdisMFreeSharedMemory"
    block = meant_by_free(world, event) if shared else world.blocks.get(event.a)
    if block and block.buffers:
        buffer = next(iter(block.buffers.values()))
        report("R36", f"{block} freed under {buffer}", block.made, buffer.made, event)


@on.call("NdisFlushBuffer", "NdisQueryBuffer", "NdisQueryBufferSafe", "NdisMIndicateReceivePacket", *CHAIN)
def dangling_buffer_is_not_used(world: World, event: Event, report: ReportViolation) -> None:
    by_second = event.function == "NdisMIndicateReceivePacket" or event.function in CHAIN
    buffer = world.buffers.get(event.b if by_second else event.a)
    if buffer and buffer.dangling:
        block, freed = buffer.dangling
        text = f"{event.function} of {buffer}, whose memory was freed"
        report("R36", text, block.made, freed, event, severity=Severity.FATAL)


@on.leave("MiniportHalt")
def halt_waits_for_timers(world: World, event: Event, report: ReportViolation) -> None:
    for timer in world.timers.values():
        if timer.missed:
            text = f"MiniportHalt returned without waiting for timer {timer.address:#x}, which was past cancelling"
            report("R37", text, timer.made, timer.missed, event)


@on.call("NdisMDeregisterIoPortRange", "NdisMUnmapIoSpace", "NdisMDeregisterDmaChannel", "NdisMFreeMapRegisters")
def release_has_a_claim(world: World, event: Event, report: ReportViolation) -> None:
    if event.phase not in (Phase.INITIALIZE, Phase.HALT, Phase.SHUTDOWN):
        report("R38", f"{event.function} {wording.phase(event.phase)}", event)
    if not _claimed(world, event) and world.certain and world.whole:
        what = f" of {event.a:#x}" if event.function != "NdisMFreeMapRegisters" else ""
        report("R38", f"{event.function}{what} without a matching claim", event)


def _claimed(world: World, event: Event) -> bool:
    if event.function == "NdisMDeregisterIoPortRange":
        claim = world.ports.get(event.a)
        return claim is not None and (claim.b, claim.c) == (event.b, event.c)
    if event.function == "NdisMUnmapIoSpace":
        return world.io_space.get(event.a) is not None or null_of_failure(world, event.function, event.a)
    if event.function == "NdisMDeregisterDmaChannel":
        return event.a in world.channels or null_of_failure(world, event.function, event.a)
    return world.adapter is not None and world.adapter.map_registers is not None
