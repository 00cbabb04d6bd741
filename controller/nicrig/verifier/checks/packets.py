# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.5: packets, buffers, and whose they are."""

from __future__ import annotations

from nicrig.verifier.checks.teardown import null_of_failure
from nicrig.verifier.constants import (
    HALF_OF_INDICES,
    IMAGE,
    NOT_ASKED,
    PAGED,
    POINTERS_4,
    RESOURCES,
    SAFE_BUFFER_APIS,
    SUCCESS,
)
from nicrig.verifier.events import Event
from nicrig.verifier.functions import PacketPart
from nicrig.verifier.groups import AllocatePacket, Chain, FreePacket, MakeBuffer, Unchain
from nicrig.verifier.model.things import Buffer, Element, Family, Packet, Pool, Send
from nicrig.verifier.model.world import World, where
from nicrig.verifier.records import (
    CardRead,
    CardTaken,
    CardWrite,
    LeaveMiniportHalt,
    LeaveMiniportInitialize,
    LeaveNdisMSendComplete,
    MiniportReturnPacket,
    MiniportSendPackets,
    NdisAdjustBufferLength,
    NdisAllocateBuffer,
    NdisFlushBuffer,
    NdisFreeBuffer,
    NdisFreeBufferPool,
    NdisFreePacketPool,
    NdisMIndicateReceivePacket,
    NdisMSendComplete,
    NdisQueryBuffer,
    NdisQueryPacket,
    NdisReinitializePacket,
    NdisWriteRegister,
)
from nicrig.verifier.registry import Check, Handlers, ReportViolation

on: Handlers[Check] = Handlers()

PARTS: dict[int, str] = {
    PacketPart.DESCRIPTOR: "descriptor",
    PacketPart.BUFFERS: "chain of buffers",
    PacketPart.PROTOCOL: "ProtocolReserved",
    PacketPart.OOB: "out-of-band data",
    PacketPart.MEDIA: "media-specific information",
    PacketPart.EXTENSION: "per-packet information",
}
"""The words for what changed. A guest may record any number."""


@on
def buffer_describes_a_block(world: World, event: NdisAllocateBuffer, report: ReportViolation) -> None:
    block = world.blocks.find(event.address) or world.leaked.find(event.address)
    what = f"NdisAllocateBuffer over {event.address:#x}, {event.length:#x} bytes"
    if event.length == 0:
        report("R70", f"{what}: length 0", event)
    elif block is None:
        if world.certain and event.address < IMAGE and not null_of_failure(world, event, event.address):
            report("R70", f"{what}: no live block is there", event)
    elif event.address + event.length > block.end:
        report("R70", f"{what}: beyond {block}", block.made, event)
    elif block.family is Family.POOL and block.flags & PAGED:
        report("R70", f"{what}: paged pool", block.made, event)


@on
def pool_gives_what_it_has(world: World, event: AllocatePacket | MakeBuffer, report: ReportViolation) -> None:
    pool = (world.packet_pools if isinstance(event, AllocatePacket) else world.buffer_pools).get(event.pool)
    if pool and event.result == SUCCESS and pool.used >= pool.limit:
        text = f"{event.function} gives descriptor {pool.used + 1} of a pool of {pool.limit}"
        report("R71", text, pool.made, event)


def _report_orphans(world: World, pool: Pool | None, event: Event, report: ReportViolation) -> None:
    """R72 and R74, when it is certain that the miniport had not saved the chain."""
    for buffer in world.buffers.values():
        if buffer.orphan and (pool is None or buffer.pool is pool):
            rule = "R74" if buffer.orphan.function == "NdisReinitializePacket" else "R72"
            text = f"{buffer.orphan.function} of packet {buffer.orphan.packet:#x} leaked {buffer}"
            report(rule, text, buffer.made, buffer.orphan, event)


@on
def freed_chains_were_saved(world: World, event: NdisFreeBufferPool, report: ReportViolation) -> None:
    pool = world.buffer_pools.get(event.pool)
    if pool and pool.used:
        _report_orphans(world, pool, event, report)


@on
def dropped_chains_were_saved(world: World, event: LeaveMiniportHalt, report: ReportViolation) -> None:
    _report_orphans(world, None, event, report)


