# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.3: allocation and free."""

import pytest

from nicrig.verifier.constants import CONTIGUOUS, NONCACHED, POISON, RESOURCES
from nicrig.verifier.functions import Phase, RecordKind
from nicrig.verifier.severity import Severity
from tests.controller.verifier.script import DISPATCH, TAG, Script, fires, silent


@pytest.mark.parametrize(("length", "flags"), [(0x2000, 0), (0x2000, CONTIGUOUS), (0x1000, CONTIGUOUS | NONCACHED)])
def test_r40_memory_freed_otherwise(length: int, flags: int) -> None:
    script = Script().ready()
    fires(script.free(script.flagged(0x2000, CONTIGUOUS | NONCACHED), length, flags), "R40")


def test_r40_silent_when_freed_as_allocated() -> None:
    script = Script().ready()
    script.free(script.flagged(0x2000, CONTIGUOUS), 0x2000, CONTIGUOUS)
    silent(script.free(script.memory(), 12345, 0))


def test_r41_freed_what_is_not_allocated() -> None:
    fires(Script().ready().free(0xFFFF888012345000), "R41")


def test_r41_freed_twice() -> None:
    script = Script().ready()
    memory = script.memory()
    violation = fires(script.free(memory).free(memory), "R41")
    assert [event.function for event in violation.evidence[:2]] == ["NdisAllocateMemoryWithTag", "NdisFreeMemory"]


def test_r41_freed_inside_a_block() -> None:
    script = Script().ready()
    block = script.shared(0x2000)
    fires(script.call("NdisMFreeSharedMemory", length=0x1000, cached=1, address=block.address + 0x1000), "R41")


@pytest.mark.parametrize(
    "free",
    [
        *("NdisFreePacket", "NdisFreeBuffer", "NdisFreePacketPool", "NdisFreeBufferPool"),
        *("NdisMDeregisterInterrupt", "NdisCloseConfiguration"),
    ],
)
def test_r41_other_things_that_are_not_there(free: str) -> None:
    script = Script().ready()
    script.add(free, RecordKind.CALL, 0x9000, 0, 0, 0, 0)
    fires(script, "R41")


def test_r41_silent_for_each_thing_once() -> None:
    script = Script().ready()
    script.free(script.memory()).free_shared(script.shared())
    script.call("ExFreePoolWithTag", address=script.pool_memory(), tag=TAG)
    silent(script.call("NdisFreePacketPool", pool=script.packet_pool()))


def test_r42_freed_by_the_wrong_family() -> None:
    script = Script().ready()
    fires(script.call("ExFreePool", address=script.memory()), "R42")


def test_r42_shared_memory_freed_as_plain() -> None:
    script = Script().ready()
    fires(script.free(script.shared().address), "R42")


def test_r42_another_tag_is_an_error() -> None:
    script = Script().ready()
    script.call("ExFreePoolWithTag", address=script.pool_memory(), tag=TAG + 1)
    fires(script, "R42", severity=Severity.ERROR)


def test_r42_a_packet_of_the_other_lock_model_is_an_error() -> None:
    script = Script().ready()
    pool = script.packet_pool()
    with script.at(2):
        script.call("NdisDprAllocatePacketNonInterlocked", pool=pool, packet=0x9000)
        script.call("NdisFreePacket", packet=0x9000)
    fires(script, "R42", severity=Severity.ERROR)


def test_r42_silent_for_the_own_family() -> None:
    script = Script().ready()
    silent(script.call("ExFreePoolWithTag", address=script.pool_memory(), tag=TAG))


@pytest.mark.parametrize(
    "other", [{"length": 0x400}, {"cached": 0}, {"address": 0xFFFF888112345000}, {"physical": 0x5000}]
)
def test_r43_shared_memory_freed_otherwise(other: dict[str, int]) -> None:
    script = Script().ready()
    block = script.shared()
    asked = {"length": block.length, "cached": 1, "address": block.address, "physical": block.physical}
    violation = fires(script.call("NdisMFreeSharedMemory", **{**asked, **other}), "R43")
    assert violation.evidence[0].result == block.address


def test_r43_silent_when_freed_as_allocated() -> None:
    script = Script().ready()
    silent(script.free_shared(script.shared()))


def test_r44_used_after_free() -> None:
    script = Script().ready()
    packet = script.packet(script.packet_pool())
    script.call("NdisFreePacket", packet=packet)
    fires(script.call("NdisReinitializePacket", packet=packet), "R44")


def test_r44_a_buffer_is_flushed_after_its_free() -> None:
    script = Script().ready()
    buffer = script.buffer(script.buffer_pool(), script.memory(), 0x100)
    fires(script.call("NdisFreeBuffer", buffer=buffer, length=0x100).flush(buffer, write=True), "R44")


