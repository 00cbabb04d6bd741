# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.5: packets and buffers."""

from __future__ import annotations

import pytest

from nicrig.verifier.checks.packets import PARTS
from nicrig.verifier.constants import FAILURE, RESOURCES
from nicrig.verifier.functions import PacketPart, Phase, RecordKind
from tests.controller.verifier.script import ReceiveBuffer, Script, fires, silent


def receiving() -> tuple[Script, ReceiveBuffer]:
    """A running miniport with one receive buffer."""
    script = Script().ready()
    item = script.receive_buffer()
    return script.succeed(), item


@pytest.mark.parametrize(("offset", "length"), [(0, 0), (0x1000, 0x100), (0x700, 0x200)])
def test_r70_buffer_over_unknown_memory(offset: int, length: int) -> None:
    script = Script().ready()
    block = script.shared(0x800)
    script.buffer(script.buffer_pool(), block.address + offset, length)
    fires(script, "R70")


def test_r70_paged_pool() -> None:
    script = Script().ready()
    script.buffer(script.buffer_pool(), script.pool_memory(kind=1), 0x100)
    fires(script, "R70")


def test_r70_silent_inside_one_block() -> None:
    script = Script().ready()
    pool = script.buffer_pool()
    script.buffer(pool, script.shared(0x800).address, 0x800)
    script.buffer(pool, script.memory(0x100) + 0x80, 0x80)
    silent(script)


def test_r71_pool_gives_more_than_it_has() -> None:
    script = Script().ready()
    pool = script.packet_pool(count=1)
    script.packet(pool)
    script.packet(pool)
    fires(script, "R71")


def test_r71_silent_when_the_pool_is_out() -> None:
    script = Script().ready()
    pool = script.buffer_pool(count=1)
    script.buffer(pool, script.memory(), 0x100)
    silent(script.call("NdisAllocateBuffer", FAILURE, pool=pool, address=0xFFFF888000000000, length=0x100))


def chained() -> tuple[Script, int, ReceiveBuffer]:
    script = Script().ready()
    pool = script.buffer_pool()
    return script, pool, script.receive_buffer(buffers=pool)


def test_r72_packet_freed_with_its_chain() -> None:
    script, pool, item = chained()
    script.call("NdisFreePacket", packet=item.packet, head=item.buffer)
    violation = fires(script.call("NdisFreeBufferPool", pool=pool), "R72")
    assert violation.evidence[1].function == "NdisFreePacket"


def test_r72_silent_when_the_chain_was_saved() -> None:
    script, pool, item = chained()
    script.call("NdisFreePacket", packet=item.packet, head=item.buffer)
    script.call("NdisFreeBuffer", buffer=item.buffer, length=0x800)
    silent(script.call("NdisFreeBufferPool", pool=pool))


def test_r73_pool_freed_in_use() -> None:
    script = Script().ready()
    pool = script.packet_pool()
    script.packet(pool)
    fires(script.call("NdisFreePacketPool", pool=pool), "R73")


def test_r73_a_buffer_is_out() -> None:
    script, pool, _ = chained()
    fires(script.call("NdisFreeBufferPool", pool=pool), "R73")


def test_r73_silent_when_all_are_back() -> None:
    script = Script().ready()
    pool = script.packet_pool()
    script.call("NdisFreePacket", packet=script.packet(pool))
    silent(script.call("NdisFreePacketPool", pool=pool))


def test_r74_packet_reinitialised_with_its_chain() -> None:
    script, pool, item = chained()
    script.call("NdisReinitializePacket", packet=item.packet, head=item.buffer)
    fires(script.call("NdisFreeBufferPool", pool=pool), "R74")


def test_r74_silent_when_it_is_chained_again() -> None:
    script, _, item = chained()
    script.call("NdisReinitializePacket", packet=item.packet, head=item.buffer)
    script.chain(item.packet, item.buffer)
    script.call("NdisUnchainBufferAtFront", packet=item.packet, buffer=item.buffer)
    silent(script.call("NdisReinitializePacket", packet=item.packet))


def test_r75_packet_descriptor_overwritten() -> None:
    script, item = receiving()
    script.call("NdisMIndicateReceivePacket", packet=item.packet, buffer=0, length=0x800)
    fires(script, "R75")