@on
def chains_of_a_failed_initialize_were_saved(
    world: World, event: LeaveMiniportInitialize, report: ReportViolation
) -> None:
    if event.result != SUCCESS:
        _report_orphans(world, None, event, report)


@on
def freed_packet_pool_is_whole(world: World, event: NdisFreePacketPool, report: ReportViolation) -> None:
    pool = world.packet_pools.get(event.pool)
    if pool and pool.used > 0:
        out = next((packet.made for packet in world.packets.values() if packet.pool is pool), None)
        report("R73", f"packet pool {event.pool:#x} freed with {pool.used} packets out", pool.made, out, event)


@on
def freed_buffer_pool_is_whole(world: World, event: NdisFreeBufferPool, report: ReportViolation) -> None:
    pool = world.buffer_pools.get(event.pool)
    if pool and pool.used > 0:
        out = next((buffer.made for buffer in world.buffers.values() if buffer.pool is pool), None)
        report("R73", f"buffer pool {event.pool:#x} freed with {pool.used} buffers out", pool.made, out, event)


@on
def descriptor_is_whole(
    world: World, event: FreePacket | NdisReinitializePacket | NdisMIndicateReceivePacket, report: ReportViolation
) -> None:
    if event.buffer if isinstance(event, NdisMIndicateReceivePacket) else event.head:
        return
    packet = world.packets.get(event.packet)
    if packet and packet.chain:
        text = f"packet {event.packet:#x} has no buffer at {event.function}, though {packet.chain[0]:#x} is chained"
        report("R75", text, packet.chained, event)


@on
def length_is_the_allocators(world: World, event: NdisAdjustBufferLength, report: ReportViolation) -> None:
    buffer = world.buffers.get(event.buffer)
    if buffer is not None:
        if event.length > buffer.original:
            report("R76", f"{buffer} adjusted to {event.length:#x} bytes", buffer.made, event)
    elif (
        world.certain and not world.freed_buffers.get(event.buffer) and not null_of_failure(world, event, event.buffer)
    ):
        report("R76", f"NdisAdjustBufferLength of {event.buffer:#x}, which is not the miniport's", event)


@on
def length_is_restored_before_the_free(world: World, event: NdisFreeBuffer, report: ReportViolation) -> None:
    buffer = world.buffers.get(event.buffer)
    if buffer and event.length != buffer.original:
        report("R76", f"{buffer} freed with a length of {event.length:#x}", buffer.made, buffer.adjusted, event)


def length_is_restored_for_the_card(buffer: Buffer, event: CardWrite, report: ReportViolation) -> None:
    """R76 when the card writes into a buffer again."""
    if buffer.length != buffer.original:
        text = f"the card writes into {buffer}, whose length is still {buffer.length:#x}"
        report("R76", text, buffer.made, buffer.adjusted, event)


def _chained_length(world: World, packet: Packet) -> int | None:
    """The sum of the packet's buffers, if all of them are known."""
    buffers = world.buffers
    if len(packet.chain) == 1:
        only = buffers.get(packet.chain[0])
        return only.length if only else None
    known = [buffers[address].length for address in packet.chain if address in buffers]
    return sum(known) if known and len(known) == len(packet.chain) else None


def _totals_are_right(
    world: World,
    packet: Packet,
    total: int,
    event: NdisQueryPacket | NdisMIndicateReceivePacket,
    report: ReportViolation,
) -> None:
    length = _chained_length(world, packet)
    if length is not None and length != total:
        text = f"packet {event.packet:#x} counts {total:#x} bytes, its buffers have {length:#x}"
        buffer = world.buffers[packet.chain[0]]
        report("R77", text, buffer.adjusted or buffer.made, event)


@on
def queried_totals_are_right(world: World, event: NdisQueryPacket, report: ReportViolation) -> None:
    packet = world.packets.get(event.packet)
    if packet and event.result != NOT_ASKED:
        _totals_are_right(world, packet, event.result, event, report)


@on
def buffer_is_in_one_chain(world: World, event: Chain, report: ReportViolation) -> None:
    buffer = world.buffers.get(event.buffer)
    if buffer and buffer.packet:
        report("R78", f"{buffer} chained to {event.packet:#x}, is in {buffer.packet:#x}", buffer.made, event)


