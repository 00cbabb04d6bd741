# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.7: what the NDIS layer owes the miniport."""

from __future__ import annotations

from typing import Any

from nicrig.verifier.checks import wording
from nicrig.verifier.constants import (
    ANY_ADDRESS,
    CONTIGUOUS,
    FAILURE,
    NOT_SUPPORTED,
    PAGE,
    PENDING,
    RESOURCE_CONFLICT,
    RESOURCES,
    SUCCESS,
    span,
)
from nicrig.verifier.events import Call, Event
from nicrig.verifier.groups import (
    AllocateMemory,
    AllocatePacket,
    AllocatePacketPool,
    ExAllocate,
    MakeBuffer,
    field_of,
    records_of,
)
from nicrig.verifier.model.mappings import continues
from nicrig.verifier.model.world import AdapterState, World, where
from nicrig.verifier.records import (
    LeaveNdisMIndicateReceivePacket,
    MiniportAllocateComplete,
    MiniportHandleInterrupt,
    MiniportReturnPacket,
    MiniportSendPackets,
    NdisAllocateBufferPool,
    NdisAllocateMemory,
    NdisMAllocateMapRegisters,
    NdisMAllocateSharedMemory,
    NdisMAllocateSharedMemoryAsync,
    NdisMInitializeScatterGatherDma,
    NdisMMapIoSpace,
    NdisMRegisterDmaChannel,
    NdisMRegisterInterrupt,
    NdisMRegisterIoPortRange,
    NdisMStartBufferPhysicalMapping,
)
from nicrig.verifier.registry import Check, Handlers, ReportViolation

on: Handlers[Check] = Handlers()

SMALL_ALIGNMENT = 16

_CLAIM = (RESOURCE_CONFLICT, RESOURCES, FAILURE)
# The statuses that a call may fail with, and the field that is NULL then.
_FAILURES: tuple[tuple[Any, tuple[int, ...], str], ...] = (
    (AllocateMemory, (FAILURE,), "address"),
    (NdisMInitializeScatterGatherDma, (RESOURCES, NOT_SUPPORTED), ""),
    (NdisMAllocateMapRegisters | AllocatePacketPool, (RESOURCES,), ""),
    (NdisMRegisterDmaChannel, _CLAIM, "handle"),
    (NdisAllocateBufferPool, (FAILURE, RESOURCES), ""),
    (MakeBuffer, (FAILURE,), "buffer"),
    (NdisMRegisterIoPortRange | NdisMRegisterInterrupt, _CLAIM, ""),
    (NdisMMapIoSpace, _CLAIM, "address"),
    (AllocatePacket, (RESOURCES,), "packet"),
)
_DOCUMENTED = {
    record: (statuses, field_of(record, field) if field else None)
    for records, statuses, field in _FAILURES
    for record in records_of(records)
}


@on
def block_is_well_placed(world: World, event: AllocateMemory | ExAllocate, report: ReportViolation) -> None:
    address = event.result if isinstance(event, ExAllocate) else event.address
    failed = not isinstance(event, ExAllocate) and event.result != SUCCESS
    if not address or not event.length or failed:
        return
    what = f"{event.function} gave {event.length:#x} bytes at {address:#x}"
    other = world.blocks.overlapping(address, event.length) if world.certain else None
    if other:
        report("R120", f"{what}, over {other}", other.made, event)
    if isinstance(event, NdisAllocateMemory) and event.flags:
        if event.flags & CONTIGUOUS and address % PAGE:
            report("R121", f"{what}, contiguous and not page-aligned", event)
    elif event.length >= PAGE:
        if address % PAGE:
            report("R120", f"{what}, not page-aligned", event)
    elif address % SMALL_ALIGNMENT or span(address, event.length) > 1:
        report("R120", f"{what}, not aligned to {SMALL_ALIGNMENT} or across a page", event)


@on
def contiguous_block_is_one_run(world: World, event: NdisMStartBufferPhysicalMapping, report: ReportViolation) -> None:
    buffer = world.buffers.get(event.buffer)
    block = buffer.block if buffer else None
    if not block or not block.contiguous or not event.result:
        return
    mapping = world.mappings.get(event.index)
    if mapping and continues(mapping, event):
        last = mapping.elements[-1]
        if last.physical + last.length != event.physical:
            text = f"contiguous {block} lies at {last.physical:#x} and then at {event.physical:#x}"
            report("R121", text, block.made, last.made, event)
    if block.highest != ANY_ADDRESS and event.physical + event.length - 1 > block.highest:
        text = f"contiguous {block} lies at {event.physical:#x}, over its bound {block.highest:#x}"
        report("R121", text, block.made, event)


