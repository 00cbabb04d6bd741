# SPDX-License-Identifier: GPL-2.0-or-later
"""The verifier on live miniports: clean ones with many frames and loads, and one with many mistakes."""

from __future__ import annotations

import re

import pytest

from nicrig.provision import Provision
from nicrig.session.options import Options
from nicrig.session.rig import Rig, open_rig
from nicrig.verdict.echo_run import CHUNK
from nicrig.verdict.exchange import exchange
from nicrig.verdict.live import live_verdict
from nicrig.verifier.checks.packets import PARTS
from nicrig.verifier.functions import Detail, PacketPart
from tests.system.conftest import KINDS, udp_frames

pytestmark = [pytest.mark.system, pytest.mark.anyio]

RECORD = f"recorder={int(Detail.FRAMES)}"


# More than 65,536 frames: each index of 16 bits goes round. A thorough demo has a bus master do that.
ROUND = 18 * CHUNK


@pytest.mark.parametrize(
    ("rig", "frames", "cycles"),
    [
        ("bus-master", 4 * CHUNK, 20),
        ("subordinate", ROUND, 20),
        ("non-dma", ROUND, 20),
        *(pytest.param(kind, 100_000, 100, marks=pytest.mark.soak) for kind in KINDS),
    ],
    indirect=["rig"],
)
async def test_a_clean_miniport_breaks_no_rule_while_ring_fifo_and_slots_go_round(
    rig: Rig, frames: int, cycles: int
) -> None:
    chunk, before = udp_frames([60 + number % 40 for number in range(CHUNK)]), await rig.card.counters()
    async with live_verdict(rig, Detail.FRAMES, from_now=True) as live:
        interface = await rig.guest.load_driver(RECORD)
        await interface.up()
        await interface.start_echo()
        for _ in range(frames // CHUNK):
            assert await exchange(rig.card.wire, chunk, quiet=rig.deadlines.quiet * rig.deadlines.scale) == chunk
            await live.catch_up()
        counters = await rig.card.counters()
        await rig.guest.unload_driver()
        for _ in range(cycles):
            await rig.guest.load_driver(RECORD)
            await rig.guest.unload_driver()
            await live.catch_up()
    verdict = live.verifier.verdict
    assert [counters[name] - before[name] for name in ("rx_frames", "tx_frames")] == [frames, frames]
    assert live.verifier.violations == []
    assert (verdict.lost, dict(verdict.counts)) == (0, {})
    assert verdict.events > 10 * frames, "the recorder has too few events per frame"


MISTAKES = """
R01 R02 R03 R04 R05 R06 R08 R12 R14 R20 R21 R23 R27 R38 R40 R41 R42 R43 R44 R45 R46 R47 R52 R60 R61 R62 R63 R64 R65
R66 R68 R70 R73 R76 R77 R79 R84 R92 R93 R94 R95 R102 R104 R106 R107
"""
"""The rules that the self-test's miniport breaks on purpose, to check that NDIS refuses it."""

FREES = ["NdisFreeMemory", "ExFreePool", "ExFreePoolWithTag"]
ALLOCATES = {"NdisAllocateMemory", "ExAllocatePool", "ExAllocatePoolWithTag"}
STORED = {f"byte {byte:#x} of a block of {size:#x} bytes" for size in (16, 8192) for byte in (0, 1, size - 1)}

CHANGED = re.compile(r"(\w+) the (.*) of packet \w+ changed ")
PROTOCOLS = PARTS[PacketPart.PROTOCOL]
LATE = [("R84", "NdisMSendComplete"), ("R44", "NdisFreePacket")]


async def test_each_mistake_of_the_self_test_is_named(provision: Provision) -> None:
    async with (
        open_rig(provision, Options(detail=Detail.FRAMES)) as rig,
        live_verdict(rig, Detail.FRAMES) as live,
    ):
        await rig.guest.run(["modprobe", "nicrig_selftest", f"recorder={Detail.FRAMES}"], deadline=60)
        await rig.guest.run(["rmmod", "nicrig_selftest"])
        await live.catch_up()
        counts = live.verifier.verdict.counts
    # Six lengths of each of four sorts of NdisAllocateMemory and of two of the pool, and two shared blocks.
    assert counts["R45"] == 6 * (4 + 2) + 2
    assert set(MISTAKES.split()) - counts.keys() == set()
    # Two lengths of each of three frees. The lines of the self-test's module have no table.
    stored = [each for each in live.verifier.violations if each.rule == "R44" and "of a block of" in each.text]
    assert sorted(each.evidence[-1].function for each in stored) == sorted(FREES * 2)
    assert {each.text.split(" at ")[0] for each in stored} == STORED
    assert all(re.fullmatch(r"module\+0x[0-9a-f]+", each.site) for each in stored)
    assert all(each.evidence[0].function in ALLOCATES for each in stored)
    # Each part of a packet once, but for what its holder may change.
    found = [CHANGED.match(f"{each.rule} {each.text}") for each in live.verifier.violations]
    changed = [each.groups() for each in found if each]
    assert [part for rule, part in changed if rule == "R86"] == list(PARTS.values())
    assert [part for rule, part in changed if rule == "R82"] == [part for part in PARTS.values() if part != PROTOCOLS]
    late = [each for each in live.verifier.violations if re.match("byte .* of packet .* was written after", each.text)]
    assert [(each.rule, each.evidence[-1].function) for each in late] == LATE
