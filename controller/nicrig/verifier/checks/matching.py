# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.3: frees match their allocations, and allocations are asked for correctly."""

from __future__ import annotations

from typing import Any

from nicrig.verifier.checks.teardown import failure_of_pool, null_of_failure
from nicrig.verifier.constants import MAP_REGISTER_LIMIT, PAGE, POISON, SUCCESS, worst_span
from nicrig.verifier.events import Event
from nicrig.verifier.functions import Phase
from nicrig.verifier.groups import (
    AllocateMemory,
    AllocatePacket,
    Allocations,
    Chain,
    EventCall,
    ExAllocate,
    ExFree,
    FreeMemory,
    FreePacket,
    TimerCall,
    Unchain,
    subject,
)
from nicrig.verifier.model.acceptance import shared_as_asked
from nicrig.verifier.model.blocks import answered_request, meant_by_free
from nicrig.verifier.model.things import Block, Family
from nicrig.verifier.model.world import World
from nicrig.verifier.ranges import Recent
from nicrig.verifier.records import (
    CardEnable,
    CardRead,
    CardRegister,
    CardWrite,
    DriverUnload,
    ExAllocatePool,
    ExAllocatePoolWithTag,
    ExFreePool,
    ExFreePoolWithTag,
    LeaveExFreePool,
    LeaveExFreePoolWithTag,
    LeaveMiniportInitialize,
    LeaveNdisDprFreePacket,
    LeaveNdisDprFreePacketNonInterlocked,
    LeaveNdisFreeMemory,
    LeaveNdisFreePacket,
    MiniportAllocateComplete,
    NdisAdjustBufferLength,
    NdisAllocateBuffer,
    NdisAllocateMemory,
    NdisAllocateMemoryWithTag,
    NdisAllocateSpinLock,
    NdisCloseConfiguration,
    NdisCopyBuffer,
    NdisFlushBuffer,
    NdisFreeBuffer,
    NdisFreeBufferPool,
    NdisFreeMemory,
    NdisFreePacketPool,
    NdisFreeSpinLock,
    NdisMAllocateMapRegisters,
    NdisMAllocateSharedMemory,
    NdisMAllocateSharedMemoryAsync,
    NdisMCancelTimer,
    NdisMDeregisterDmaChannel,
    NdisMDeregisterInterrupt,
    NdisMFreeSharedMemory,
    NdisMIndicateReceivePacket,
    NdisMSetTimer,
    NdisMSetupDmaTransfer,
    NdisMUnmapIoSpace,
    NdisMUpdateSharedMemory,
    NdisPacketPoolUsage,
    NdisQueryBuffer,
    NdisQueryBufferSafe,
    NdisQueryPacket,
    NdisReinitializePacket,
)
from nicrig.verifier.registry import Check, Handlers, ReportViolation
from nicrig.verifier.severity import Severity

on: Handlers[Check] = Handlers()

FREES: dict[type[Event], Family] = {
    NdisFreeMemory: Family.MEMORY,
    ExFreePool: Family.POOL,
    ExFreePoolWithTag: Family.POOL,
}
"""The family that each call frees."""
Given = (
    FreeMemory
    | FreePacket
    | Chain
    | NdisFreeBuffer
    | NdisFreePacketPool
    | NdisFreeBufferPool
    | NdisMUnmapIoSpace
    | NdisMDeregisterInterrupt
    | NdisMDeregisterDmaChannel
    | NdisFreeSpinLock
    | NdisMSetTimer
    | NdisMCancelTimer
    | NdisCloseConfiguration
)
"""Calls that are given a pointer or handle out of the miniport's own memory."""


@on
def memory_is_freed_as_allocated(world: World, event: NdisFreeMemory, report: ReportViolation) -> None:
    block = world.blocks.get(event.address)
    if not block or block.family is not Family.MEMORY:
        return
    if block.flags != event.flags:
        text = f"{block} freed with flags {event.flags:#x}, allocated with {block.flags:#x}"
        report("R40", text, block.made, event)
    if block.has_flags and block.length != event.length:
        report("R40", f"{block} freed with length {event.length:#x}", block.made, event)


