# SPDX-License-Identifier: GPL-2.0-or-later
"""Pools, packets, buffers and their chains, and what the protocol has of them.

Only the miniport's own objects are followed. The protocol's objects appear when MiniportSendPackets hands them down; an
object that the protocol makes only removes its address from the memory of freed things.
"""

from __future__ import annotations

from nicrig.verifier.constants import SUCCESS
from nicrig.verifier.events import Event
from nicrig.verifier.groups import AllocatePacket, AllocatePacketPool, Chain, FreePacket, MakeBuffer, Unchain
from nicrig.verifier.model.acceptance import accepted
from nicrig.verifier.model.things import Buffer, Element, Packet, Pool, Send
from nicrig.verifier.model.world import World, where
from nicrig.verifier.records import (
    LeaveMiniportSendPackets,
    LeaveNdisMIndicateReceivePacket,
    MiniportReturnPacket,
    MiniportSendPackets,
    NdisAdjustBufferLength,
    NdisAllocateBuffer,
    NdisAllocateBufferPool,
    NdisAllocatePacketPoolEx,
    NdisChainBufferAtFront,
    NdisCopyBuffer,
    NdisFreeBuffer,
    NdisFreeBufferPool,
    NdisFreePacketPool,
    NdisMIndicateReceivePacket,
    NdisMSendComplete,
    NdisReinitializePacket,
    ScatterGatherElement,
)
from nicrig.verifier.registry import Handlers, Update

on: Handlers[Update] = Handlers()
protocol: Handlers[Update] = Handlers()

POOLS = 4096
"""No miniport has more pools than this."""
ARRAY, CPUS = 4096, 64
"""The longest array of packets that is followed, and the most arrays at once."""


@on
def packet_pool_made(world: World, event: AllocatePacketPool) -> None:
    if event.result != SUCCESS:
        world.failed["packet pool"] = event
        return
    world.freed_pools.forget(event.pool)
    limit = event.count
    if isinstance(event, NdisAllocatePacketPoolEx):
        limit += min(event.overflow, max(0, 0xFFFF - event.count))
    if len(world.packet_pools) < POOLS:
        world.packet_pools[event.pool] = Pool(event.pool, limit, event, event.reserved)


@on
def buffer_pool_made(world: World, event: NdisAllocateBufferPool) -> None:
    if event.result != SUCCESS:
        world.failed["buffer pool"] = event
        return
    world.freed_pools.forget(event.pool)
    if len(world.buffer_pools) < POOLS:
        world.buffer_pools[event.pool] = Pool(event.pool, event.count, event)


@on
def packet_pool_freed(world: World, event: NdisFreePacketPool) -> None:
    if accepted(world, event):
        world.freed_pools.add(event.pool, (world.packet_pools.pop(event.pool), event))


@on
def buffer_pool_freed(world: World, event: NdisFreeBufferPool) -> None:
    pool = world.buffer_pools.get(event.pool)
    if accepted(world, event):
        world.freed_pools.add(event.pool, (world.buffer_pools.pop(event.pool), event))
    elif pool is not None:
        for buffer in world.buffers.values():
            if buffer.pool is pool:
                buffer.orphan = None  # R72 and R74 are reported


@on
def packet_made(world: World, event: AllocatePacket) -> None:
    if event.result != SUCCESS:
        world.failed["packet"] = event
        return
    if not world.room(world.packets):
        return
    world.freed_packets.forget(event.packet)
    pool = world.packet_pools.get(event.pool)
    if pool is not None and event.packet not in world.packets:
        pool.used += 1
    world.packets[event.packet] = Packet(event.packet, pool, event)


@on
def packet_freed(world: World, event: FreePacket) -> None:
    if not accepted(world, event):
        return
    packet = world.packets.pop(event.packet)
    _drop_chain(world, packet, event)
    world.freed_packets.add(event.packet, (packet, event))
    if packet.pool is not None:
        packet.pool.used -= 1


def _drop_chain(world: World, packet: Packet, event: FreePacket | NdisReinitializePacket) -> None:
    """Unchain the packet's buffers; at detail ALLOCATIONS only the head that the call found is known."""
    for address in {*packet.chain, event.head}:
        buffer = world.buffers.get(address)
        if buffer is not None:
            buffer.packet, buffer.orphan = 0, event if event.head else None
    packet.chain.clear()


@on
def packet_reinitialised(world: World, event: NdisReinitializePacket) -> None:
    packet = world.packets.get(event.packet)
    if packet is not None:
        _drop_chain(world, packet, event)


def _add_buffer(world: World, buffer: Buffer) -> None:
    if not world.room(world.buffers):
        return
    stale = world.buffers.get(buffer.address)
    if stale is not None:
        _forget_buffer(world, stale, buffer.made)
    world.freed_buffers.forget(buffer.address)
    world.buffers[buffer.address] = buffer
    if buffer.pool is not None:
        buffer.pool.used += 1
    if buffer.block is not None:
        buffer.block.buffers[buffer.address] = buffer
        buffer.block.used = True


def _forget_buffer(world: World, buffer: Buffer, event: Event) -> None:
    del world.buffers[buffer.address]
    _unchain(world, buffer)
    world.freed_buffers.add(buffer.address, (buffer, event))
    if buffer.pool is not None:
        buffer.pool.used -= 1
    if buffer.block is not None:
        buffer.block.buffers.pop(buffer.address, None)


