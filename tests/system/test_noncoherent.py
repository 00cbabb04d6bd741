# SPDX-License-Identifier: GPL-2.0-or-later
"""The non-coherent machine (docs/coherency.md): a clean driver loses no frame on it, and a missing flush shows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

import pytest

from nicrig.provision import Provision
from nicrig.session.options import Options
from nicrig.session.rig import Rig, open_rig
from nicrig.verdict.exchange import exchange
from nicrig.verdict.live import LiveVerdict, live_verdict
from nicrig.verifier.functions import Detail
from nicrig_interface.answers import LedgerState
from nicrig_interface.vocabulary import CardKind
from tests.system.conftest import KINDS, every_kind, udp_frames
from tests.system.test_ndis import kernel_complaints

pytestmark = [pytest.mark.system, pytest.mark.anyio]

LINES, SEEDS = (32, 64, 128), range(10)
CHUNK, CHUNKS = 1112, 30
"""Frames in one exchange, more than a ring holds; and exchanges per load of the driver in a soak test."""

FORCED = "swiotlb=force"
BOUNCED = "/sys/kernel/debug/swiotlb/io_tlb_used_hiwater"
"""Linux then uses bounce buffers for every mapping, also for those of the second view."""


def frames(count: int) -> list[bytes]:
    """Mostly short frames, and every eighth one of another size."""
    return udp_frames([60 if number % 8 else 60 + number % 1455 for number in range(count)])


async def run(
    rig: Rig, parameter: str, chunk: list[bytes], chunks: int, live: LiveVerdict | None = None, *others: str
) -> None:
    """Load the driver, check that every frame comes back byte for byte, and unload it. `live` judges as it goes."""
    interface = await rig.guest.load_driver(parameter, *others)
    await interface.up()
    await interface.start_echo()
    for number in range(chunks):
        echoed = await exchange(rig.card.wire, chunk, quiet=rig.deadlines.quiet * rig.deadlines.scale)
        assert echoed == chunk, f"{parameter}, chunk {number}"
        if live is not None:
            await live.catch_up()
    await rig.guest.unload_driver()


@pytest.fixture
async def reporting(rig: Rig) -> AsyncIterator[None]:
    """Sets the policy of the card's ledger to report during the test."""
    await rig.card.monitor.execute("set-ledger", {"policy": "report"})
    yield
    await rig.card.monitor.execute("set-ledger", {"policy": "off"})


async def ledger_state(rig: Rig) -> LedgerState:
    return await rig.card.monitor.ask("query-ledger", LedgerState)


@every_kind
@pytest.mark.parametrize(
    ("seeds", "chunks", "in_all"),
    [(SEEDS[:3], 1, 9_900), pytest.param(SEEDS, CHUNKS, 1_000_000, marks=pytest.mark.soak)],
    ids=["quick", "long"],
)
async def test_a_clean_miniport_passes_every_frame(
    rig: Rig, reporting: None, seeds: Sequence[int], chunks: int, in_all: int
) -> None:
    """For three sizes of cache lines and several seeds each."""
    chunk, before, found = frames(CHUNK), await rig.card.counters(), await ledger_state(rig)
    async with live_verdict(rig, Detail.ALLOCATIONS, from_now=True) as live:
        for line in LINES:
            for seed in seeds:
                await run(rig, f"noncoherent={line}:{seed}", chunk, chunks, live)
        counters, ledger = await rig.card.counters(), await ledger_state(rig)
        assert await kernel_complaints(rig) == ""
    assert counters["rx_frames"] - before["rx_frames"] >= in_all
    assert ledger.findings == found.findings
    assert rig.options.kind == "non-dma" or ledger.blind is None, "the ledger of a card without DMA is never used"
    assert (live.verifier.violations, live.verifier.verdict.lost) == ([], 0)


@pytest.mark.parametrize("chunks", [3, pytest.param(CHUNKS, marks=pytest.mark.soak)])
async def test_a_clean_miniport_breaks_no_rule_at_detail_frames(rig: Rig, chunks: int) -> None:
    """For the bus master only: no other kind gives the card cached memory for a frame."""
    chunk, record = frames(CHUNK), f"recorder={int(Detail.FRAMES)}"
    async with live_verdict(rig, Detail.FRAMES, from_now=True) as live:
        for line in LINES:
            await run(rig, f"noncoherent={line}", chunk, chunks, live, record)
        assert await kernel_complaints(rig) == ""
    assert (live.verifier.violations, live.verifier.verdict.lost) == ([], 0)


@pytest.mark.parametrize(
    ("coherent", "chunks", "in_all"), [(2, 2, 8_000), pytest.param(18, 24, 100_000, marks=pytest.mark.soak)]
)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_clean_miniport_passes_every_frame_where_linux_bounces_too(
    provision: Provision, kind: CardKind, coherent: int, chunks: int, in_all: int
) -> None:
    chunk = frames(CHUNK)
    async with open_rig(provision, Options(kind=kind, kernel_arguments=(FORCED,))) as rig:
        await run(rig, "noncoherent=0", chunk, coherent)
        for line in LINES:
            await run(rig, f"noncoherent={line}:1", chunk, chunks)
        counters = await rig.card.counters()
        bounced = await rig.guest.run(["sh", "-c", "mount -t debugfs none /sys/kernel/debug; cat " + BOUNCED])
        assert await kernel_complaints(rig) == ""
    assert counters["rx_frames"] >= in_all
    assert (int(bounced.stdout) > 0) == (kind != "non-dma")


