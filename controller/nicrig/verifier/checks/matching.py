# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.3: what is freed was allocated so, and what is allocated is asked for well."""

from __future__ import annotations

from typing import Any

from nicrig.verifier.checks.teardown import null_of_failure
from nicrig.verifier.constants import MAP_REGISTER_LIMIT, PAGE, POISON, SUCCESS, worst_span
from nicrig.verifier.events import Event
from nicrig.verifier.functions import Phase
from nicrig.verifier.model.acceptance import shared_as_asked
from nicrig.verifier.model.adapter import ALLOCATIONS
from nicrig.verifier.model.blocks import answered_request, meant_by_free
from nicrig.verifier.model.packet_pools import ALLOCATE_PACKET, CHAIN, FREE_PACKET, UNCHAIN
from nicrig.verifier.model.things import Block, Family
from nicrig.verifier.model.world import World
from nicrig.verifier.ranges import Recent
from nicrig.verifier.registry import Check, Handlers, ReportViolation
from nicrig.verifier.rules import Severity

on: Handlers[Check] = Handlers()

FREE_MEMORY = ("NdisFreeMemory", "ExFreePool", "ExFreePoolWithTag")
FAMILY_FREED = {"NdisFreeMemory": Family.MEMORY, "ExFreePool": Family.POOL, "ExFreePoolWithTag": Family.POOL}


@on.call("NdisFreeMemory")
def memory_is_freed_as_allocated(world: World, event: Event, report: ReportViolation) -> None:
    block = world.blocks.get(event.a)
    if not block or block.family is not Family.MEMORY:
        return
    if block.flags != event.c:
        text = f"{block} freed with flags {event.c:#x}, allocated with {block.flags:#x}"
        report("R40", text, block.made, event)
    if block.has_flags and block.length != event.b:
        report("R40", f"{block} freed with length {event.b:#x}", block.made, event)


def _freed_unknown(world: World, event: Event, report: ReportViolation, address: int, recent: Recent[Any]) -> None:
    """R41: what is freed is not there."""
    freed = recent.get(address)
    if freed:
        thing, before = freed
        made = thing if isinstance(thing, Event) else thing.made
        report("R41", f"{event.function} of {address:#x}, which was freed already", made, before, event)
    elif world.certain:
        report("R41", f"{event.function} of {address:#x}, which was never allocated", event)


@on.call(*FREE_MEMORY)
def freed_memory_is_a_block(world: World, event: Event, report: ReportViolation) -> None:
    if world.blocks.get(event.a) or world.leaked.get(event.a) or null_of_failure(world, event.function, event.a):
        return
    around = world.blocks.find(event.a)
    if around:
        report("R41", f"{event.function} of {event.a:#x}, which is inside {around}", around.made, event)
    else:
        _freed_unknown(world, event, report, event.a, world.freed_blocks)


@on.call("NdisMFreeSharedMemory")
def freed_shared_memory_is_a_block(world: World, event: Event, report: ReportViolation) -> None:
    block = meant_by_free(world, event)
    if block or world.leaked.get(event.c) or null_of_failure(world, event.function, event.c):
        return
    around = world.blocks.find(event.c)
    if around:
        report("R41", f"NdisMFreeSharedMemory of {event.c:#x}, which is inside {around}", around.made, event)
    else:
        _freed_unknown(world, event, report, event.c, world.freed_blocks)


@on.call(*FREE_PACKET)
def freed_packet_is_one(world: World, event: Event, report: ReportViolation) -> None:
    if event.a in world.packets or event.a in world.sends or null_of_failure(world, event.function, event.a):
        return
    _freed_unknown(world, event, report, event.a, world.freed_packets)


@on.call("NdisFreeBuffer")
def freed_buffer_is_one(world: World, event: Event, report: ReportViolation) -> None:
    if event.a not in world.buffers and not null_of_failure(world, event.function, event.a):
        _freed_unknown(world, event, report, event.a, world.freed_buffers)


@on.call("NdisFreePacketPool", "NdisFreeBufferPool")
def freed_pool_is_one(world: World, event: Event, report: ReportViolation) -> None:
    packets = event.function == "NdisFreePacketPool"
    own, other = (world.packet_pools, world.buffer_pools) if packets else (world.buffer_pools, world.packet_pools)
    if event.a in own or (packets and null_of_failure(world, event.function, event.a)):
        return
    if event.a in other:
        report("R42", f"{event.function} of {event.a:#x}, which is the other sort of pool", other[event.a].made, event)
    elif not packets and "buffer pool" in world.failed and world.failed["buffer pool"].a == event.a:
        return  # R21 has said so
    else:
        _freed_unknown(world, event, report, event.a, world.freed_pools)


