# SPDX-License-Identifier: GPL-2.0-or-later
"""Which releases the NDIS layer carries out. It refuses one that does not match its claim."""

from __future__ import annotations

from nicrig.verifier.constants import CONTIGUOUS, PAGED
from nicrig.verifier.events import Event
from nicrig.verifier.functions import Irql, Phase
from nicrig.verifier.groups import ExFree, FreePacket, Releases, Unclaims
from nicrig.verifier.model.things import Block, Family
from nicrig.verifier.model.world import World
from nicrig.verifier.records import (
    ExFreePool,
    NdisFreeBuffer,
    NdisFreeBufferPool,
    NdisFreeMemory,
    NdisFreePacketPool,
    NdisMDeregisterDmaChannel,
    NdisMDeregisterInterrupt,
    NdisMDeregisterIoPortRange,
    NdisMFreeMapRegisters,
    NdisMFreeSharedMemory,
    NdisMUnmapIoSpace,
)
from nicrig.verifier.registry import Acceptance, Handlers

on: Handlers[Acceptance] = Handlers()

PASSIVE, APC, DISPATCH = Irql.PASSIVE.value, Irql.APC.value, Irql.DISPATCH.value


def highest_free(flags: int) -> int:
    """The highest level at which memory of these MemoryFlags may be freed (section 4.1)."""
    if flags & CONTIGUOUS:
        return PASSIVE
    return APC if flags else DISPATCH


def highest_pool(kind: int) -> int:
    """The highest level at which pool of this POOL_TYPE may be used (section 4.9)."""
    return APC if kind & PAGED else DISPATCH


@on
def _memory(world: World, event: NdisFreeMemory) -> bool:
    block = world.blocks.get(event.address)
    if block is None or block.family is not Family.MEMORY or event.irql > highest_free(block.flags):
        return False
    return block.flags == event.flags and (not block.flags or block.length == event.length)


@on
def _pool_memory(world: World, event: ExFree) -> bool:
    block = world.blocks.get(event.address)
    if block is None or block.family is not Family.POOL or event.irql > highest_pool(block.flags):
        return False
    return isinstance(event, ExFreePool) or block.tag == event.tag


def shared_as_asked(block: Block, event: NdisMFreeSharedMemory) -> bool:
    """Whether NdisMFreeSharedMemory names all four values of the allocation."""
    asked = (event.length, bool(event.cached), event.address, event.physical)
    return asked == (block.length, block.cached, block.start, block.physical)


@on
def _shared(world: World, event: NdisMFreeSharedMemory) -> bool:
    block = world.blocks.get(event.address)
    if block is None or block.family is not Family.SHARED:
        return False
    return shared_as_asked(block, event) and event.irql <= DISPATCH and event.phase != Phase.SHUTDOWN


@on
def _packet(world: World, event: FreePacket) -> bool:
    packet = world.packets.get(event.packet)
    if (
        packet is None
        or packet.indicated
        or packet.made.function.endswith("NonInterlocked") != (event.function.endswith("NonInterlocked"))
    ):
        return False
    return event.irql == DISPATCH if event.function.startswith("NdisDpr") else event.irql <= DISPATCH


@on
def _buffer(world: World, event: NdisFreeBuffer) -> bool:
    mapped = event.buffer in world.unflushed or any(
        mapping.buffer == event.buffer for mapping in world.mappings.values()
    )
    return event.buffer in world.buffers and not mapped and event.irql <= DISPATCH


@on
def _packet_pool(world: World, event: NdisFreePacketPool) -> bool:
    pool = world.packet_pools.get(event.pool)
    return pool is not None and pool.used <= 0 and event.irql <= DISPATCH


@on
def _buffer_pool(world: World, event: NdisFreeBufferPool) -> bool:
    pool = world.buffer_pools.get(event.pool)
    return pool is not None and pool.used <= 0 and event.irql <= DISPATCH


def _in_turn(event: Event) -> bool:
    return event.phase in (Phase.INITIALIZE, Phase.HALT) and event.irql == PASSIVE


@on
def _map_registers(world: World, event: NdisMFreeMapRegisters) -> bool:
    claimed = world.adapter is not None and world.adapter.map_registers is not None
    return _in_turn(event) and claimed and not world.mappings and not len(world.granted)


@on
def _channel(world: World, event: NdisMDeregisterDmaChannel) -> bool:
    return _in_turn(event) and event.handle in world.channels


@on
def _ports(world: World, event: NdisMDeregisterIoPortRange) -> bool:
    claim = world.ports.get(event.first)
    return _in_turn(event) and claim is not None and (claim.count, claim.offset) == (event.count, event.offset)


@on
def _io_space(world: World, event: NdisMUnmapIoSpace) -> bool:
    claim = world.io_space.get(event.address)
    return _in_turn(event) and claim is not None and claim.length == event.length


@on
def _interrupt(world: World, event: NdisMDeregisterInterrupt) -> bool:
    return _in_turn(event) and event.interrupt in world.interrupts


def accepted(world: World, event: Releases | FreePacket | Unclaims | NdisMDeregisterInterrupt) -> bool:
    """Whether this release takes place."""
    (judge,) = on.at[type(event)]
    return judge(world, event)
