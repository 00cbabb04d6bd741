# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.7: what the NDIS layer owes the miniport."""

from __future__ import annotations

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
from nicrig.verifier.events import Event
from nicrig.verifier.model.mappings import continues
from nicrig.verifier.model.packet_pools import ALLOCATE_PACKET
from nicrig.verifier.model.world import AdapterState, World, where
from nicrig.verifier.registry import Check, Handlers, ReportViolation

on: Handlers[Check] = Handlers()

SMALL_ALIGNMENT = 16

_CLAIM = (RESOURCE_CONFLICT, RESOURCES, FAILURE)
# The statuses that a call may fail with, and the argument that is NULL then.
_FAILURES: dict[str, tuple[tuple[int, ...], str]] = {
    "NdisAllocateMemory": ((FAILURE,), "a"),
    "NdisAllocateMemoryWithTag": ((FAILURE,), "a"),
    "NdisMInitializeScatterGatherDma": ((RESOURCES, NOT_SUPPORTED), ""),
    "NdisMAllocateMapRegisters": ((RESOURCES,), ""),
    "NdisMRegisterDmaChannel": (_CLAIM, "a"),
    "NdisAllocatePacketPool": ((RESOURCES,), ""),
    "NdisAllocatePacketPoolEx": ((RESOURCES,), ""),
    "NdisAllocateBufferPool": ((FAILURE, RESOURCES), ""),
    "NdisAllocateBuffer": ((FAILURE,), "d"),
    "NdisCopyBuffer": ((FAILURE,), "d"),
    "NdisMRegisterIoPortRange": (_CLAIM, ""),
    "NdisMMapIoSpace": (_CLAIM, "c"),
    "NdisMRegisterInterrupt": (_CLAIM, ""),
    **dict.fromkeys(ALLOCATE_PACKET, ((RESOURCES,), "b")),
}


@on.call("NdisAllocateMemory", "NdisAllocateMemoryWithTag", "ExAllocatePool", "ExAllocatePoolWithTag")
def block_is_well_placed(world: World, event: Event, report: ReportViolation) -> None:
    by_address = event.function.startswith("Ex")
    address = event.result if by_address else event.a
    if not address or not event.b or (not by_address and event.result != SUCCESS):
        return
    what = f"{event.function} gave {event.b:#x} bytes at {address:#x}"
    other = world.blocks.overlapping(address, event.b) if world.certain else None
    if other:
        report("R120", f"{what}, over {other}", other.made, event)
    if event.function == "NdisAllocateMemory" and event.c:
        if event.c & CONTIGUOUS and address % PAGE:
            report("R121", f"{what}, contiguous and not page-aligned", event)
    elif event.b >= PAGE:
        if address % PAGE:
            report("R120", f"{what}, not page-aligned", event)
    elif address % SMALL_ALIGNMENT or span(address, event.b) > 1:
        report("R120", f"{what}, not aligned to {SMALL_ALIGNMENT} or across a page", event)


@on.call("NdisMStartBufferPhysicalMapping")
def contiguous_block_is_one_run(world: World, event: Event, report: ReportViolation) -> None:
    buffer = world.buffers.get(event.a)
    block = buffer.block if buffer else None
    if not block or not block.contiguous or not event.result:
        return
    mapping = world.mappings.get(event.b >> 1)
    if mapping and continues(mapping, event):
        last = mapping.elements[-1]
        if last.physical + last.length != event.c:
            text = f"contiguous {block} lies at {last.physical:#x} and then at {event.c:#x}"
            report("R121", text, block.made, last.made, event)
    if block.highest != ANY_ADDRESS and event.c + event.d - 1 > block.highest:
        text = f"contiguous {block} lies at {event.c:#x}, over its bound {block.highest:#x}"
        report("R121", text, block.made, event)


@on.call("NdisMAllocateSharedMemory")
def shared_block_is_well_placed(world: World, event: Event, report: ReportViolation) -> None:
    _shared(world, event, event.result, event.c, event.a, report)


@on.enter("MiniportAllocateComplete")
def arrived_block_is_well_placed(world: World, event: Event, report: ReportViolation) -> None:
    _shared(world, event, event.a, event.b, event.c, report)


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


@on.call(*_FAILURES)
def failure_is_told_as_documented(world: World, event: Event, report: ReportViolation) -> None:
    statuses, pointer = _FAILURES[event.function]
    value = getattr(event, pointer) if pointer else None
    if event.result == SUCCESS:
        if value == 0:
            report("R123", f"{event.function} succeeded with NULL", event)
        return
    if event.result not in statuses:
        allowed = ", ".join(wording.status(status) for status in statuses)
        report("R123", f"{event.function} failed with {wording.status(event.result)}, not {allowed}", event)
    if value:
        report("R123", f"{event.function} failed with {value:#x}, not NULL", event)


@on.call("NdisMAllocateSharedMemory")
def shared_failure_is_null(world: World, event: Event, report: ReportViolation) -> None:
    if not event.result and event.c:
        report("R123", f"NdisMAllocateSharedMemory failed with device address {event.c:#x}, not 0", event)


@on.call("NdisMAllocateSharedMemoryAsync")
def request_is_answered_as_documented(world: World, event: Event, report: ReportViolation) -> None:
    if event.result not in (PENDING, FAILURE):
        text = f"NdisMAllocateSharedMemoryAsync returned {wording.status(event.result)}, not PENDING or FAILURE"
        report("R123", text, event)


@on.call(*ALLOCATE_PACKET)
def new_packet_is_free(world: World, event: Event, report: ReportViolation) -> None:
    packet = world.packets.get(event.b)
    if packet and event.result == SUCCESS and world.certain:
        report("R124", f"{event.function} gave packet {event.b:#x}, which is out", packet.made, event)


@on.enter("MiniportReturnPacket")
def returned_packet_was_above(world: World, event: Event, report: ReportViolation) -> None:
    packet = world.packets.get(event.a)
    if packet is None:
        if world.certain and world.frames:
            report("R124", f"MiniportReturnPacket of {event.a:#x}, which is no packet of the miniport", event)
    elif not packet.indicated:
        text = f"MiniportReturnPacket of {event.a:#x}, which the protocol does not have"
        report("R124", text, packet.made, event)


@on.leave("NdisMIndicateReceivePacket")
def copied_packets_are_not_kept(world: World, event: Event, report: ReportViolation) -> None:
    if not event.b:
        return
    array = world.indicating.get(where(event), [])
    for place, (packet, indicated) in enumerate(array[event.a : event.a + 64]):
        if event.b >> place & 1 and indicated.d == RESOURCES:
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


@on.enter("MiniportHandleInterrupt", "MiniportSendPackets")
def handler_is_called_in_turn(world: World, event: Event, report: ReportViolation) -> None:
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
