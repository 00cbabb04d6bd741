# SPDX-License-Identifier: GPL-2.0-or-later
"""Which releases the NDIS layer carries out. It refuses one that does not match its claim, so that changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from nicrig.verifier.constants import CONTIGUOUS, PAGED
from nicrig.verifier.events import Event
from nicrig.verifier.functions import Irql, Phase
from nicrig.verifier.model.things import Block, Family
from nicrig.verifier.model.world import World

PASSIVE, APC, DISPATCH = Irql.PASSIVE.value, Irql.APC.value, Irql.DISPATCH.value


def highest_free(flags: int) -> int:
    """The highest level at which memory of these MemoryFlags may be freed (section 4.1)."""
    if flags & CONTIGUOUS:
        return PASSIVE
    return APC if flags else DISPATCH


def highest_pool(kind: int) -> int:
    """The highest level at which pool of this POOL_TYPE may be used (section 4.9)."""
    return APC if kind & PAGED else DISPATCH


def _memory(world: World, event: Event) -> bool:
    block = world.blocks.get(event.a)
    if block is None or block.family is not Family.MEMORY or event.irql > highest_free(block.flags):
        return False
    return block.flags == event.c and (not block.flags or block.length == event.b)


def _pool_memory(world: World, event: Event) -> bool:
    block = world.blocks.get(event.a)
    if block is None or block.family is not Family.POOL or event.irql > highest_pool(block.flags):
        return False
    return event.function == "ExFreePool" or block.tag == event.b


def shared_as_asked(block: Block, event: Event) -> bool:
    """Whether NdisMFreeSharedMemory names all four values of the allocation."""
    asked = (event.a, bool(event.b), event.c, event.d)
    return asked == (block.length, block.cached, block.start, block.physical)


def _shared(world: World, event: Event) -> bool:
    block = world.blocks.get(event.c)
    if block is None or block.family is not Family.SHARED:
        return False
    return shared_as_asked(block, event) and event.irql <= DISPATCH and event.phase != Phase.SHUTDOWN


def _packet(world: World, event: Event) -> bool:
    packet = world.packets.get(event.a)
    if (
        packet is None
        or packet.indicated
        or packet.made.function.endswith("NonInterlocked") != (event.function.endswith("NonInterlocked"))
    ):
        return False
    return event.irql == DISPATCH if event.function.startswith("NdisDpr") else event.irql <= DISPATCH


def _buffer(world: World, event: Event) -> bool:
    mapped = event.a in world.unflushed or any(mapping.buffer == event.a for mapping in world.mappings.values())
    return event.a in world.buffers and not mapped and event.irql <= DISPATCH


def _packet_pool(world: World, event: Event) -> bool:
    pool = world.packet_pools.get(event.a)
    return pool is not None and pool.used <= 0 and event.irql <= DISPATCH


def _buffer_pool(world: World, event: Event) -> bool:
    pool = world.buffer_pools.get(event.a)
    return pool is not None and pool.used <= 0 and event.irql <= DISPATCH


def _in_turn(event: Event) -> bool:
    return event.phase in (Phase.INITIALIZE, Phase.HALT) and event.irql == PASSIVE


def _map_registers(world: World, event: Event) -> bool:
    claimed = world.adapter is not None and world.adapter.map_registers is not None
    return _in_turn(event) and claimed and not world.mappings and not len(world.granted)


def _channel(world: World, event: Event) -> bool:
    return _in_turn(event) and event.a in world.channels


def _ports(world: World, event: Event) -> bool:
    claim = world.ports.get(event.a)
    return _in_turn(event) and claim is not None and (claim.b, claim.c) == (event.b, event.c)


def _io_space(world: World, event: Event) -> bool:
    claim = world.io_space.get(event.a)
    return _in_turn(event) and claim is not None and claim.b == event.b


def _interrupt(world: World, event: Event) -> bool:
    return _in_turn(event) and event.a in world.interrupts


_ACCEPTS: dict[str, Callable[[World, Event], bool]] = {
    "NdisFreeMemory": _memory,
    "ExFreePool": _pool_memory,
    "ExFreePoolWithTag": _pool_memory,
    "NdisMFreeSharedMemory": _shared,
    "NdisFreePacket": _packet,
    "NdisDprFreePacket": _packet,
    "NdisDprFreePacketNonInterlocked": _packet,
    "NdisFreeBuffer": _buffer,
    "NdisFreePacketPool": _packet_pool,
    "NdisFreeBufferPool": _buffer_pool,
    "NdisMFreeMapRegisters": _map_registers,
    "NdisMDeregisterDmaChannel": _channel,
    "NdisMDeregisterIoPortRange": _ports,
    "NdisMUnmapIoSpace": _io_space,
    "NdisMDeregisterInterrupt": _interrupt,
}


def accepted(world: World, event: Event) -> bool:
    """Whether this release takes place."""
    return _ACCEPTS[event.function](world, event)
