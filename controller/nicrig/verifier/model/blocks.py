# SPDX-License-Identifier: GPL-2.0-or-later
"""Blocks of memory: plain, pool and shared."""

from __future__ import annotations

from nicrig.verifier.constants import PENDING, SUCCESS
from nicrig.verifier.events import Event
from nicrig.verifier.groups import ExAllocate, FreeMemory
from nicrig.verifier.model.acceptance import accepted
from nicrig.verifier.model.things import Block, Buffer, Family
from nicrig.verifier.model.world import World
from nicrig.verifier.records import (
    ExAllocatePoolWithTag,
    MiniportAllocateComplete,
    NdisAllocateMemory,
    NdisAllocateMemoryWithTag,
    NdisFlushBuffer,
    NdisMAllocateSharedMemory,
    NdisMAllocateSharedMemoryAsync,
    NdisMFreeSharedMemory,
    NdisMUpdateSharedMemory,
)
from nicrig.verifier.registry import Handlers, Update

on: Handlers[Update] = Handlers()

REQUESTS = 4096
"""The most asynchronous allocations that are followed."""


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


@on
def memory_allocated(world: World, event: NdisAllocateMemory) -> None:
    if event.result == SUCCESS:
        _add(world, Block(Family.MEMORY, event.address, event.length, event, event.flags, highest=event.highest))
    else:
        world.failed["memory"] = event


@on
def tagged_memory_allocated(world: World, event: NdisAllocateMemoryWithTag) -> None:
    if event.result == SUCCESS:
        _add(world, Block(Family.MEMORY, event.address, event.length, event, tag=event.tag))
    else:
        world.failed["memory"] = event


@on
def pool_allocated(world: World, event: ExAllocate) -> None:
    if event.result:
        tag = event.tag if isinstance(event, ExAllocatePoolWithTag) else 0
        _add(world, Block(Family.POOL, event.result, event.length, event, event.type, tag))
    else:
        world.failed["memory"] = event


@on
def shared_memory_allocated(world: World, event: NdisMAllocateSharedMemory) -> None:
    if event.result:
        block = Block(
            Family.SHARED, event.result, event.length, event, physical=event.physical, cached=bool(event.cached)
        )
        _add(world, block)
    else:
        world.failed["shared"] = event


@on
def shared_memory_requested(world: World, event: NdisMAllocateSharedMemoryAsync) -> None:
    if event.result == PENDING and sum(map(len, world.asynchronous.values())) < REQUESTS:
        world.asynchronous.setdefault(event.context, []).append(event)


def answered_request(world: World, event: MiniportAllocateComplete) -> NdisMAllocateSharedMemoryAsync | None:
    """The request that MiniportAllocateComplete answers: of this context, and of this length if there are several."""
    requests = world.asynchronous.get(event.context, [])
    return next((request for request in requests if request.length == event.length), requests[0] if requests else None)


@on
def shared_memory_arrived(world: World, event: MiniportAllocateComplete) -> None:
    request = answered_request(world, event)
    if request:
        world.asynchronous[event.context].remove(request)
        if not world.asynchronous[event.context]:
            del world.asynchronous[event.context]
    if event.address:
        cached = bool(request.cached) if request else False
        made = Block(
            Family.SHARED, event.address, event.length, event, physical=event.physical, cached=cached, asynchronous=True
        )
        _add(world, made)


@on
def memory_freed(world: World, event: FreeMemory) -> None:
    if accepted(world, event):
        _remove(world, event.address, event)
    elif not world.blocks.get(event.address):
        world.leaked.remove(event.address)


def meant_by_free(world: World, event: FreeMemory | NdisMFreeSharedMemory) -> Block | None:
    """The block that a free means: by its address, else a shared one by its device address."""
    block = world.blocks.get(event.address)
    return block or (world.granted.get(event.physical) if isinstance(event, NdisMFreeSharedMemory) else None)


@on
def shared_memory_freed(world: World, event: NdisMFreeSharedMemory) -> None:
    if accepted(world, event):
        _remove(world, event.address, event)
    elif not world.blocks.get(event.address):
        world.leaked.remove(event.address)


def described(block: Block, address: int) -> Buffer | None:
    """The buffer that begins at this address, or the only one of the block."""
    if len(block.buffers) == 1:
        return next(iter(block.buffers.values()))
    return next((buffer for buffer in block.buffers.values() if buffer.start == address), None)


def covers_the_frame(buffer: Buffer, address: int, length: int) -> bool:
    """Whether these bytes include the last frame that the card wrote into the buffer, as far as it is known."""
    written, block = buffer.written, buffer.block
    if written is None or block is None:
        return True
    start = block.start + written.address - block.physical
    return address <= start and start + written.length <= address + length


@on
def shared_memory_updated(world: World, event: NdisMUpdateSharedMemory) -> None:
    block = world.blocks.find(event.address)
    if block is None:
        return
    block.flushed = block.handed_over = True
    buffer = described(block, event.address)
    if buffer is not None and covers_the_frame(buffer, event.address, event.length):
        buffer.flushed = True


@on
def buffer_flushed(world: World, event: NdisFlushBuffer) -> None:
    buffer = world.buffers.get(event.buffer)
    if buffer is None:
        send = world.unflushed.pop(event.buffer, None)
        if send is not None and event.write:
            send.flushed = event.sequence
            if world.tail is not None and world.tail.sequence > send.made.sequence:
                send.rung = world.tail
        return
    if not event.write and covers_the_frame(buffer, buffer.start, buffer.length):
        buffer.flushed = True
    if buffer.block is not None:
        buffer.block.handed_over = True
        if event.write:
            buffer.block.flushed = True