@on
def buffer_made(world: World, event: NdisAllocateBuffer) -> None:
    if event.result != SUCCESS:
        world.failed["buffer"] = event
        return
    pool, block = world.buffer_pools.get(event.pool), world.blocks.find(event.address)
    _add_buffer(world, Buffer(event.buffer, pool, event.address, event.length, event.length, event, block))


@on
def buffer_copied(world: World, event: NdisCopyBuffer) -> None:
    if event.result != SUCCESS:
        world.failed["buffer"] = event
        return
    source = world.buffers.get(event.source)
    length = event.length
    start, block = (source.start + event.offset, source.block) if source else (0, None)
    _add_buffer(world, Buffer(event.buffer, world.buffer_pools.get(event.pool), start, length, length, event, block))


@on
def buffer_freed(world: World, event: NdisFreeBuffer) -> None:
    if accepted(world, event):
        _forget_buffer(world, world.buffers[event.buffer], event)


@on
def buffer_adjusted(world: World, event: NdisAdjustBufferLength) -> None:
    buffer = world.buffers.get(event.buffer)
    if buffer is not None and event.length <= buffer.original:
        buffer.length, buffer.adjusted = event.length, event


@on
def buffer_chained(world: World, event: Chain) -> None:
    packet, buffer = world.packets.get(event.packet), world.buffers.get(event.buffer)
    if buffer is None:
        return
    _unchain(world, buffer)
    buffer.packet, buffer.orphan = event.packet, None
    if packet is not None:
        packet.chained = event
        packet.chain.insert(0 if isinstance(event, NdisChainBufferAtFront) else len(packet.chain), event.buffer)


def _unchain(world: World, buffer: Buffer) -> None:
    packet = world.packets.get(buffer.packet)
    if packet is not None and buffer.address in packet.chain:
        packet.chain.remove(buffer.address)
    buffer.packet = 0


@on
def buffer_unchained(world: World, event: Unchain) -> None:
    buffer = world.buffers.get(event.buffer)
    if buffer is not None:
        _unchain(world, buffer)


@on
def packet_indicated(world: World, event: NdisMIndicateReceivePacket) -> None:
    packet = world.packets.get(event.packet)
    if packet is None:
        return
    packet.indicated, packet.kept = event, False
    if where(event) not in world.indicating and len(world.indicating) >= CPUS:
        return
    array = world.indicating.setdefault(where(event), [])
    if len(array) < ARRAY:
        array.append((packet, event))


@on
def indication_returned(world: World, event: LeaveNdisMIndicateReceivePacket) -> None:
    array = world.indicating.get(where(event), [])
    for bit, (packet, indicated) in enumerate(array[event.first : event.first + 64]):
        if packet.indicated is not indicated:
            continue  # returned while the protocol's handler still ran
        if event.pending >> bit & 1:
            packet.kept = True
        else:
            packet.indicated = None
    if event.first + 64 >= len(array):
        world.indicating.pop(where(event), None)


@on
def packet_returned(world: World, event: MiniportReturnPacket) -> None:
    packet = world.packets.get(event.packet)
    if packet is not None:
        if packet.indicated is not None:
            packet.lent = packet.indicated.sequence, event.sequence
        packet.indicated, packet.kept = None, False


@on
def packet_sent(world: World, event: MiniportSendPackets) -> None:
    if not world.room(world.sends):
        return
    stale = world.sends.get(event.packet)
    if stale is not None:
        _end_send(world, stale)
    world.sent += 1
    send = Send(event.packet, event.buffer, event.length, event, world.sent, world.array)
    world.sends[event.packet] = send
    if event.buffer:
        world.unflushed[event.buffer] = send
    world.freed_packets.forget(event.packet)
    world.freed_buffers.forget(event.buffer)
    world.ended_sends.forget(event.packet)
    world.ended_buffers.forget(event.buffer)


@on
def array_ends(world: World, event: LeaveMiniportSendPackets) -> None:
    world.array += 1


@on
def element_given(world: World, event: ScatterGatherElement) -> None:
    send = world.sends.get(event.packet)
    if send is None or not world.room(world.elements):
        return
    element = Element(event.physical, event.length, event, send)
    send.elements.append(element)
    world.elements.add(element)
    world.ended_elements.forget(event.physical)


def _end_send(world: World, send: Send) -> None:
    world.unflushed.pop(send.buffer, None)
    for element in send.elements:
        world.elements.remove(element)


@on
def send_completed(world: World, event: NdisMSendComplete) -> None:
    send = world.sends.pop(event.packet, None)
    if send is None:
        return
    _end_send(world, send)
    world.ended_sends.add(event.packet, (send, event))
    world.ended_buffers.add(send.buffer, (send, event))
    for element in send.elements:
        world.ended_elements.add(element.physical, (element, event))


@protocol
def protocol_made_a_packet(world: World, event: AllocatePacket) -> None:
    world.freed_packets.forget(event.packet)
    world.ended_sends.forget(event.packet)


@protocol
def protocol_made_a_buffer(world: World, event: MakeBuffer) -> None:
    world.freed_buffers.forget(event.buffer)
    world.ended_buffers.forget(event.buffer)


@protocol
def protocol_made_a_pool(world: World, event: AllocatePacketPool | NdisAllocateBufferPool) -> None:
    world.freed_pools.forget(event.pool)
