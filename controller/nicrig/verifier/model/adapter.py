# SPDX-License-Identifier: GPL-2.0-or-later
"""The adapter's life, and what it did in MiniportInitialize."""

from __future__ import annotations

from nicrig.verifier.constants import SUCCESS, SURPRISE_REMOVED
from nicrig.verifier.events import Event
from nicrig.verifier.functions import FUNCTIONS, Phase
from nicrig.verifier.model.world import AdapterState, World, where
from nicrig.verifier.registry import Handlers, Update

on: Handlers[Update] = Handlers()

HANDLERS = ("DriverUnload", *(each.name for each in FUNCTIONS if each.name.startswith("Miniport")))
MEMORY_AND_POOLS = (
    *("NdisFreeMemory", "NdisMFreeSharedMemory", "ExFreePool", "ExFreePoolWithTag", "NdisFreePacketPool"),
    "NdisFreeBufferPool",
)
RELEASES = (*MEMORY_AND_POOLS, "NdisFreePacket", "NdisFreeBuffer")
RETRIED = (
    *("NdisAllocateMemory", "NdisMAllocateSharedMemory", "NdisAllocatePacketPool", "NdisAllocatePacketPoolEx"),
    *("NdisAllocateBufferPool", "NdisMAllocateMapRegisters"),
)
ALLOCATIONS = (
    *("NdisAllocateMemory", "NdisAllocateMemoryWithTag", "ExAllocatePool", "ExAllocatePoolWithTag"),
    *("NdisMAllocateSharedMemory", "NdisAllocatePacketPool", "NdisAllocatePacketPoolEx", "NdisAllocateBufferPool"),
    *("NdisAllocatePacket", "NdisDprAllocatePacket", "NdisDprAllocatePacketNonInterlocked", "NdisAllocateBuffer"),
    "NdisCopyBuffer",
)
BY_ADDRESS = ("ExAllocatePool", "ExAllocatePoolWithTag", "NdisMAllocateSharedMemory")
"""Allocators whose result is the address: 0 is their failure."""


def failed(event: Event) -> bool:
    """Whether this allocation failed."""
    return event.result == 0 if event.function in BY_ADDRESS else event.result != SUCCESS


def asked(event: Event) -> int:
    """How much was asked for: bytes, descriptors or registers."""
    if event.function == "NdisMAllocateSharedMemory":
        return event.a
    return event.c if event.function == "NdisMAllocateMapRegisters" else event.b


def scarce(event: Event) -> bool:
    """Whether this asks for contiguous, noncached or shared memory."""
    return event.function == "NdisMAllocateSharedMemory" or (event.function == "NdisAllocateMemory" and event.c != 0)


def same_request(one: Event, other: Event) -> bool:
    """Whether two failing calls ask for the same sort of thing."""
    if one.function != other.function:
        return False
    flags = {"NdisMAllocateSharedMemory": "b", "NdisAllocateMemory": "c"}.get(one.function)
    return flags is None or bool(getattr(one, flags)) == bool(getattr(other, flags))


@on.enter(*HANDLERS)
def handler_entered(world: World, event: Event) -> None:
    world.entered[event.function, where(event)] = event
    if len(world.entered) > 1024:
        world.entered.clear()
    if world.adapter and event.irql < 3:
        world.adapter.pool_failure = None


@on.leave(*HANDLERS)
def handler_left(world: World, event: Event) -> None:
    world.entered.pop((event.function, event.cpu), None)
    world.entered.pop((event.function, -1), None)


@on.enter("MiniportInitialize")
def initialize_entered(world: World, event: Event) -> None:
    world.begin(event)


@on.leave("MiniportInitialize")
def initialize_left(world: World, event: Event) -> None:
    if event.result != SUCCESS:
        world.end()
    elif world.adapter:
        world.adapter.state = AdapterState.RUNNING


@on.enter("MiniportHalt")
def halt_entered(world: World, event: Event) -> None:
    if world.adapter:
        world.adapter.state, world.adapter.halt = AdapterState.HALTING, event


@on.leave("MiniportHalt")
def halt_left(world: World, event: Event) -> None:
    world.end()


@on.leave("DriverUnload")
def unloaded(world: World, event: Event) -> None:
    world.unload()


@on.enter("MiniportPnPEventNotify")
def notified(world: World, event: Event) -> None:
    if world.adapter and event.a == SURPRISE_REMOVED:
        world.adapter.removed = True


@on.call("NdisMSetAttributesEx")
def attributes_set(world: World, event: Event) -> None:
    if world.adapter:
        world.adapter.attributes = event
        world.adapter.context = world.blocks.find(event.a)


@on.call("NdisWriteErrorLogEntry")
def error_logged(world: World, event: Event) -> None:
    if world.adapter:
        world.adapter.logged = True


@on.call(*ALLOCATIONS)
def allocation_tried(world: World, event: Event) -> None:
    adapter = world.adapter
    if adapter is None:
        return
    adapter.last_allocation, adapter.allocation_failed = event, failed(event)
    if event.function in BY_ADDRESS and event.function != "NdisMAllocateSharedMemory":
        adapter.pool_failure = event if not event.result else None
    if scarce(event):
        if adapter.scarce_failure and asked(event) < asked(adapter.scarce_failure):
            adapter.asked_for_less = True
        if failed(event) and adapter.scarce_failure is None:
            adapter.scarce_failure = event


@on.call(*RETRIED)
def retry_noted(world: World, event: Event) -> None:
    adapter = world.adapter
    if adapter is None:
        return
    if failed(event):
        adapter.retry = event
        adapter.failures += 1
    else:
        adapter.retry, adapter.failures = None, 0


@on.call(*RELEASES)
def something_released(world: World, event: Event) -> None:
    """The next round begins from less than the last, so its sizes may be those of the last."""
    adapter = world.adapter
    if adapter is None:
        return
    adapter.retry = None
    if event.phase == Phase.HALT and adapter.interrupt and event.function in MEMORY_AND_POOLS:
        adapter.freed_under_interrupt = adapter.freed_under_interrupt or event