@on.call("NdisMDeregisterInterrupt")
def deregistered_interrupt_is_one(world: World, event: Event, report: ReportViolation) -> None:
    if event.a not in world.interrupts:
        _freed_unknown(world, event, report, event.a, world.freed_objects)


@on.call("NdisFreeSpinLock")
def freed_lock_is_one(world: World, event: Event, report: ReportViolation) -> None:
    if event.a not in world.locks:
        _freed_unknown(world, event, report, event.a, world.freed_objects)


@on.call("NdisCloseConfiguration")
def closed_configuration_is_open(world: World, event: Event, report: ReportViolation) -> None:
    if event.a not in world.configurations:
        _freed_unknown(world, event, report, event.a, world.freed_objects)


@on.call(*FREE_MEMORY)
def memory_is_freed_by_its_family(world: World, event: Event, report: ReportViolation) -> None:
    block = world.blocks.get(event.a)
    if not block:
        return
    if block.family is not FAMILY_FREED[event.function]:
        text = f"{block} of {block.made.function} freed by {event.function}, not {block.family.value}"
        report("R42", text, block.made, event)
    elif event.function == "ExFreePoolWithTag" and block.tag != event.b:
        text = f"{block} of tag {block.tag:#x} freed with tag {event.b:#x}"
        report("R42", text, block.made, event, severity=Severity.ERROR)


@on.call("NdisMFreeSharedMemory")
def shared_memory_is_freed_by_its_family(world: World, event: Event, report: ReportViolation) -> None:
    block = meant_by_free(world, event)
    if block and block.family is not Family.SHARED:
        text = f"{block} of {block.made.function} freed by NdisMFreeSharedMemory, not {block.family.value}"
        report("R42", text, block.made, event)


@on.call(*FREE_PACKET)
def packet_is_freed_by_its_counterpart(world: World, event: Event, report: ReportViolation) -> None:
    packet = world.packets.get(event.a)
    if packet and packet.made.function.endswith("NonInterlocked") != event.function.endswith("NonInterlocked"):
        text = f"packet {event.a:#x} of {packet.made.function} freed by {event.function}"
        report("R42", text, packet.made, event, severity=Severity.ERROR)


@on.call("NdisMFreeSharedMemory")
def shared_memory_is_freed_as_allocated(world: World, event: Event, report: ReportViolation) -> None:
    block = meant_by_free(world, event)
    if not block or block.family is not Family.SHARED:
        return
    asked = (event.a, bool(event.b), event.c, event.d)
    given = (block.length, block.cached, block.start, block.physical)
    names = ("length", "Cached", "address", "device address")
    if shared_as_asked(block, event):
        return
    other = [f"{name} {one:#x}, not {two:#x}" for name, one, two in zip(names, asked, given, strict=True) if one != two]
    report("R43", f"{block} freed with {', '.join(other)}", block.made, event)


def _used_after_free(event: Event, report: ReportViolation, address: int, recent: Recent[Any]) -> None:
    """R44, if the thing at this address was freed a moment ago."""
    found = recent.get(address)
    if found:
        thing, freed = found
        made = thing if isinstance(thing, Event) else thing.made
        report("R44", f"{event.function} is given {address:#x}, which was freed", made, freed, event)


@on.call(*CHAIN, *UNCHAIN, "NdisReinitializePacket", "NdisQueryPacket", "NdisMIndicateReceivePacket")
def packet_is_not_used_after_free(world: World, event: Event, report: ReportViolation) -> None:
    if event.a not in world.packets and event.a not in world.sends:
        _used_after_free(event, report, event.a, world.freed_packets)


@on.call("NdisFlushBuffer", "NdisAdjustBufferLength", "NdisQueryBuffer", "NdisQueryBufferSafe")
def buffer_is_not_used_after_free(world: World, event: Event, report: ReportViolation) -> None:
    if event.a not in world.buffers and event.a not in world.unflushed:
        _used_after_free(event, report, event.a, world.freed_buffers)