def test_r44_shared_memory_is_updated_after_its_free() -> None:
    script = Script().ready()
    block = script.shared()
    script.free_shared(block)
    script.call("NdisMUpdateSharedMemory", length=60, address=block.address, physical=block.physical)
    fires(script, "R44")


def test_r44_an_event_in_freed_memory_is_set() -> None:
    script = Script().ready()
    memory = script.memory()
    fires(script.free(memory).call("NdisSetEvent", event=memory + 0x20), "R44")


def test_r44_silent_when_the_address_lives_again() -> None:
    script = Script().ready()
    pool = script.packet_pool()
    packet = script.packet(pool)
    script.call("NdisFreePacket", packet=packet).call("NdisAllocatePacket", pool=pool, packet=packet)
    silent(script.call("NdisReinitializePacket", packet=packet))


@pytest.mark.parametrize("function", ["NdisFreeMemory", "ExFreePool", "ExFreePoolWithTag"])
def test_r44_a_store_into_a_freed_block(function: str) -> None:
    script = Script().ready()
    block = script.memory(0x2000) if function == "NdisFreeMemory" else script.pool_memory(0x2000)
    script.call(function, address=block, **({"tag": TAG} if function == "ExFreePoolWithTag" else {}))
    script.succeed().halting().halted()
    silent(script)
    script.add(function, RecordKind.LEAVE, block, 0x1FFF, 0x2000, 0, 0)
    fires(script, "R44")
    (found,) = script.judge().violations
    where = f"byte 0x1fff of a block of 0x2000 bytes at {block:#x}"
    assert found.text == f"{where} was written after {function} had freed it"
    assert [event.kind for event in found.evidence] == [RecordKind.CALL, RecordKind.CALL, RecordKind.LEAVE]


@pytest.mark.parametrize("function", ["NdisFreePacket", "NdisDprFreePacket"])
def test_r44_a_store_into_a_free_packet(function: str) -> None:
    script = Script().ready()
    packet = script.packet(script.packet_pool())
    with script.at(DISPATCH):
        script.call(function, packet=packet)
    script.add(function, RecordKind.LEAVE, packet, 0x40, 0, 0, 0)
    found = fires(script, "R44")
    assert found.text == f"byte 0x40 of packet {packet:#x} was written after {function} had freed it"
    assert [event.function for event in found.evidence] == ["NdisAllocatePacket", function, function]


def test_r44_a_store_into_a_freed_block_that_is_not_known() -> None:
    script = Script().ready()
    script.add("NdisFreeMemory", RecordKind.LEAVE, 0x1000, 0, 0x20, 0, 0)
    fires(script, "R44")


def test_r45_access_beyond_a_block() -> None:
    script = Script().ready()
    item = script.receive_buffer(length=64)
    fires(script.succeed().write(item, 65), "R45")


def test_r45_stores_behind_a_block() -> None:
    script = Script().ready()
    fires(script.call("NdisFreeMemory", address=script.memory(), beyond=1), "R45")


def test_r45_silent_up_to_the_end() -> None:
    script = Script().ready()
    item = script.receive_buffer(length=64)
    silent(script.succeed().write(item, 64))


@pytest.mark.parametrize("function", ["ExFreePool", "ExFreePoolWithTag"])
def test_r45_bytes_behind_pool_memory_were_written(function: str) -> None:
    script = Script().ready()
    block = script.pool_memory(0x2000)
    tag = {"tag": TAG} if function == "ExFreePoolWithTag" else {}
    fires(script.call(function, address=block, beyond=1, **tag), "R45")


def test_r45_bytes_behind_shared_memory_were_written() -> None:
    script = Script().ready()
    block = script.shared(0x1000, cached=False)
    script.call("NdisMFreeSharedMemory", 1, length=0x1000, cached=0, address=block.address, physical=block.physical)
    fires(script, "R45")


@pytest.mark.parametrize(
    "function", ["NdisAllocateMemoryWithTag", "NdisMAllocateSharedMemory", "ExAllocatePoolWithTag"]
)
def test_r46_empty_allocation(function: str) -> None:
    named = {} if function == "NdisMAllocateSharedMemory" else {"tag": TAG}
    failure = 0xC0000001 if function.startswith("Ndis") and named else 0
    fires(Script().ready().call(function, failure, length=0, **named), "R46")


def test_r46_silent_for_one_byte() -> None:
    script = Script().ready()
    script.memory(1)
    silent(script)


@pytest.mark.parametrize("tag", [0, 0x07414243, 0x4142437F])
def test_r47_bad_tag(tag: int) -> None:
    script = Script().ready()
    script.memory(tag=tag)
    fires(script, "R47")


