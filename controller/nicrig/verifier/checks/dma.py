# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.6: what the card may touch, and what must have been flushed by then."""

from __future__ import annotations

from nicrig.verifier.checks.matching import poisoned, stays_in_its_block
from nicrig.verifier.checks.packets import (
    card_gets_what_is_free,
    card_leaves_buffer_above_alone,
    covers,
    length_is_restored_for_the_card,
    list_is_dead_after_completion,
    sends_keep_their_order,
)
from nicrig.verifier.checks.teardown import access_after_free, null_of_failure, ring_in
from nicrig.verifier.constants import (
    CRC,
    DESCRIPTOR_BYTES,
    DESCRIPTOR_CHANGED,
    DEVICE_SUBORDINATE,
    FINDING,
    FOR_TRANSMIT,
    GUARD_CHANGED,
    INCOMPLETE,
    LINE,
    REFUSED_ADDRESS,
    STATUS_ERROR,
    SUCCESS,
)
from nicrig.verifier.model.blocks import described
from nicrig.verifier.model.mappings import continues
from nicrig.verifier.model.things import Block, Buffer, Channel, ChannelTransfer, Element, Mapping, Send
from nicrig.verifier.model.world import World
from nicrig.verifier.records import (
    CardDoorbell,
    CardEnable,
    CardHandOver,
    CardLedger,
    CardRead,
    CardRefusal,
    CardTaken,
    CardWrite,
    LeaveMiniportHalt,
    MiniportSendPackets,
    NdisMCompleteBufferPhysicalMapping,
    NdisMCompleteDmaTransfer,
    NdisMFreeMapRegisters,
    NdisMIndicateReceivePacket,
    NdisMMapIoSpace,
    NdisMReadDmaCounter,
    NdisMSendComplete,
    NdisMSetupDmaTransfer,
    NdisMStartBufferPhysicalMapping,
    NdisMUnmapIoSpace,
    NdisMUpdateSharedMemory,
    NdisRawReadPort,
    NdisRawWritePort,
    ScatterGatherElement,
)
from nicrig.verifier.registry import Check, Handlers, ReportViolation

on: Handlers[Check] = Handlers()


