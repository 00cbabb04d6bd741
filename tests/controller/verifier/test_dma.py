# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.6: DMA and coherency."""

from __future__ import annotations

import pytest

from nicrig.verifier.constants import DEVICE_SUBORDINATE, RESOURCES
from tests.controller.verifier.drivers import Subordinate
from tests.controller.verifier.script import DISPATCH, ReceiveBuffer, Script, Sent, fires, silent


def receiving() -> tuple[Script, ReceiveBuffer]:
    script = Script().ready()
    item = script.receive_buffer()
    return script.succeed(), item


@pytest.mark.parametrize(("base", "size"), [(0x55000000, 8), (0x10000000, 257)])
def test_r90_ungranted_address_given(base: int, size: int) -> None:
    script = Script().ready()
    script.shared(0x1000, cached=False)
    fires(script.card("card.enable", transmit=1, base=base, size=size), "R90")


def test_r90_a_descriptor_is_refused() -> None:
    fires(Script().running().card("card.refusal", code=4, index=3), "R90")


def test_r90_silent_for_a_ring_in_its_block() -> None:
    script = Script().ready()
    ring = script.shared(0x1000, cached=False)
    silent(script.ring(ring, 256, transmit=True).card("card.refusal", code=3, index=1))


@pytest.mark.parametrize("access", ["card.read", "card.write"])
def test_r91_ungranted_memory_accessed(access: str) -> None:
    fires(Script().running().card(access, address=0x66000000, length=60, status=1), "R91")


def test_r91_the_card_writes_what_it_may_only_read() -> None:
    script = Script().running()
    packet = script.sending()
    fires(script.card("card.write", address=packet.physical, length=60, status=1), "R91")


def test_r91_silent_inside_what_was_granted() -> None:
    script, item = receiving()
    packet = script.sending()
    script.write(item).card("card.read", address=packet.physical + 10, length=50, status=1)
    silent(script.card("card.read", address=0x66000000, length=60, status=3))


def mapping() -> tuple[Script, Sent]:
    """A running miniport with map registers, and a packet to send."""
    script = Script().begin().attributes().map_registers(base=8, maximum=1514).succeed()
    packet = script.outgoing()
    script.enter("MiniportSendPackets", packet=packet.packet, buffer=packet.buffer, length=60)
    return script, packet


def start(script: Script, packet: Sent, *, index: int = 0, write: int = 1, length: int = 60, count: int = 1) -> Script:
    unit = {"buffer": packet.buffer, "index_write": index << 1 | write, "physical": packet.physical, "length": length}
    return script.call("NdisMStartBufferPhysicalMapping", count, **unit)


def end(script: Script, packet: Sent, index: int = 0) -> Script:
    return script.call("NdisMCompleteBufferPhysicalMapping", buffer=packet.buffer, index=index)


@pytest.mark.parametrize(
    "wrong", [{"index": 8}, {"write": 0}, {"length": 0, "count": 0}, {"length": 1515, "count": 0}, {"length": 1515}]
)
def test_r92_bad_start_of_a_mapping(wrong: dict[str, int]) -> None:
    script, packet = mapping()
    fires(start(script, packet, **wrong), "R92")


def test_r92_a_register_in_use() -> None:
    script, packet = mapping()
    start(script, packet)
    fires(start(script, script.outgoing()), "R92")


def test_r92_silent_for_the_units_of_one_start() -> None:
    script, packet = mapping()
    start(script, packet, length=30, count=2)
    start(script, packet, length=30, count=2)
    assert set(script.judge().verdict.counts) == {"R10"}


def test_r93_bad_end_of_a_mapping() -> None:
    script, packet = mapping()
    start(script, packet)
    end(script, packet)
    fires(end(script, packet), "R93")


def test_r93_another_buffer() -> None:
    script, packet = mapping()
    start(script, packet)
    fires(end(script, script.outgoing()), "R93")


def test_r93_before_the_card_had_read() -> None:
    script, packet = mapping()
    start(script, packet)
    fires(end(script, packet).read(packet), "R93")


def test_r93_silent_when_the_card_had_read() -> None:
    script, packet = mapping()
    start(script, packet).flush(packet.buffer, write=True).read(packet)
    end(script, packet)
    assert set(script.judge().verdict.counts) == {"R10"}


