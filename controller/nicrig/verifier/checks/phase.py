# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.1: phase and order."""

from __future__ import annotations

from nicrig.verifier.checks import wording
from nicrig.verifier.constants import (
    BUS_ISA,
    BUS_PCI,
    DEVICE_BUS_MASTER,
    DEVICE_NON_DMA,
    DEVICE_SUBORDINATE,
    DMA_24_BITS,
    IMAGE,
    SUCCESS,
)
from nicrig.verifier.events import Enter
from nicrig.verifier.functions import Phase
from nicrig.verifier.groups import AllocatePacketPool, FreeMemory
from nicrig.verifier.model.things import Family
from nicrig.verifier.model.world import AdapterState, World
from nicrig.verifier.records import (
    RECORDS,
    DriverUnload,
    MiniportAllocateComplete,
    MiniportCheckForHang,
    MiniportHalt,
    MiniportInitialize,
    MiniportQueryInformation,
    MiniportReset,
    MiniportReturnPacket,
    MiniportSetInformation,
    NdisAllocateBufferPool,
    NdisAllocateMemory,
    NdisFlushBuffer,
    NdisMAllocateMapRegisters,
    NdisMAllocateSharedMemory,
    NdisMAllocateSharedMemoryAsync,
    NdisMCompleteBufferPhysicalMapping,
    NdisMCompleteDmaTransfer,
    NdisMFreeSharedMemory,
    NdisMIndicateReceivePacket,
    NdisMInitializeScatterGatherDma,
    NdisMMapIoSpace,
    NdisMRegisterDmaChannel,
    NdisMRegisterInterrupt,
    NdisMRegisterIoPortRange,
    NdisMSendComplete,
    NdisMSetAttributesEx,
    NdisMSetupDmaTransfer,
    NdisMStartBufferPhysicalMapping,
    NdisMUpdateSharedMemory,
)
from nicrig.verifier.registry import Check, Handlers, ReportViolation
from nicrig.verifier.severity import Severity

on: Handlers[Check] = Handlers()

Claim = (
    NdisMInitializeScatterGatherDma
    | NdisMAllocateMapRegisters
    | NdisMRegisterDmaChannel
    | NdisMRegisterIoPortRange
    | NdisMMapIoSpace
    | NdisMRegisterInterrupt
)
ForTheInterrupt = (
    NdisMInitializeScatterGatherDma
    | NdisMAllocateSharedMemory
    | NdisMRegisterDmaChannel
    | NdisMMapIoSpace
    | NdisMRegisterIoPortRange
    | AllocatePacketPool
    | NdisAllocateBufferPool
)
"""What the interrupt's service routine may use."""
MappingCall = NdisMStartBufferPhysicalMapping | NdisMCompleteBufferPhysicalMapping
BusMasterClaim = NdisMInitializeScatterGatherDma | NdisMAllocateMapRegisters | NdisMAllocateSharedMemoryAsync
KIND = {DEVICE_SUBORDINATE: "a subordinate DMA", DEVICE_NON_DMA: "a non-DMA"}


@on
def attributes_come_first(
    world: World, event: Claim | NdisMAllocateSharedMemory | NdisMAllocateSharedMemoryAsync, report: ReportViolation
) -> None:
    adapter = world.adapter
    if adapter and adapter.whole and adapter.attributes is None:
        report("R01", f"{event.function} before NdisMSetAttributesEx", adapter.entered, event)