def _freed_unknown(world: World, event: Event, report: ReportViolation, address: int, recent: Recent[Any]) -> None:
    """R41: what is freed is not there."""
    freed = recent.get(address)
    if freed:
        thing, before = freed
        made = thing if isinstance(thing, Event) else thing.made
        report("R41", f"{event.function} of {address:#x}, which was freed already", made, before, event)
    elif world.certain:
        report("R41", f"{event.function} of {address:#x}, which was never allocated", event)


@on
def freed_memory_is_a_block(world: World, event: FreeMemory, report: ReportViolation) -> None:
    if (
        world.blocks.get(event.address)
        or world.leaked.get(event.address)
        or null_of_failure(world, event, event.address)
    ):
        return
    around = world.blocks.find(event.address)
    if around:
        report("R41", f"{event.function} of {event.address:#x}, which is inside {around}", around.made, event)
    else:
        _freed_unknown(world, event, report, event.address, world.freed_blocks)


@on
def freed_shared_memory_is_a_block(world: World, event: NdisMFreeSharedMemory, report: ReportViolation) -> None:
    block = meant_by_free(world, event)
    if block or world.leaked.get(event.address) or null_of_failure(world, event, event.address):
        return
    around = world.blocks.find(event.address)
    if around:
        report("R41", f"NdisMFreeSharedMemory of {event.address:#x}, which is inside {around}", around.made, event)
    else:
        _freed_unknown(world, event, report, event.address, world.freed_blocks)


@on
def freed_packet_is_one(world: World, event: FreePacket, report: ReportViolation) -> None:
    if event.packet in world.packets or event.packet in world.sends or null_of_failure(world, event, event.packet):
        return
    _freed_unknown(world, event, report, event.packet, world.freed_packets)


@on
def freed_buffer_is_one(world: World, event: NdisFreeBuffer, report: ReportViolation) -> None:
    if event.buffer not in world.buffers and not null_of_failure(world, event, event.buffer):
        _freed_unknown(world, event, report, event.buffer, world.freed_buffers)


@on
def freed_pool_is_one(world: World, event: NdisFreePacketPool | NdisFreeBufferPool, report: ReportViolation) -> None:
    packets = isinstance(event, NdisFreePacketPool)
    own, other = (world.packet_pools, world.buffer_pools) if packets else (world.buffer_pools, world.packet_pools)
    if event.pool in own or (packets and null_of_failure(world, event, event.pool)):
        return
    if event.pool in other:
        report(
            "R42",
            f"{event.function} of {event.pool:#x}, which is the other kind of pool",
            other[event.pool].made,
            event,
        )
    elif not packets and failure_of_pool(world, event.pool):
        return  # R21 is reported
    else:
        _freed_unknown(world, event, report, event.pool, world.freed_pools)


@on
def deregistered_interrupt_is_one(world: World, event: NdisMDeregisterInterrupt, report: ReportViolation) -> None:
    if event.interrupt not in world.interrupts:
        _freed_unknown(world, event, report, event.interrupt, world.freed_objects)


@on
def freed_lock_is_one(world: World, event: NdisFreeSpinLock, report: ReportViolation) -> None:
    if event.lock not in world.locks:
        _freed_unknown(world, event, report, event.lock, world.freed_objects)


@on
def closed_configuration_is_open(world: World, event: NdisCloseConfiguration, report: ReportViolation) -> None:
    if event.handle not in world.configurations:
        _freed_unknown(world, event, report, event.handle, world.freed_objects)


@on
def memory_is_freed_by_its_family(world: World, event: FreeMemory, report: ReportViolation) -> None:
    block = world.blocks.get(event.address)
    if not block:
        return
    if block.family is not FREES[type(event)]:
        text = f"{block} of {block.made.function} freed by {event.function}, not {block.family.value}"
        report("R42", text, block.made, event)
    elif isinstance(event, ExFreePoolWithTag) and block.tag != event.tag:
        text = f"{block} of tag {block.tag:#x} freed with tag {event.tag:#x}"
        report("R42", text, block.made, event, severity=Severity.ERROR)