@on
def indicated_packet_is_fit(world: World, event: NdisMIndicateReceivePacket, report: ReportViolation) -> None:
    packet = world.packets.get(event.packet)
    if packet is None:
        _unknown_packet_indicated(world, event, report)
        return
    if not event.buffer and not packet.chain:
        report("R79", f"packet {event.packet:#x} indicated without a buffer", packet.made, event)
    if packet.pool is not None and packet.pool.reserved < POINTERS_4:
        text = (
            f"packet {event.packet:#x} indicated with {packet.pool.reserved} bytes for the protocol, not {POINTERS_4}"
        )
        report("R79", text, packet.pool.made, event)
    if packet.indicated:
        report("R81", f"packet {event.packet:#x} indicated while the protocol has it", packet.indicated, event)
    _totals_are_right(world, packet, event.length, event, report)


def _unknown_packet_indicated(world: World, event: NdisMIndicateReceivePacket, report: ReportViolation) -> None:
    if world.freed_packets.get(event.packet) or null_of_failure(world, event, event.packet):
        return
    send = world.sends.get(event.packet)
    if send or world.certain:
        report(
            "R79",
            f"packet {event.packet:#x} indicated, which is not from a pool of the miniport",
            send.made if send else None,
            event,
        )


@on
def sent_packet_has_a_buffer(world: World, event: MiniportSendPackets, report: ReportViolation) -> None:
    if not event.buffer:
        report("R79", f"packet {event.packet:#x} sent without a buffer", event)