@on
def ring_is_granted(world: World, event: CardEnable, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter is None or adapter.device == DEVICE_SUBORDINATE:
        return
    block, length = world.granted.find(event.base), event.size * DESCRIPTOR_BYTES
    ring = f"{'transmit' if event.transmit else 'receive'} ring of {length:#x} bytes at {event.base:#x}"
    if block is None:
        if world.certain:
            report("R90", f"{ring}, where there is no shared block", event)
    elif event.base + length > block.physical + block.length:
        report("R90", f"{ring}, beyond {block}", block.made, event)


@on
def addresses_are_granted(world: World, event: CardRefusal, report: ReportViolation) -> None:
    if event.code == REFUSED_ADDRESS:
        name = "transmit" if event.transmit else "receive"
        report("R90", f"the card refused the address of {name} descriptor {event.index}", event)


@on
def guard_bytes_are_left_alone(world: World, event: CardLedger, report: ReportViolation) -> None:
    if event.finding == GUARD_CHANGED:
        block = world.granted.find(event.address)
        what = f"the {event.length:#x} bytes at {event.address:#x}" if block is None else str(block)
        report("R108", f"guard bytes behind {what} were changed", block.made if block else None, event)


@on
def handed_over_memory_is_left_alone(world: World, event: CardHandOver, report: ReportViolation) -> None:
    way = "transmit" if event.finding & FOR_TRANSMIT else "receive"
    finding, where = event.finding & FINDING, f" at {event.address:#x}" if event.address else ""
    if finding == INCOMPLETE:
        text = f"{way} descriptor {event.index}{where} was not written when a doorbell covered it"
        report("R103", text, world.rung, event)
        return
    if finding == DESCRIPTOR_CHANGED:
        report("R97", f"{way} descriptor {event.index}{where} changed while the card owned it", event)
        return
    element = world.elements.find(event.address, event.length)
    send = element.owner if element is not None and isinstance(element.owner, Send) else None
    packet = f" of packet {send.packet:#x}" if send is not None else ""
    text = f"the {event.length:#x} bytes{where}{packet}, {way} index {event.index}, changed while the card owned them"
    report("R97", text, send.made if send is not None else None, event)


@on
def card_reads_what_is_granted(world: World, event: CardRead, report: ReportViolation) -> None:
    if event.status & STATUS_ERROR or not world.frames or _is_subordinate(world):
        return  # a refused descriptor was not read; at detail ALLOCATIONS the sends are unknown
    element = world.elements.find(event.address, event.length)
    if element is not None:
        _read_of_an_element(world, element, event, report)
        return
    block = world.granted.find(event.address)
    if block is not None:
        stays_in_its_block(world, block, event, report)
        _staging_was_flushed(block, event, report)
    elif not _read_too_late(world, event, report):
        _ungranted(world, event, report)


def _read_of_an_element(world: World, element: Element, event: CardRead, report: ReportViolation) -> None:
    owner = element.owner
    send = owner if isinstance(owner, Send) else world.unflushed.get(owner.buffer)
    if send is None:
        return
    sends_keep_their_order(world, send, event, report)
    if not send.flushed:
        text = f"the card reads packet {send.packet:#x}, whose buffer {send.buffer:#x} was not flushed"
        report("R96", text, send.made, event)
    rung = world.rung if world.rung and send.flushed > world.rung.sequence else send.rung
    if send.flushed and rung and covers(rung.value, event.index):
        text = f"buffer {send.buffer:#x} of packet {send.packet:#x} was flushed after the doorbell"
        report("R96", text, send.made, rung, event)


def _staging_was_flushed(block: Block, event: CardRead, report: ReportViolation) -> None:
    if block.cached and not block.flushed:
        report("R96", f"the card reads {block}, cached, which was never flushed", block.made, event)


def _read_too_late(world: World, event: CardRead, report: ReportViolation) -> bool:
    """Whether the memory was granted until its packet or mapping was completed."""
    ended = world.ended_elements.get(event.address)
    if ended is None:
        return False
    element, completed = ended
    if isinstance(element.owner, Mapping):
        text = f"the card reads {event.address:#x} after map register {element.owner.index} was completed"
        report("R93", text, element.made, completed, event)
    else:
        list_is_dead_after_completion(element, element.owner, completed, event, report)
    return True


def _ungranted(world: World, event: CardRead | CardWrite, report: ReportViolation) -> None:
    if access_after_free(world, event, report) or not world.certain or world.adapter is None:
        return
    text = f"{event.function} of {event.length:#x} bytes at {event.address:#x}, which was never granted"
    report("R91", text, event)
    if poisoned(event.address):
        report("R50", f"the card is given {event.address:#x}, the contents of fresh memory", event)


@on
def card_takes_what_is_posted(world: World, event: CardTaken, report: ReportViolation) -> None:
    block = world.granted.find(event.address)
    buffer = described(block, block.start + event.address - block.physical) if block is not None else None
    if buffer is not None:
        card_gets_what_is_free(world, buffer, event, report)


@on
def card_writes_what_is_granted(world: World, event: CardWrite, report: ReportViolation) -> None:
    if event.status & STATUS_ERROR or _is_subordinate(world):
        return
    block = world.granted.find(event.address)
    if block is None:
        element = world.elements.find(event.address, event.length)
        if element is not None:
            report("R91", f"the card writes {event.address:#x}, which was granted for reading", element.made, event)
        else:
            _ungranted(world, event, report)
        return
    stays_in_its_block(world, block, event, report)
    buffer = described(block, block.start + event.address - block.physical)
    if buffer is not None:
        length_is_restored_for_the_card(buffer, event, report)
        card_leaves_buffer_above_alone(world, buffer, event, report)
    if block.cached:
        _lines_are_kept_apart(world, block, buffer, event, report)


def _lines_are_kept_apart(
    world: World, block: Block, buffer: Buffer | None, event: CardWrite, report: ReportViolation
) -> None:
    line = (world.adapter and world.adapter.alignment) or LINE
    size = buffer.original if buffer else block.length
    first = buffer.written is None if buffer else block.last_frame is None
    if first and (event.address % line or size % line):
        text = (
            f"the card writes to {event.address:#x} into {size:#x} bytes of cached memory, not multiples of {line:#x}"
        )
        report("R99", text, buffer.made if buffer else block.made, event)
    if block.last_frame is not None and block.last_frame[1].address != event.address:
        end, before = block.last_frame
        if event.address >= end and event.address // line == (end - 1) // line:
            report("R100", f"frames at {before.address:#x} and {event.address:#x} share a cached line", before, event)
    elif first and world.card.rings:
        ring = ring_in(world, block)
        if ring:
            text = f"the card writes a frame into {block}, cached, where it keeps the status of a ring"
            report("R100", text, block.made, ring.made, event)


@on
def mapping_starts_well(world: World, event: NdisMStartBufferPhysicalMapping, report: ReportViolation) -> None:
    index, registers = event.index, world.adapter.map_registers if world.adapter else None
    mapping = world.mappings.get(index)
    what = f"NdisMStartBufferPhysicalMapping of buffer {event.buffer:#x} in register {index}"
    mapped = 0
    if mapping is not None and continues(mapping, event):
        mapped = sum(each.length for each in mapping.elements)
    else:
        _new_mapping_is_good(world, event, what, report)
    if registers and mapped <= registers.maximum < mapped + event.length:
        text = f"{what}: {mapped + event.length:#x} bytes, where {registers.maximum:#x} were declared"
        report("R92", text, registers, event)


def _new_mapping_is_good(
    world: World, event: NdisMStartBufferPhysicalMapping, what: str, report: ReportViolation
) -> None:
    """R92 for the first unit of a Start."""
    index, registers = event.index, world.adapter.map_registers if world.adapter else None
    mapping = world.mappings.get(index)
    if mapping is not None:
        report("R92", f"{what}, which holds buffer {mapping.buffer:#x}", mapping.made, event)
    if not event.write:
        report("R92", f"{what} for receiving", event)
    if event.length == 0:
        report("R92", f"{what}: no bytes", event)
    if registers is None:
        if world.whole:
            report("R92", f"{what} without map registers", event)
    elif index >= registers.base:
        report("R92", f"{what} of {registers.base}", registers, event)


@on
def mapping_ends_well(world: World, event: NdisMCompleteBufferPhysicalMapping, report: ReportViolation) -> None:
    mapping = world.mappings.get(event.index)
    what = f"NdisMCompleteBufferPhysicalMapping of buffer {event.buffer:#x} in register {event.index}"
    if mapping is None:
        if world.certain:
            report("R93", f"{what}, which is not in use", event)
    elif mapping.buffer != event.buffer:
        report("R93", f"{what}, which holds buffer {mapping.buffer:#x}", mapping.made, event)


@on
def sent_bytes_stay_the_same(world: World, event: NdisMSendComplete, report: ReportViolation) -> None:
    send = world.sends.get(event.packet)
    if send is None or not send.made.result or not event.result:
        return
    before, after = send.made.result & CRC, event.result & CRC
    if before != after:
        text = f"packet {event.packet:#x} had CRC32C {before:08x} when it was sent, and {after:08x} at its completion"
        report("R97", text, send.made, event)


@on
def freed_map_registers_are_free(world: World, event: NdisMFreeMapRegisters, report: ReportViolation) -> None:
    for mapping in world.mappings.values():
        text = f"NdisMFreeMapRegisters with buffer {mapping.buffer:#x} in register {mapping.index}"
        report("R94", text, mapping.made, event)


@on
def halt_leaves_no_mapping(world: World, event: LeaveMiniportHalt, report: ReportViolation) -> None:
    for mapping in world.mappings.values():
        text = f"MiniportHalt returned with buffer {mapping.buffer:#x} in map register {mapping.index}"
        report("R94", text, mapping.made, event)


@on
def mapping_ends_before_the_send(world: World, event: NdisMSendComplete, report: ReportViolation) -> None:
    if not world.mappings:
        return
    send = world.sends.get(event.packet)
    for mapping in world.mappings.values():
        if send and mapping.buffer == send.buffer:
            text = f"packet {event.packet:#x} completed with its buffer in map register {mapping.index}"
            report("R95", text, mapping.made, event)


@on
def received_data_is_flushed(world: World, event: NdisMIndicateReceivePacket, report: ReportViolation) -> None:
    packet = world.packets.get(event.packet)
    if packet is None:
        return
    for address in packet.chain:
        buffer = world.buffers.get(address)
        if buffer is None or buffer.written is None or buffer.flushed:
            continue
        if buffer.block is not None and buffer.block.cached:
            missing = "NdisFlushBuffer(FALSE) or NdisMUpdateSharedMemory"
            text = f"packet {event.packet:#x} indicated without {missing} of {buffer}, which the card wrote"
            report("R98", text, buffer.written, event)


@on
def cached_ring_is_flushed(world: World, event: CardDoorbell, report: ReportViolation) -> None:
    ring = world.card.rings.get(bool(event.transmit))
    block = world.granted.find(ring.base) if ring else None
    if ring and block and block.cached and not block.handed_over and world.frames:
        report(
            "R101", f"doorbell {event.tail} for a ring in {block}, cached, not flushed since the last", ring.made, event
        )


@on
def updated_range_is_in_a_block(world: World, event: NdisMUpdateSharedMemory, report: ReportViolation) -> None:
    block = world.blocks.find(event.address)
    if block is None or block.physical == 0:
        known = world.freed_blocks.get(event.address) or null_of_failure(world, event, event.address)
        if world.certain and not known:
            report("R102", f"NdisMUpdateSharedMemory of {event.address:#x}, where there is no shared block", event)
    elif event.address + event.length > block.end:
        report("R102", f"NdisMUpdateSharedMemory of {event.length:#x} bytes goes beyond {block}", block.made, event)
    elif event.physical - block.physical != event.address - block.start:
        text = f"NdisMUpdateSharedMemory of {event.address:#x} with device address {event.physical:#x}, not of {block}"
        report("R102", text, block.made, event)


@on
def send_fits_its_limit(world: World, event: MiniportSendPackets, report: ReportViolation) -> None:
    gate = world.adapter.scatter_gather if world.adapter else None
    if gate and event.length > gate.maximum:
        report(
            "R104",
            f"packet {event.packet:#x} has {event.length:#x} bytes, MaximumPhysicalMapping is {gate.maximum:#x}",
            gate,
            event,
        )


@on
def transfer_fits_its_limit(world: World, event: NdisMSetupDmaTransfer, report: ReportViolation) -> None:
    channel, length = world.channels.get(event.handle), event.length
    if channel and length > channel.maximum:
        text = f"transfer of {length:#x} bytes on a channel of at most {channel.maximum:#x}"
        report("R104", text, channel.made, event)


@on
def address_can_be_reached(
    world: World, event: ScatterGatherElement | NdisMStartBufferPhysicalMapping, report: ReportViolation
) -> None:
    adapter = world.adapter
    if adapter and (event.physical + event.length - 1 if event.length else event.physical) >> adapter.width:
        gate = adapter.scatter_gather or adapter.map_registers
        report("R105", f"{event.function} gives {event.physical:#x}, beyond {adapter.width} bits", gate, event)


def _is_subordinate(world: World) -> bool:
    return world.adapter is not None and world.adapter.device == DEVICE_SUBORDINATE


@on
def transfer_is_set_up_well(world: World, event: NdisMSetupDmaTransfer, report: ReportViolation) -> None:
    channel, buffer = world.channels.get(event.handle), world.buffers.get(event.buffer)
    offset, length = event.offset, event.length
    if channel and channel.transfer and channel.transfer.active:
        report("R106", f"NdisMSetupDmaTransfer on busy channel {event.handle:#x}", channel.transfer.setup, event)
    if buffer and offset + length > buffer.length:
        text = f"transfer of {length:#x} bytes from {offset:#x} in {buffer}, which has {buffer.length:#x}"
        report("R106", text, buffer.made, event)


@on
def transfer_is_started_well(world: World, event: CardEnable, report: ReportViolation) -> None:
    """R106 on a subordinate card, when it begins to move data."""
    if not _is_subordinate(world) or not world.frames or not world.certain:
        return
    for channel in world.channels.values():
        if channel.transfer and channel.transfer.active and channel.transfer.write == bool(event.transmit):
            return
    failed = next((channel.failed for channel in world.channels.values() if channel.failed), None)
    way = "to the card" if event.transmit else "from the card"
    report("R106", f"the card moves data {way} without an NdisMSetupDmaTransfer that succeeded", failed, event)


@on
def transfer_ends_well(world: World, event: NdisMCompleteDmaTransfer, report: ReportViolation) -> None:
    channel = world.channels.get(event.handle)
    if channel is None or not world.certain:
        return
    transfer = channel.transfer
    if transfer is None or not transfer.active:
        report("R107", f"NdisMCompleteDmaTransfer on idle channel {event.handle:#x}", channel.made, event)
        return
    setup = transfer.setup
    if (event.buffer, event.range, bool(event.write)) != (setup.buffer, setup.range, bool(setup.write)):
        text = f"NdisMCompleteDmaTransfer of buffer {event.buffer:#x}, range {event.range:#x}, write {event.write}"
        report("R107", f"{text}; set up with {setup.buffer:#x}, {setup.range:#x}, {setup.write}", setup, event)


def _touches(world: World, transfer: ChannelTransfer, packet_buffers: list[int]) -> bool:
    """Whether a packet's buffers describe memory of the transfer."""
    moved = world.buffers.get(transfer.buffer)
    if moved is None:
        return transfer.buffer in packet_buffers
    first = moved.start + transfer.offset
    own = [world.buffers[address] for address in packet_buffers if address in world.buffers]
    return any(each.start < first + transfer.length and first < each.start + each.length for each in own)


def _unfinished(channel: Channel) -> ChannelTransfer | None:
    """The channel's transfer, if its data may not be used yet."""
    return channel.transfer if channel.transfer and not channel.transfer.good else None


@on
def received_transfer_is_complete(world: World, event: NdisMIndicateReceivePacket, report: ReportViolation) -> None:
    if not world.channels:
        return
    packet = world.packets.get(event.packet)
    for channel in world.channels.values():
        transfer = _unfinished(channel)
        if packet and transfer and not transfer.write and _touches(world, transfer, packet.chain):
            text = f"packet {event.packet:#x} indicated over memory whose transfer was not completed with SUCCESS"
            report("R107", text, transfer.setup, transfer.completed, event)


@on
def sent_transfer_is_complete(world: World, event: NdisMSendComplete, report: ReportViolation) -> None:
    if not world.channels or event.status != SUCCESS:
        return
    send = world.sends.get(event.packet)
    for channel in world.channels.values():
        transfer = channel.transfer
        if send and transfer and transfer.active and transfer.write and _carries(world, transfer, send):
            text = f"packet {event.packet:#x} reported as sent while its transfer is not completed"
            report("R107", text, transfer.setup, event)


def _carries(world: World, transfer: ChannelTransfer, send: Send) -> bool:
    """Whether the transfer carries this send: from its buffer, or from staging memory, set up right after the send."""
    if transfer.buffer == send.buffer:
        return True
    before = [each for each in world.sends.values() if each.made.sequence < transfer.setup.sequence]
    return bool(before) and before[-1] is send


@on
def port_is_registered(world: World, event: NdisRawReadPort | NdisRawWritePort, report: ReportViolation) -> None:
    if world.ports.find(event.port) is None and world.certain and world.whole:
        report(
            "R109", f"{event.function} of port {event.port:#x}, which is not registered", *list(world.ports)[:1], event
        )


@on
def mapped_memory_is_not_ram(world: World, event: NdisMMapIoSpace, report: ReportViolation) -> None:
    block = world.granted.overlapping(event.physical, event.length)
    if block:
        report("R110", f"NdisMMapIoSpace of {event.physical:#x}, which is RAM: {block}", block.made, event)


@on
def unmapped_length_is_the_mapped_one(world: World, event: NdisMUnmapIoSpace, report: ReportViolation) -> None:
    claim = world.io_space.get(event.address)
    if claim and claim.length != event.length:
        text = f"NdisMUnmapIoSpace of {event.address:#x} with length {event.length:#x}, mapped with {claim.length:#x}"
        report("R110", text, claim, event)


@on
def counter_has_a_channel(world: World, event: NdisMReadDmaCounter, report: ReportViolation) -> None:
    if event.handle not in world.channels and world.certain:
        report("R111", f"NdisMReadDmaCounter of {event.handle:#x}, which is not a registered channel", event)