async def self_test(rig: Rig, parameter: str) -> str:
    """The kernel's log of one run of the self-test."""
    before = len(rig.paths.serial_log.read_text(errors="replace"))
    await rig.guest.run(["modprobe", "nicrig_selftest", parameter], deadline=60)
    await rig.guest.run(["rmmod", "nicrig_selftest"])
    return rig.paths.serial_log.read_text(errors="replace")[before:]


def chance(said: str) -> str:
    """The cache lines that were written back by chance, as the self-test prints them."""
    found = re.search(r"lines written back by chance: (\w+)", said)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("arguments", [(), (FORCED,)], ids=["plain", "swiotlb"])
async def test_unflushed_writes_stay_invisible(provision: Provision, arguments: tuple[str, ...]) -> None:
    async with open_rig(provision, Options(kernel_arguments=arguments)) as rig:
        runs = {line: [await self_test(rig, f"noncoherent={line}:{seed}") for seed in (1, 1, 2)] for line in LINES}
    for first, again, other in runs.values():
        for said in (first, again, other):
            passed = re.findall(r"nicrig_selftest: ok ", said)
            assert re.findall(r"nicrig_selftest: FAILED .*", said) == []
            assert re.findall(r"nicrig_selftest: (\d+) checks, (\d+) failed", said) == [(str(len(passed)), "0")]
            assert re.findall(r"ok coherency: (\w+): ", said), "the scenario did not run"
            assert re.findall(r"BUG|Oops", said) == []
        assert chance(first) == chance(again) != chance(other)


async def complaint(rig: Rig, value: str) -> set[str]:
    """The module's error message for an invalid value. Busybox tries to load the module twice."""
    await rig.guest.run(["dmesg", "-c"])
    assert (await rig.guest.run(["modprobe", "nicrig", f"noncoherent={value}"], check=False)).code
    said = (await rig.guest.run(["sh", "-c", "dmesg | grep 'nicrig: noncoherent='"])).stdout
    return {line.partition("] ")[2] for line in said.splitlines()}


@pytest.mark.parametrize("value", ["48", "x", "64:", "64:x", "64:1:1", ""])
async def test_an_invalid_cache_line_size_is_a_one_line_error(rig: Rig, value: str) -> None:
    wanted = f"nicrig: noncoherent={value}: not LINE[:SEED] with a LINE of 32, 64 or 128 bytes"
    assert await complaint(rig, value) == {wanted}


async def test_a_machine_with_several_processors_is_a_one_line_error(provision: Provision) -> None:
    async with open_rig(provision, Options(cpus=2)) as rig:
        (said,) = await complaint(rig, "64:1")
    assert said == "nicrig: noncoherent=64:1: 2 CPUs are online, and stores could be lost: boot with one"


async def test_a_random_seed_is_reported(rig: Rig) -> None:
    seeds = []
    for _ in range(2):
        await rig.guest.run(["dmesg", "-c"])
        await rig.guest.load_driver("noncoherent=64")
        told = (await rig.guest.run(["cat", "/sys/module/nicrig/parameters/noncoherent"])).stdout.strip()
        said = (await rig.guest.run(["dmesg"])).stdout
        await rig.guest.unload_driver()
        assert re.fullmatch(r"64:\d+", told)
        assert f"nicrig: the machine is non-coherent: noncoherent={told}\n" in said
        seeds.append(told)
    assert seeds[0] != seeds[1]


async def rightly_echoed(rig: Rig, *parameters: str) -> list[bool]:
    """Whether each frame that came back is one that was sent."""
    chunk = frames(1000)
    sent = set(chunk)
    interface = await rig.guest.load_driver(*parameters)
    await interface.up()
    await interface.start_echo()
    found = await exchange(rig.card.wire, chunk, quiet=rig.deadlines.quiet * rig.deadlines.scale)
    await rig.guest.unload_driver()
    return [frame in sent for frame in found]


async def test_without_flushes_hardly_a_frame_is_right(rig: Rig) -> None:
    """A frame is right only if chance flushes it in both directions: for one cache line, 1 in 1000."""
    fault = "mutate=NdisFlushBuffer:skip"
    assert await rightly_echoed(rig, fault) == [True] * 1000, "the missing flushes showed on a coherent machine"
    for line in LINES:
        found = await rightly_echoed(rig, f"noncoherent={line}:1", fault)
        assert found.count(True) < 20 < len(found)


@pytest.mark.parametrize("line", LINES)
async def test_a_missing_flush_spoils_its_own_frame_only(rig: Rig, line: int) -> None:
    found = await rightly_echoed(rig, f"noncoherent={line}:1", "mutate=NdisFlushBuffer:skip:1/50:1")
    assert 5 < found.count(False) < 60
