# SPDX-License-Identifier: GPL-2.0-or-later
"""Pools, packets, buffers and their chains, and what the protocol has of them.

Only the miniport's own: of the protocol's objects one hears when MiniportSendPackets hands them down. What the protocol
makes only takes an address out of the memory of freed things.
"""

from __future__ import annotations

from nicrig.verifier.constants import SUCCESS
from nicrig.verifier.events import Event
from nicrig.verifier.model.acceptance import accepted
from nicrig.verifier.model.things import Buffer, Element, Packet, Pool, Send
from nicrig.verifier.model.world import World, where
from nicrig.verifier.registry import Handlers, Update

on: Handlers[Update] = Handlers()
protocol: Handlers[Update] = Handlers()

POOLS = 4096
"""More pools than this no miniport has."""
ARRAY, CPUS = 4096, 64
"""The longest array of packets that is followed, and how many of them at once."""

ALLOCATE_PACKET = ("NdisAllocatePacket", "NdisDprAllocatePacket", "NdisDprAllocatePacketNonInterlocked")
FREE_PACKET = ("NdisFreePacket", "NdisDprFreePacket", "NdisDprFreePacketNonInterlocked")
CHAIN = ("NdisChainBufferAtFront", "NdisChainBufferAtBack")
UNCHAIN = ("NdisUnchainBufferAtFront", "NdisUnchainBufferAtBack")


@on.call("NdisAllocatePacketPool", "NdisAllocatePacketPoolEx")
def packet_pool_made(world: World, event: Event) -> None:
    if event.result != SUCCESS:
        world.failed["packet pool"] = event
        return
    world.freed_pools.forget(event.a)
    if event.function == "NdisAllocatePacketPoolEx":
        limit, reserved = event.b + min(event.c, max(0, 0xFFFF - event.b)), event.d
    else:
        limit, reserved = event.b, event.c
    if len(world.packet_pools) < POOLS:
        world.packet_pools[event.a] = Pool(event.a, limit, event, reserved)


@on.call("NdisAllocateBufferPool")
def buffer_pool_made(world: World, event: Event) -> None:
    if event.result != SUCCESS:
        world.failed["buffer pool"] = event
        return
    world.freed_pools.forget(event.a)
    if len(world.buffer_pools) < POOLS:
        world.buffer_pools[event.a] = Pool(event.a, event.b, event)


@on.call("NdisFreePacketPool")
def packet_pool_freed(world: World, event: Event) -> None:
    if accepted(world, event):
        world.freed_pools.add(event.a, (world.packet_pools.pop(event.a), event))


@on.call("NdisFreeBufferPool")
def buffer_pool_freed(world: World, event: Event) -> None:
    pool = world.buffer_pools.get(event.a)
    if accepted(world, event):
        world.freed_pools.add(event.a, (world.buffer_pools.pop(event.a), event))
    elif pool is not None:
        for buffer in world.buffers.values():
            if buffer.pool is pool:
                buffer.orphan = None  # R72 and R74 have told


@on.call(*ALLOCATE_PACKET)
def packet_made(world: World, event: Event) -> None:
    if event.result != SUCCESS:
        world.failed["packet"] = event
        return
    if not world.room(world.packets):
        return
    world.freed_packets.forget(event.b)
    pool = world.packet_pools.get(event.a)
    if pool is not None and event.b not in world.packets:
        pool.used += 1
    world.packets[event.b] = Packet(event.b, pool, event)


@on.call(*FREE_PACKET)
def packet_freed(world: World, event: Event) -> None:
    if not accepted(world, event):
        return
    packet = world.packets.pop(event.a)
    _drop_chain(world, packet, event)
    world.freed_packets.add(event.a, (packet, event))
    if packet.pool is not None:
        packet.pool.used -= 1


def _drop_chain(world: World, packet: Packet, event: Event) -> None:
    """The packet lets go of its buffers; at detail ALLOCATIONS the head that the call found is all that is known."""
    for address in {*packet.chain, event.b}:
        buffer = world.buffers.get(address)
        if buffer is not None:
            buffer.packet, buffer.orphan = 0, event if event.b else None
    packet.chain.clear()


@on.call("NdisReinitializePacket")
def packet_reinitialised(world: World, event: Event) -> None:
    packet = world.packets.get(event.a)
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


@on.call("NdisAllocateBuffer")
def buffer_made(world: World, event: Event) -> None:
    if event.result != SUCCESS:
        world.failed["buffer"] = event
        return
    pool, block = world.buffer_pools.get(event.a), world.blocks.find(event.b)
    _add_buffer(world, Buffer(event.d, pool, event.b, event.c, event.c, event, block))


@on.call("NdisCopyBuffer")
def buffer_copied(world: World, event: Event) -> None:
    if event.result != SUCCESS:
        world.failed["buffer"] = event
        return
    source = world.buffers.get(event.b)
    offset, length = event.c >> 32, event.c & 0xFFFFFFFF
    start, block = (source.start + offset, source.block) if source else (0, None)
    _add_buffer(world, Buffer(event.d, world.buffer_pools.get(event.a), start, length, length, event, block))


