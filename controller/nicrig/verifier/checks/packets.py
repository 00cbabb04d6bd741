# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.5: packets, buffers, and whose they are."""

from __future__ import annotations

from nicrig.verifier.checks.teardown import null_of_failure
from nicrig.verifier.constants import IMAGE, NOT_ASKED, PAGED, POINTERS_4, RESOURCES, SAFE_BUFFER_APIS, SUCCESS
from nicrig.verifier.events import Event
from nicrig.verifier.model.packet_pools import ALLOCATE_PACKET, CHAIN, FREE_PACKET, UNCHAIN
from nicrig.verifier.model.things import Buffer, Element, Family, Packet, Pool, Send
from nicrig.verifier.model.world import World, where
from nicrig.verifier.registry import Check, Handlers, ReportViolation

on: Handlers[Check] = Handlers()


@on.call("NdisAllocateBuffer")
def buffer_describes_a_block(world: World, event: Event, report: ReportViolation) -> None:
    block = world.blocks.find(event.b) or world.leaked.find(event.b)
    what = f"NdisAllocateBuffer over {event.b:#x}, {event.c:#x} bytes"
    if event.c == 0:
        report("R70", f"{what}: length 0", event)
    elif block is None:
        if world.certain and event.b < IMAGE and not null_of_failure(world, event.function, event.b):
            report("R70", f"{what}: no live block is there", event)
    elif event.b + event.c > block.end:
        report("R70", f"{what}: beyond {block}", block.made, event)
    elif block.family is Family.POOL and block.flags & PAGED:
        report("R70", f"{what}: paged pool", block.made, event)


@on.call(*ALLOCATE_PACKET, "NdisAllocateBuffer", "NdisCopyBuffer")
def pool_gives_what_it_has(world: World, event: Event, report: ReportViolation) -> None:
    pool = (world.packet_pools if event.function in ALLOCATE_PACKET else world.buffer_pools).get(event.a)
    if pool and event.result == SUCCESS and pool.used >= pool.limit:
        text = f"{event.function} gives descriptor {pool.used + 1} of a pool of {pool.limit}"
        report("R71", text, pool.made, event)


def _report_orphans(world: World, pool: Pool | None, event: Event, report: ReportViolation) -> None:
    """R72 and R74, when it is certain that nobody had saved the chain."""
    for buffer in world.buffers.values():
        if buffer.orphan and (pool is None or buffer.pool is pool):
            rule = "R74" if buffer.orphan.function == "NdisReinitializePacket" else "R72"
            text = f"{buffer.orphan.function} of packet {buffer.orphan.a:#x} leaked {buffer}"
            report(rule, text, buffer.made, buffer.orphan, event)


@on.call("NdisFreeBufferPool")
def freed_chains_were_saved(world: World, event: Event, report: ReportViolation) -> None:
    pool = world.buffer_pools.get(event.a)
    if pool and pool.used:
        _report_orphans(world, pool, event, report)


@on.leave("MiniportHalt")
def dropped_chains_were_saved(world: World, event: Event, report: ReportViolation) -> None:
    _report_orphans(world, None, event, report)


@on.leave("MiniportInitialize")
def chains_of_a_failed_initialize_were_saved(world: World, event: Event, report: ReportViolation) -> None:
    if event.result != SUCCESS:
        _report_orphans(world, None, event, report)


@on.call("NdisFreePacketPool")
def freed_packet_pool_is_whole(world: World, event: Event, report: ReportViolation) -> None:
    pool = world.packet_pools.get(event.a)
    if pool and pool.used > 0:
        out = next((packet.made for packet in world.packets.values() if packet.pool is pool), None)
        report("R73", f"packet pool {event.a:#x} freed with {pool.used} packets out", pool.made, out, event)


@on.call("NdisFreeBufferPool")
def freed_buffer_pool_is_whole(world: World, event: Event, report: ReportViolation) -> None:
    pool = world.buffer_pools.get(event.a)
    if pool and pool.used > 0:
        out = next((buffer.made for buffer in world.buffers.values() if buffer.pool is pool), None)
        report("R73", f"buffer pool {event.a:#x} freed with {pool.used} buffers out", pool.made, out, event)


