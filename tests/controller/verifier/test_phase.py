# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.1: phase and order."""

import pytest

from nicrig.verifier.constants import (
    BUS_ISA,
    BUS_MASTER,
    DEVICE_NON_DMA,
    DEVICE_SUBORDINATE,
    LATCHED,
    NONCACHED,
    NOT_SUPPORTED,
    REQUEST_ISR,
    SHARED_INTERRUPT,
)
from nicrig.verifier.functions import Phase
from nicrig.verifier.severity import Severity
from tests.controller.verifier.script import Script, fires, silent

CLAIMS = [
    *("NdisMAllocateMapRegisters", "NdisMInitializeScatterGatherDma", "NdisMAllocateSharedMemory"),
    *("NdisMRegisterDmaChannel", "NdisMRegisterIoPortRange", "NdisMMapIoSpace", "NdisMRegisterInterrupt"),
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_r01_claim_before_attributes(claim: str) -> None:
    fires(Script().begin().call(claim), "R01")


def test_r01_silent_after_the_attributes() -> None:
    silent(Script().begin().attributes().scatter_gather())


@pytest.mark.parametrize(
    "call", ["NdisMAllocateMapRegisters", "NdisMInitializeScatterGatherDma", "NdisMAllocateSharedMemoryAsync"]
)
def test_r02_bus_master_call_without_the_attribute(call: str) -> None:
    fires(Script().begin().attributes(flags=0).call(call, NOT_SUPPORTED), "R02")


def test_r02_silent_with_the_attribute() -> None:
    silent(Script().begin().attributes(flags=BUS_MASTER).scatter_gather())


def test_r03_shared_memory_before_its_gate() -> None:
    script = Script().begin().attributes()
    script.shared()
    fires(script, "R03")


def test_r03_silent_after_each_gate() -> None:
    for gate in ("scatter_gather", "channel"):
        script = Script().begin(DEVICE_SUBORDINATE if gate == "channel" else 0x10F0).attributes()
        script.scatter_gather() if gate == "scatter_gather" else script.call("NdisMRegisterDmaChannel", handle=9)
        script.shared()
        silent(script)


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim != "NdisMAllocateSharedMemory"])
def test_r04_claim_outside_initialize(claim: str) -> None:
    script = Script().running()
    with script.at(0):
        fires(script.call(claim), "R04")


def test_r04_silent_in_initialize() -> None:
    silent(Script().ready().call("NdisMMapIoSpace", physical=0xFE000000, length=64, address=0x9000))


def test_r05_shared_memory_outside_initialize() -> None:
    script = Script().running()
    with script.at(0):
        script.shared()
    fires(script, "R05")


def test_r05_silent_for_the_asynchronous_call() -> None:
    silent(Script().running().request())


def test_r06_flagged_memory_outside_initialize() -> None:
    script = Script().running()
    with script.at(0):
        script.flagged(0x1000, NONCACHED)
    fires(script, "R06")


def test_r06_silent_for_plain_memory() -> None:
    script = Script().running()
    script.memory()
    silent(script)


@pytest.mark.parametrize("device", [DEVICE_SUBORDINATE, DEVICE_NON_DMA])
def test_r07_call_of_another_kind(device: int) -> None:
    fires(Script().begin(device).attributes().scatter_gather(), "R07")


def test_r07_a_flush_by_a_non_dma_miniport_is_a_warning() -> None:
    script = Script().begin(DEVICE_NON_DMA).attributes(flags=0)
    fires(script.flush(1, write=True), "R07", severity=Severity.WARNING)


def test_r07_silent_for_a_subordinate_miniports_shared_memory() -> None:
    script = Script().begin(DEVICE_SUBORDINATE).attributes(flags=0).call("NdisMRegisterDmaChannel", handle=9)
    script.shared()
    silent(script)


def test_r08_transfer_without_a_channel() -> None:
    fires(Script().running().call("NdisMSetupDmaTransfer", handle=9), "R08")


def test_r08_silent_with_a_channel() -> None:
    script = Script().begin(DEVICE_SUBORDINATE).attributes(flags=0)
    script.call("NdisMRegisterDmaChannel", handle=9, maximum=64)
    silent(script.call("NdisMSetupDmaTransfer", handle=9, range=64))


def test_r09_two_dma_models() -> None:
    fires(Script().ready().map_registers(), "R09")


