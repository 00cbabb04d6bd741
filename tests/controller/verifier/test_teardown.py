# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.2: failures and tear-down."""

import pytest

from nicrig.verifier.constants import FAILURE, NONCACHED, RESOURCES
from nicrig.verifier.functions import Phase
from nicrig.verifier.severity import Severity
from tests.controller.verifier.script import DEVICE, DISPATCH, Script, fires, silent


def test_r20_failed_allocation_used() -> None:
    fires(Script().ready().no_memory().free(0), "R20")


def test_r20_a_failed_packet_is_chained() -> None:
    script = Script().ready()
    packets, buffers = script.packet_pool(), script.buffer_pool()
    buffer = script.buffer(buffers, script.memory(), 0x100)
    script.call("NdisAllocatePacket", RESOURCES, pool=packets)
    fires(script.chain(0, buffer), "R20")


def test_r20_silent_when_the_failure_is_heeded() -> None:
    script = Script().ready().no_memory()
    script.free(script.memory())
    silent(script)


def test_r21_failed_void_allocator_used() -> None:
    script = Script().ready().no_shared()
    fires(script.call("NdisMFreeSharedMemory", length=0x800, cached=1), "R21")


def test_r21_a_failed_buffer_pool_is_used() -> None:
    script = Script().ready()
    memory = script.memory()
    script.call("NdisAllocateBufferPool", FAILURE, pool=0, count=8)
    script.call("NdisAllocateBuffer", FAILURE, pool=0, address=memory, length=64)
    fires(script, "R21")


def test_r21_silent_for_a_good_pool_whose_handle_is_null() -> None:
    script = Script().ready()
    memory = script.memory()
    script.call("NdisAllocateBufferPool", pool=0, count=8)
    buffer = script.buffer(0, memory, 64)
    silent(script.call("NdisFreeBuffer", buffer=buffer, length=64).call("NdisFreeBufferPool", pool=0))


def test_r22_failed_initialize_left_objects() -> None:
    fires(Script().begin().attributes().fail(), "R22")


def test_r22_an_interrupt_that_is_left_is_fatal() -> None:
    script = Script().ready()
    script.interrupt()
    script.free(script.context)
    fires(script.fail(), "R22", severity=Severity.FATAL)


def test_r22_silent_when_everything_is_released() -> None:
    script = Script().ready()
    script.free_shared(script.shared())
    script.free(script.context)
    silent(script.fail())


def test_r23_retry_that_cannot_help() -> None:
    fires(Script().ready().no_shared(0x1000).no_shared(0x1000), "R23")


def test_r23_too_many_rounds() -> None:
    script = Script().ready()
    for length in range(0x2000, 0x2000 - 17 * 0x40, -0x40):
        script.no_shared(length)
    fires(script, "R23")


def test_r23_silent_when_each_round_asks_for_less_or_begins_from_nothing() -> None:
    script = Script().ready().no_shared(0x4000).no_shared(0x2000).no_shared(0x1000)
    slots = script.memory()
    silent(script.free(slots).no_shared(0x1000))


def test_r24_gave_up_without_asking_for_less() -> None:
    script = Script().ready().no_shared(0x4000)
    script.free(script.context)
    fires(script.fail(), "R24")


def test_r24_silent_when_less_was_asked_for() -> None:
    script = Script().ready().no_shared(0x4000).no_shared(0x2000).call("NdisWriteErrorLogEntry")
    script.free(script.context)
    silent(script.fail())


def test_r25_pool_failure_reported_otherwise() -> None:
    script = Script().running().enter("MiniportReset").call("ExAllocatePoolWithTag", 0, length=64, tag=0x41424344)
    fires(script.leave("MiniportReset", FAILURE), "R25")


@pytest.mark.parametrize("status", [0, RESOURCES])
def test_r25_silent_when_reported_or_deferred(status: int) -> None:
    script = Script().running().enter("MiniportReset").call("ExAllocatePoolWithTag", 0, length=64, tag=0x41424344)
    silent(script.leave("MiniportReset", status))


@pytest.mark.parametrize("timer", ["NdisMSetTimer", "NdisMSetPeriodicTimer"])
def test_r25_silent_when_a_timer_delays_the_processing(timer: str) -> None:
    """What the handler returns then is for another reason."""
    script = Script().ready().call("NdisMInitializeTimer", timer=0x9000)
    script.succeed().enter("MiniportReset").call("ExAllocatePool", 0, length=64).call(timer, timer=0x9000)
    assert set(script.leave("MiniportReset", FAILURE).judge().verdict.counts) == {"R47"}