@on
def bus_master_is_declared(world: World, event: BusMasterClaim, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.attributes and not adapter.bus_master:
        text = f"{event.function} with attributes {adapter.flags:#x}, which lack BUS_MASTER (0x8)"
        report("R02", f"{text}; it returned {wording.status(event.result)}", adapter.attributes, event)


@on
def shared_memory_has_its_gate(world: World, event: NdisMAllocateSharedMemory, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or not adapter.whole:
        return
    if not (adapter.scatter_gather or adapter.map_registers or world.channels):
        text = "before scatter-gather, map registers or a DMA channel was granted"
        report("R03", f"NdisMAllocateSharedMemory of {event.length:#x} bytes {text}", adapter.attributes, event)


@on
def claims_are_made_in_initialize(world: World, event: Claim, report: ReportViolation) -> None:
    if event.phase != Phase.INITIALIZE:
        report("R04", f"{event.function} {wording.phase(event.phase)}, not in MiniportInitialize", event)


@on
def shared_memory_is_claimed_in_initialize(
    world: World, event: NdisMAllocateSharedMemory, report: ReportViolation
) -> None:
    if event.phase != Phase.INITIALIZE:
        text = f"NdisMAllocateSharedMemory of {event.length:#x} bytes {wording.phase(event.phase)}"
        report("R05", f"{text}, where only NdisMAllocateSharedMemoryAsync may be called", event)


@on
def flagged_memory_is_claimed_in_initialize(world: World, event: NdisAllocateMemory, report: ReportViolation) -> None:
    if event.flags and event.phase != Phase.INITIALIZE:
        text = f"NdisAllocateMemory of {event.length:#x} bytes with flags {event.flags:#x} {wording.phase(event.phase)}"
        report("R06", text, event)


@on
def kind_may_master_the_bus(world: World, event: BusMasterClaim | MappingCall, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.device in KIND:
        text = f"{event.function} by {KIND[adapter.device]} miniport (device {adapter.device:#x})"
        report("R07", text, adapter.entered, event)


@on
def kind_may_have_shared_memory(
    world: World,
    event: NdisMAllocateSharedMemory | NdisMFreeSharedMemory | NdisMUpdateSharedMemory | NdisFlushBuffer,
    report: ReportViolation,
) -> None:
    adapter = world.adapter
    if adapter and adapter.device == DEVICE_NON_DMA:
        flush = isinstance(event, NdisFlushBuffer | NdisMUpdateSharedMemory)
        text = f"{event.function} by a non-DMA miniport (device {adapter.device:#x})"
        report("R07", text, adapter.entered, event, severity=Severity.WARNING if flush else None)


@on
def transfer_has_a_channel(
    world: World, event: NdisMSetupDmaTransfer | NdisMCompleteDmaTransfer, report: ReportViolation
) -> None:
    if event.handle not in world.channels and world.certain and not (event.handle == 0 and "channel" in world.failed):
        report("R08", f"{event.function} on {event.handle:#x}, which is not a registered channel", event)


def _answer(event: NdisMInitializeScatterGatherDma | NdisMAllocateMapRegisters) -> str:
    """What NDIS answered. A layer that refuses the call does not make it right."""
    return "granted" if event.result == SUCCESS else "asked for"


@on
def one_dma_model(
    world: World, event: NdisMInitializeScatterGatherDma | NdisMAllocateMapRegisters, report: ReportViolation
) -> None:
    adapter = world.adapter
    if not adapter:
        return
    other = adapter.scatter_gather if isinstance(event, NdisMAllocateMapRegisters) else adapter.map_registers
    if other:
        report("R09", f"{event.function} {_answer(event)} after {other.function}", other, event)


@on
def no_mapping_in_scatter_gather(world: World, event: MappingCall, report: ReportViolation) -> None:
    if world.adapter and world.adapter.scatter_gather:
        report("R09", f"{event.function} in scatter-gather mode", world.adapter.scatter_gather, event)


@on
def map_registers_are_a_choice(world: World, event: NdisMAllocateMapRegisters, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter:
        return
    if adapter.device == DEVICE_BUS_MASTER:
        text = f"{event.base} map registers asked for, where NdisMInitializeScatterGatherDma is preferred"
        report("R10", text, event)
    if adapter.map_registers:
        report(
            "R11",
            f"{event.base} map registers {_answer(event)} on top of {adapter.map_registers.base}",
            adapter.map_registers,
            event,
        )
    if adapter.attributes is None:
        return
    bus = adapter.attributes.bus
    if event.channel and bus != BUS_ISA:
        report(
            "R12",
            f"DMA channel {event.channel} asked for on bus type {bus}, which is not ISA",
            adapter.attributes,
            event,
        )
    if event.size == DMA_24_BITS and bus == BUS_PCI:
        report("R12", "map registers with 24-bit addresses on PCI", adapter.attributes, event)


@on
def card_is_masked(world: World, event: NdisMRegisterInterrupt, report: ReportViolation) -> None:
    if world.card.interrupts:
        report("R13", "interrupt registered while CONTROL.INTERRUPT is set", world.card.control, event)


@on
def interrupt_comes_last(world: World, event: ForTheInterrupt, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.interrupt and event.phase == Phase.INITIALIZE:
        report("R13", f"{event.function} after NdisMRegisterInterrupt", adapter.interrupt, event)


@on
def sharable_line_is_shared(world: World, event: NdisMRegisterInterrupt, report: ReportViolation) -> None:
    if not event.latched and not (event.request_isr and event.shared):
        said = f"RequestIsr {event.request_isr}, SharedInterrupt {event.shared}"
        report("R14", f"level-sensitive interrupt {event.vector} registered with {said}", event)


@on
def no_traffic_before_success(
    world: World, event: NdisMIndicateReceivePacket | NdisMSendComplete, report: ReportViolation
) -> None:
    adapter = world.adapter
    if adapter and adapter.state is AdapterState.INITIALIZING:
        text = f"{event.function} of packet {event.packet:#x} before MiniportInitialize returned"
        report("R15", text, adapter.entered, event)


@on
def no_handler_before_success(
    world: World,
    event: MiniportReset
    | MiniportCheckForHang
    | MiniportQueryInformation
    | MiniportSetInformation
    | MiniportReturnPacket
    | MiniportAllocateComplete,
    report: ReportViolation,
) -> None:
    adapter = world.adapter
    if adapter is None:
        if world.certain:
            report("R15", f"{event.function} called without an adapter", event)
    elif adapter.state in (AdapterState.INITIALIZING, AdapterState.GONE) and adapter.whole:
        report("R15", f"{event.function} called before MiniportInitialize returned success", adapter.entered, event)


@on
def context_is_memory(world: World, event: NdisMSetAttributesEx, report: ReportViolation) -> None:
    block = world.blocks.find(event.context)
    if block is None and world.certain and event.context < IMAGE:
        report("R16", f"adapter context {event.context:#x} is not inside live memory", event)
    elif block and block.family is Family.POOL and block.flags & 1:
        report("R16", f"adapter context {event.context:#x} is in paged pool", block.made, event)


@on
def context_outlives_its_users(world: World, event: FreeMemory, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or not adapter.context or adapter.context.start != event.address or adapter.context_freed:
        return
    if adapter.interrupt:
        text = f"adapter context {event.address:#x} freed while the interrupt is registered"
        report("R16", text, adapter.attributes, adapter.interrupt, event)
    elif adapter.state is AdapterState.RUNNING:
        text = f"adapter context {event.address:#x} freed {wording.phase(event.phase)}"
        report("R16", text, adapter.attributes, event)


@on.among(each for each in RECORDS.values() if not issubclass(each, MiniportInitialize | MiniportHalt | DriverUnload))
def handler_has_a_context(world: World, event: Enter, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.context_freed and adapter.state is not AdapterState.GONE:
        text = f"{event.function} entered after its adapter context was freed"
        report("R16", text, adapter.context_freed, event)