@on
def shared_memory_is_freed_by_its_family(world: World, event: NdisMFreeSharedMemory, report: ReportViolation) -> None:
    block = meant_by_free(world, event)
    if block and block.family is not Family.SHARED:
        text = f"{block} of {block.made.function} freed by NdisMFreeSharedMemory, not {block.family.value}"
        report("R42", text, block.made, event)


@on
def packet_is_freed_by_its_counterpart(world: World, event: FreePacket, report: ReportViolation) -> None:
    packet = world.packets.get(event.packet)
    if packet and packet.made.function.endswith("NonInterlocked") != event.function.endswith("NonInterlocked"):
        text = f"packet {event.packet:#x} of {packet.made.function} freed by {event.function}"
        report("R42", text, packet.made, event, severity=Severity.ERROR)


@on
def shared_memory_is_freed_as_allocated(world: World, event: NdisMFreeSharedMemory, report: ReportViolation) -> None:
    block = meant_by_free(world, event)
    if not block or block.family is not Family.SHARED:
        return
    asked = (event.length, bool(event.cached), event.address, event.physical)
    given = (block.length, block.cached, block.start, block.physical)
    names = ("length", "Cached", "address", "device address")
    if shared_as_asked(block, event):
        return
    other = [f"{name} {one:#x}, not {two:#x}" for name, one, two in zip(names, asked, given, strict=True) if one != two]
    report("R43", f"{block} freed with {', '.join(other)}", block.made, event)


def _used_after_free(event: Event, report: ReportViolation, address: int, recent: Recent[Any]) -> None:
    """R44, if the thing at this address was freed before."""
    found = recent.get(address)
    if found:
        thing, freed = found
        made = thing if isinstance(thing, Event) else thing.made
        report("R44", f"{event.function} is given {address:#x}, which was freed", made, freed, event)


@on
def packet_is_not_used_after_free(
    world: World,
    event: Chain | Unchain | NdisReinitializePacket | NdisQueryPacket | NdisMIndicateReceivePacket,
    report: ReportViolation,
) -> None:
    if event.packet not in world.packets and event.packet not in world.sends:
        _used_after_free(event, report, event.packet, world.freed_packets)


@on
def buffer_is_not_used_after_free(
    world: World,
    event: NdisFlushBuffer | NdisAdjustBufferLength | NdisQueryBuffer | NdisQueryBufferSafe,
    report: ReportViolation,
) -> None:
    if event.buffer not in world.buffers and event.buffer not in world.unflushed:
        _used_after_free(event, report, event.buffer, world.freed_buffers)


@on
def second_buffer_is_not_used_after_free(
    world: World, event: Chain | NdisCopyBuffer | NdisMSetupDmaTransfer, report: ReportViolation
) -> None:
    buffer = event.source if isinstance(event, NdisCopyBuffer) else event.buffer
    if buffer not in world.buffers:
        _used_after_free(event, report, buffer, world.freed_buffers)


@on
def pool_is_not_used_after_free(
    world: World,
    event: AllocatePacket | NdisAllocateBuffer | NdisCopyBuffer | NdisPacketPoolUsage,
    report: ReportViolation,
) -> None:
    if event.pool not in world.packet_pools and event.pool not in world.buffer_pools:
        _used_after_free(event, report, event.pool, world.freed_pools)


def freed_around(world: World, address: int) -> tuple[Block, Event] | None:
    """The block that held this address until it was freed, if no block does now."""
    if world.blocks.find(address):
        return None
    return next((each for each in world.freed_blocks if each[0].start <= address < each[0].end), None)