def test_r75_silent_after_the_unchain() -> None:
    script, item = receiving()
    script.call("NdisUnchainBufferAtFront", packet=item.packet, buffer=item.buffer)
    silent(script.call("NdisFreePacket", packet=item.packet))


def test_r76_buffer_length_not_restored() -> None:
    script, item = receiving()
    script.adjust(item.buffer, 60)
    fires(script.call("NdisFreeBuffer", buffer=item.buffer, length=60), "R76")


def test_r76_longer_than_it_was() -> None:
    script, item = receiving()
    fires(script.adjust(item.buffer, 0x801), "R76")


def test_r76_another_allocators() -> None:
    script = Script().running()
    fires(script.adjust(script.sending().buffer, 60), "R76")


def test_r76_posted_again_while_short() -> None:
    script, item = receiving()
    fires(script.adjust(item.buffer, 60).write(item), "R76")


def test_r76_silent_when_restored() -> None:
    script, item = receiving()
    silent(script.adjust(item.buffer, 60).adjust(item.buffer, 0x800).write(item))


def test_r77_totals_not_recalculated() -> None:
    script, item = receiving()
    fires(script.adjust(item.buffer, 60).indicate(item, length=0x800), "R77")


def test_r77_silent_when_they_agree() -> None:
    script, item = receiving()
    silent(script.adjust(item.buffer, 60).call("NdisQueryPacket", 60, packet=item.packet).indicate(item, length=60))


def test_r78_buffer_chained_twice() -> None:
    script = Script().ready()
    pool = script.packet_pool()
    item = script.receive_buffer(packets=pool)
    fires(script.chain(script.packet(pool), item.buffer), "R78")


def test_r78_a_cycle() -> None:
    script, _, item = chained()
    fires(script.call("NdisChainBufferAtBack", packet=item.packet, buffer=item.buffer), "R78")


def test_r78_silent_after_the_unchain() -> None:
    script, _, item = chained()
    script.call("NdisUnchainBufferAtBack", packet=item.packet, buffer=item.buffer)
    silent(script.chain(item.packet, item.buffer))


def test_r79_indicated_packet_unfit() -> None:
    script = Script().ready()
    item = script.receive_buffer(packets=script.packet_pool(reserved=16))
    fires(script.succeed().indicate(item, length=0x800), "R79")


def test_r79_from_no_pool() -> None:
    fires(Script().running().call("NdisMIndicateReceivePacket", packet=0x9000, buffer=0x9100), "R79")


def test_r79_without_a_buffer() -> None:
    script = Script().ready()
    packet = script.packet(script.packet_pool())
    fires(script.succeed().call("NdisMIndicateReceivePacket", packet=packet), "R79")


def test_r79_sent_without_a_buffer() -> None:
    fires(Script().running().enter("MiniportSendPackets", packet=0x9000), "R79")


def test_r79_silent_for_a_good_packet() -> None:
    script, item = receiving()
    silent(script.indicate(item, length=0x800))


def test_r80_unsafe_buffer_query() -> None:
    script = Script().running()
    fires(script.call("NdisQueryBuffer", 0x9000, buffer=script.sending().buffer), "R80")


def test_r80_of_a_protocols_buffer_without_the_promise() -> None:
    script = Script().begin().attributes(flags=0x28).scatter_gather().succeed()
    fires(script.call("NdisQueryBuffer", 0x9000, buffer=script.sending().buffer), "R80")


def test_r80_silent_for_the_safe_call_and_for_its_own_buffer() -> None:
    script = Script().begin().attributes(flags=0x28).scatter_gather()
    item = script.receive_buffer()
    script.succeed().call("NdisQueryBuffer", item.block.address, buffer=item.buffer)
    silent(script.call("NdisQueryBufferSafe", 0x9000, buffer=script.sending().buffer, priority=16))


def test_r81_indicated_while_above() -> None:
    script, item = receiving()
    fires(script.received(item).indicate(item), "R81")


def test_r81_silent_after_the_return_even_within_the_indication() -> None:
    script, item = receiving()
    script.write(item).collect(item).indicate(item).return_packet(item).answer(1)
    silent(script.received(item).return_packet(item))


