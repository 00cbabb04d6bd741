# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.7: what the NDIS layer owes the miniport."""

from __future__ import annotations

import pytest

from nicrig.verifier.constants import CONTIGUOUS, FAILURE, PENDING, RESOURCES
from nicrig.verifier.functions import Phase
from tests.controller.verifier.script import DISPATCH, SHARED, TAG, ReceiveBuffer, Script, fires, silent


def allocated(address: int, length: int) -> Script:
    return Script().ready().call("NdisAllocateMemoryWithTag", address=address, length=length, tag=TAG)


@pytest.mark.parametrize(
    ("address", "length"), [(0x800008, 64), (0x800FF0, 32), (0x800010, 0x1000), (0x800800, 0x2000)]
)
def test_r120_block_misplaced(address: int, length: int) -> None:
    fires(allocated(address, length), "R120")


def test_r120_over_a_live_block() -> None:
    fires(allocated(0x800000, 64).call("ExAllocatePoolWithTag", 0x800020, length=64, tag=TAG), "R120")


@pytest.mark.parametrize(("address", "length"), [(0x800010, 64), (0x800F00, 0x100), (0x800000, 0x1001)])
def test_r120_silent_when_aligned(address: int, length: int) -> None:
    silent(allocated(address, length))


def test_r121_contiguous_block_in_pieces() -> None:
    script = Script().ready().call("NdisAllocateMemory", address=0x800010, length=64, flags=CONTIGUOUS)
    fires(script, "R121")


def mapped(physical: list[int], highest: int) -> Script:
    """A contiguous block of two pages whose buffer is mapped in two units."""
    script = Script().begin().attributes().map_registers(base=4, maximum=0x2000)
    memory = script.flagged(0x2000, CONTIGUOUS, highest)
    buffer = script.buffer(script.buffer_pool(), memory, 0x2000)
    script.succeed()
    for each in physical:
        unit = {"buffer": buffer, "index_write": 1, "physical": each, "length": 0x1000}
        script.call("NdisMStartBufferPhysicalMapping", 2, **unit)
    return script


@pytest.mark.parametrize(("second", "highest"), [(0x83000, 0xFFFFFFFF), (0x81000, 0x81FFE)])
def test_r121_as_its_units_show(second: int, highest: int) -> None:
    fires(mapped([0x80000, second], highest), "R121")


def test_r121_silent_for_one_run_below_its_bound() -> None:
    assert set(mapped([0x80000, 0x81000], 0x81FFF).judge().verdict.counts) == {"R10"}


@pytest.mark.parametrize(("address", "physical"), [(SHARED + 64, 0x10000000), (SHARED, 0x10000040)])
def test_r122_shared_block_misplaced(address: int, physical: int) -> None:
    script = Script().ready().call("NdisMAllocateSharedMemory", address, length=64, cached=1, physical=physical)
    fires(script, "R122")


def test_r122_beyond_the_declared_width() -> None:
    script = Script().begin().attributes().scatter_gather(dma64=0)
    fires(script.call("NdisMAllocateSharedMemory", SHARED, length=64, cached=1, physical=1 << 32), "R122")


def test_r122_over_another_block() -> None:
    script = Script().ready()
    block = script.shared(0x2000)
    place = {"cached": 1, "physical": block.physical + 0x1000}
    fires(script.call("NdisMAllocateSharedMemory", SHARED + 0x9000, length=0x1000, **place), "R122")


def test_r122_silent_for_blocks_side_by_side() -> None:
    script = Script().ready()
    script.shared(0x1000)
    script.shared(0x1000)
    silent(script)


@pytest.mark.parametrize(
    ("function", "result", "arguments"),
    [
        ("NdisAllocateMemoryWithTag", RESOURCES, {"length": 64, "tag": TAG}),
        ("NdisAllocateMemoryWithTag", FAILURE, {"address": 0x9000, "length": 64, "tag": TAG}),
        ("NdisAllocateMemoryWithTag", 0, {"length": 64, "tag": TAG}),
        ("NdisMAllocateSharedMemory", 0, {"length": 64, "cached": 1, "physical": 0x9000}),
        ("NdisMAllocateSharedMemoryAsync", RESOURCES, {"length": 64, "cached": 1}),
        ("NdisAllocatePacketPool", FAILURE, {"count": 8}),
        ("NdisAllocatePacket", RESOURCES, {"packet": 0x9000}),
        ("NdisAllocateBuffer", RESOURCES, {"address": SHARED, "length": 64}),
        ("NdisMMapIoSpace", PENDING, {"length": 64}),
    ],
)
def test_r123_failure_reported_wrongly(function: str, result: int, arguments: dict[str, int]) -> None:
    script = Script().ready()
    script.shared()
    fires(script.call(function, result, **arguments), "R123")


def test_r123_silent_for_the_documented_failures() -> None:
    script = Script().ready().no_memory().no_shared(64).call("NdisMAllocateSharedMemoryAsync", FAILURE, length=64)
    silent(script.call("NdisAllocatePacketPool", RESOURCES, count=8))


def receiving() -> tuple[Script, ReceiveBuffer]:
    script = Script().ready()
    item = script.receive_buffer()
    return script.succeed(), item


def test_r124_packet_handed_over_wrongly() -> None:
    script, item = receiving()
    fires(script.enter("MiniportReturnPacket", packet=item.packet), "R124")


def test_r124_given_twice() -> None:
    script = Script().ready()
    pool = script.packet_pool()
    packet = script.packet(pool)
    fires(script.call("NdisAllocatePacket", pool=pool, packet=packet), "R124")


def test_r124_kept_although_marked_resources() -> None:
    script, item = receiving()
    fires(script.indicate(item, length=0x800, status=RESOURCES).answer(1), "R124")


def test_r124_silent_for_a_packet_that_was_pending() -> None:
    script, item = receiving()
    silent(script.received(item).return_packet(item))


def test_r125_injected_failure_not_survived() -> None:
    script = Script().ready().no_shared()
    verifier = script.judge()
    verifier.finish()
    assert [each.rule for each in verifier.violations] == ["R125"]
    assert verifier.violations[0].evidence[-1] == script.last


def test_r125_silent_when_initialize_returned() -> None:
    script = Script().ready().no_shared(0x1000)
    script.shared(0x800)
    verifier = script.succeed().judge()
    verifier.finish()
    assert verifier.violations == []


@pytest.mark.parametrize("halting", [False, True])
def test_r126_handler_called_out_of_turn(halting: bool) -> None:
    script = Script().running().halting() if halting else Script().ready()
    with script.at(DISPATCH, phase=Phase.RUN):
        fires(script.enter("MiniportHandleInterrupt"), "R126")


def test_r126_a_send_after_halt() -> None:
    script = Script().running().halting().halted()
    packet = script.outgoing()
    fires(script.enter("MiniportSendPackets", packet=packet.packet, buffer=packet.buffer), "R126")


def test_r126_silent_while_it_runs() -> None:
    script = Script().running().enter("MiniportHandleInterrupt").leave("MiniportHandleInterrupt")
    silent(script)