@on.call(*CHAIN, "NdisCopyBuffer", "NdisMSetupDmaTransfer")
def second_buffer_is_not_used_after_free(world: World, event: Event, report: ReportViolation) -> None:
    if event.b not in world.buffers:
        _used_after_free(event, report, event.b, world.freed_buffers)


@on.call(*ALLOCATE_PACKET, "NdisAllocateBuffer", "NdisCopyBuffer", "NdisPacketPoolUsage")
def pool_is_not_used_after_free(world: World, event: Event, report: ReportViolation) -> None:
    if event.a not in world.packet_pools and event.a not in world.buffer_pools:
        _used_after_free(event, report, event.a, world.freed_pools)


def freed_around(world: World, address: int) -> tuple[Block, Event] | None:
    """The block that held this address until a moment ago, if none does now."""
    if world.blocks.find(address):
        return None
    return next((each for each in world.freed_blocks if each[0].start <= address < each[0].end), None)


@on.call(
    *("NdisMInitializeTimer", "NdisMSetTimer", "NdisMSetPeriodicTimer", "NdisMCancelTimer", "NdisAllocateSpinLock"),
    *("NdisInitializeEvent", "NdisSetEvent", "NdisResetEvent", "NdisWaitEvent"),
)
def object_is_not_used_after_free(world: World, event: Event, report: ReportViolation) -> None:
    freed = freed_around(world, event.a)
    if freed:
        text = f"{event.function} of {event.a:#x}, in a {freed[0]} that was freed"
        report("R44", text, freed[0].made, freed[1], event)


@on.call("NdisMUpdateSharedMemory")
def shared_memory_is_not_updated_after_free(world: World, event: Event, report: ReportViolation) -> None:
    if world.blocks.find(event.b):
        return
    freed = freed_around(world, event.b)
    if freed:
        text = f"NdisMUpdateSharedMemory of {event.b:#x}, in a {freed[0]} that was freed"
        report("R44", text, freed[0].made, freed[1], event)


def stays_in_its_block(world: World, block: Block, event: Event, report: ReportViolation) -> None:
    """R45 for an access of the card that begins in the block."""
    beyond = event.b + event.c - block.physical - block.length
    if beyond > 0:
        text = f"{event.function} of {event.c:#x} bytes at {event.b:#x} goes {beyond:#x} bytes beyond {block}"
        report("R45", text, block.made, event)


@on.call("NdisFreeMemory")
def freed_memory_was_kept_to(world: World, event: Event, report: ReportViolation) -> None:
    block = world.blocks.get(event.a)
    if event.d and block:
        report("R45", f"bytes behind {block} were written", block.made, event)


@on.call(
    *("NdisAllocateMemory", "NdisAllocateMemoryWithTag", "NdisMAllocateSharedMemory", "NdisMAllocateSharedMemoryAsync"),
    *("ExAllocatePool", "ExAllocatePoolWithTag"),
)
def something_is_asked_for(world: World, event: Event, report: ReportViolation) -> None:
    length = event.a if event.function.startswith("NdisMAllocateShared") else event.b
    if length == 0:
        report("R46", f"{event.function} of 0 bytes", event)


@on.call("NdisAllocateMemoryWithTag", "ExAllocatePoolWithTag")
def tag_has_four_characters(world: World, event: Event, report: ReportViolation) -> None:
    characters = event.c.to_bytes(8, "little").rstrip(b"\0")
    if not characters or len(characters) > 4 or not all(0x20 <= each <= 0x7E for each in characters):
        report("R47", f"{event.function} with tag {event.c:#x}", event)


@on.call("NdisAllocateMemory", "ExAllocatePool")
def memory_has_a_tag(world: World, event: Event, report: ReportViolation) -> None:
    if event.function == "ExAllocatePool" or not event.c:
        report("R47", f"{event.function} of {event.b:#x} bytes without a tag", event)


@on.enter("DriverUnload")
def nothing_is_left_at_unload(world: World, event: Event, report: ReportViolation) -> None:
    left = [block.made for block in (*world.leaked, *world.blocks)]
    count = event.a or len(left)
    if count:
        text = f"driver unloaded with {count} allocations alive"
        report("R48", f"{text}, the first by {left[0].function}" if left else text, *left[:8], event)


@on.call(*ALLOCATIONS)
def nothing_is_allocated_at_unload(world: World, event: Event, report: ReportViolation) -> None:
    unload = world.entered.get(("DriverUnload", -1))
    if unload:
        report("R48", f"{event.function} while the driver is unloaded", unload, event)