@pytest.mark.parametrize("result", [0, 0xC000009A])
def test_r09_two_dma_models_asked_for_at_once_break_every_rule_they_break_whatever_ndis_answers(result: int) -> None:
    beside = Script().ready().map_registers(base=64, result=result)
    assert {"R09", "R10", "R52"} <= beside.judge().verdict.counts.keys()
    behind = Script().begin().attributes().map_registers()
    fires(behind.call("NdisMInitializeScatterGatherDma", result, maximum=1518), "R09")


def test_r09_mapping_by_hand_in_scatter_gather_mode() -> None:
    script = Script().running().call("NdisMCompleteBufferPhysicalMapping", buffer=1, index=0)
    fires(script, "R09")


def test_r09_silent_when_only_one_was_granted() -> None:
    silent(Script().begin().attributes().call("NdisMInitializeScatterGatherDma", 0xC000009A).scatter_gather())


def test_r10_map_registers_in_a_51_bus_master() -> None:
    fires(Script().begin().attributes().map_registers(), "R10")


def test_r10_silent_for_scatter_gather() -> None:
    silent(Script().ready())


def test_r11_map_registers_twice() -> None:
    fires(Script().begin().attributes().map_registers().map_registers(), "R11")
    fires(Script().begin().attributes().map_registers().map_registers(result=0xC000009A), "R11")


def test_r11_silent_after_a_free() -> None:
    script = Script().begin().attributes().map_registers().call("NdisMFreeMapRegisters").map_registers()
    assert "R11" not in script.judge().verdict.counts


def test_r12_isa_choices_on_pci() -> None:
    fires(Script().begin().attributes().map_registers(size=0), "R12")


def test_r12_a_channel_on_pci() -> None:
    fires(Script().begin().attributes().call("NdisMAllocateMapRegisters", channel=1, size=1, base=1), "R12")


def test_r12_silent_on_isa() -> None:
    script = Script().begin().attributes(bus=BUS_ISA).call("NdisMAllocateMapRegisters", channel=1, size=0, base=1)
    assert "R12" not in script.judge().verdict.counts


def test_r13_interrupt_registered_too_early() -> None:
    script = Script().ready().control(2)
    script.interrupt()
    fires(script, "R13")


def test_r13_shared_memory_after_the_interrupt() -> None:
    script = Script().ready()
    script.interrupt()
    script.shared()
    fires(script, "R13")


def test_r13_silent_when_the_interrupt_comes_last() -> None:
    script = Script().ready()
    script.shared()
    script.control(2).control(0)
    script.interrupt()
    silent(script.control(2))


@pytest.mark.parametrize("modes", [0, REQUEST_ISR, SHARED_INTERRUPT])
def test_r14_sharable_line_claimed_alone(modes: int) -> None:
    script = Script().ready()
    script.interrupt(modes)
    fires(script, "R14")


@pytest.mark.parametrize("modes", [REQUEST_ISR | SHARED_INTERRUPT, LATCHED, LATCHED | REQUEST_ISR])
def test_r14_silent_for_a_shared_line_or_a_message(modes: int) -> None:
    script = Script().ready()
    script.interrupt(modes)
    silent(script)


def test_r15_traffic_before_initialize_succeeded() -> None:
    script = Script().ready()
    item = script.receive_buffer()
    fires(script.indicate(item), "R15")


def test_r15_a_request_before_initialize_returned() -> None:
    script = Script().ready()
    with script.at(2, phase=Phase.RUN):
        script.enter("MiniportQueryInformation", oid=1)
    fires(script, "R15")


def test_r15_silent_after_success() -> None:
    script = Script().ready()
    item = script.receive_buffer()
    silent(script.succeed().received(item))


def test_r16_context_not_live() -> None:
    fires(Script().begin().call("NdisMSetAttributesEx", context=0xFFFF0000, flags=BUS_MASTER, bus=5), "R16")


def test_r16_context_freed_at_run_time() -> None:
    script = Script().running()
    fires(script.free(script.context), "R16")


def test_r16_context_freed_under_the_interrupt() -> None:
    script = Script().ready()
    script.interrupt()
    fires(script.succeed().halting().free(script.context), "R16")


def test_r16_handler_after_the_context_was_freed() -> None:
    script = Script().running().halting()
    script.free(script.context)
    fires(script.enter("MiniportCheckForHang"), "R16")


def test_r16_silent_when_halt_frees_it_last() -> None:
    silent(Script().running().halting().halted())