@on.call(*FREE_PACKET, "NdisReinitializePacket", "NdisMIndicateReceivePacket")
def descriptor_is_whole(world: World, event: Event, report: ReportViolation) -> None:
    if event.b:
        return
    packet = world.packets.get(event.a)
    if packet and packet.chain:
        text = f"packet {event.a:#x} has no buffer at {event.function}, though {packet.chain[0]:#x} is chained"
        report("R75", text, packet.chained, event)


@on.call("NdisAdjustBufferLength")
def length_is_the_allocators(world: World, event: Event, report: ReportViolation) -> None:
    buffer = world.buffers.get(event.a)
    if buffer is not None:
        if event.b > buffer.original:
            report("R76", f"{buffer} adjusted to {event.b:#x} bytes", buffer.made, event)
    elif world.certain and not world.freed_buffers.get(event.a) and not null_of_failure(world, event.function, event.a):
        report("R76", f"NdisAdjustBufferLength of {event.a:#x}, which is not the miniport's", event)


@on.call("NdisFreeBuffer")
def length_is_restored_before_the_free(world: World, event: Event, report: ReportViolation) -> None:
    buffer = world.buffers.get(event.a)
    if buffer and event.b != buffer.original:
        report("R76", f"{buffer} freed with a length of {event.b:#x}", buffer.made, buffer.adjusted, event)


def length_is_restored_for_the_card(buffer: Buffer, event: Event, report: ReportViolation) -> None:
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


def _totals_are_right(world: World, packet: Packet, total: int, event: Event, report: ReportViolation) -> None:
    length = _chained_length(world, packet)
    if length is not None and length != total:
        text = f"packet {event.a:#x} counts {total:#x} bytes, its buffers have {length:#x}"
        buffer = world.buffers[packet.chain[0]]
        report("R77", text, buffer.adjusted or buffer.made, event)


@on.call("NdisQueryPacket")
def queried_totals_are_right(world: World, event: Event, report: ReportViolation) -> None:
    packet = world.packets.get(event.a)
    if packet and event.result != NOT_ASKED:
        _totals_are_right(world, packet, event.result, event, report)


@on.call(*CHAIN)
def buffer_is_in_one_chain(world: World, event: Event, report: ReportViolation) -> None:
    buffer = world.buffers.get(event.b)
    if buffer and buffer.packet:
        report("R78", f"{buffer} chained to {event.a:#x}, is in {buffer.packet:#x}", buffer.made, event)


@on.call("NdisMIndicateReceivePacket")
def indicated_packet_is_fit(world: World, event: Event, report: ReportViolation) -> None:
    packet = world.packets.get(event.a)
    if packet is None:
        _unknown_packet_indicated(world, event, report)
        return
    if not event.b and not packet.chain:
        report("R79", f"packet {event.a:#x} indicated without a buffer", packet.made, event)
    if packet.pool is not None and packet.pool.reserved < POINTERS_4:
        text = f"packet {event.a:#x} indicated with {packet.pool.reserved} bytes for the protocol, not {POINTERS_4}"
        report("R79", text, packet.pool.made, event)
    if packet.indicated:
        report("R81", f"packet {event.a:#x} indicated while the protocol has it", packet.indicated, event)
    _totals_are_right(world, packet, event.c, event, report)


def _unknown_packet_indicated(world: World, event: Event, report: ReportViolation) -> None:
    if world.freed_packets.get(event.a) or null_of_failure(world, event.function, event.a):
        return
    send = world.sends.get(event.a)
    if send or world.certain:
        report(
            "R79",
            f"packet {event.a:#x} indicated, which is from no pool of the miniport",
            send.made if send else None,
            event,
        )


@on.enter("MiniportSendPackets")
def sent_packet_has_a_buffer(world: World, event: Event, report: ReportViolation) -> None:
    if not event.b:
        report("R79", f"packet {event.a:#x} sent without a buffer", event)


@on.call("NdisQueryBuffer")
def send_data_is_read_safely(world: World, event: Event, report: ReportViolation) -> None:
    adapter = world.adapter
    if adapter and adapter.flags & SAFE_BUFFER_APIS:
        text = f"NdisQueryBuffer of {event.a:#x} after USES_SAFE_BUFFER_APIS was promised"
        report("R80", text, adapter.attributes, event)
    elif event.a not in world.buffers and world.certain and not world.freed_buffers.get(event.a):
        report("R80", f"NdisQueryBuffer of the protocol's buffer {event.a:#x}, not NdisQueryBufferSafe", event)


