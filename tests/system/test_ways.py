# SPDX-License-Identifier: GPL-2.0-or-later
"""The other ways that NDIS allows, which parameters of the module choose: frames cross each of them, byte for byte."""

from __future__ import annotations

import pytest

from nicrig.session.rig import Rig
from nicrig.verdict.exchange import exchange
from nicrig.verdict.live import live_verdict
from nicrig.verifier.events import Event
from nicrig.verifier.functions import Detail, Phase
from nicrig.verifier.records import (
    ExAllocatePool,
    MiniportAllocateComplete,
    MiniportSendPackets,
    NdisAllocateMemory,
    NdisMStartBufferPhysicalMapping,
    NdisMUpdateSharedMemory,
)
from nicrig.verifier.severity import Severity
from tests.seeds import FRAGMENTS, OLDER
from tests.system.conftest import check_echo, every_kind, udp_frames
from tests.system.test_ndis import UNTIL_NOTHING_FAILS, kernel_complaints, parse

pytestmark = [pytest.mark.system, pytest.mark.anyio]

RECORD = f"recorder={int(Detail.FRAMES)}"
SIZES = list(range(60, 1515, 5))
ADVICE = {"R10", "R47"}
"""What the rules advise against in the older ways (docs/ndis51.md): map registers, memory without a tag."""
OLDER_CALLS = {ExAllocatePool, MiniportAllocateComplete, NdisMStartBufferPhysicalMapping, NdisMUpdateSharedMemory}
SMALL_RINGS = ("rx_ring_size=8", "tx_ring_size=8")


async def crossed(rig: Rig, *parameters: str) -> list[Event]:
    """Frames of many sizes cross such a driver, also after a reset, and it breaks no rule. Returns its records."""
    recorder = rig.card.recorder()
    recorder.skip()
    async with live_verdict(rig, Detail.FRAMES, from_now=True, fail_on=Severity.NOTE) as live:
        interface = await rig.guest.load_driver(RECORD, *parameters)
        await interface.up()
        await interface.start_echo()
        await check_echo(rig, interface, SIZES)
        await interface.down()
        await interface.up()
        await check_echo(rig, interface, SIZES)
        await rig.guest.unload_driver()
    verdict = live.verifier.verdict
    assert (verdict.broken.keys() - ADVICE, verdict.lost) == (set(), 0), live.verifier.violations
    assert await kernel_complaints(rig) == ""
    return [event for batch in recorder.read(to_end=True) for event in recorder.events(batch.records)]


@pytest.mark.parametrize("machine", ["noncoherent=0", "noncoherent=64:1"])
@pytest.mark.parametrize("ways", [OLDER, FRAGMENTS, (*OLDER, *FRAGMENTS)], ids=["older", "fragments", "both"])
async def test_frames_cross_each_way_of_a_bus_master(rig: Rig, ways: tuple[str, ...], machine: str) -> None:
    seen = {type(event) for event in await crossed(rig, machine, *ways)}
    assert (seen >= OLDER_CALLS) == ("map_registers=1" in ways)


@pytest.mark.parametrize("rig", ["subordinate"], indirect=True)
@pytest.mark.parametrize("ways", [("cached_memory=1",), ("cached_memory=1", *FRAGMENTS)], ids=["cached", "scattered"])
@pytest.mark.parametrize("machine", ["noncoherent=0", "noncoherent=64:1", "noncoherent=128:1"])
async def test_ndis_flushes_for_a_subordinate_card(rig: Rig, ways: tuple[str, ...], machine: str) -> None:
    """The driver flushes nothing: where CPU and card see different bytes, each frame is right only by NDIS."""
    await crossed(rig, machine, *ways)


@every_kind
async def test_a_packet_has_one_to_n_buffers(rig: Rig) -> None:
    calls = await crossed(rig, "fragments=3")
    counts = {event.elements for event in calls if isinstance(event, MiniportSendPackets)}
    assert counts == ({1, 2, 3} if rig.options.kind == "bus-master" else {0})
    asked = {event.phase for event in calls if isinstance(event, NdisAllocateMemory)}
    assert Phase.PROTOCOL in asked


async def test_each_page_of_scattered_memory_is_an_element_of_its_own(rig: Rig) -> None:
    calls = await crossed(rig, "fragments=1", "scattered=1")
    counts = [event.elements for event in calls if isinstance(event, MiniportSendPackets)]
    assert set(counts) == {1, 2}
    assert counts.count(2) > len(counts) / 2


async def test_the_older_ways_survive_each_single_failure_in_initialize(rig: Rig) -> None:
    script = ["sh", "-c", UNTIL_NOTHING_FAILS, "sh", "fail=*:nth", " ".join((*SMALL_RINGS, *OLDER))]
    done = await rig.guest.run(script, deadline=60)
    *failing, last = [parse(line) for line in done.stdout.splitlines()]
    assert (last.bound, last.rx, last.tx, last.failed) == (True, 8, 8, {})
    assert [load for load in [*failing, last] if load.alive] == []
    assert {"NdisMAllocateMapRegisters", "ExAllocatePool"} <= set().union(*(load.failed for load in failing))
    assert await kernel_complaints(rig) == ""


@pytest.mark.parametrize(
    "rule", ["NdisMStartBufferPhysicalMapping:probability:1/20:1", "NdisMAllocateSharedMemoryAsync:probability:1/2:1"]
)
async def test_failures_of_the_older_ways_under_traffic_only_lose_frames(rig: Rig, rule: str) -> None:
    interface = await rig.guest.load_driver(*OLDER, f"fail={rule}")
    await interface.up()
    await interface.start_echo()
    injected = udp_frames(SIZES)
    echoed = await exchange(rig.card.wire, injected, quiet=0.5)
    await rig.guest.unload_driver()
    order = iter(injected)
    assert all(frame in order for frame in echoed), "a frame came back that was not sent, or out of order"
    assert len(echoed) > len(injected) / 2
    assert (len(echoed) == len(injected)) == ("Async" in rule)
    assert await kernel_complaints(rig) == ""