@pytest.mark.parametrize("leave", [False, True])
def test_r94_map_registers_freed_in_use(leave: bool) -> None:
    script, packet = mapping()
    start(script, packet)
    script.halting()
    fires(script.returned() if leave else script.call("NdisMFreeMapRegisters"), "R94")


def test_r94_silent_when_all_are_complete() -> None:
    script, packet = mapping()
    start(script, packet)
    end(script, packet).complete(packet).halting().call("NdisMFreeMapRegisters")
    assert set(script.judge().verdict.counts) == {"R10"}


def test_r95_completed_before_the_mapping() -> None:
    script, packet = mapping()
    start(script, packet)
    fires(script.call("NdisMSendComplete", packet=packet.packet), "R95")


def test_r95_silent_in_order() -> None:
    script, packet = mapping()
    start(script, packet)
    end(script, packet).complete(packet)
    assert set(script.judge().verdict.counts) == {"R10"}


def test_r96_sent_without_a_flush() -> None:
    script = Script().running()
    packet = script.outgoing()
    fires(script.send(packet).leave("MiniportSendPackets").read(packet), "R96")


def test_r96_flushed_the_wrong_way() -> None:
    script = Script().running()
    packet = script.outgoing()
    fires(script.send(packet).flush(packet.buffer, write=False).read(packet), "R96")


def rung(script: Script, tail: int) -> Script:
    """The miniport rings the transmit doorbell, and the card obeys it."""
    script.call("NdisWriteRegister", address=0xFFFF888000777000, value=tail)
    return script.card("card.doorbell", transmit=1, tail=tail, head=tail - 1, size=8)


def test_r96_flushed_after_the_doorbell() -> None:
    script = Script().running()
    packet = script.outgoing()
    rung(script.send(packet), 1).flush(packet.buffer, write=True)
    fires(script.leave("MiniportSendPackets").read(packet), "R96")


def test_r96_flushed_after_a_first_doorbell_and_before_the_one_that_the_card_obeys() -> None:
    script = Script().running()
    packet = script.outgoing()
    script.send(packet).call("NdisWriteRegister", address=0xFFFF888000777008, value=1)
    rung(script.flush(packet.buffer, write=True), 1)
    fires(script.leave("MiniportSendPackets").read(packet), "R96")


def test_r96_silent_for_an_earlier_doorbell_of_other_sends() -> None:
    script = Script().running()
    first, second = script.outgoing(), script.outgoing()
    script.send(first, second).place(first).call("NdisWriteRegister", address=0xFFFF888000777008, value=0)
    rung(script.place(second), 2).leave("MiniportSendPackets").read(first).read(second)
    silent(script)


def test_r96_silent_for_a_flush_before_its_own_doorbell() -> None:
    script = Script().running()
    first, second = script.outgoing(), script.outgoing()
    rung(script.send(first).place(first), 1).leave("MiniportSendPackets").read(first)
    rung(script.send(second).place(second), 2).leave("MiniportSendPackets").read(second)
    silent(script)


def test_r96_silent_where_another_register_had_the_doorbell_s_value() -> None:
    script = Script().running()
    packet = script.outgoing()
    script.call("NdisWriteRegister", address=0xFFFF888000777008, value=1)
    rung(script.send(packet).place(packet), 1).leave("MiniportSendPackets").read(packet)
    silent(script)


def test_r96_a_staging_block_that_was_never_flushed() -> None:
    script, item = receiving()
    fires(script.card("card.read", address=item.block.physical, length=60, status=1), "R96")


def test_r96_silent_after_the_flush() -> None:
    script, item = receiving()
    packet = script.sending()
    script.read(packet).flush(item.buffer, write=True)
    silent(script.card("card.read", address=item.block.physical, length=60, status=1))


def sent_and_completed(before: int, after: int) -> Script:
    """A send with these digests."""
    script = Script().running()
    packet = script.sending()
    sends = (place for place, event in enumerate(script.events) if event.function == "MiniportSendPackets")
    first = next(sends)
    script.events[first] = script.events[first]._replace(result=before)
    return script.call("NdisMSendComplete", after, packet=packet.packet)


def test_r97_stored_under_the_card() -> None:
    fires(sent_and_completed(1 << 32 | 0x1234, 2 << 32 | 0x1235), "R97")


