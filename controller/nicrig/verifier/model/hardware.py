# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports, device memory, interrupt, timers, locks, configuration handles; and what the card's trace tells."""

from __future__ import annotations

from nicrig.verifier.constants import (
    BAR_CONTROL,
    CONTROL_INTERRUPT,
    CONTROL_OFFSET,
    DESCRIPTOR_BYTES,
    DEVICE_SUBORDINATE,
    SUCCESS,
)
from nicrig.verifier.events import Event
from nicrig.verifier.model.acceptance import accepted
from nicrig.verifier.model.blocks import described
from nicrig.verifier.model.things import Element, EnabledRing, Send, Timer
from nicrig.verifier.model.world import World
from nicrig.verifier.ranges import Ranges
from nicrig.verifier.registry import Handlers, Update

on: Handlers[Update] = Handlers()
FEW = 4096
"""More ports, mappings, interrupts, timers, locks or handles than this no miniport has."""


def _add_range(ranges: Ranges[Event], start: int, length: int, event: Event) -> None:
    if len(ranges) < FEW:
        ranges.add(start, length, event)


@on.call("NdisMRegisterIoPortRange")
def ports_registered(world: World, event: Event) -> None:
    if event.result == SUCCESS:
        _add_range(world.ports, event.a, event.b, event)


@on.call("NdisMDeregisterIoPortRange")
def ports_deregistered(world: World, event: Event) -> None:
    if accepted(world, event):
        world.ports.remove(event.a)


@on.call("NdisMMapIoSpace")
def io_space_mapped(world: World, event: Event) -> None:
    if event.result == SUCCESS:
        _add_range(world.io_space, event.c, event.b, event)
    else:
        world.failed["device memory"] = event


@on.call("NdisMUnmapIoSpace")
def io_space_unmapped(world: World, event: Event) -> None:
    if accepted(world, event):
        world.io_space.remove(event.a)


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


@on.call("NdisMRegisterInterrupt")
def interrupt_registered(world: World, event: Event) -> None:
    if event.result != SUCCESS or len(world.interrupts) >= FEW:
        return
    world.interrupts[event.a] = event
    world.freed_objects.forget(event.a)
    _hold(world, event.a, "registered interrupt")
    if world.adapter:
        world.adapter.interrupt = event


@on.call("NdisMDeregisterInterrupt")
def interrupt_deregistered(world: World, event: Event) -> None:
    if not accepted(world, event):
        return
    _let_go(world, event.a, world.interrupts.pop(event.a), event)
    if world.adapter:
        world.adapter.interrupt = None


@on.call("NdisAllocateSpinLock")
def lock_made(world: World, event: Event) -> None:
    if len(world.locks) < FEW:
        world.locks[event.a] = event
        world.freed_objects.forget(event.a)
        _hold(world, event.a, "spin lock")


@on.call("NdisFreeSpinLock")
def lock_freed(world: World, event: Event) -> None:
    _let_go(world, event.a, world.locks.pop(event.a, None), event)


@on.call("NdisMInitializeTimer")
def timer_made(world: World, event: Event) -> None:
    if len(world.timers) < FEW:
        world.timers[event.a] = Timer(event.a, event)
        world.freed_objects.forget(event.a)


@on.call("NdisMSetTimer", "NdisMSetPeriodicTimer")
def timer_set(world: World, event: Event) -> None:
    timer = world.timers.get(event.a)
    if timer is not None:
        timer.armed, timer.periodic, timer.missed = event, event.function == "NdisMSetPeriodicTimer", None
        _hold(world, event.a, "active timer")


@on.enter("MiniportTimer")
def timer_fired(world: World, event: Event) -> None:
    timer = world.timers.get(event.a)
    if timer is None:
        return
    timer.missed = None
    if not timer.periodic:
        timer.armed = None
        _let_go(world, event.a, None, event)


@on.call("NdisMCancelTimer")
def timer_cancelled(world: World, event: Event) -> None:
    timer = world.timers.get(event.a)
    if timer is None:
        return
    timer.missed = event if timer.armed and not event.result else None
    timer.armed = None
    _let_go(world, event.a, None, event)


@on.call("NdisMSleep", "NdisWaitEvent")
def waited(world: World, event: Event) -> None:
    for timer in world.timers.values():
        timer.missed = None


@on.call("NdisOpenConfiguration")
def configuration_opened(world: World, event: Event) -> None:
    if event.result == SUCCESS and len(world.configurations) < FEW:
        world.configurations[event.a] = event
        world.freed_objects.forget(event.a)


@on.call("NdisCloseConfiguration")
def configuration_closed(world: World, event: Event) -> None:
    opened = world.configurations.pop(event.a, None)
    if opened is not None:
        world.freed_objects.add(event.a, (opened, event))


@on.card("card.register")
def register_written(world: World, event: Event) -> None:
    if (event.a, event.b) == (BAR_CONTROL, CONTROL_OFFSET):
        world.card.control, world.card.interrupts = event, bool(event.c & CONTROL_INTERRUPT)


@on.card("card.reset")
def card_reset(world: World, event: Event) -> None:
    world.card.control, world.card.interrupts = event, False
    world.card.rings.clear()


@on.card("card.enable")
def ring_enabled(world: World, event: Event) -> None:
    """A subordinate card has no rings: there the event tells of a transfer."""
    if world.adapter is None or world.adapter.device == DEVICE_SUBORDINATE:
        return
    world.card.rings[bool(event.a)] = EnabledRing(bool(event.a), event.b, event.c * DESCRIPTOR_BYTES, event)
    block = world.granted.find(event.b)
    if block is not None:
        block.used = block.handed_over = True
        world.adapter.ring_seen = True


@on.card("card.disable")
def ring_disabled(world: World, event: Event) -> None:
    world.card.rings.pop(bool(event.a), None)


@on.call("NdisWriteRegister")
def register_stored(world: World, event: Event) -> None:
    world.stores.append(event)


@on.card("card.doorbell")
def doorbell_rung(world: World, event: Event) -> None:
    if event.a:
        # The write that the card obeyed; a later one of the same value to another register only forgives.
        world.rung = next((store for store in reversed(world.stores) if store.b == event.b), None)
    ring = world.card.rings.get(bool(event.a))
    block = world.granted.find(ring.base) if ring else None
    if block is not None:
        block.handed_over = False


@on.card("card.read")
def buffer_read(world: World, event: Event) -> None:
    element: Element | None = world.elements.find(event.b, event.c)
    if element is not None:
        element.read = True
        if isinstance(element.owner, Send):
            world.read_last = element.owner
        return
    block = world.granted.find(event.b)
    if block is not None:
        block.used = True


@on.card("card.write")
def buffer_written(world: World, event: Event) -> None:
    block = world.granted.find(event.b)
    if block is None:
        return
    block.used = True
    block.last_frame = (event.b + event.c, event)
    buffer = described(block, block.start + event.b - block.physical)
    if buffer is not None:
        buffer.written, buffer.flushed, buffer.updated = event, False, False
