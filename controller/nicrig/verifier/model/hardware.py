# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports, device memory, interrupt, timers, locks, configuration handles; and what the card's trace shows."""

from __future__ import annotations

from typing import TypeVar

from nicrig.verifier.constants import (
    BAR_CONTROL,
    CONTROL_INTERRUPT,
    CONTROL_OFFSET,
    DESCRIPTOR_BYTES,
    DEVICE_SUBORDINATE,
    PAGE,
    RX_TAIL_OFFSET,
    SUCCESS,
    TX_TAIL_OFFSET,
)
from nicrig.verifier.events import Event
from nicrig.verifier.model.acceptance import accepted
from nicrig.verifier.model.blocks import described
from nicrig.verifier.model.things import Element, EnabledRing, Send, Timer
from nicrig.verifier.model.world import World
from nicrig.verifier.ranges import Ranges
from nicrig.verifier.records import (
    CardDisable,
    CardDoorbell,
    CardEnable,
    CardRead,
    CardRegister,
    CardReset,
    CardWrite,
    MiniportTimer,
    NdisAllocateSpinLock,
    NdisCloseConfiguration,
    NdisFreeSpinLock,
    NdisMCancelTimer,
    NdisMDeregisterInterrupt,
    NdisMDeregisterIoPortRange,
    NdisMInitializeTimer,
    NdisMMapIoSpace,
    NdisMRegisterInterrupt,
    NdisMRegisterIoPortRange,
    NdisMSetPeriodicTimer,
    NdisMSetTimer,
    NdisMSleep,
    NdisMUnmapIoSpace,
    NdisOpenConfiguration,
    NdisWaitEvent,
    NdisWriteRegister,
)
from nicrig.verifier.registry import Handlers, Update

Held = TypeVar("Held")

on: Handlers[Update] = Handlers()

FEW = 4096
"""No miniport has more ports, mappings, interrupts, timers, locks or handles than this."""


def _add_range(ranges: Ranges[Held], start: int, length: int, event: Held) -> None:
    if len(ranges) < FEW:
        ranges.add(start, length, event)


@on
def ports_registered(world: World, event: NdisMRegisterIoPortRange) -> None:
    if event.result == SUCCESS:
        _add_range(world.ports, event.first, event.count, event)


@on
def ports_deregistered(world: World, event: NdisMDeregisterIoPortRange) -> None:
    if accepted(world, event):
        world.ports.remove(event.first)


@on
def io_space_mapped(world: World, event: NdisMMapIoSpace) -> None:
    if event.result == SUCCESS:
        _add_range(world.io_space, event.address, event.length, event)
    else:
        world.failed["device memory"] = event


@on
def io_space_unmapped(world: World, event: NdisMUnmapIoSpace) -> None:
    if accepted(world, event):
        world.io_space.remove(event.address)


def _hold(world: World, address: int, what: str) -> None:
    """The block around it may not be freed now (R49)."""
    block = world.blocks.find(address)
    if block is not None:
        block.objects[address] = what


def _let_go(world: World, address: int, made: Event | None, event: Event) -> None:
    block = world.blocks.find(address)
    if block is not None:
        block.objects.pop(address, None)
    if made is not None:
        world.freed_objects.add(address, (made, event))


@on
def interrupt_registered(world: World, event: NdisMRegisterInterrupt) -> None:
    if event.result != SUCCESS or len(world.interrupts) >= FEW:
        return
    world.interrupts[event.interrupt] = event
    world.freed_objects.forget(event.interrupt)
    _hold(world, event.interrupt, "registered interrupt")
    if world.adapter:
        world.adapter.interrupt = event


@on
def interrupt_deregistered(world: World, event: NdisMDeregisterInterrupt) -> None:
    if not accepted(world, event):
        return
    _let_go(world, event.interrupt, world.interrupts.pop(event.interrupt), event)
    if world.adapter:
        world.adapter.interrupt = None


@on
def lock_made(world: World, event: NdisAllocateSpinLock) -> None:
    if len(world.locks) < FEW:
        world.locks[event.lock] = event
        world.freed_objects.forget(event.lock)
        _hold(world, event.lock, "spin lock")


@on
def lock_freed(world: World, event: NdisFreeSpinLock) -> None:
    _let_go(world, event.lock, world.locks.pop(event.lock, None), event)