@pytest.mark.parametrize("finding", [2, 3 | 256, 4])
def test_r97_the_card_sees_a_store(finding: int) -> None:
    script, item = receiving()
    fires(script.card("card.hand_over", finding=finding, address=item.block.physical, length=60, index=5), "R97")


def test_r97_the_card_names_the_packet() -> None:
    script = Script().running()
    packet = script.sending()
    script.card("card.hand_over", finding=3 | 256, address=packet.physical, length=60, index=0)
    assert f"packet {packet.packet:#x}" in fires(script, "R97").text


def test_r97_silent_when_the_bytes_lie_in_another_slot() -> None:
    silent(sent_and_completed(1 << 32 | 0x1234, 2 << 32 | 0x1234))


def test_r97_silent_without_a_digest() -> None:
    silent(sent_and_completed(0x1234, 0))


def test_r98_received_without_a_flush() -> None:
    script, item = receiving()
    script.write(item).flush(item.buffer, write=True)
    violation = fires(script.indicate(item, length=0x800), "R98")
    assert violation.evidence[0].function == "card.write"


def test_r98_updated_in_part() -> None:
    script, item = receiving()
    script.write(item, 1000).update(item, 999)
    fires(script.indicate(item, length=0x800), "R98")


def test_r98_flushed_in_part() -> None:
    script, item = receiving()
    script.write(item, 1000).adjust(item.buffer, 999).flush(item.buffer, write=False)
    fires(script.indicate(item, length=999), "R98")


def test_r98_silent_after_both() -> None:
    script, item = receiving()
    silent(script.received(item))


@pytest.mark.parametrize("made", ["flush", "update"])
def test_r98_silent_after_either(made: str) -> None:
    script, item = receiving()
    script.write(item)
    script.flush(item.buffer, write=False) if made == "flush" else script.update(item)
    silent(script.indicate(item, length=0x800))


def test_r98_silent_for_noncached_memory() -> None:
    script = Script().ready()
    block = script.shared(0x800, cached=False)
    packet, buffer = script.packet(script.packet_pool()), script.buffer(script.buffer_pool(), block.address)
    item = ReceiveBuffer(block, packet, buffer)
    silent(script.chain(packet, buffer).succeed().write(item).indicate(item, length=0x800))


def test_r98_of_two_frames_in_one_block_only_the_other_is_stale() -> None:
    script = Script().ready()
    block, packets, buffers = script.shared(0x1000), script.packet_pool(), script.buffer_pool()
    pair = [(script.packet(packets), script.buffer(buffers, block.address + each)) for each in (0, 0x800)]
    for packet, buffer in pair:
        script.chain(packet, buffer)
    first = ReceiveBuffer(block, *pair[0])
    script.succeed().write(first).flush(first.buffer, write=False).update(first)
    script.card("card.write", address=block.physical + 0x800, length=60, status=1)
    silent(script.indicate(first, length=0x800))


@pytest.mark.parametrize("length", [0x7F0, 0x20])
def test_r99_receive_buffer_unaligned(length: int) -> None:
    script = Script().ready()
    item = script.receive_buffer(length=length)
    fires(script.succeed().write(item, 20), "R99")


def test_r99_silent_for_whole_lines() -> None:
    script = Script().ready().call("NdisMGetDmaAlignment", 128)
    item = script.receive_buffer(length=0x800)
    silent(script.succeed().write(item))


def test_r100_frames_share_a_line() -> None:
    script = Script().ready()
    block = script.shared(0x1000)
    script.succeed().card("card.write", address=block.physical, length=70, status=1)
    fires(script.card("card.write", address=block.physical + 72, length=70, status=1), "R100")


def test_r100_frames_into_the_block_of_a_ring() -> None:
    script = Script().ready()
    block = script.shared(0x1000)
    script.ring(block, 8, transmit=False).succeed()
    fires(script.card("card.write", address=block.physical + 0x800, length=60, status=1), "R100")


def test_r100_silent_for_frames_in_their_own_lines() -> None:
    script = Script().ready()
    block = script.shared(0x1000)
    script.succeed().card("card.write", address=block.physical, length=70, status=1)
    silent(script.card("card.write", address=block.physical + 128, length=70, status=1))