@on.call(*FREE_MEMORY, "NdisMFreeSharedMemory")
def freed_block_has_no_active_object(world: World, event: Event, report: ReportViolation) -> None:
    shared = event.function == "NdisMFreeSharedMemory"
    block = meant_by_free(world, event) if shared else world.blocks.get(event.a)
    for address, what in block.objects.items() if block else ():
        report("R49", f"{block} freed with the {what} at {address:#x} in it", block.made if block else None, event)


def poisoned(value: int) -> bool:
    """Whether a value of 32 or 64 bits is what fresh memory holds."""
    return value in (POISON, POISON << 32 | POISON)


@on.call(
    *FREE_MEMORY,
    *FREE_PACKET,
    *CHAIN,
    *("NdisFreeBuffer", "NdisFreePacketPool", "NdisFreeBufferPool", "NdisMUnmapIoSpace", "NdisMDeregisterInterrupt"),
    *("NdisMDeregisterDmaChannel", "NdisFreeSpinLock", "NdisMSetTimer", "NdisMCancelTimer", "NdisCloseConfiguration"),
)
def pointer_was_initialised(world: World, event: Event, report: ReportViolation) -> None:
    if poisoned(event.a):
        report("R50", f"{event.function} is given {event.a:#x}, the contents of fresh memory", event)


@on.call("NdisAllocateBuffer")
def described_memory_was_initialised(world: World, event: Event, report: ReportViolation) -> None:
    if poisoned(event.b):
        report("R50", f"NdisAllocateBuffer is given {event.b:#x}, the contents of fresh memory", event)


@on.call("NdisMFreeSharedMemory")
def shared_pointer_was_initialised(world: World, event: Event, report: ReportViolation) -> None:
    if poisoned(event.c) or poisoned(event.d):
        report("R50", "NdisMFreeSharedMemory is given the contents of fresh memory", event)


@on.card("card.register", "card.enable")
def card_gets_no_fresh_memory(world: World, event: Event, report: ReportViolation) -> None:
    value = event.c if event.function == "card.register" else event.b
    if poisoned(value):
        report("R50", f"the card is given {value:#x}, the contents of fresh memory", event)


@on.call(*FREE_MEMORY, "NdisMFreeSharedMemory")
def scarce_memory_was_used(world: World, event: Event, report: ReportViolation) -> None:
    shared = event.function == "NdisMFreeSharedMemory"
    block = meant_by_free(world, event) if shared else world.blocks.get(event.a)
    if not block or block.used or not block.scarce or event.phase != Phase.HALT:
        return
    if block.family is Family.MEMORY or (world.adapter and world.adapter.ring_seen):
        report("R51", f"{block} is scarce memory that was never used for the card", block.made, event)


@on.leave("MiniportInitialize")
def scarce_memory_fits_its_rings(world: World, event: Event, report: ReportViolation) -> None:
    if event.result != SUCCESS:
        return
    for block in world.granted:
        rings = [ring for ring in world.card.rings.values() if 0 <= ring.base - block.physical < block.length]
        needed = sum(ring.length for ring in rings)
        if rings and block.noncached and block.length > max(4 * needed, PAGE):
            text = f"{block}, noncached, holds rings of {needed:#x} bytes"
            report("R51", text, block.made, *(ring.made for ring in rings))


@on.call("NdisMAllocateMapRegisters")
def map_registers_are_few(world: World, event: Event, report: ReportViolation) -> None:
    registers = event.c * worst_span(event.d)
    if registers > MAP_REGISTER_LIMIT:
        answer = "granted" if event.result == SUCCESS else "refused"
        text = f"{event.c} buffers of {event.d:#x} bytes need {registers} map registers, over {MAP_REGISTER_LIMIT}"
        report("R52", f"{text}; {answer}", event)


@on.enter("MiniportAllocateComplete")
def callback_has_a_request(world: World, event: Event, report: ReportViolation) -> None:
    request = answered_request(world, event)
    if request is None:
        if world.certain:
            report("R53", f"MiniportAllocateComplete of context {event.d:#x}, for which nothing is pending", event)
    elif event.a and event.c != request.a:
        report("R53", f"{event.c:#x} bytes arrived where {request.a:#x} were asked for", request, event)
    elif not event.a and (event.b or event.c):
        report("R53", "a failed asynchronous allocation arrived with an address or a length", request, event)
