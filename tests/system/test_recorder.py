# SPDX-License-Identifier: GPL-2.0-or-later
"""The flight recorder: what the driver records at each detail, and its last calls after a panic of the guest."""

from __future__ import annotations

import re

import pytest
import trio

from nicrig.errors import PartDeathError
from nicrig.machine.guest_interface import Interface
from nicrig.provision import Provision
from nicrig.provision.sources import GUEST_DRIVER
from nicrig.recorder.reader import Recorder
from nicrig.session.options import Options
from nicrig.session.rig import PANIC_RECORDS, Rig, open_rig
from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.verifier.functions import BY_NAME, Detail, Phase, RecordKind
from tests.system.conftest import check_echo, every_kind

pytestmark = [pytest.mark.system, pytest.mark.anyio]

PARAMETER = "/sys/module/nicrig/parameters/recorder"


def read_all(recorder: Recorder) -> list[Event]:
    """The new events, while guest and card are idle."""
    return [event for batch in recorder.read(to_end=True) for event in recorder.events(batch.records)]


async def set_detail(rig: Rig, detail: int) -> int:
    """Try to set the detail in the guest. Returns the exit code."""
    return (await rig.guest.run(["sh", "-c", f"echo {detail} > {PARAMETER}"], check=False)).code


async def test_the_last_calls_survive_a_panic(provision: Provision) -> None:
    recorders: list[Recorder] = []

    async def panic() -> None:
        async with open_rig(provision, Options(detail=Detail.FRAMES)) as rig:
            recorders.append(rig.card.recorder())
            interface = await rig.guest.load_driver()
            await interface.up()
            await interface.start_echo()
            await check_echo(rig, interface, [60] * 5)
            await rig.guest.start(["/bin/sh", "-c", "echo c > /proc/sysrq-trigger"])
            with trio.fail_after(60):
                await trio.sleep_forever()

    with pytest.raises(PartDeathError) as caught:
        await panic()
    _, _, tail = str(caught.value).partition("its last calls between driver and NDIS:")
    shown = re.findall(r"^  \| +(\d+) .* ([\w.]+)\(", tail, re.MULTILINE)
    assert len(shown) == len(tail.splitlines()) - 1 == PANIC_RECORDS
    assert any(name.startswith("NdisM") for _, name in shown)
    recorded = read_all(recorders[0])
    # The card still runs after the guest's end: it records its reset after the error was made.
    calls = [(str(event.sequence), event.function) for event in recorded if event.function in BY_NAME]
    reported = [(number, name) for number, name in shown if name not in CARD_EVENTS]
    assert reported == calls[-len(reported) :]
    assert {"MiniportInitialize", "MiniportSendPackets", "card.doorbell"} <= {event.function for event in recorded}


async def test_the_detail_changes_at_run_time(rig: Rig, nic: Interface) -> None:
    recorder = rig.card.recorder()
    recorded: dict[int, set[str]] = {}
    for detail in (0, 1, 2):
        assert await set_detail(rig, detail) == 0
        read_all(recorder)
        await check_echo(rig, nic, [60] * 20)
        await rig.guest.run(["ethtool", "--reset", nic.name, "all"])
        recorded[detail] = {event.function for event in read_all(recorder)}
    frames = {"MiniportSendPackets", "NdisMIndicateReceivePacket", "NdisMSendComplete", "card.doorbell", "card.write"}
    assert recorded[0] & BY_NAME.keys() == set()
    assert {BY_NAME[name].detail for name in recorded[1] & BY_NAME.keys()} == {Detail.ALLOCATIONS}
    assert "MiniportReset" in recorded[1] & recorded[2]
    assert frames & (recorded[0] | recorded[1]) == set()
    assert frames <= recorded[2]


MANY_SITES = {"bus-master": 40, "subordinate": 35, "non-dma": 25}
"""So many call sites of each kind's miniport are crossed at least."""


def calls_at(site: str) -> str:
    """The source line of a call site."""
    file, _, line = site.rpartition(":")
    return (GUEST_DRIVER / file).read_text().splitlines()[int(line) - 1]


@every_kind
async def test_each_call_of_the_miniport_names_the_line_that_makes_it(rig: Rig) -> None:
    recorder = rig.card.recorder()
    read_all(recorder)
    interface = await rig.guest.load_driver("recorder=2")
    await interface.up()
    await interface.start_echo()
    await check_echo(rig, interface, [60, 1514] * 20)
    await rig.guest.unload_driver()
    events = [event for event in read_all(recorder) if event.site.startswith("miniport/")]
    calls = {(event.site, event.function) for event in events if event.kind == RecordKind.CALL}
    assert len(calls) >= MANY_SITES[rig.options.kind]
    assert [(site, name) for site, name in sorted(calls) if name not in calls_at(site)] == []
    handlers = {(event.site, event.function) for event in events if event.function.startswith("Miniport")}
    assert {"MiniportInitialize", "MiniportHalt"} <= {name for _, name in handlers}
    assert {calls_at(site) for site, _ in handlers} == {"{"}


async def test_a_call_that_is_mutated_names_the_miniport_s_line(rig: Rig) -> None:
    recorder = rig.card.recorder()
    read_all(recorder)
    await rig.guest.load_driver("mutate=NdisAllocateMemoryWithTag:repeat")
    await rig.guest.unload_driver()
    events = read_all(recorder)
    sites = {
        event.site
        for event in events
        if event.function == "NdisAllocateMemoryWithTag" and event.phase != Phase.PROTOCOL
    }
    assert sites
    assert [site for site in sites if "NdisAllocateMemoryWithTag" not in calls_at(site)] == []
    assert [event.site for event in events if event.site.startswith("ndis/")] == []


@pytest.mark.parametrize("value", [max(Detail) + 1, -1])
async def test_an_unknown_detail_is_an_error(rig: Rig, nic: Interface, value: int) -> None:
    assert await set_detail(rig, value) != 0
    assert (await rig.guest.run(["cat", PARAMETER])).stdout.strip() == "1"