def test_r23_silent_when_the_same_is_asked_for_at_another_time() -> None:
    script = Script().ready().no_shared(0x1000).call("NdisMSleep", microseconds=1000)
    silent(script.no_shared(0x1000))
    script = Script().running().enter("MiniportHandleInterrupt")
    script.call("NdisAllocateBufferPool", RESOURCES, count=8).leave("MiniportHandleInterrupt")
    script.enter("MiniportHandleInterrupt").call("NdisAllocateBufferPool", RESOURCES, count=8)
    silent(script)


def test_r26_allocation_failure_ends_initialize_unlogged() -> None:
    script = Script().ready().no_memory()
    script.free(script.context)
    fires(script.fail(), "R26")


def test_r26_another_status() -> None:
    script = Script().ready().no_memory().call("NdisWriteErrorLogEntry")
    script.free(script.context)
    fires(script.fail(FAILURE), "R26")


def test_r26_silent_when_logged_and_reported() -> None:
    script = Script().ready().no_memory().call("NdisWriteErrorLogEntry")
    script.free(script.context)
    silent(script.fail())


def test_r27_halt_left_objects() -> None:
    script = Script().ready()
    script.shared()
    fires(script.succeed().halting().halted(), "R27")


def test_r27_an_active_timer_is_fatal() -> None:
    script = Script().ready().call("NdisMInitializeTimer", timer=0x9000)
    script.succeed().call("NdisMSetPeriodicTimer", timer=0x9000, milliseconds=10)
    fires(script.halting().halted(), "R27", severity=Severity.FATAL)


def test_r27_silent_when_everything_is_released() -> None:
    script = Script().ready()
    block, line = script.shared(), script.interrupt()
    silent(script.succeed().halting().deregister(line).free_shared(block).halted())


def test_r28_halt_before_packets_returned() -> None:
    script = Script().ready()
    item = script.receive_buffer()
    fires(script.succeed().received(item).halting().halted(), "R28")


def test_r28_silent_after_the_return() -> None:
    script = Script().ready()
    item = script.receive_buffer()
    script.succeed().received(item).return_packet(item).halting().halted()
    assert "R28" not in script.judge().verdict.counts


def test_r29_halt_with_sends_pending() -> None:
    script = Script().running()
    script.sending()
    fires(script.halting().halted(), "R29")


def test_r29_silent_when_halt_completes_them() -> None:
    script = Script().running()
    packet = script.sending()
    silent(script.halting().complete(packet, FAILURE).halted())


def test_r30_shared_memory_after_map_registers() -> None:
    script = Script().begin().attributes().map_registers()
    script.shared()
    fires(script.succeed().halting().call("NdisMFreeMapRegisters"), "R30")


def test_r30_silent_in_order() -> None:
    script = Script().begin().attributes().map_registers()
    block = script.shared()
    script.succeed().halting().free_shared(block).call("NdisMFreeMapRegisters")
    assert "R30" not in script.judge().verdict.counts


def test_r31_freed_under_the_interrupt() -> None:
    script = Script().ready()
    block = script.shared()
    script.interrupt()
    fires(script.succeed().halting().free_shared(block), "R31")


def test_r31_a_service_routine_after_the_free_is_an_error() -> None:
    script = Script().ready()
    block = script.shared()
    script.interrupt()
    script.succeed().halting().free_shared(block)
    with script.at(DEVICE, phase=Phase.RUN):
        script.enter("MiniportISR")
    found = [each for each in script.judge().violations if each.rule == "R31"]
    assert [each.severity for each in found] == [Severity.WARNING, Severity.ERROR]
    assert found[1].evidence[-1] == script.last


def test_r31_the_card_is_not_masked() -> None:
    script = Script().ready()
    line = script.interrupt()
    fires(script.succeed().control(2).halting().deregister(line), "R31")


def test_r31_silent_when_masked_and_deregistered_first() -> None:
    script = Script().ready()
    block, line = script.shared(), script.interrupt()
    script.succeed().control(2).halting().control(0).deregister(line).free_shared(block)
    silent(script.halted())


def test_r32_context_freed_first() -> None:
    script = Script().ready()
    script.shared()
    fires(script.succeed().halting().free(script.context), "R32")


def test_r32_silent_when_it_goes_last() -> None:
    script = Script().ready()
    block = script.shared()
    silent(script.succeed().halting().free_shared(block).halted())


def test_r33_shutdown_releases() -> None:
    script = Script().ready()
    block = script.shared()
    script.succeed().phase = Phase.SHUTDOWN
    fires(script.enter("MiniportShutdown").free_shared(block), "R33")


