# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's life cycle: load, up and down, reset, reboot, unload without a leak; and what ethtool shows."""

from __future__ import annotations

import re

import pytest
import trio

from nicrig.machine.guest_interface import Interface
from nicrig.session.rig import OwnRig, Rig
from nicrig.verdict.exchange import exchange
from tests.system.conftest import DROPS, check_echo, copying_kinds, dropped, every_kind, udp_frames, wait_counters

pytestmark = [pytest.mark.system, pytest.mark.anyio]

PAGE_KIB = 4


@every_kind
async def test_ethtool_shows_the_driver_and_the_bus_address(rig: Rig, nic: Interface) -> None:
    output = (await rig.guest.run(["ethtool", "-i", nic.name])).stdout
    assert "driver: nicrig" in output
    assert re.search(r"bus-info: 0000:[0-9a-f]{2}:", output)


@every_kind
async def test_ethtool_shows_the_cards_counters(rig: Rig, nic: Interface) -> None:
    await check_echo(rig, nic, [60] * 200)
    output = (await rig.guest.run(["ethtool", "-S", nic.name])).stdout
    shown = {name: int(value) for name, value in re.findall(r"(\w+): (\d+)", output)}
    card = await rig.card.counters()
    for name in ("rx_frames", "rx_bytes", "tx_frames", "tx_bytes", *DROPS, "resets", "refused_doorbell"):
        assert shown[f"card_{name}"] == card[name], name


@every_kind
async def test_the_mtu_can_be_changed_within_its_limits(rig: Rig, nic: Interface) -> None:
    for mtu in (68, 576, 1500):
        await rig.guest.run(["ip", "link", "set", "dev", nic.name, "mtu", str(mtu)])
    refused = await rig.guest.run(["ip", "link", "set", "dev", nic.name, "mtu", "1501"], check=False)
    assert refused.code
    await check_echo(rig, nic, [60, 1514])


@every_kind
async def test_the_interface_goes_down_and_up_a_hundred_times(rig: Rig, nic: Interface) -> None:
    script = 'for i in $(seq 100); do ip link set dev "$0" down && ip link set dev "$0" up || exit 1; done'
    await rig.guest.run(["sh", "-c", script, nic.name], deadline=60)
    with rig.deadlines.limit(10, "the carrier"):
        await nic.wait_carrier(True)
    await check_echo(rig, nic, [60, 1514] * 100)


@every_kind
async def test_the_link_goes_down_and_up(rig: Rig, nic: Interface) -> None:
    before = (await rig.card.counters())["rx_link_down"]
    for round_number in range(1, 4):
        await rig.card.set_link(False)
        await nic.wait_carrier(False)
        await rig.card.wire.send(udp_frames([60] * 10))
        await wait_counters(rig, {"rx_link_down": before + 10 * round_number})
        await rig.card.set_link(True)
        await nic.wait_carrier(True)
        await check_echo(rig, nic, [60, 1514])