@on
def send_data_is_read_safely(world: World, event: NdisQueryBuffer, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.flags & SAFE_BUFFER_APIS:
        text = f"NdisQueryBuffer of {event.buffer:#x} after USES_SAFE_BUFFER_APIS was promised"
        report("R80", text, adapter.attributes, event)
    elif event.buffer not in world.buffers and world.certain and not world.freed_buffers.get(event.buffer):
        report("R80", f"NdisQueryBuffer of the protocol's buffer {event.buffer:#x}, not NdisQueryBufferSafe", event)


def _above(world: World, address: int) -> NdisMIndicateReceivePacket | None:
    packet = world.packets.get(address)
    return packet.indicated if packet else None


@on
def packet_above_is_left_alone(
    world: World, event: Chain | Unchain | FreePacket | NdisReinitializePacket, report: ReportViolation
) -> None:
    above = _above(world, event.packet)
    if above:
        report("R82", f"{event.function} of packet {event.packet:#x}, which the protocol has", above, event)


@on
def buffer_above_is_left_alone(
    world: World, event: NdisAdjustBufferLength | NdisFreeBuffer, report: ReportViolation
) -> None:
    buffer = world.buffers.get(event.buffer)
    above = _above(world, buffer.packet) if buffer else None
    if above:
        report("R82", f"{event.function} of {buffer}, which the protocol has", above, event)


@on
def packet_above_is_as_it_was(world: World, event: MiniportReturnPacket, report: ReportViolation) -> None:
    if event.changed in PARTS:
        text = f"the {PARTS[event.changed]} of packet {event.packet:#x} changed while the protocol had it"
        report("R82", text, _above(world, event.packet), event)


def covering(world: World, index: int) -> NdisWriteRegister | None:
    """The first receive doorbell that covers this index, of the last ones."""
    found = None
    for store in reversed(world.posts):
        if not covers(store.value, index):
            break
        found = store
    return found


def covers(tail: int, index: int) -> bool:
    """Whether a doorbell with this tail covers a descriptor. Indices have 16 bits."""
    return (tail - index - 1) % (2 * HALF_OF_INDICES) < HALF_OF_INDICES


def card_gets_what_is_free(world: World, buffer: Buffer, event: CardTaken, report: ReportViolation) -> None:
    """R82, R76 and R97 when the card gets a buffer for receives."""
    packet, rung = world.packets.get(buffer.packet), covering(world, event.index)
    above = packet.indicated if packet else None
    if above or (packet and rung and packet.lent[0] < rung.sequence < packet.lent[1]):
        report("R82", f"{buffer}, which the protocol has, is posted at index {event.index}", above or rung, event)
    if rung and buffer.adjusted and buffer.adjusted.sequence > rung.sequence:
        text = f"{buffer} was made ready for the card after the doorbell that posted it at index {event.index}"
        report("R76", text, rung, buffer.adjusted, event)
    if buffer.taken is not None and buffer.taken[0] == world.card.lives:
        before = buffer.taken[1]
        text = f"{buffer} is posted at index {event.index}, and the card has it at index {before.index} already"
        report("R97", text, before, event)
    buffer.taken = world.card.lives, event


def card_leaves_buffer_above_alone(world: World, buffer: Buffer, event: CardWrite, report: ReportViolation) -> None:
    """R82 when the card writes."""
    above = _above(world, buffer.packet)
    if above:
        report("R82", f"the card writes into {buffer}, which the protocol has", above, event)


@on
def resources_hold_to_the_end(world: World, event: NdisMIndicateReceivePacket, report: ReportViolation) -> None:
    array = world.indicating.get(where(event))
    if array and event.status == SUCCESS and array[-1][1].status == RESOURCES:
        text = f"packet {event.packet:#x} marked SUCCESS after {array[-1][1].packet:#x} marked RESOURCES in one array"
        report("R83", text, array[-1][1], event)


@on
def completed_send_was_one(world: World, event: NdisMSendComplete, report: ReportViolation) -> None:
    if event.status == RESOURCES:
        report("R85", f"NdisMSendComplete of packet {event.packet:#x} with RESOURCES", event)
    if event.packet in world.sends:
        return
    ended = world.ended_sends.get(event.packet)
    if ended:
        text = f"NdisMSendComplete of packet {event.packet:#x}, which was completed already"
        report("R84", text, ended[0].made, ended[1], event)
    elif world.certain and world.frames:
        report("R84", f"NdisMSendComplete of packet {event.packet:#x}, which was never sent", event)


@on
def completed_send_is_left_alone(world: World, event: LeaveNdisMSendComplete, report: ReportViolation) -> None:
    ended = world.ended_sends.get(event.packet)
    text = f"byte {event.changed:#x} of packet {event.packet:#x} was written after it was completed"
    report("R84", text, *((ended[0].made, ended[1]) if ended else ()), event)


@on
def completed_send_is_not_queried(world: World, event: NdisQueryPacket, report: ReportViolation) -> None:
    if event.packet in world.sends or event.packet in world.packets:
        return
    ended = world.ended_sends.get(event.packet)
    if ended:
        report("R84", f"NdisQueryPacket of {event.packet:#x} after its completion", ended[0].made, ended[1], event)


@on
def completed_send_is_not_flushed(world: World, event: NdisFlushBuffer, report: ReportViolation) -> None:
    if event.buffer in world.unflushed or event.buffer in world.buffers:
        return
    ended = world.ended_buffers.get(event.buffer)
    if ended:
        text = f"NdisFlushBuffer of {event.buffer:#x} after packet {ended[0].packet:#x} was completed"
        report("R84", text, ended[0].made, ended[1], event)


@on
def protocols_packet_is_left_alone(
    world: World, event: Chain | Unchain | FreePacket | NdisReinitializePacket, report: ReportViolation
) -> None:
    send = world.sends.get(event.packet)
    if send:
        report("R86", f"{event.function} of packet {event.packet:#x}, which was sent down", send.made, event)


@on
def protocols_packet_is_as_it_was(world: World, event: NdisMSendComplete, report: ReportViolation) -> None:
    if event.changed in PARTS:
        send = world.sends.get(event.packet)
        text = f"the {PARTS[event.changed]} of packet {event.packet:#x} changed between its send and its completion"
        report("R86", text, send.made if send else None, event)


def sends_keep_their_order(world: World, send: Send, event: CardRead, report: ReportViolation) -> None:
    """R87 when the card reads a send."""
    last = world.read_last
    if last is not None and last.array == send.array and last.number > send.number:
        text = f"the card reads packet {send.packet:#x} after {last.packet:#x}, which was given later in the array"
        report("R87", text, send.made, last.made, event)


def list_is_dead_after_completion(
    element: Element, send: Send, completed: Event, event: CardRead, report: ReportViolation
) -> None:
    """R88 when the card reads what a completed send had."""
    text = f"the card reads {event.address:#x} of packet {send.packet:#x} after it was completed"
    report("R88", text, element.made, completed, event)