@pytest.mark.parametrize("change", ["NdisUnchainBufferAtFront", "NdisReinitializePacket", "NdisChainBufferAtBack"])
def test_r82_written_while_above(change: str) -> None:
    script, item = receiving()
    fires(script.received(item).call(change, packet=item.packet), "R82")


def test_r82_the_card_writes_it() -> None:
    script, item = receiving()
    fires(script.indicate(item, length=0x800).write(item), "R82")


def test_r82_the_buffer_is_adjusted() -> None:
    script, item = receiving()
    fires(script.received(item).adjust(item.buffer, 0x800), "R82")


@pytest.mark.parametrize("part", PARTS)
def test_r82_a_store_into_the_packet(part: PacketPart) -> None:
    script, item = receiving()
    script.received(item)
    script.enter("MiniportReturnPacket", packet=item.packet, changed=part)
    found = fires(script, "R82")
    assert found.text == f"the {PARTS[part]} of packet {item.packet:#x} changed while the protocol had it"
    assert found.evidence[0].function == "NdisMIndicateReceivePacket"


def test_r82_silent_when_it_was_not_kept() -> None:
    script, item = receiving()
    script.write(item).collect(item).indicate(item).answer(1, 0)
    silent(script.adjust(item.buffer, 0x800).write(item))


def taken(script: Script, item: ReceiveBuffer, index: int = 0) -> Script:
    """An unkind card sees the posted buffer."""
    return script.card("card.taken", index=index, address=item.block.physical, length=0x800)


def test_r82_posted_while_above() -> None:
    script, item = receiving()
    fires(taken(script.indicate(item, length=0x800), item), "R82")


def test_r82_silent_when_posted_after_the_return() -> None:
    script, item = receiving()
    taken(script, item)
    script.received(item).return_packet(item).adjust(item.buffer, 0x800)
    silent(taken(script, item, 1))


@pytest.mark.parametrize("late", [False, True])
def test_r82_goes_by_the_doorbell_however_late_the_card_looks(late: bool) -> None:
    script, item = receiving()
    script.received(item)
    if not late:
        script.return_packet(item)
    script.call("NdisWriteRegister", address=0xFFFF888000777000, value=1)
    if late:
        fires(taken(script.return_packet(item), item), "R82")
    else:
        silent(taken(script, item))


def test_r76_made_ready_after_the_doorbell() -> None:
    script, item = receiving()
    script.received(item).enter("MiniportReturnPacket", packet=item.packet)
    script.call("NdisWriteRegister", address=0xFFFF888000777000, value=1).adjust(item.buffer, 0x800)
    fires(taken(script, item), "R76")


def test_r97_posted_twice() -> None:
    script, item = receiving()
    fires(taken(taken(script, item), item, 1), "R97")


@pytest.mark.parametrize("given_back", ["card.reset", "card.disable"])
def test_r97_silent_when_the_card_gave_it_back(given_back: str) -> None:
    script, item = receiving()
    silent(taken(taken(script, item).card(given_back), item))


def two_received() -> tuple[Script, ReceiveBuffer, ReceiveBuffer]:
    script = Script().ready()
    packets, buffers = script.packet_pool(), script.buffer_pool()
    one, two = script.receive_buffer(packets, buffers), script.receive_buffer(packets, buffers)
    return script.succeed(), one, two


def test_r83_success_after_resources() -> None:
    script, one, two = two_received()
    fires(script.indicate(one, length=0x800, status=RESOURCES).indicate(two, length=0x800), "R83")


def test_r83_silent_when_resources_come_last() -> None:
    script, one, two = two_received()
    script.indicate(one, length=0x800).indicate(two, length=0x800, status=RESOURCES).answer(2, 1)
    silent(script.indicate(two, length=0x800).answer(1, 0))


def test_r84_send_touched_after_completion() -> None:
    script = Script().running()
    packet = script.sending()
    script.call("NdisMSendComplete", packet=packet.packet)
    fires(script.call("NdisQueryPacket", 60, packet=packet.packet), "R84")