@on
def timer_made(world: World, event: NdisMInitializeTimer) -> None:
    if len(world.timers) < FEW:
        world.timers[event.timer] = Timer(event.timer, event)
        world.freed_objects.forget(event.timer)


@on
def timer_set(world: World, event: NdisMSetTimer | NdisMSetPeriodicTimer) -> None:
    timer = world.timers.get(event.timer)
    if timer is not None:
        timer.armed, timer.periodic, timer.missed = event, event.function == "NdisMSetPeriodicTimer", None
        _hold(world, event.timer, "active timer")


@on
def timer_fired(world: World, event: MiniportTimer) -> None:
    timer = world.timers.get(event.timer)
    if timer is None:
        return
    timer.missed = None
    if not timer.periodic:
        timer.armed = None
        _let_go(world, event.timer, None, event)


@on
def timer_cancelled(world: World, event: NdisMCancelTimer) -> None:
    timer = world.timers.get(event.timer)
    if timer is None:
        return
    timer.missed = event if timer.armed and not event.result else None
    timer.armed = None
    _let_go(world, event.timer, None, event)


@on
def waited(world: World, event: NdisMSleep | NdisWaitEvent) -> None:
    for timer in world.timers.values():
        timer.missed = None


@on
def configuration_opened(world: World, event: NdisOpenConfiguration) -> None:
    if event.result == SUCCESS and len(world.configurations) < FEW:
        world.configurations[event.handle] = event
        world.freed_objects.forget(event.handle)


@on
def configuration_closed(world: World, event: NdisCloseConfiguration) -> None:
    opened = world.configurations.pop(event.handle, None)
    if opened is not None:
        world.freed_objects.add(event.handle, (opened, event))


@on
def register_written(world: World, event: CardRegister) -> None:
    if (event.bar, event.offset) == (BAR_CONTROL, CONTROL_OFFSET):
        world.card.control, world.card.interrupts = event, bool(event.value & CONTROL_INTERRUPT)


@on
def card_reset(world: World, event: CardReset) -> None:
    world.card.control, world.card.interrupts = event, False
    world.card.rings.clear()
    _gave_back(world)


@on
def ring_enabled(world: World, event: CardEnable) -> None:
    """A subordinate card has no rings: its event is a transfer."""
    if world.adapter is None or world.adapter.device == DEVICE_SUBORDINATE:
        return
    world.card.rings[bool(event.transmit)] = EnabledRing(
        bool(event.transmit), event.base, event.size * DESCRIPTOR_BYTES, event
    )
    block = world.granted.find(event.base)
    if block is not None:
        block.used = block.handed_over = True
        world.adapter.ring_seen = True


@on
def ring_disabled(world: World, event: CardDisable) -> None:
    world.card.rings.pop(bool(event.transmit), None)
    if not event.transmit:
        _gave_back(world)


def _gave_back(world: World) -> None:
    """The card has nothing for receives any more, and the ring starts over at index 0."""
    world.card.lives += 1
    world.posts.clear()


@on
def register_stored(world: World, event: NdisWriteRegister) -> None:
    world.stores.append(event)
    offset = event.address % PAGE
    if offset == TX_TAIL_OFFSET:
        world.tail = event
    elif offset == RX_TAIL_OFFSET:
        world.posts.append(event)


@on
def doorbell_rung(world: World, event: CardDoorbell) -> None:
    if event.transmit:
        # The write that the card obeyed. A later write of that value to another register can only hide a violation.
        world.rung = next((store for store in reversed(world.stores) if store.value == event.tail), None)
    ring = world.card.rings.get(bool(event.transmit))
    block = world.granted.find(ring.base) if ring else None
    if block is not None:
        block.handed_over = False


@on
def buffer_read(world: World, event: CardRead) -> None:
    element: Element | None = world.elements.find(event.address, event.length)
    if element is not None:
        element.read = True
        if isinstance(element.owner, Send):
            world.read_last = element.owner
        return
    block = world.granted.find(event.address)
    if block is not None:
        block.used = True


@on
def buffer_written(world: World, event: CardWrite) -> None:
    block = world.granted.find(event.address)
    if block is None:
        return
    block.used = True
    block.last_frame = (event.address + event.length, event)
    buffer = described(block, block.start + event.address - block.physical)
    if buffer is not None:
        buffer.written, buffer.flushed, buffer.taken = event, False, None
