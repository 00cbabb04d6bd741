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
    LATCHED,
    REQUEST_ISR,
    SHARED_INTERRUPT,
    SUCCESS,
)
from nicrig.verifier.events import Event
from nicrig.verifier.functions import Phase
from nicrig.verifier.model.adapter import HANDLERS
from nicrig.verifier.model.things import Family
from nicrig.verifier.model.world import AdapterState, World
from nicrig.verifier.registry import Check, Handlers, ReportViolation
from nicrig.verifier.rules import Severity

on: Handlers[Check] = Handlers()

CLAIMS = (
    *("NdisMInitializeScatterGatherDma", "NdisMAllocateMapRegisters", "NdisMRegisterDmaChannel"),
    *("NdisMRegisterIoPortRange", "NdisMMapIoSpace", "NdisMRegisterInterrupt"),
)
SHARED = ("NdisMAllocateSharedMemory", "NdisMAllocateSharedMemoryAsync")
BUS_MASTERS_ONLY = (
    *("NdisMInitializeScatterGatherDma", "NdisMAllocateMapRegisters", "NdisMAllocateSharedMemoryAsync"),
    *("NdisMStartBufferPhysicalMapping", "NdisMCompleteBufferPhysicalMapping"),
)
FOR_THE_INTERRUPT = (
    *("NdisMInitializeScatterGatherDma", "NdisMAllocateSharedMemory", "NdisMRegisterDmaChannel", "NdisMMapIoSpace"),
    *("NdisMRegisterIoPortRange", "NdisAllocatePacketPool", "NdisAllocatePacketPoolEx", "NdisAllocateBufferPool"),
)
KIND = {DEVICE_SUBORDINATE: "a subordinate DMA", DEVICE_NON_DMA: "a non-DMA"}