def cached_ring() -> Script:
    script = Script().ready()
    block = script.shared(0x1000)
    buffer = script.buffer(script.buffer_pool(), block.address, 0x1000)
    script.ring(block, 8, transmit=True).succeed().flush(buffer, write=True)
    return script.card("card.doorbell", transmit=1, tail=1, head=0, size=8)


def test_r101_cached_ring_not_flushed() -> None:
    fires(cached_ring().card("card.doorbell", transmit=1, tail=2, head=1, size=8), "R101")


def test_r101_silent_when_flushed_or_noncached() -> None:
    silent(cached_ring())
    script = Script().ready()
    script.ring(script.shared(0x1000, cached=False), 256, transmit=True).succeed()
    for tail in (1, 2):
        script.card("card.doorbell", transmit=1, tail=tail, head=tail - 1, size=256)
    silent(script)


@pytest.mark.parametrize("wrong", [{"length": 0x801}, {"address": 0xFFFF888800000000}, {"physical": 0x10000040}])
def test_r102_update_outside_a_block(wrong: dict[str, int]) -> None:
    script, item = receiving()
    right = {"length": 60, "address": item.block.address, "physical": item.block.physical}
    fires(script.call("NdisMUpdateSharedMemory", **{**right, **wrong}), "R102")


def test_r102_silent_for_a_part_of_a_block() -> None:
    script, item = receiving()
    part = {"length": 64, "address": item.block.address + 64, "physical": item.block.physical + 64}
    silent(script.call("NdisMUpdateSharedMemory", **part))


def test_r104_transfer_too_long() -> None:
    script = Script().running()
    packet = script.outgoing(1519)
    script.enter("MiniportSendPackets", packet=packet.packet, buffer=packet.buffer, length=1519)
    fires(script, "R104")


def subordinate(maximum: int = 0x2000) -> tuple[Subordinate, int]:
    """A channel and a buffer of 0x2000 bytes."""
    script = Subordinate()
    script.begin(DEVICE_SUBORDINATE).attributes(flags=0x20)
    script.rx_buffer = script.buffer(script.buffer_pool(), script.memory(0x2000), 0x2000)
    script.channel = script.handle()
    script.call("NdisMRegisterDmaChannel", handle=script.channel, maximum=maximum)
    script.succeed()
    return script, script.rx_buffer


def test_r104_on_a_channel() -> None:
    script, buffer = subordinate(maximum=0x1FFF)
    script.transfer(buffer, write=True)
    fires(script, "R104")


def test_r104_silent_up_to_the_limit() -> None:
    script = Script().running()
    packet = script.outgoing(1518)
    silent(script.send(packet))


def test_r105_address_too_wide() -> None:
    script = Script().begin().attributes().scatter_gather(dma64=0).succeed()
    packet = script.outgoing()
    script.enter("MiniportSendPackets", packet=packet.packet, buffer=packet.buffer, length=60)
    element = {"packet": packet.packet, "physical": (1 << 32) - 30, "length": 60}
    fires(script.call("ScatterGatherElement", **element), "R105")


def test_r105_silent_within_the_width() -> None:
    script = Script().begin().attributes().scatter_gather(dma64=0).succeed()
    silent(script.send(script.outgoing()))


def test_r106_bad_setup_of_a_transfer() -> None:
    script, buffer = subordinate()
    script.transfer(buffer, write=False)
    script.transfer(buffer, write=False)
    fires(script, "R106")


def test_r106_outside_the_buffer() -> None:
    script, buffer = subordinate()
    arguments = {"handle": script.channel, "buffer": buffer, "range": 1 << 32 | 0x2000}
    fires(script.call("NdisMSetupDmaTransfer", **arguments), "R106")


def test_r106_started_after_a_failed_setup() -> None:
    script, buffer = subordinate()
    script.call("NdisMSetupDmaTransfer", RESOURCES, handle=script.channel, buffer=buffer, range=0x2000, write=1)
    fires(script.card("card.enable", transmit=1, base=0x80000, size=0x2000), "R106")


def test_r106_silent_one_after_the_other() -> None:
    script, buffer = subordinate()
    for write in (False, True):
        script.transfer(buffer, write=write)
        script.moved(write=write)
        script.completed(buffer, write=write)
    silent(script)