@every_kind
async def test_a_reset_under_traffic_loses_only_counted_frames_and_traffic_goes_on(rig: Rig, nic: Interface) -> None:
    injected = udp_frames([60 + number % 1000 for number in range(30_000)])
    before, seen = await rig.card.counters(), await nic.received()
    echoed: list[bytes] = []

    async def traffic() -> None:
        echoed.extend(await exchange(rig.card.wire, injected, quiet=1.0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(traffic)
        for _ in range(5):
            await rig.guest.run(["ethtool", "--reset", nic.name, "all"])
    after = await rig.card.counters()
    assert after["resets"] - before["resets"] >= 5
    delivered = after["rx_frames"] - before["rx_frames"]
    assert delivered + dropped(before, after) == len(injected)
    assert await nic.received() - seen <= delivered
    assert len(set(echoed)) == len(echoed)
    assert set(echoed) <= set(injected), "a frame came back that was not sent"
    assert len(echoed) > len(injected) / 2
    assert [name for name in after if name.startswith("refused") and after[name] != before[name]] == []
    await check_echo(rig, nic, [60, 1514] * 500)


@every_kind
async def test_the_card_still_works_after_a_reboot(rig: OwnRig, nic: Interface) -> None:
    await check_echo(rig, nic, [60] * 100)
    before = await rig.card.counters()
    for _ in range(2):
        await rig.guest.reboot()
        interface = await rig.guest.load_driver()
        await interface.up()
        await interface.start_echo()
        await check_echo(rig, interface, [60, 1514] * 100)
    after = await rig.card.counters()
    assert after["rx_frames"] - before["rx_frames"] == 400


async def free_kib(rig: Rig) -> tuple[int, dict[str, int]]:
    """Free memory with all caches dropped, and the objects alive in each slab cache."""
    await rig.guest.run(["sh", "-c", "sync; echo 3 > /proc/sys/vm/drop_caches; sleep 0.3"])
    zones = (await rig.guest.run(["cat", "/proc/zoneinfo"])).stdout
    slabs = (await rig.guest.run(["cat", "/proc/slabinfo"])).stdout
    # Free pages are in the zones' lists and in each CPU's list, which holds anything up to megabytes.
    pages = sum(map(int, re.findall(r"^\s+(?:nr_free_pages |count: +)(\d+)$", zones, re.MULTILINE)))
    free = pages * PAGE_KIB
    return free, {name: int(alive) for name, alive in re.findall(r"^(\S+)\s+(\d+)\s", slabs, re.MULTILINE)}


# A cache may seem to grow by this much without a leak: all objects of a slab that a CPU keeps count as in use.
NOISE_OBJECTS = 80
LOADS_WITH_TRAFFIC, BARE_LOADS, ROUNDS = 20, 100, 6
RELOAD = f"for i in $(seq {BARE_LOADS}); do modprobe nicrig && rmmod nicrig || exit 1; done"


async def load_and_unload(rig: Rig) -> None:
    """Load the driver, echo frames, and unload it."""
    interface = await rig.guest.load_driver()
    await interface.up()
    await interface.start_echo()
    await check_echo(rig, interface, [60, 1514] * 50)
    await rig.guest.unload_driver()


# Shows what the miniport still holds of the NDIS layer while the module is loaded and no adapter is bound.
UNBIND = """
cd /sys/bus/pci/drivers/nicrig
for card in 0*; do echo "$card" > unbind; done
cat /sys/module/nicrig/parameters/alive
dmesg | grep -A 3 -E 'cut here|BUG|Oops' || true
"""


@copying_kinds
async def test_twenty_loads_with_traffic_free_everything_from_ndis(rig: Rig) -> None:
    for _ in range(LOADS_WITH_TRAFFIC):
        await load_and_unload(rig)
    await rig.guest.load_driver()
    alive = (await rig.guest.run(["sh", "-ec", UNBIND])).stdout
    await rig.guest.unload_driver()
    assert alive == ""


async def lost_by_loads(rig: Rig) -> tuple[int, dict[str, int]]:
    """KiB that a round of loads and unloads did not free, and the growth of each cache of small objects."""
    free, slabs = await free_kib(rig)
    for _ in range(LOADS_WITH_TRAFFIC):
        await load_and_unload(rig)
    await rig.guest.run(["sh", "-c", RELOAD], deadline=60)
    free_after, slabs_after = await free_kib(rig)
    grown = {name: slabs_after[name] - slabs[name] for name in slabs if name.startswith("kmalloc-")}
    return free - free_after, {name: count for name, count in grown.items() if count > NOISE_OBJECTS}


async def test_loads_and_unloads_leak_no_memory(rig: Rig) -> None:
    # A leak loses memory in every round. The kernel's own caches grow in some rounds only.
    for _ in range(ROUNDS):
        lost, grown = await lost_by_loads(rig)
        # A leak of one page per load would be 480 KiB, of a ring of receive buffers 4 MiB, and of one object per load
        # 120 objects of its cache.
        if lost < (LOADS_WITH_TRAFFIC + BARE_LOADS) * PAGE_KIB and not grown:
            return
    pytest.fail(f"each of {ROUNDS} rounds of loads lost memory, the last {lost} KiB; caches that grew: {grown}")