@on.call(*CLAIMS, *SHARED)
def attributes_come_first(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.whole and adapter.attributes is None:
        report("R01", f"{event.function} before NdisMSetAttributesEx", adapter.entered, event)


@on.call("NdisMInitializeScatterGatherDma", "NdisMAllocateMapRegisters", "NdisMAllocateSharedMemoryAsync")
def bus_master_is_declared(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.attributes and not adapter.bus_master:
        text = f"{event.function} with attributes {adapter.flags:#x}, which lack BUS_MASTER (0x8)"
        report("R02", f"{text}; it returned {wording.status(event.result)}", adapter.attributes, event)


@on.call("NdisMAllocateSharedMemory")
def shared_memory_has_its_gate(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or not adapter.whole:
        return
    if not (adapter.scatter_gather or adapter.map_registers or world.channels):
        text = "before scatter-gather, map registers or a DMA channel was granted"
        report("R03", f"NdisMAllocateSharedMemory of {event.a:#x} bytes {text}", adapter.attributes, event)


@on.call(*CLAIMS)
def claims_are_made_in_initialize(world: World, event: Event, report: ReportViolation) -> None:
    if event.phase != Phase.INITIALIZE:
        report("R04", f"{event.function} {wording.phase(event.phase)}, not in MiniportInitialize", event)


@on.call("NdisMAllocateSharedMemory")
def shared_memory_is_claimed_in_initialize(world: World, event: Event, report: ReportViolation) -> None:
    if event.phase != Phase.INITIALIZE:
        text = f"NdisMAllocateSharedMemory of {event.a:#x} bytes {wording.phase(event.phase)}"
        report("R05", f"{text}, where only NdisMAllocateSharedMemoryAsync may be called", event)


@on.call("NdisAllocateMemory")
def flagged_memory_is_claimed_in_initialize(world: World, event: Event, report: ReportViolation) -> None:
    if event.c and event.phase != Phase.INITIALIZE:
        text = f"NdisAllocateMemory of {event.b:#x} bytes with flags {event.c:#x} {wording.phase(event.phase)}"
        report("R06", text, event)


@on.call(*BUS_MASTERS_ONLY)
def kind_may_master_the_bus(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.device in KIND:
        text = f"{event.function} by {KIND[adapter.device]} miniport (device {adapter.device:#x})"
        report("R07", text, adapter.entered, event)


@on.call("NdisMAllocateSharedMemory", "NdisMFreeSharedMemory", "NdisMUpdateSharedMemory", "NdisFlushBuffer")
def kind_may_have_shared_memory(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.device == DEVICE_NON_DMA:
        flush = event.function in ("NdisFlushBuffer", "NdisMUpdateSharedMemory")
        text = f"{event.function} by a non-DMA miniport (device {adapter.device:#x})"
        report("R07", text, adapter.entered, event, severity=Severity.WARNING if flush else None)


@on.call("NdisMSetupDmaTransfer", "NdisMCompleteDmaTransfer")
def transfer_has_a_channel(world: World, event: Event, report: ReportViolation) -> None:
    if event.a not in world.channels and world.certain and not (event.a == 0 and "channel" in world.failed):
        report("R08", f"{event.function} on {event.a:#x}, which is no registered channel", event)


@on.call("NdisMInitializeScatterGatherDma", "NdisMAllocateMapRegisters")
def one_dma_model(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or event.result != SUCCESS:
        return
    other = adapter.scatter_gather if event.function == "NdisMAllocateMapRegisters" else adapter.map_registers
    if other:
        report("R09", f"{event.function} granted after {other.function}", other, event)


@on.call("NdisMStartBufferPhysicalMapping", "NdisMCompleteBufferPhysicalMapping")
def no_mapping_in_scatter_gather(world: World, event: Event, report: ReportViolation) -> None:
    if world.adapter and world.adapter.scatter_gather:
        report("R09", f"{event.function} in scatter-gather mode", world.adapter.scatter_gather, event)


@on.call("NdisMAllocateMapRegisters")
def map_registers_are_a_choice(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter:
        return
    if adapter.device == DEVICE_BUS_MASTER:
        text = f"{event.c} map registers asked for, where NdisMInitializeScatterGatherDma is preferred"
        report("R10", text, event)
    if adapter.map_registers and event.result == SUCCESS:
        report(
            "R11", f"{event.c} map registers granted on top of {adapter.map_registers.c}", adapter.map_registers, event
        )
    if adapter.attributes is None:
        return
    bus = adapter.attributes.d
    if event.a and bus != BUS_ISA:
        report("R12", f"DMA channel {event.a} asked for on bus type {bus}, which is not ISA", adapter.attributes, event)
    if event.b == DMA_24_BITS and bus == BUS_PCI:
        report("R12", "map registers with 24-bit addresses on PCI", adapter.attributes, event)


@on.call("NdisMRegisterInterrupt")
def card_is_masked(world: World, event: Event, report: ReportViolation) -> None:
    if world.card.interrupts:
        report("R13", "interrupt registered while CONTROL.INTERRUPT is set", world.card.control, event)


@on.call(*FOR_THE_INTERRUPT)
def interrupt_comes_last(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.interrupt and event.phase == Phase.INITIALIZE:
        report("R13", f"{event.function} after NdisMRegisterInterrupt", adapter.interrupt, event)


@on.call("NdisMRegisterInterrupt")
def sharable_line_is_shared(world: World, event: Event, report: ReportViolation) -> None:
    if not event.d & LATCHED and event.d & (REQUEST_ISR | SHARED_INTERRUPT) != REQUEST_ISR | SHARED_INTERRUPT:
        said = f"RequestIsr {event.d & REQUEST_ISR}, SharedInterrupt {(event.d & SHARED_INTERRUPT) >> 1}"
        report("R14", f"level-sensitive interrupt {event.b} registered with {said}", event)


@on.call("NdisMIndicateReceivePacket", "NdisMSendComplete")
def no_traffic_before_success(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.state is AdapterState.INITIALIZING:
        text = f"{event.function} of packet {event.a:#x} before MiniportInitialize returned"
        report("R15", text, adapter.entered, event)


@on.enter(
    *("MiniportReset", "MiniportCheckForHang", "MiniportQueryInformation", "MiniportSetInformation"),
    *("MiniportReturnPacket", "MiniportAllocateComplete"),
)
def no_handler_before_success(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter is None:
        if world.certain:
            report("R15", f"{event.function} called without an adapter", event)
    elif adapter.state in (AdapterState.INITIALIZING, AdapterState.GONE) and adapter.whole:
        report("R15", f"{event.function} called before MiniportInitialize returned success", adapter.entered, event)


@on.call("NdisMSetAttributesEx")
def context_is_memory(world: World, event: Event, report: ReportViolation) -> None:
    block = world.blocks.find(event.a)
    if block is None and world.certain and event.a < IMAGE:
        report("R16", f"adapter context {event.a:#x} is not inside live memory", event)
    elif block and block.family is Family.POOL and block.flags & 1:
        report("R16", f"adapter context {event.a:#x} is in paged pool", block.made, event)


@on.call("NdisFreeMemory", "ExFreePool", "ExFreePoolWithTag")
def context_outlives_its_users(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if not adapter or not adapter.context or adapter.context.start != event.a or adapter.context_freed:
        return
    if adapter.interrupt:
        text = f"adapter context {event.a:#x} freed while the interrupt is registered"
        report("R16", text, adapter.attributes, adapter.interrupt, event)
    elif adapter.state is AdapterState.RUNNING:
        text = f"adapter context {event.a:#x} freed {wording.phase(event.phase)}"
        report("R16", text, adapter.attributes, event)


@on.enter(*(handler for handler in HANDLERS if handler not in ("MiniportInitialize", "MiniportHalt", "DriverUnload")))
def handler_has_a_context(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.context_freed and adapter.state is not AdapterState.GONE:
        text = f"{event.function} entered after its adapter context was freed"
        report("R16", text, adapter.context_freed, event)