def test_r107_bad_end_of_a_transfer() -> None:
    script, buffer = subordinate()
    script.transfer(buffer, write=False)
    script.completed(buffer, write=True)
    fires(script, "R107")


def test_r107_without_a_setup() -> None:
    script, buffer = subordinate()
    script.completed(buffer, write=True)
    fires(script, "R107")


def test_r107_sent_before_it_was_moved() -> None:
    script, buffer = subordinate()
    packet = script.outgoing()
    script.send_copied(packet)
    script.transfer(buffer, write=True)
    script.call("NdisMSendComplete", packet=packet.packet)
    fires(script, "R107")


@pytest.mark.parametrize("result", [None, RESOURCES])
def test_r107_indicated_before_it_was_moved_well(result: int | None) -> None:
    script, buffer = subordinate()
    packet = script.packet(script.packet_pool())
    script.chain(packet, buffer)
    script.transfer(buffer, write=False)
    if result is not None:
        script.completed(buffer, write=False, result=result)
    fires(script.call("NdisMIndicateReceivePacket", packet=packet, buffer=buffer, length=0x2000), "R107")


def test_r107_silent_in_order() -> None:
    script, buffer = subordinate()
    packet = script.packet(script.packet_pool())
    script.chain(packet, buffer)
    script.transfer(buffer, write=False)
    script.completed(buffer, write=False)
    silent(script.call("NdisMIndicateReceivePacket", packet=packet, buffer=buffer, length=0x2000))


def test_r103_descriptor_written_after_ownership() -> None:
    script, item = receiving()
    fires(script.card("card.hand_over", finding=1, address=item.block.physical, length=16, index=5), "R103")


def test_r103_silent_for_a_descriptor_that_changes_later() -> None:
    script, item = receiving()
    script.card("card.hand_over", finding=2, address=item.block.physical, length=16, index=5)
    assert [violation.rule for violation in script.judge().violations] == ["R97"]


def test_r108_guard_bytes_changed() -> None:
    script, item = receiving()
    fires(script.card("card.ledger", finding=6, address=item.block.physical, length=item.block.length), "R108")


def test_r108_silent_for_what_else_the_ledger_finds() -> None:
    script, item = receiving()
    silent(script.write(item).card("card.ledger", finding=3, address=0x66000000, length=60))


@pytest.mark.parametrize("port", [0xBFFF, 0xC010])
def test_r109_port_outside_its_range(port: int) -> None:
    script = Script().ready().call("NdisMRegisterIoPortRange", first=0xC000, count=16)
    fires(script.call("NdisRawReadPort", port=port, bytes=4), "R109")


def test_r109_after_the_release() -> None:
    script = Script().ready().call("NdisMRegisterIoPortRange", first=0xC000, count=16)
    script.call("NdisMDeregisterIoPortRange", first=0xC000, count=16)
    fires(script.call("NdisRawWritePort", port=0xC000, bytes=4), "R109")


def test_r109_silent_inside() -> None:
    script = Script().ready().call("NdisMRegisterIoPortRange", first=0xC000, count=16)
    silent(script.call("NdisRawReadPort", port=0xC00F, bytes=1))


def test_r110_mapped_memory_is_not_the_cards() -> None:
    script = Script().ready()
    block = script.shared(0x2000)
    script.call("NdisMMapIoSpace", physical=block.physical + 0x1000, length=0x1000, address=0x9000)
    fires(script, "R110")


def test_r110_another_length() -> None:
    script = Script().ready().call("NdisMMapIoSpace", physical=0xFE000000, length=0x1000, address=0x9000)
    fires(script.call("NdisMUnmapIoSpace", address=0x9000, length=0x2000), "R110")


def test_r110_silent_for_device_memory() -> None:
    script = Script().ready().call("NdisMMapIoSpace", physical=0xFE000000, length=0x1000, address=0x9000)
    silent(script.call("NdisMUnmapIoSpace", address=0x9000, length=0x1000))


def test_r111_counter_without_a_channel() -> None:
    fires(Script().running().call("NdisMReadDmaCounter", handle=0x9000), "R111")


def test_r111_silent_with_a_channel() -> None:
    script, _ = subordinate()
    with script.at(DISPATCH):
        silent(script.call("NdisMReadDmaCounter", 64, handle=script.channel))
