# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.4: levels and context."""

import pytest

from nicrig.verifier.constants import CONTIGUOUS, NONCACHED
from nicrig.verifier.functions import FUNCTIONS, Irql, Phase, RecordKind
from nicrig.verifier.severity import Severity
from tests.controller.verifier.script import DEVICE, DISPATCH, PASSIVE, TAG, Script, fires, silent

APC = Irql.APC
PASSIVE_CALLS = [each.name for each in FUNCTIONS if each.name.startswith("NdisM") and each.highest == PASSIVE]


@pytest.mark.parametrize("function", [name for name in PASSIVE_CALLS if name not in ("NdisMSleep",)])
def test_r60_level_too_high(function: str) -> None:
    script = Script().ready()
    with script.at(DISPATCH):
        script.call(function)
    fires(script, "R60", severity=Severity.FATAL if function == "NdisMAllocateSharedMemory" else None)


def test_r60_above_dispatch_in_a_crash() -> None:
    script = Script().running()
    with script.at(Irql.HIGH, phase=Phase.SHUTDOWN):
        fires(script.call("NdisMIndicateStatus"), "R60")


def test_r60_silent_at_the_highest_level() -> None:
    script = Script().running()
    with script.at(DISPATCH):
        script.memory()
    with script.at(DEVICE):
        silent(script.call("NdisStallExecution", microseconds=1))


def test_r61_flagged_memory_above_passive() -> None:
    script = Script().ready()
    with script.at(APC):
        script.flagged(0x1000, NONCACHED)
    fires(script, "R61")


def test_r61_silent_for_plain_memory() -> None:
    script = Script().ready()
    with script.at(DISPATCH):
        script.memory()
    silent(script)


@pytest.mark.parametrize(("flags", "irql"), [(CONTIGUOUS, APC), (NONCACHED, DISPATCH), (0, DEVICE)])
def test_r62_memory_freed_too_high(flags: int, irql: int) -> None:
    script = Script().ready()
    memory = script.flagged(0x1000, flags)
    with script.at(irql):
        fires(script.free(memory, 0x1000, flags), "R62")


@pytest.mark.parametrize(("flags", "irql"), [(CONTIGUOUS, PASSIVE), (NONCACHED, APC)])
def test_r62_silent_low_enough(flags: int, irql: int) -> None:
    script = Script().ready()
    memory = script.flagged(0x1000, flags)
    with script.at(irql):
        silent(script.free(memory, 0x1000, flags))


@pytest.mark.parametrize("irql", [PASSIVE, DEVICE])
def test_r63_dpr_call_at_another_level(irql: int) -> None:
    script = Script().ready()
    pool = script.packet_pool()
    with script.at(irql):
        fires(script.call("NdisDprAllocatePacket", pool=pool, packet=0x9000), "R63")


def test_r63_silent_at_dispatch() -> None:
    script = Script().ready()
    pool = script.packet_pool()
    with script.at(DISPATCH):
        silent(script.call("NdisDprAllocatePacket", pool=pool, packet=0x9000))


@pytest.mark.parametrize(("kind", "irql"), [(1, DISPATCH), (5, DISPATCH), (0, DEVICE)])
def test_r64_pool_at_the_wrong_level(kind: int, irql: int) -> None:
    script = Script().running()
    with script.at(irql):
        script.pool_memory(kind=kind)
    fires(script, "R64")


def test_r64_paged_pool_freed_at_dispatch() -> None:
    script = Script().ready()
    memory = script.pool_memory(kind=1)
    with script.at(DISPATCH):
        fires(script.call("ExFreePoolWithTag", address=memory, tag=TAG), "R64")


@pytest.mark.parametrize(("kind", "irql"), [(1, APC), (0, DISPATCH)])
def test_r64_silent_low_enough(kind: int, irql: int) -> None:
    script = Script().running()
    with script.at(irql):
        memory = script.pool_memory(kind=kind)
        silent(script.call("ExFreePoolWithTag", address=memory, tag=TAG))


