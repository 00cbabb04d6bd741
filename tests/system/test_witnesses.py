# SPDX-License-Identifier: GPL-2.0-or-later
"""Each word of the verdict on a live machine: the witnesses find faults of the card and errors of the driver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from nicrig.machine.guest_interface import Interface
from nicrig.provision import Provision
from nicrig.session.options import Options
from nicrig.session.rig import Rig, open_rig
from nicrig.traffic.generator import mixed
from nicrig.verdict.echo_run import echo_and_judge
from nicrig.verdict.live import LiveVerdict, live_verdict
from nicrig.verdict.run_verdict import RunVerdict
from nicrig.verifier.functions import Detail
from nicrig.witnesses import finding_text
from nicrig.witnesses.words import Word
from tests.system.conftest import every_kind, held, udp_frames

pytestmark = [pytest.mark.system, pytest.mark.anyio]

RING = 256
FRAMES_UNDER_FAULT = 40


@pytest.fixture(scope="module")
async def faulty(provision: Provision, nursery: trio.Nursery) -> AsyncIterator[tuple[Rig, Interface, LiveVerdict]]:
    async with held(nursery, echoing_rig(provision)) as opened:
        yield opened


@asynccontextmanager
async def echoing_rig(provision: Provision) -> AsyncIterator[tuple[Rig, Interface, LiveVerdict]]:
    """A rig whose driver echoes."""
    async with open_rig(provision, Options(detail=Detail.BYTES)) as rig, live_verdict(rig, Detail.BYTES) as watch:
        interface = await rig.guest.load_driver(f"rx_ring_size={RING}")
        await interface.up()
        await interface.start_echo()
        yield rig, interface, watch


FAULTS: tuple[tuple[str, Word], ...] = (
    ("frame-lost", "lost"),
    ("frame-doubled", "duplicated"),
    ("frame-reordered", "reordered"),
    ("length-cut", "truncated"),
    ("send-cut", "truncated"),
    ("length-stretched", "overrun"),
    ("frame-misdirected", "misdirected"),
    ("frame-torn", "torn"),
    ("frame-not-written", "stale"),
    ("buffer-changed", "changed-under-device"),
    ("send-changed", "changed-under-device"),
    ("completion-before-data", "written-after-completion"),
)


def unlike(frame: bytes) -> bytes:
    """The frame with other bytes where a torn one keeps those of the frame before."""
    return frame[:64] + bytes(byte ^ 0xFF for byte in frame[64:128]) + frame[128:]


@pytest.mark.xdist_group("faulty")
@pytest.mark.parametrize(("fault", "word"), FAULTS)
async def test_a_fault_of_the_card_is_caught_with_the_right_word(
    faulty: tuple[Rig, Interface, LiveVerdict], fault: str, word: Word
) -> None:
    rig, interface, watch = faulty
    # Every buffer holds a longer frame then. The guest does not echo what is left of one, so the bench waits for it.
    filled = await echo_and_judge(rig, interface, udp_frames([1000] * RING), watch)
    assert filled.coherent, filled
    frames = [unlike(frame) for frame in udp_frames([200 + number for number in range(FRAMES_UNDER_FAULT)])]
    await rig.card.monitor.execute("set-fault", {"name": fault, "at": FRAMES_UNDER_FAULT // 2 + 1})
    verdict = await echo_and_judge(rig, interface, frames, watch)
    for finding in verdict.findings:
        print("\n".join(finding_text.report(finding)))
    assert verdict.counts == {word: 1}


FRAMES = 300


async def echoed(rig: Rig, *parameters: str) -> tuple[RunVerdict, LiveVerdict]:
    """The verdict on a driver of these parameters, which echoes frames of all sizes."""
    async with live_verdict(rig, Detail.BYTES) as watch:
        interface = await rig.guest.load_driver(f"recorder={int(Detail.BYTES)}", "rx_ring_size=256", *parameters)
        await interface.up()
        await interface.start_echo()
        verdict = await echo_and_judge(rig, interface, mixed(FRAMES, seed=3), watch)
        await rig.guest.unload_driver()
    return verdict, watch


@every_kind
async def test_all_witnesses_of_a_clean_driver_agree(rig: Rig) -> None:
    verdict, watch = await echoed(rig)
    assert verdict.coherent, verdict
    assert watch.witnesses.frames == {"in": FRAMES, "out": FRAMES}


@pytest.mark.parametrize(
    ("fault", "word"),
    [("NdisFlushBuffer:skip:1/10", "stale"), ("NdisFlushBuffer:delay", "read-before-flush")],
)
async def test_a_flush_that_is_missing_or_late_is_named_on_the_non_coherent_machine(
    rig: Rig, fault: str, word: Word
) -> None:
    """No other word fits, even if the card reads while the late flush runs: a write's flush is recorded at its end."""
    verdict, _ = await echoed(rig, "noncoherent=64:1", f"mutate={fault}")
    for finding in verdict.findings:
        print("\n".join(finding_text.report(finding)))
    assert set(verdict.counts) == {word}