@on
def object_is_not_used_after_free(
    world: World, event: TimerCall | EventCall | NdisAllocateSpinLock, report: ReportViolation
) -> None:
    address = subject(event)
    freed = freed_around(world, address)
    if freed:
        text = f"{event.function} of {address:#x}, in a {freed[0]} that was freed"
        report("R44", text, freed[0].made, freed[1], event)


@on
def shared_memory_is_not_updated_after_free(
    world: World, event: NdisMUpdateSharedMemory, report: ReportViolation
) -> None:
    if world.blocks.find(event.address):
        return
    freed = freed_around(world, event.address)
    if freed:
        text = f"NdisMUpdateSharedMemory of {event.address:#x}, in a {freed[0]} that was freed"
        report("R44", text, freed[0].made, freed[1], event)


@on
def freed_memory_is_left_alone(
    world: World, event: LeaveNdisFreeMemory | LeaveExFreePool | LeaveExFreePoolWithTag, report: ReportViolation
) -> None:
    """R44: the layer keeps a freed block, and saw that a byte of it changed."""
    freed = world.freed_blocks.get(event.address)
    made = (freed[0].made, freed[1]) if freed else ()
    block = f"byte {event.changed:#x} of a block of {event.length:#x} bytes at {event.address:#x}"
    report("R44", f"{block} was written after {event.function} had freed it", *made, event)


@on
def freed_packet_is_left_alone(
    world: World,
    event: LeaveNdisFreePacket | LeaveNdisDprFreePacket | LeaveNdisDprFreePacketNonInterlocked,
    report: ReportViolation,
) -> None:
    """R44: the layer saw that a byte of a free packet changed."""
    freed = world.freed_packets.get(event.packet)
    made = (freed[0].made, freed[1]) if freed else ()
    packet = f"byte {event.changed:#x} of packet {event.packet:#x}"
    report("R44", f"{packet} was written after {event.function} had freed it", *made, event)


def stays_in_its_block(world: World, block: Block, event: CardRead | CardWrite, report: ReportViolation) -> None:
    """R45 for an access of the card that begins in the block."""
    beyond = event.address + event.length - block.physical - block.length
    if beyond > 0:
        text = (
            f"{event.function} of {event.length:#x} bytes at {event.address:#x} goes {beyond:#x} bytes beyond {block}"
        )
        report("R45", text, block.made, event)


@on
def freed_memory_was_kept_to(
    world: World, event: NdisFreeMemory | ExFree | NdisMFreeSharedMemory, report: ReportViolation
) -> None:
    beyond = event.result if isinstance(event, NdisMFreeSharedMemory) else event.beyond
    block = world.blocks.get(event.address)
    if beyond and block:
        report("R45", f"bytes behind {block} were written", block.made, event)


@on
def something_is_asked_for(
    world: World,
    event: AllocateMemory | ExAllocate | NdisMAllocateSharedMemory | NdisMAllocateSharedMemoryAsync,
    report: ReportViolation,
) -> None:
    if event.length == 0:
        report("R46", f"{event.function} of 0 bytes", event)


@on
def tag_has_four_characters(
    world: World, event: NdisAllocateMemoryWithTag | ExAllocatePoolWithTag, report: ReportViolation
) -> None:
    characters = event.tag.to_bytes(8, "little").rstrip(b"\0")
    if not characters or len(characters) > 4 or not all(0x20 <= each <= 0x7E for each in characters):
        report("R47", f"{event.function} with tag {event.tag:#x}", event)


@on
def memory_has_a_tag(world: World, event: NdisAllocateMemory | ExAllocatePool, report: ReportViolation) -> None:
    if isinstance(event, ExAllocatePool) or not event.flags:
        text = f"{event.function} of {event.length:#x} bytes without a tag"
        report("R47", text, event, severity=Severity.NOTE)


@on
def nothing_is_left_at_unload(world: World, event: DriverUnload, report: ReportViolation) -> None:
    left = [block.made for block in (*world.leaked, *world.blocks)]
    count = event.blocks or len(left)
    if count:
        text = f"driver unloaded with {count} allocations alive"
        report("R48", f"{text}, the first by {left[0].function}" if left else text, *left[:8], event)