def test_r65_call_from_the_service_routine() -> None:
    script = Script().running()
    with script.at(DEVICE):
        fires(script.enter("MiniportISR").call("NdisMSetTimer", timer=0x9000), "R65")


def test_r65_silent_for_calls_of_any_level() -> None:
    script = Script().ready().call("NdisMRegisterIoPortRange", first=0xC000, count=16).succeed()
    with script.at(DEVICE):
        silent(script.enter("MiniportISR").call("NdisRawReadPort", port=0xC000, bytes=1).leave("MiniportISR", 3))


@pytest.mark.parametrize(("function", "irql", "locks"), [("NdisMSleep", DISPATCH, 0), ("NdisWaitEvent", PASSIVE, 1)])
def test_r66_waits_at_dispatch(function: str, irql: int, locks: int) -> None:
    script = Script().running()
    with script.at(irql, locks=locks):
        fires(script.call(function), "R66")


def test_r66_silent_at_passive() -> None:
    script = Script().running()
    with script.at(PASSIVE):
        silent(script.call("NdisMSleep", microseconds=10))


def test_r67_packets_handed_over_under_a_lock() -> None:
    script = Script().running()
    packet = script.sending()
    with script.at(locks=1):
        script.call("NdisMSendComplete", packet=packet.packet)
    fires(script, "R67")


def test_r67_silent_without_a_lock() -> None:
    script = Script().running()
    silent(script.complete(script.sending()))


@pytest.mark.parametrize("function", ["NdisAllocateBufferPool", "NdisFreeBufferPool", "NdisFreePacketPool"])
def test_r68_pool_call_under_a_lock(function: str) -> None:
    script = Script().ready()
    pool = script.packet_pool() if "Packet" in function else script.buffer_pool()
    with script.at(DISPATCH, locks=1):
        fires(script.call(function, pool=pool), "R68")


def test_r68_silent_without_a_lock() -> None:
    script = Script().ready()
    silent(script.call("NdisFreeBufferPool", pool=script.buffer_pool()))


@pytest.mark.parametrize(("irql", "locks"), [(PASSIVE, 0), (DISPATCH, 1)])
def test_r69_handler_returns_changed(irql: int, locks: int) -> None:
    script = Script().running().enter("MiniportReset")
    with script.at(irql, locks=locks):
        fires(script.leave("MiniportReset"), "R69")


def test_r69_the_end_of_a_handler_that_is_recorded_only_then() -> None:
    script = Script().ready()
    item = script.receive_buffer()
    script.succeed().received(item).return_packet(item)
    with script.at(locks=1):
        fires(script.leave("MiniportReturnPacket"), "R69")


def test_r69_silent_when_a_passive_handler_moves_to_another_cpu() -> None:
    script = Script().ready()
    with script.at(cpu=1):
        silent(script.leave("MiniportInitialize"))


PLAIN_MEMORY = ("NdisAllocateMemory", "NdisAllocateMemoryWithTag", "NdisFreeMemory")


def test_every_level_rule_leaves_the_protocol_alone_except_for_plain_memory() -> None:
    script = Script().running()
    with script.at(DEVICE, phase=Phase.PROTOCOL, locks=2):
        for function in FUNCTIONS:
            if function.name not in PLAIN_MEMORY:
                script.add(function.name, RecordKind.CALL, 0, 0, 0, 0, 0)
    silent(script)


@pytest.mark.parametrize(("function", "rule"), list(zip(PLAIN_MEMORY, ("R65", "R65", "R62"), strict=True)))
def test_the_protocol_asks_for_plain_memory_at_the_levels_of_a_miniport(function: str, rule: str) -> None:
    script = Script().running()
    with script.at(DEVICE, phase=Phase.PROTOCOL):
        script.add(function, RecordKind.CALL, 0x9000, 64, 0, 0, 0)
    assert rule in script.judge().verdict.broken
