# SPDX-License-Identifier: GPL-2.0-or-later
"""Blocks of memory: plain, pool and shared."""

from __future__ import annotations

from nicrig.verifier.constants import PENDING, SUCCESS
from nicrig.verifier.events import Event
from nicrig.verifier.model.acceptance import accepted
from nicrig.verifier.model.things import Block, Buffer, Family
from nicrig.verifier.model.world import World
from nicrig.verifier.registry import Handlers, Update

on: Handlers[Update] = Handlers()

REQUESTS = 4096
"""Asynchronous allocations that are followed."""


def _add(world: World, block: Block) -> None:
    if not world.room(world.blocks):
        return
    stale = world.blocks.get(block.start)
    if stale is not None and stale.family is Family.SHARED:
        world.granted.remove(stale.physical)
    world.blocks.add(block.start, block.length, block)
    if block.family is Family.SHARED:
        world.granted.add(block.physical, block.length, block)
    world.freed_blocks.forget(block.start)


def _remove(world: World, address: int, event: Event) -> None:
    block = world.blocks.remove(address)
    if block is None:
        return
    if block.family is Family.SHARED:
        world.granted.remove(block.physical)
    for buffer in block.buffers.values():
        buffer.block, buffer.dangling = None, (block, event)
    world.freed_blocks.add(address, (block, event))
    adapter = world.adapter
    if adapter and adapter.context is block:
        adapter.context_freed = event


@on.call("NdisAllocateMemory")
def memory_allocated(world: World, event: Event) -> None:
    if event.result == SUCCESS:
        _add(world, Block(Family.MEMORY, event.a, event.b, event, event.c, highest=event.d))
    else:
        world.failed["memory"] = event


@on.call("NdisAllocateMemoryWithTag")
def tagged_memory_allocated(world: World, event: Event) -> None:
    if event.result == SUCCESS:
        _add(world, Block(Family.MEMORY, event.a, event.b, event, tag=event.c))
    else:
        world.failed["memory"] = event


@on.call("ExAllocatePool", "ExAllocatePoolWithTag")
def pool_allocated(world: World, event: Event) -> None:
    if event.result:
        _add(world, Block(Family.POOL, event.result, event.b, event, event.a, event.c))
    else:
        world.failed["memory"] = event


@on.call("NdisMAllocateSharedMemory")
def shared_memory_allocated(world: World, event: Event) -> None:
    if event.result:
        block = Block(Family.SHARED, event.result, event.a, event, physical=event.c, cached=bool(event.b))
        _add(world, block)
    else:
        world.failed["shared"] = event


@on.call("NdisMAllocateSharedMemoryAsync")
def shared_memory_requested(world: World, event: Event) -> None:
    if event.result == PENDING and sum(map(len, world.asynchronous.values())) < REQUESTS:
        world.asynchronous.setdefault(event.c, []).append(event)


def answered_request(world: World, event: Event) -> Event | None:
    """The request that MiniportAllocateComplete answers: of this context, and of this length if there are several."""
    requests = world.asynchronous.get(event.d, [])
    return next((request for request in requests if request.a == event.c), requests[0] if requests else None)


@on.enter("MiniportAllocateComplete")
def shared_memory_arrived(world: World, event: Event) -> None:
    request = answered_request(world, event)
    if request:
        world.asynchronous[event.d].remove(request)
        if not world.asynchronous[event.d]:
            del world.asynchronous[event.d]
    if event.a:
        cached = bool(request.b) if request else False
        made = Block(Family.SHARED, event.a, event.c, event, physical=event.b, cached=cached, asynchronous=True)
        _add(world, made)


@on.call("NdisFreeMemory", "ExFreePool", "ExFreePoolWithTag")
def memory_freed(world: World, event: Event) -> None:
    if accepted(world, event):
        _remove(world, event.a, event)
    elif not world.blocks.get(event.a):
        world.leaked.remove(event.a)


def meant_by_free(world: World, event: Event) -> Block | None:
    """The block that NdisMFreeSharedMemory means: by its address, else by its device address."""
    return world.blocks.get(event.c) or world.granted.get(event.d)


@on.call("NdisMFreeSharedMemory")
def shared_memory_freed(world: World, event: Event) -> None:
    if accepted(world, event):
        _remove(world, event.c, event)
    elif not world.blocks.get(event.c):
        world.leaked.remove(event.c)


def described(block: Block, address: int) -> Buffer | None:
    """The buffer that begins at this address, or the only one of the block."""
    if len(block.buffers) == 1:
        return next(iter(block.buffers.values()))
    return next((buffer for buffer in block.buffers.values() if buffer.start == address), None)


def covers_the_frame(buffer: Buffer, address: int, length: int) -> bool:
    """Whether these bytes are all that the card wrote into the buffer last, as far as that is known."""
    written, block = buffer.written, buffer.block
    if written is None or block is None:
        return True
    start = block.start + written.b - block.physical
    return address <= start and start + written.c <= address + length


@on.call("NdisMUpdateSharedMemory")
def shared_memory_updated(world: World, event: Event) -> None:
    block = world.blocks.find(event.b)
    if block is None:
        return
    block.flushed = block.handed_over = True
    buffer = described(block, event.b)
    if buffer is not None and covers_the_frame(buffer, event.b, event.a):
        buffer.updated = True


@on.call("NdisFlushBuffer")
def buffer_flushed(world: World, event: Event) -> None:
    buffer = world.buffers.get(event.a)
    if buffer is None:
        send = world.unflushed.pop(event.a, None)
        if send is not None and event.d:
            send.flushed = event.sequence
        return
    if not event.d and covers_the_frame(buffer, buffer.start, buffer.length):
        buffer.flushed = True
    if buffer.block is not None:
        buffer.block.handed_over = True
        if event.d:
            buffer.block.flushed = True
