# SPDX-License-Identifier: GPL-2.0-or-later
"""The adapter's life, and what it did in MiniportInitialize."""

from __future__ import annotations

from nicrig.verifier.constants import SUCCESS, SURPRISE_REMOVED
from nicrig.verifier.events import Enter, Leave
from nicrig.verifier.functions import Phase
from nicrig.verifier.groups import Allocations, ExAllocate, MemoryAndPools, Releases, Retried
from nicrig.verifier.model.world import AdapterState, World, where
from nicrig.verifier.records import (
    LeaveDriverUnload,
    LeaveMiniportHalt,
    LeaveMiniportInitialize,
    MiniportHalt,
    MiniportInitialize,
    MiniportPnPEventNotify,
    NdisAllocateMemory,
    NdisMAllocateMapRegisters,
    NdisMAllocateSharedMemory,
    NdisMSetAttributesEx,
    NdisMSetPeriodicTimer,
    NdisMSetTimer,
    NdisMSleep,
    NdisWaitEvent,
    NdisWriteErrorLogEntry,
)
from nicrig.verifier.registry import Handlers, Update

on: Handlers[Update] = Handlers()

ByAddress = ExAllocate | NdisMAllocateSharedMemory
"""Allocators whose result is the address: 0 is their failure."""
Scarce = NdisAllocateMemory | NdisMAllocateSharedMemory
"""Allocators of contiguous, noncached or shared memory."""


def failed(event: Allocations | Retried) -> bool:
    """Whether this allocation failed."""
    return event.result == 0 if isinstance(event, ByAddress) else event.result != SUCCESS


def asked(event: Retried) -> int:
    """How much was asked for: bytes, descriptors or registers."""
    if isinstance(event, NdisMAllocateMapRegisters):
        return event.base
    return event.length if isinstance(event, Scarce) else event.count


def same_request(one: Retried, other: Retried) -> bool:
    """Whether two failing calls ask for the same sort of thing."""
    if isinstance(one, NdisMAllocateSharedMemory) and isinstance(other, NdisMAllocateSharedMemory):
        return bool(one.cached) == bool(other.cached)
    if isinstance(one, NdisAllocateMemory) and isinstance(other, NdisAllocateMemory):
        return bool(one.flags) == bool(other.flags)
    return type(one) is type(other)


@on
def handler_entered(world: World, event: Enter) -> None:
    world.entered[event.function, where(event)] = event
    if len(world.entered) > 1024:
        world.entered.clear()
    if world.adapter and event.irql < 3:
        world.adapter.pool_failure = world.adapter.retry = None


@on
def handler_left(world: World, event: Leave) -> None:
    world.entered.pop((event.function, event.cpu), None)
    world.entered.pop((event.function, -1), None)


@on
def initialize_entered(world: World, event: MiniportInitialize) -> None:
    world.begin(event)


@on
def initialize_left(world: World, event: LeaveMiniportInitialize) -> None:
    if event.result != SUCCESS:
        world.end()
    elif world.adapter:
        world.adapter.state = AdapterState.RUNNING


@on
def halt_entered(world: World, event: MiniportHalt) -> None:
    if world.adapter:
        world.adapter.state, world.adapter.halt = AdapterState.HALTING, event


@on
def halt_left(world: World, event: LeaveMiniportHalt) -> None:
    world.end()


@on
def unloaded(world: World, event: LeaveDriverUnload) -> None:
    world.unload()


@on
def notified(world: World, event: MiniportPnPEventNotify) -> None:
    if world.adapter and event.event == SURPRISE_REMOVED:
        world.adapter.removed = True


@on
def attributes_set(world: World, event: NdisMSetAttributesEx) -> None:
    if world.adapter:
        world.adapter.attributes = event
        world.adapter.context = world.blocks.find(event.context)


@on
def error_logged(world: World, event: NdisWriteErrorLogEntry) -> None:
    if world.adapter:
        world.adapter.logged = True


@on
def allocation_tried(world: World, event: Allocations) -> None:
    adapter = world.adapter
    if adapter is None:
        return
    adapter.last_allocation, adapter.allocation_failed = event, failed(event)
    if isinstance(event, ExAllocate):
        adapter.pool_failure = event if not event.result else None
    elif isinstance(event, NdisMAllocateSharedMemory) or (isinstance(event, NdisAllocateMemory) and event.flags):
        if adapter.scarce_failure and asked(event) < asked(adapter.scarce_failure):
            adapter.asked_for_less = True
        if failed(event) and adapter.scarce_failure is None:
            adapter.scarce_failure = event


@on
def retry_noted(world: World, event: Retried) -> None:
    adapter = world.adapter
    if adapter is None:
        return
    if failed(event):
        adapter.retry = event
        adapter.failures += 1
    else:
        adapter.retry, adapter.failures = None, 0


@on
def waited(world: World, event: NdisMSleep | NdisWaitEvent) -> None:
    """Later, the same request may succeed."""
    if world.adapter:
        world.adapter.retry = None


@on
def processing_delayed(world: World, event: NdisMSetTimer | NdisMSetPeriodicTimer) -> None:
    """What a failure prevented happens at another time: whatever the handler returns, it is not for that failure."""
    adapter = world.adapter
    if adapter:
        adapter.retry = adapter.pool_failure = None
        adapter.allocation_failed = False


@on
def something_released(world: World, event: Releases) -> None:
    """After a release, a miniport may ask for the same sizes again."""
    adapter = world.adapter
    if adapter is None:
        return
    adapter.retry = None
    if event.phase == Phase.HALT and adapter.interrupt and isinstance(event, MemoryAndPools):
        adapter.freed_under_interrupt = adapter.freed_under_interrupt or event
