# SPDX-License-Identifier: GPL-2.0-or-later
"""The DMA models: scatter-gather, map registers and their mappings, the subordinate channel and its transfers."""

from __future__ import annotations

from nicrig.verifier.constants import SUCCESS, WIDTH
from nicrig.verifier.events import Event
from nicrig.verifier.model.acceptance import accepted
from nicrig.verifier.model.things import Channel, ChannelTransfer, Element, Mapping
from nicrig.verifier.model.world import World
from nicrig.verifier.registry import Handlers, Update

on: Handlers[Update] = Handlers()

CHANNELS = 64
"""More DMA channels than this no miniport has."""


@on.call("NdisMInitializeScatterGatherDma")
def scatter_gather_granted(world: World, event: Event) -> None:
    if world.adapter and event.result == SUCCESS:
        world.adapter.scatter_gather = event
        world.adapter.width = 64 if event.a else 32


@on.call("NdisMAllocateMapRegisters")
def map_registers_granted(world: World, event: Event) -> None:
    if world.adapter and event.result == SUCCESS:
        world.adapter.map_registers = event
        world.adapter.width = WIDTH.get(event.b, 64)


@on.call("NdisMFreeMapRegisters")
def map_registers_freed(world: World, event: Event) -> None:
    if world.adapter and accepted(world, event):
        world.adapter.map_registers = None


@on.call("NdisMGetDmaAlignment")
def alignment_told(world: World, event: Event) -> None:
    if world.adapter:
        world.adapter.alignment = event.result


def continues(mapping: Mapping | None, event: Event) -> bool:
    """Whether this record is a further unit of the Start that made the mapping."""
    return mapping is not None and mapping.buffer == event.a and len(mapping.elements) < mapping.count == event.result


@on.call("NdisMStartBufferPhysicalMapping")
def buffer_mapped(world: World, event: Event) -> None:
    index, mapping = event.b >> 1, world.mappings.get(event.b >> 1)
    if not event.result or not world.room(world.elements):
        return
    if mapping is None or not continues(mapping, event):
        end_mapping(world, index, event)
        mapping = world.mappings[index] = Mapping(index, event.a, event, event.result)
    element = Element(event.c, event.d, event, mapping)
    mapping.elements.append(element)
    world.elements.add(element)
    world.ended_elements.forget(event.c)


def end_mapping(world: World, index: int, event: Event) -> None:
    """The register is free again and its addresses are dead."""
    mapping = world.mappings.pop(index, None)
    for element in mapping.elements if mapping else []:
        world.elements.remove(element)
        world.ended_elements.add(element.physical, (element, event))


@on.call("NdisMCompleteBufferPhysicalMapping")
def mapping_completed(world: World, event: Event) -> None:
    mapping = world.mappings.get(event.b)
    if mapping is not None and mapping.buffer == event.a:
        end_mapping(world, event.b, event)


@on.call("NdisMRegisterDmaChannel")
def channel_registered(world: World, event: Event) -> None:
    if event.result != SUCCESS:
        world.failed["channel"] = event
    elif len(world.channels) < CHANNELS:
        world.channels[event.a] = Channel(event.a, event.d, event)
        world.freed_objects.forget(event.a)


@on.call("NdisMDeregisterDmaChannel")
def channel_deregistered(world: World, event: Event) -> None:
    if accepted(world, event):
        world.freed_objects.add(event.a, (world.channels.pop(event.a).made, event))


@on.call("NdisMSetupDmaTransfer")
def transfer_set_up(world: World, event: Event) -> None:
    channel = world.channels.get(event.a)
    if channel is None:
        return
    channel.failed = None if event.result == SUCCESS else event
    if event.result == SUCCESS:
        channel.transfer = ChannelTransfer(event)
        buffer = world.buffers.get(event.b)
        if buffer is not None and buffer.block is not None:
            buffer.block.used = True


@on.call("NdisMCompleteDmaTransfer")
def transfer_completed(world: World, event: Event) -> None:
    channel = world.channels.get(event.a)
    if channel is not None and channel.transfer is not None and channel.transfer.active:
        channel.transfer.active, channel.transfer.completed = False, event