def test_r33_silent_when_it_only_quiets_the_card() -> None:
    script = Script().running()
    script.phase = Phase.SHUTDOWN
    silent(script.enter("MiniportShutdown").control(1).card("card.reset").leave("MiniportShutdown"))


def test_r34_halt_with_asynchronous_memory_pending() -> None:
    fires(Script().running().request().halting().halted(), "R34")


def test_r34_silent_after_the_callback() -> None:
    script = Script().running().request().enter("MiniportAllocateComplete", context=7)
    silent(script.leave("MiniportAllocateComplete").halting().halted())


def test_r35_freed_under_the_card() -> None:
    script = Script().ready()
    ring = script.shared(128, cached=False)
    fires(script.ring(ring, 8, transmit=False).succeed().halting().free_shared(ring), "R35")


def test_r35_the_card_writes_after_the_free() -> None:
    script = Script().ready()
    block = script.shared()
    script.succeed().halting().free_shared(block)
    fires(script.card("card.write", address=block.physical, length=60, status=1), "R35")


@pytest.mark.parametrize("off", ["card.disable", "card.reset"])
def test_r35_silent_when_the_ring_is_off(off: str) -> None:
    script = Script().ready()
    ring = script.shared(128, cached=False)
    silent(script.ring(ring, 8, transmit=False).succeed().halting().card(off).free_shared(ring))


def test_r36_memory_freed_under_a_buffer() -> None:
    script = Script().ready()
    item = script.receive_buffer()
    fires(script.free_shared(item.block), "R36")


def test_r36_use_of_the_buffer_is_fatal() -> None:
    script = Script().ready()
    memory = script.memory()
    buffer = script.buffer(script.buffer_pool(), memory, 0x100)
    script.free(memory).flush(buffer, write=False)
    found = [each for each in script.judge().violations if each.rule == "R36"]
    assert [each.severity for each in found] == [Severity.WARNING, Severity.FATAL]
    assert found[1].evidence[-1] == script.last


def test_r36_silent_when_the_buffer_goes_first() -> None:
    script = Script().ready()
    memory = script.memory()
    buffer = script.buffer(script.buffer_pool(), memory, 0x100)
    silent(script.call("NdisFreeBuffer", buffer=buffer, length=0x100).free(memory))


def timer() -> Script:
    script = Script().ready().call("NdisMInitializeTimer", timer=0x9000).succeed()
    return script.call("NdisMSetTimer", timer=0x9000, milliseconds=10).halting()


def test_r37_halt_did_not_wait_for_a_timer() -> None:
    fires(timer().call("NdisMCancelTimer", 0, timer=0x9000).halted(), "R37")


def test_r37_silent_when_cancelled() -> None:
    silent(timer().call("NdisMCancelTimer", 1, timer=0x9000).halted())


def test_r37_silent_when_halt_waits() -> None:
    silent(timer().call("NdisMCancelTimer", 0, timer=0x9000).call("NdisMSleep", microseconds=10).halted())


def test_r37_silent_when_it_fired_before() -> None:
    script = timer()
    with script.at(DISPATCH, phase=Phase.RUN):
        script.enter("MiniportTimer", timer=0x9000)
    silent(script.call("NdisMCancelTimer", 0, timer=0x9000).halted())


@pytest.mark.parametrize(
    "release",
    ["NdisMDeregisterIoPortRange", "NdisMUnmapIoSpace", "NdisMDeregisterDmaChannel", "NdisMFreeMapRegisters"],
)
def test_r38_release_without_a_claim(release: str) -> None:
    fires(Script().ready().call(release), "R38")


@pytest.mark.parametrize("other", [{"count": 8}, {"offset": 0xC040}])
def test_r38_other_values(other: dict[str, int]) -> None:
    values = {"first": 0xC000, "count": 16, "offset": 0xC000}
    script = Script().ready().call("NdisMRegisterIoPortRange", **values)
    fires(script.call("NdisMDeregisterIoPortRange", **(values | other)), "R38")


def test_r38_at_run_time() -> None:
    script = Script().ready().call("NdisMMapIoSpace", physical=0xFE000000, length=64, address=0x9000).succeed()
    with script.at(0):
        fires(script.call("NdisMUnmapIoSpace", address=0x9000, length=64), "R38")


def test_r38_silent_in_halt() -> None:
    script = Script().ready().call("NdisMMapIoSpace", physical=0xFE000000, length=64, address=0x9000)
    silent(script.succeed().halting().call("NdisMUnmapIoSpace", address=0x9000, length=64))


def test_the_memory_of_a_failed_round_may_be_scarce() -> None:
    script = Script().ready()
    block = script.flagged(0x1000, NONCACHED)
    silent(script.free(block, 0x1000, NONCACHED))