def test_r47_no_tag_at_all() -> None:
    script = Script().ready()
    script.flagged(0x100, 0)
    fires(script, "R47", severity=Severity.NOTE)


@pytest.mark.parametrize("tag", [0x41, 0x4E44616D])
def test_r47_silent_for_one_to_four_characters(tag: int) -> None:
    script = Script().ready()
    script.memory(tag=tag)
    silent(script)


def test_r48_unload_left_memory() -> None:
    script = Script().running().halting().halted().unload(blocks=3)
    fires(script, "R48", culprit=script.events[-2])


def test_r48_what_halt_had_left_is_named() -> None:
    script = Script().ready()
    memory = script.memory()
    script.succeed().halting().halted().unload(blocks=1)
    assert fires(script, "R48", culprit=script.events[-2]).evidence[0].a == memory


def test_r48_an_allocation_while_unloading() -> None:
    script = Script().running().halting().halted().enter("DriverUnload")
    script.memory()
    fires(script, "R48")


def test_r48_silent_when_nothing_is_left() -> None:
    silent(Script().running().halting().halted().unload())


def test_r49_block_with_an_active_object_freed() -> None:
    script = Script().ready()
    memory = script.memory()
    fires(script.call("NdisAllocateSpinLock", lock=memory + 0x10).free(memory), "R49")


def test_r49_an_active_timer() -> None:
    script = Script().ready()
    memory = script.memory()
    script.call("NdisMInitializeTimer", timer=memory).call("NdisMSetTimer", timer=memory, milliseconds=10)
    fires(script.free(memory), "R49")


def test_r49_silent_after_the_object_is_gone() -> None:
    script = Script().ready()
    memory = script.memory()
    script.call("NdisAllocateSpinLock", lock=memory + 0x10).call("NdisFreeSpinLock", lock=memory + 0x10)
    script.call("NdisMInitializeTimer", timer=memory).call("NdisMSetTimer", timer=memory, milliseconds=10)
    silent(script.call("NdisMCancelTimer", 1, timer=memory).free(memory))


def test_r50_uninitialised_contents_used() -> None:
    fires(Script().ready().free(POISON << 32 | POISON), "R50")


def test_r50_given_to_the_card() -> None:
    fires(Script().ready().card("card.register", offset=0x100, value=POISON), "R50")


def test_r50_silent_for_real_values() -> None:
    script = Script().ready().card("card.register", offset=0x100, value=0x5A5A5A5B)
    silent(script.free(script.memory()))


def test_r51_scarce_memory_wasted() -> None:
    script = Script().ready()
    memory = script.flagged(0x4000, CONTIGUOUS)
    fires(script.succeed().halting().free(memory, 0x4000, CONTIGUOUS), "R51")


def test_r51_far_more_than_the_ring_needs() -> None:
    script = Script().ready()
    ring = script.shared(0x10000, cached=False)
    script.ring(ring, 8, transmit=True).succeed()
    fires(script, "R51", culprit=script.events[-2])


def test_r51_silent_when_it_fits() -> None:
    script = Script().ready()
    ring = script.shared(0x1000, cached=False)
    script.ring(ring, 256, transmit=True).succeed().halting().card("card.reset")
    silent(script.free_shared(ring))


@pytest.mark.parametrize("result", [0, RESOURCES])
def test_r52_too_many_map_registers(result: int) -> None:
    fires(Script().begin().attributes().map_registers(base=33, maximum=1514, result=result), "R52")


def test_r52_silent_for_64() -> None:
    script = Script().begin().attributes().map_registers(base=32, maximum=1514)
    assert "R52" not in script.judge().verdict.counts


@pytest.mark.parametrize(
    "answer", [{"context": 8}, {"context": 7, "address": 0x9000, "physical": 0x9000, "length": 0x400}]
)
def test_r53_asynchronous_result_wrong(answer: dict[str, int]) -> None:
    fires(Script().running().request().enter("MiniportAllocateComplete", **answer), "R53")


def test_r53_a_second_callback() -> None:
    script = Script().running().request().enter("MiniportAllocateComplete", context=7)
    fires(script.enter("MiniportAllocateComplete", context=7), "R53")


def test_r53_silent_when_answered_once() -> None:
    answer = {"context": 7, "address": 0x9000, "physical": 0x9000, "length": 0x800}
    silent(Script().running().request().enter("MiniportAllocateComplete", **answer))


def test_a_wrong_phase_is_no_wrong_free() -> None:
    script = Script().ready()
    memory = script.memory()
    with script.at(phase=Phase.RUN):
        silent(script.free(memory))