def _above(world: World, address: int) -> Event | None:
    packet = world.packets.get(address)
    return packet.indicated if packet else None


@on.call(*CHAIN, *UNCHAIN, *FREE_PACKET, "NdisReinitializePacket")
def packet_above_is_left_alone(world: World, event: Event, report: ReportViolation) -> None:
    above = _above(world, event.a)
    if above:
        report("R82", f"{event.function} of packet {event.a:#x}, which the protocol has", above, event)


@on.call("NdisAdjustBufferLength", "NdisFreeBuffer")
def buffer_above_is_left_alone(world: World, event: Event, report: ReportViolation) -> None:
    buffer = world.buffers.get(event.a)
    above = _above(world, buffer.packet) if buffer else None
    if above:
        report("R82", f"{event.function} of {buffer}, which the protocol has", above, event)


def card_leaves_buffer_above_alone(world: World, buffer: Buffer, event: Event, report: ReportViolation) -> None:
    """R82 when the card writes."""
    above = _above(world, buffer.packet)
    if above:
        report("R82", f"the card writes into {buffer}, which the protocol has", above, event)


@on.call("NdisMIndicateReceivePacket")
def resources_hold_to_the_end(world: World, event: Event, report: ReportViolation) -> None:
    array = world.indicating.get(where(event))
    if array and event.d == SUCCESS and array[-1][1].d == RESOURCES:
        text = f"packet {event.a:#x} marked SUCCESS after {array[-1][1].a:#x} marked RESOURCES in one array"
        report("R83", text, array[-1][1], event)


@on.call("NdisMSendComplete")
def completed_send_was_one(world: World, event: Event, report: ReportViolation) -> None:
    if event.b == RESOURCES:
        report("R85", f"NdisMSendComplete of packet {event.a:#x} with RESOURCES", event)
    if event.a in world.sends:
        return
    ended = world.ended_sends.get(event.a)
    if ended:
        text = f"NdisMSendComplete of packet {event.a:#x}, which was completed already"
        report("R84", text, ended[0].made, ended[1], event)
    elif world.certain and world.frames:
        report("R84", f"NdisMSendComplete of packet {event.a:#x}, which was never sent", event)


@on.call("NdisQueryPacket")
def completed_send_is_not_queried(world: World, event: Event, report: ReportViolation) -> None:
    if event.a in world.sends or event.a in world.packets:
        return
    ended = world.ended_sends.get(event.a)
    if ended:
        report("R84", f"NdisQueryPacket of {event.a:#x} after its completion", ended[0].made, ended[1], event)


@on.call("NdisFlushBuffer")
def completed_send_is_not_flushed(world: World, event: Event, report: ReportViolation) -> None:
    if event.a in world.unflushed or event.a in world.buffers:
        return
    ended = world.ended_buffers.get(event.a)
    if ended:
        text = f"NdisFlushBuffer of {event.a:#x} after packet {ended[0].packet:#x} was completed"
        report("R84", text, ended[0].made, ended[1], event)


@on.call(*CHAIN, *UNCHAIN, *FREE_PACKET, "NdisReinitializePacket")
def protocols_packet_is_left_alone(world: World, event: Event, report: ReportViolation) -> None:
    send = world.sends.get(event.a)
    if send:
        report("R86", f"{event.function} of packet {event.a:#x}, which was sent down", send.made, event)


def sends_keep_their_order(world: World, send: Send, event: Event, report: ReportViolation) -> None:
    """R87 when the card reads a send."""
    last = world.read_last
    if last is not None and last.array == send.array and last.number > send.number:
        text = f"the card reads packet {send.packet:#x} after {last.packet:#x}, which was given later in the array"
        report("R87", text, send.made, last.made, event)


def list_is_dead_after_completion(element: Element, completed: Event, event: Event, report: ReportViolation) -> None:
    """R88 when the card reads what a completed send had."""
    text = f"the card reads {event.b:#x} of packet {element.made.a:#x} after it was completed"
    report("R88", text, element.made, completed, event)