@on.call("NdisFreeBuffer")
def buffer_freed(world: World, event: Event) -> None:
    if accepted(world, event):
        _forget_buffer(world, world.buffers[event.a], event)


@on.call("NdisAdjustBufferLength")
def buffer_adjusted(world: World, event: Event) -> None:
    buffer = world.buffers.get(event.a)
    if buffer is not None and event.b <= buffer.original:
        buffer.length, buffer.adjusted = event.b, event


@on.call(*CHAIN)
def buffer_chained(world: World, event: Event) -> None:
    packet, buffer = world.packets.get(event.a), world.buffers.get(event.b)
    if buffer is None:
        return
    _unchain(world, buffer)
    buffer.packet, buffer.orphan = event.a, None
    if packet is not None:
        packet.chained = event
        packet.chain.insert(0 if event.function == "NdisChainBufferAtFront" else len(packet.chain), event.b)


def _unchain(world: World, buffer: Buffer) -> None:
    packet = world.packets.get(buffer.packet)
    if packet is not None and buffer.address in packet.chain:
        packet.chain.remove(buffer.address)
    buffer.packet = 0


@on.call(*UNCHAIN)
def buffer_unchained(world: World, event: Event) -> None:
    buffer = world.buffers.get(event.b)
    if buffer is not None:
        _unchain(world, buffer)


@on.call("NdisMIndicateReceivePacket")
def packet_indicated(world: World, event: Event) -> None:
    packet = world.packets.get(event.a)
    if packet is None:
        return
    packet.indicated, packet.kept = event, False
    if where(event) not in world.indicating and len(world.indicating) >= CPUS:
        return
    array = world.indicating.setdefault(where(event), [])
    if len(array) < ARRAY:
        array.append((packet, event))


@on.leave("NdisMIndicateReceivePacket")
def indication_returned(world: World, event: Event) -> None:
    array = world.indicating.get(where(event), [])
    for place, (packet, indicated) in enumerate(array[event.a : event.a + 64]):
        if packet.indicated is not indicated:
            continue  # it came back while the protocol's handler still ran
        if event.b >> place & 1:
            packet.kept = True
        else:
            packet.indicated = None
    if event.a + 64 >= len(array):
        world.indicating.pop(where(event), None)


@on.enter("MiniportReturnPacket")
def packet_returned(world: World, event: Event) -> None:
    packet = world.packets.get(event.a)
    if packet is not None:
        packet.indicated, packet.kept = None, False


@on.enter("MiniportSendPackets")
def packet_sent(world: World, event: Event) -> None:
    if not world.room(world.sends):
        return
    stale = world.sends.get(event.a)
    if stale is not None:
        _end_send(world, stale)
    world.sent += 1
    send = Send(event.a, event.b, event.c, event, world.sent, world.array)
    world.sends[event.a] = send
    if event.b:
        world.unflushed[event.b] = send
    world.freed_packets.forget(event.a)
    world.freed_buffers.forget(event.b)
    world.ended_sends.forget(event.a)
    world.ended_buffers.forget(event.b)


@on.leave("MiniportSendPackets")
def array_ends(world: World, event: Event) -> None:
    world.array += 1


@on.call("ScatterGatherElement")
def element_given(world: World, event: Event) -> None:
    send = world.sends.get(event.a)
    if send is None or not world.room(world.elements):
        return
    element = Element(event.c, event.d, event, send)
    send.elements.append(element)
    world.elements.add(element)
    world.ended_elements.forget(event.c)


def _end_send(world: World, send: Send) -> None:
    world.unflushed.pop(send.buffer, None)
    for element in send.elements:
        world.elements.remove(element)


@on.call("NdisMSendComplete")
def send_completed(world: World, event: Event) -> None:
    send = world.sends.pop(event.a, None)
    if send is None:
        return
    _end_send(world, send)
    world.ended_sends.add(event.a, (send, event))
    world.ended_buffers.add(send.buffer, (send, event))
    for element in send.elements:
        world.ended_elements.add(element.physical, (element, event))


@protocol.call(*ALLOCATE_PACKET)
def protocol_made_a_packet(world: World, event: Event) -> None:
    world.freed_packets.forget(event.b)
    world.ended_sends.forget(event.b)


@protocol.call("NdisAllocateBuffer", "NdisCopyBuffer")
def protocol_made_a_buffer(world: World, event: Event) -> None:
    world.freed_buffers.forget(event.d)
    world.ended_buffers.forget(event.d)


@protocol.call("NdisAllocatePacketPool", "NdisAllocatePacketPoolEx", "NdisAllocateBufferPool")
def protocol_made_a_pool(world: World, event: Event) -> None:
    world.freed_pools.forget(event.a)
