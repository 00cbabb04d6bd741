# SPDX-License-Identifier: GPL-2.0-or-later
"""The NDIS layer in a guest: its self-test, and a driver whose requests to NDIS fail (docs/ndis51.md, R125)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from nicrig.machine.guest_interface import Interface
from nicrig.provision import Provision
from nicrig.session.options import Options
from nicrig.session.rig import Rig, open_rig
from nicrig.verifier.events import CARD_EVENTS
from nicrig.verifier.functions import FUNCTIONS
from tests.system.conftest import check_echo

pytestmark = [pytest.mark.system, pytest.mark.anyio]

SMALL_RINGS = "rx_ring_size=16 tx_ring_size=16"
RING_DEFAULT, RING_MIN = 1024, 8

# The functions that the bus-master miniport calls to get resources in MiniportInitialize.
ASKED_FOR = {
    "NdisAllocateMemoryWithTag",
    "NdisOpenConfiguration",
    "NdisReadConfiguration",
    "NdisMMapIoSpace",
    "NdisMInitializeScatterGatherDma",
    "NdisMAllocateSharedMemory",
    "NdisAllocatePacketPoolEx",
    "NdisAllocateBufferPool",
    "NdisAllocatePacket",
    "NdisAllocateBuffer",
    "NdisMRegisterInterrupt",
}

# Loads the driver once for each line of parameters. Then prints a line: bound or not, rings, the calls that failed,
# and the objects still alive after unbinding. UNTIL_NOTHING_FAILS appends 1, 2, 3, ... to the first parameter.
LOADS = r"""
drivers=/sys/bus/pci/drivers/nicrig parameters=/sys/module/nicrig/parameters
load() {
    modprobe nicrig "$@" || return
    bound= rings='0 0'
    for link in $drivers/0*; do
        [ -e "$link" ] || continue
        bound=${link##*/}
        rings=$(ethtool -g "$(ls "$link/net")" | awk '/^Current/ {on = 1} on && /^RX:/ {rx = $2}
                on && /^TX:/ {tx = $2} END {print rx, tx}')
        echo "$bound" > $drivers/unbind
    done
    failed=$(tr '\n' ' ' < $parameters/failed)
    echo "$1|$bound|$rings|$failed|$(tr '\n' ' ' < $parameters/alive)"
    rmmod nicrig
}
"""
EACH_LINE = LOADS + "while read -r line; do load $line || exit 1; done"
UNTIL_NOTHING_FAILS = LOADS + 'n=0 failed=yes; while [ "$failed" ]; do n=$((n + 1)); load "$1:$n" $2 || exit 1; done'


@dataclass(frozen=True)
class Load:
    """The result of one load with injected failures."""

    rule: str
    bound: bool
    rx: int
    tx: int
    failed: dict[str, int]
    alive: str


def parse(line: str) -> Load:
    rule, bound, rings, failed, alive = line.split("|")
    rx, tx = map(int, rings.split())
    return Load(rule, bool(bound), rx, tx, {n: int(c) for n, c in re.findall(r"(\w+) (\d+)", failed)}, alive.strip())


async def loads(rig: Rig, lines: list[str]) -> list[Load]:
    """Load and unload the driver once with each line of parameters."""
    text = "".join(f"{line}\n" for line in lines).encode()
    done = await rig.guest.run(["sh", "-c", EACH_LINE], input=text, deadline=60)
    return [parse(line) for line in done.stdout.splitlines()]


async def kernel_complaints(rig: Rig) -> str:
    """The warnings of the guest's kernel since it booted."""
    return (await rig.guest.run(["sh", "-c", "dmesg | grep -A 3 -E 'cut here|BUG|Oops' || true"])).stdout


async def check_traffic(rig: Rig) -> Interface:
    interface = await rig.guest.load_driver()
    await interface.up()
    await interface.start_echo()
    await check_echo(rig, interface, [60, 1514] * 50)
    await rig.guest.unload_driver()
    return interface


async def test_the_driver_survives_each_single_failure_in_initialize(rig: Rig) -> None:
    script = ["sh", "-c", UNTIL_NOTHING_FAILS, "sh", "fail=*:nth", SMALL_RINGS]
    done = await rig.guest.run(script, deadline=60)
    *failing, last = [parse(line) for line in done.stdout.splitlines()]
    assert last.bound
    assert (last.rx, last.tx, last.failed) == (16, 16, {})
    assert [load for load in failing if sum(load.failed.values()) != 1] == []
    assert [load for load in [*failing, last] if load.alive] == []
    assert set().union(*(load.failed for load in failing)) == ASKED_FOR
    assert {(load.rx, load.tx) for load in failing if load.bound} >= {(8, 16), (16, 8)}, "no ring was halved"
    unbound = {name for load in failing if not load.bound for name in load.failed}
    assert unbound >= {"NdisMMapIoSpace", "NdisMInitializeScatterGatherDma", "NdisMRegisterInterrupt"}
    assert await kernel_complaints(rig) == ""
    await check_traffic(rig)


async def test_rings_shrink_to_the_minimum_when_memory_is_scarce(rig: Rig) -> None:
    sizes = [1 << bits for bits in range(19, 8, -1)]
    done = await loads(rig, [f"fail=NdisAllocatePacketPoolEx:over:{size}" for size in sizes])
    bound = [load.rx for load in done if load.bound]
    assert sorted(set(bound), reverse=True) == [RING_DEFAULT >> step for step in range(8)]
    assert bound == sorted(bound, reverse=True)
    assert min(bound) == RING_MIN
    assert not done[-1].bound
    assert [load for load in done if load.alive] == []
    assert await kernel_complaints(rig) == ""


async def test_initialize_fails_when_shared_memory_cannot_hold_a_buffer(rig: Rig) -> None:
    rings = await loads(rig, [f"fail=NdisMAllocateSharedMemory:over:{size}" for size in (8191, 2048, 2047)])
    assert [(load.bound, load.rx, load.tx) for load in rings] == [(True, 256, 256), (True, 128, 128), (False, 0, 0)]
    assert [load for load in rings if load.alive] == []


async def test_the_seed_alone_decides_random_failures(rig: Rig) -> None:
    rule = "fail=*:probability:1/40:{} " + SMALL_RINGS
    first, again, *others = await loads(rig, [rule.format(seed) for seed in (1, 1, 2, 3, 4, 5)])
    assert first == again
    assert any(load.failed != first.failed for load in others)
    assert [load for load in (first, again, *others) if load.alive] == []
    assert await kernel_complaints(rig) == ""


@pytest.mark.parametrize("rule", ["NdisFreeMemory:nth:1", "*:nth:0", "*:over:", "*:probability:2/1", "*:often:1", "x"])
async def test_an_invalid_failure_rule_is_a_one_line_error(rig: Rig, rule: str) -> None:
    await rig.guest.run(["dmesg", "-c"])
    refused = await rig.guest.run(["modprobe", "nicrig", f"fail=*:nth:1,{rule}"], check=False)
    log = (await rig.guest.run(["sh", "-c", "dmesg | grep 'nicrig: fail='"])).stdout
    assert refused.code
    # busybox tries to load the module twice
    assert len({line.partition("] ")[2] for line in log.splitlines()}) == 1
    assert f"nicrig: fail=*:nth:1,{rule}: rule 2 is not one of FUNCTION:nth:N" in log


# Handlers that only a card with interrupts or a protocol's request causes, so the self-test never calls them.
NOT_OF_THE_SELFTEST = {
    "MiniportCheckForHang",
    "MiniportISR",
    "MiniportEnableInterrupt",
    "MiniportDisableInterrupt",
    "MiniportHandleInterrupt",
}


def recorded(rig: Rig) -> list[tuple[str, int]]:
    """All records of the guest since the card started: the function and its first argument."""
    recorder = rig.card.recorder()
    found = [event for batch in recorder.read(to_end=True) for event in recorder.events(batch.records)]
    return [(event.function, event.arguments[0]) for event in found if event.function not in CARD_EVENTS]


async def test_the_layer_passes_its_self_test_and_records_every_function(provision: Provision) -> None:
    # QEMU's PCI test device has I/O ports and counts the writes to them.
    async with open_rig(provision, Options(devices=("pci-testdev",))) as rig:
        await rig.guest.run(["modprobe", "nicrig_selftest"], deadline=60)
        alive = (await rig.guest.run(["cat", "/sys/module/nicrig_selftest/parameters/alive"])).stdout
        await rig.guest.run(["rmmod", "nicrig_selftest"])
        await rig.guest.run(["modprobe", "nicrig_selftest", "scattered=1"], deadline=60)
        await rig.guest.run(["rmmod", "nicrig_selftest"])
        # The self-test's deliberate misuse causes more warnings than the kernel's log buffer can hold.
        log = rig.paths.serial_log.read_text(errors="replace")
        calls = recorded(rig)
        await check_traffic(rig)
    passed = re.findall(r"nicrig_selftest: ok ", log)
    summary = re.findall(r"nicrig_selftest: (\d+) checks, (\d+) failed", log)
    assert re.findall(r"nicrig_selftest: FAILED .*", log) == []
    # The card's checks and those of the ports are one sum, once for each of the two runs.
    runs = [int(checks) for checks, _ in summary]
    assert [failed for _, failed in summary] == ["0"] * len(summary)
    assert (runs[1] + runs[3], len(runs)) == (len(passed), 4)
    assert re.findall(r"BUG|Oops", log) == []
    assert alive == ""
    assert {name for name, _ in calls} == {function.name for function in FUNCTIONS} - NOT_OF_THE_SELFTEST
    assert {blocks for name, blocks in calls if name == "DriverUnload"} == {0}
