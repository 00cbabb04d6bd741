# SPDX-License-Identifier: GPL-2.0-or-later
"""The DMA models: scatter-gather, map registers and their mappings, the subordinate channel and its transfers."""

from __future__ import annotations

from nicrig.verifier.constants import SUCCESS, WIDTH
from nicrig.verifier.events import Event
from nicrig.verifier.model.acceptance import accepted
from nicrig.verifier.model.things import Channel, ChannelTransfer, Element, Mapping
from nicrig.verifier.model.world import World
from nicrig.verifier.records import (
    NdisMAllocateMapRegisters,
    NdisMCompleteBufferPhysicalMapping,
    NdisMCompleteDmaTransfer,
    NdisMDeregisterDmaChannel,
    NdisMFreeMapRegisters,
    NdisMGetDmaAlignment,
    NdisMInitializeScatterGatherDma,
    NdisMRegisterDmaChannel,
    NdisMSetupDmaTransfer,
    NdisMStartBufferPhysicalMapping,
)
from nicrig.verifier.registry import Handlers, Update

on: Handlers[Update] = Handlers()

CHANNELS = 64
"""No miniport has more DMA channels than this."""


@on
def scatter_gather_granted(world: World, event: NdisMInitializeScatterGatherDma) -> None:
    if world.adapter and event.result == SUCCESS:
        world.adapter.scatter_gather = event
        world.adapter.width = 64 if event.dma64 else 32


@on
def map_registers_granted(world: World, event: NdisMAllocateMapRegisters) -> None:
    if world.adapter and event.result == SUCCESS:
        world.adapter.map_registers = event
        world.adapter.width = WIDTH.get(event.size, 64)


@on
def map_registers_freed(world: World, event: NdisMFreeMapRegisters) -> None:
    if world.adapter and accepted(world, event):
        world.adapter.map_registers = None


@on
def alignment_told(world: World, event: NdisMGetDmaAlignment) -> None:
    if world.adapter:
        world.adapter.alignment = event.result


def continues(mapping: Mapping | None, event: NdisMStartBufferPhysicalMapping) -> bool:
    """Whether this record is a further unit of the Start that made the mapping."""
    return (
        mapping is not None and mapping.buffer == event.buffer and len(mapping.elements) < mapping.count == event.result
    )


@on
def buffer_mapped(world: World, event: NdisMStartBufferPhysicalMapping) -> None:
    index = event.index
    mapping = world.mappings.get(index)
    if not event.result or not world.room(world.elements):
        return
    if mapping is None or not continues(mapping, event):
        end_mapping(world, index, event)
        mapping = world.mappings[index] = Mapping(index, event.buffer, event, event.result)
    element = Element(event.physical, event.length, event, mapping)
    mapping.elements.append(element)
    world.elements.add(element)
    world.ended_elements.forget(event.physical)


def end_mapping(world: World, index: int, event: Event) -> None:
    """Free the register and end its addresses."""
    mapping = world.mappings.pop(index, None)
    for element in mapping.elements if mapping else []:
        world.elements.remove(element)
        world.ended_elements.add(element.physical, (element, event))


@on
def mapping_completed(world: World, event: NdisMCompleteBufferPhysicalMapping) -> None:
    mapping = world.mappings.get(event.index)
    if mapping is not None and mapping.buffer == event.buffer:
        end_mapping(world, event.index, event)


@on
def channel_registered(world: World, event: NdisMRegisterDmaChannel) -> None:
    if event.result != SUCCESS:
        world.failed["channel"] = event
    elif len(world.channels) < CHANNELS:
        world.channels[event.handle] = Channel(event.handle, event.maximum, event)
        world.freed_objects.forget(event.handle)


@on
def channel_deregistered(world: World, event: NdisMDeregisterDmaChannel) -> None:
    if accepted(world, event):
        world.freed_objects.add(event.handle, (world.channels.pop(event.handle).made, event))


@on
def transfer_set_up(world: World, event: NdisMSetupDmaTransfer) -> None:
    channel = world.channels.get(event.handle)
    if channel is None:
        return
    channel.failed = None if event.result == SUCCESS else event
    if event.result == SUCCESS:
        channel.transfer = ChannelTransfer(event)
        buffer = world.buffers.get(event.buffer)
        if buffer is not None and buffer.block is not None:
            buffer.block.used = True


@on
def transfer_completed(world: World, event: NdisMCompleteDmaTransfer) -> None:
    channel = world.channels.get(event.handle)
    if channel is not None and channel.transfer is not None and channel.transfer.active:
        channel.transfer.active, channel.transfer.completed = False, event
