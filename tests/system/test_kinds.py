# SPDX-License-Identifier: GPL-2.0-or-later
"""The miniports of the kinds that copy: what they request from NDIS, and what they do when NDIS refuses it."""

from __future__ import annotations

import pytest

from nicrig.session.rig import Rig
from nicrig.verdict.exchange import exchange
from tests.system.conftest import check_echo, copying_kinds, udp_frames
from tests.system.test_ndis import kernel_complaints, loads

pytestmark = [pytest.mark.system, pytest.mark.anyio]

# Calls in MiniportInitialize. A failure of a NEEDED call ends it. It survives one failure of a SPARED call.
NEEDED = {
    "subordinate": ["NdisMMapIoSpace", "NdisMRegisterDmaChannel", "NdisMRegisterInterrupt"],
    "non-dma": ["NdisMMapIoSpace", "NdisMRegisterIoPortRange", "NdisMRegisterInterrupt"],
}
SPARED = {
    "subordinate": ["NdisAllocateMemory", "NdisAllocatePacketPoolEx", "NdisAllocatePacket"],
    "non-dma": ["NdisAllocatePacketPoolEx", "NdisAllocateBufferPool", "NdisAllocatePacket", "NdisAllocateBuffer"],
}
NEVER = {
    "subordinate": ["NdisMInitializeScatterGatherDma", "NdisMAllocateMapRegisters", "NdisMRegisterIoPortRange"],
    "non-dma": ["NdisMAllocateSharedMemory", "NdisMRegisterDmaChannel", "NdisMInitializeScatterGatherDma"],
}
"""Calls that a kind must not make (docs/ndis51.md R07), so they cannot fail."""

BUFFER, PAGE = 65536, 4096
"""The largest and smallest size of the subordinate kind's buffers on the channel, in bytes."""
PACKETS, PACKETS_MIN, PACKET_BYTES = 64, 8, 2048
"""The largest and smallest number of packets for receives, and the bytes of memory for each."""


async def events(rig: Rig) -> int:
    """The number of events that miniports wrote to the error log since the guest booted."""
    return int((await rig.guest.run(["sh", "-c", "dmesg | grep -c 'miniport event' || true"])).stdout)


@copying_kinds
async def test_a_failure_in_initialize_leaks_nothing_and_logs_an_event(rig: Rig) -> None:
    kind = rig.options.kind
    needed, spared, never = NEEDED[kind], SPARED[kind], NEVER[kind]
    before = await events(rig)
    done = await loads(rig, [f"fail={name}:nth:1" for name in [*needed, *spared, *never]])
    assert [load.bound for load in done] == [False] * len(needed) + [True] * len(spared) + [True] * len(never)
    assert [load.failed for load in done] == [{name: 1} for name in [*needed, *spared]] + [{}] * len(never)
    assert [load for load in done if load.alive] == []
    assert await events(rig) - before == len(needed)
    assert await kernel_complaints(rig) == ""


@pytest.mark.parametrize("rig", ["subordinate"], indirect=True)
async def test_buffers_shrink_to_a_page_when_memory_is_scarce(rig: Rig) -> None:
    done = await loads(rig, [f"fail=NdisAllocateMemory:over:{size}" for size in (BUFFER, BUFFER - 1, PAGE, PAGE - 1)])
    assert [(load.bound, sum(load.failed.values())) for load in done] == [(True, 0), (True, 1), (True, 4), (False, 5)]
    assert [load for load in done if load.alive] == []


@copying_kinds
async def test_receive_packets_shrink_to_eight_when_memory_is_scarce(rig: Rig) -> None:
    sizes = [PACKETS * PACKET_BYTES, PACKETS_MIN * PACKET_BYTES, PACKETS_MIN * PACKET_BYTES - 1]
    done = await loads(rig, [f"fail=NdisAllocateMemoryWithTag:over:{size}" for size in sizes])
    assert [(load.bound, sum(load.failed.values())) for load in done] == [(True, 0), (True, 3), (False, 4)]
    assert [load for load in done if load.alive] == []


@pytest.mark.parametrize(
    ("rig", "rule"),
    [
        ("subordinate", "NdisMSetupDmaTransfer:probability:1/10:1"),
        ("subordinate", "NdisMCompleteDmaTransfer:probability:1/10:1"),
        ("subordinate", "NdisQueryBufferSafe:probability:1/20:1"),
        ("non-dma", "NdisQueryBufferSafe:probability:1/20:1"),
    ],
    indirect=["rig"],
)
async def test_failing_calls_under_traffic_only_lose_frames(rig: Rig, rule: str) -> None:
    await rig.guest.run(["modprobe", "nicrig", f"fail={rule}"])
    interface = await rig.guest.interface()
    await interface.up()
    await interface.start_echo()
    injected = udp_frames([60 + number % 1000 for number in range(3000)])
    station = await interface.station()
    back = await exchange(rig.card.wire, injected, quiet=0.5)
    echoed = [frame for frame in back if frame[6:12] != station]  # The guest may send frames of its own.
    failed = (await rig.guest.run(["cat", "/sys/module/nicrig/parameters/failed"])).stdout
    await rig.guest.unload_driver()
    assert failed.split()[0] == rule.partition(":")[0]
    assert int(failed.split()[1]) > 2
    assert len(injected) / 2 < len(echoed) < len(injected)
    order = iter(injected)
    assert all(frame in order for frame in echoed), "a frame came back that was not sent, or out of order"
    assert await kernel_complaints(rig) == ""


@copying_kinds
async def test_a_driver_with_the_least_memory_still_echoes_every_size(rig: Rig) -> None:
    least = f"fail=NdisAllocateMemory:over:{PAGE},NdisAllocateMemoryWithTag:over:{PACKETS_MIN * PACKET_BYTES}"
    await rig.guest.run(["modprobe", "nicrig", least])
    interface = await rig.guest.interface()
    await interface.up()
    await interface.start_echo()
    await check_echo(rig, interface, list(range(60, 1515)))
    await rig.guest.unload_driver()