@on
def nothing_is_allocated_at_unload(world: World, event: Allocations, report: ReportViolation) -> None:
    unload = world.entered.get(("DriverUnload", -1))
    if unload:
        report("R48", f"{event.function} while the driver is unloaded", unload, event)


@on
def freed_block_has_no_active_object(
    world: World, event: FreeMemory | NdisMFreeSharedMemory, report: ReportViolation
) -> None:
    block = meant_by_free(world, event)
    for address, what in block.objects.items() if block else ():
        report("R49", f"{block} freed with the {what} at {address:#x} in it", block.made if block else None, event)


def poisoned(value: int) -> bool:
    """Whether a value of 32 or 64 bits is what fresh memory holds."""
    return value in (POISON, POISON << 32 | POISON)


@on
def pointer_was_initialised(world: World, event: Given, report: ReportViolation) -> None:
    pointer = subject(event)
    if poisoned(pointer):
        report("R50", f"{event.function} is given {pointer:#x}, the contents of fresh memory", event)


@on
def described_memory_was_initialised(world: World, event: NdisAllocateBuffer, report: ReportViolation) -> None:
    if poisoned(event.address):
        report("R50", f"NdisAllocateBuffer is given {event.address:#x}, the contents of fresh memory", event)


@on
def shared_pointer_was_initialised(world: World, event: NdisMFreeSharedMemory, report: ReportViolation) -> None:
    if poisoned(event.address) or poisoned(event.physical):
        report("R50", "NdisMFreeSharedMemory is given the contents of fresh memory", event)


@on
def card_gets_no_fresh_memory(world: World, event: CardRegister | CardEnable, report: ReportViolation) -> None:
    value = event.value if isinstance(event, CardRegister) else event.base
    if poisoned(value):
        report("R50", f"the card is given {value:#x}, the contents of fresh memory", event)


@on
def scarce_memory_was_used(world: World, event: FreeMemory | NdisMFreeSharedMemory, report: ReportViolation) -> None:
    block = meant_by_free(world, event)
    if not block or block.used or not block.scarce or event.phase != Phase.HALT:
        return
    if block.family is Family.MEMORY or (world.adapter and world.adapter.ring_seen):
        report("R51", f"{block} is scarce memory that was never used for the card", block.made, event)


@on
def scarce_memory_fits_its_rings(world: World, event: LeaveMiniportInitialize, report: ReportViolation) -> None:
    if event.result != SUCCESS:
        return
    for block in world.granted:
        rings = [ring for ring in world.card.rings.values() if 0 <= ring.base - block.physical < block.length]
        needed = sum(ring.length for ring in rings)
        if rings and block.noncached and block.length > max(4 * needed, PAGE):
            text = f"{block}, noncached, holds rings of {needed:#x} bytes"
            report("R51", text, block.made, *(ring.made for ring in rings))


@on
def map_registers_are_few(world: World, event: NdisMAllocateMapRegisters, report: ReportViolation) -> None:
    registers = event.base * worst_span(event.maximum)
    if registers > MAP_REGISTER_LIMIT:
        answer = "granted" if event.result == SUCCESS else "refused"
        text = f"{event.base} buffers of {event.maximum:#x} bytes need {registers} map registers"
        report("R52", f"{text}, over {MAP_REGISTER_LIMIT}; {answer}", event)


@on
def callback_has_a_request(world: World, event: MiniportAllocateComplete, report: ReportViolation) -> None:
    request = answered_request(world, event)
    if request is None:
        if world.certain:
            report(
                "R53", f"MiniportAllocateComplete of context {event.context:#x}, for which nothing is pending", event
            )
    elif event.address and event.length != request.length:
        report("R53", f"{event.length:#x} bytes arrived where {request.length:#x} were asked for", request, event)
    elif not event.address and (event.physical or event.length):
        report("R53", "a failed asynchronous allocation arrived with an address or a length", request, event)