def test_r84_completed_twice() -> None:
    script = Script().running()
    packet = script.sending()
    fires(script.complete(packet).call("NdisMSendComplete", packet=packet.packet), "R84")


def test_r84_never_sent() -> None:
    fires(Script().running().call("NdisMSendComplete", packet=0x9000), "R84")


def test_r84_flushed_after_completion() -> None:
    script = Script().running()
    packet = script.sending()
    script.call("NdisMSendComplete", packet=packet.packet)
    fires(script.flush(packet.buffer, write=True), "R84")


def test_r84_a_store_after_the_completion() -> None:
    script = Script().running()
    packet = script.sending()
    script.read(packet).complete(packet)
    silent(script)
    script.add("NdisMSendComplete", RecordKind.LEAVE, packet.packet, 0x48, 0, 0, 0)
    found = fires(script, "R84")
    assert found.text == f"byte 0x48 of packet {packet.packet:#x} was written after it was completed"
    assert [event.function for event in found.evidence[:2]] == ["MiniportSendPackets", "NdisMSendComplete"]


def test_r84_a_store_into_a_send_that_is_not_known() -> None:
    script = Script().running()
    script.add("NdisMSendComplete", RecordKind.LEAVE, 0x1000, 0x48, 0, 0, 0)
    fires(script, "R84")


def test_r84_silent_when_the_protocol_sends_it_again() -> None:
    script = Script().running()
    packet = script.sending()
    script.complete(packet).send(packet).place(packet).leave("MiniportSendPackets")
    silent(script.complete(packet))


def test_r85_completed_with_resources() -> None:
    script = Script().running()
    packet = script.sending()
    fires(script.call("NdisMSendComplete", packet=packet.packet, status=RESOURCES), "R85")


def test_r85_silent_for_another_failure() -> None:
    script = Script().running()
    silent(script.complete(script.sending(), FAILURE))


@pytest.mark.parametrize("change", ["NdisUnchainBufferAtFront", "NdisReinitializePacket", "NdisFreePacket"])
def test_r86_protocols_packet_changed(change: str) -> None:
    script = Script().running()
    packet = script.sending()
    fires(script.call(change, packet=packet.packet), "R86")


@pytest.mark.parametrize("part", PARTS)
def test_r86_a_store_into_the_packet(part: PacketPart) -> None:
    script = Script().running()
    packet = script.sending()
    script.read(packet).call("NdisMSendComplete", packet=packet.packet, changed=part)
    found = fires(script, "R86")
    assert found.text == f"the {PARTS[part]} of packet {packet.packet:#x} changed between its send and its completion"
    assert found.evidence[0].function == "MiniportSendPackets"


@pytest.mark.parametrize("changed", [PacketPart.NOTHING, 7, 1 << 63])
def test_r86_silent_about_a_part_that_there_is_not(changed: int) -> None:
    script = Script().running()
    packet = script.sending()
    silent(script.read(packet).call("NdisMSendComplete", packet=packet.packet, changed=changed))


def test_r86_silent_when_the_protocol_does_it() -> None:
    script = Script().running()
    packet = script.sending()
    with script.at(phase=Phase.PROTOCOL):
        silent(script.call("NdisFreePacket", packet=packet.packet))


def test_r87_sends_reordered() -> None:
    script = Script().running()
    one, two = script.outgoing(), script.outgoing()
    script.send(one, two).place(one, two).leave("MiniportSendPackets")
    fires(script.read(two).read(one), "R87")


def test_r87_silent_in_order() -> None:
    script = Script().running()
    one, two = script.outgoing(), script.outgoing()
    script.send(one, two).place(one, two).leave("MiniportSendPackets")
    silent(script.read(one).read(two))


def test_r87_silent_between_arrays() -> None:
    script = Script().running()
    one, two = script.sending(), script.sending()
    silent(script.read(two).read(one))


def test_r88_list_used_after_completion() -> None:
    script = Script().running()
    packet = script.sending()
    fires(script.complete(packet).read(packet), "R88")


def test_r88_silent_when_the_same_memory_is_sent_again() -> None:
    script = Script().running()
    packet = script.sending()
    script.read(packet).complete(packet).send(packet).place(packet)
    silent(script.read(packet))