@on
def shared_block_is_well_placed(world: World, event: NdisMAllocateSharedMemory, report: ReportViolation) -> None:
    _shared(world, event, event.result, event.physical, event.length, report)


@on
def arrived_block_is_well_placed(world: World, event: MiniportAllocateComplete, report: ReportViolation) -> None:
    _shared(world, event, event.address, event.physical, event.length, report)


def _shared(world: World, event: Event, address: int, physical: int, length: int, report: ReportViolation) -> None:
    if not address or not length:
        return
    adapter, what = world.adapter, f"shared memory of {length:#x} bytes at {address:#x}, device address {physical:#x}"
    if address % PAGE or physical % PAGE:
        report("R122", f"{what}: not page-aligned", event)
    if adapter and (physical + length - 1) >> adapter.width:
        gate = adapter.scatter_gather or adapter.map_registers
        report("R122", f"{what}: beyond {adapter.width} bits", gate, event)
    other = world.granted.overlapping(physical, length) or world.blocks.overlapping(address, length)
    if other and world.certain:
        report("R122", f"{what}: over {other}", other.made, event)


@on.among(_DOCUMENTED)
def failure_is_returned_as_documented(world: World, event: Call, report: ReportViolation) -> None:
    statuses, pointer = _DOCUMENTED[type(event)]
    value = pointer(event) if pointer else None
    if event.result == SUCCESS:
        if value == 0:
            report("R123", f"{event.function} succeeded with NULL", event)
        return
    if event.result not in statuses:
        allowed = ", ".join(wording.status(status) for status in statuses)
        report("R123", f"{event.function} failed with {wording.status(event.result)}, not {allowed}", event)
    if value:
        report("R123", f"{event.function} failed with {value:#x}, not NULL", event)


@on
def shared_failure_is_null(world: World, event: NdisMAllocateSharedMemory, report: ReportViolation) -> None:
    if not event.result and event.physical:
        report("R123", f"NdisMAllocateSharedMemory failed with device address {event.physical:#x}, not 0", event)


@on
def request_is_answered_as_documented(
    world: World, event: NdisMAllocateSharedMemoryAsync, report: ReportViolation
) -> None:
    if event.result not in (PENDING, FAILURE):
        text = f"NdisMAllocateSharedMemoryAsync returned {wording.status(event.result)}, not PENDING or FAILURE"
        report("R123", text, event)


@on
def new_packet_is_free(world: World, event: AllocatePacket, report: ReportViolation) -> None:
    packet = world.packets.get(event.packet)
    if packet and event.result == SUCCESS and world.certain:
        report("R124", f"{event.function} gave packet {event.packet:#x}, which is still allocated", packet.made, event)


@on
def returned_packet_was_above(world: World, event: MiniportReturnPacket, report: ReportViolation) -> None:
    packet = world.packets.get(event.packet)
    if packet is None:
        if world.certain and world.frames:
            report("R124", f"MiniportReturnPacket of {event.packet:#x}, which is not a packet of the miniport", event)
    elif not packet.indicated:
        text = f"MiniportReturnPacket of {event.packet:#x}, which the protocol does not have"
        report("R124", text, packet.made, event)


@on
def copied_packets_are_not_kept(world: World, event: LeaveNdisMIndicateReceivePacket, report: ReportViolation) -> None:
    if not event.pending:
        return
    array = world.indicating.get(where(event), [])
    for bit, (packet, indicated) in enumerate(array[event.first : event.first + 64]):
        if event.pending >> bit & 1 and indicated.status == RESOURCES:
            text = f"packet {packet.address:#x} is PENDING although it was indicated with RESOURCES"
            report("R124", text, indicated, event)


def stream_ends(world: World, report: ReportViolation) -> None:
    """R125, when the guest has stopped."""
    adapter = world.adapter
    if not adapter or adapter.state is not AdapterState.INITIALIZING:
        return
    failure = next(iter(world.failed.values()), None)
    if failure:
        text = f"MiniportInitialize never returned after {failure.function} failed"
        report("R125", text, adapter.entered, failure)


@on
def handler_is_called_in_turn(
    world: World, event: MiniportHandleInterrupt | MiniportSendPackets, report: ReportViolation
) -> None:
    adapter = world.adapter
    if adapter is None:
        if world.certain:
            report("R126", f"{event.function} called without an adapter", event)
    elif adapter.state not in (AdapterState.RUNNING, AdapterState.UNKNOWN):
        during = {
            AdapterState.INITIALIZING: "while MiniportInitialize runs",
            AdapterState.HALTING: "while MiniportHalt runs",
        }
        text = f"{event.function} called {during.get(adapter.state, 'without an adapter')}"
        report("R126", text, adapter.halt or adapter.entered, event)
