# SPDX-License-Identifier: GPL-2.0-or-later
"""Each word of the verdict on a live machine: what the witnesses say of a card that lies and of a driver that errs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

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

LYING_CARD = Path(__file__).with_name("lying_card.py")
RING = 256


@pytest.fixture(scope="module")
async def lying(
    provision: Provision, tmp_path_factory: pytest.TempPathFactory, nursery: trio.Nursery
) -> AsyncIterator[tuple[Rig, Interface, LiveVerdict]]:
    async with held(nursery, lying_rig(provision, tmp_path_factory.mktemp("lying"))) as lying:
        yield lying


@asynccontextmanager
async def lying_rig(provision: Provision, folder: Path) -> AsyncIterator[tuple[Rig, Interface, LiveVerdict]]:
    """A rig with a lying card."""
    (folder / "sitecustomize.py").write_text(LYING_CARD.read_text())
    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # of this card only
            patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
            rig = await stack.enter_async_context(open_rig(provision, Options(detail=Detail.BYTES)))
        watch = await stack.enter_async_context(live_verdict(rig, Detail.BYTES))
        interface = await rig.guest.load_driver(f"rx_ring_size={RING}")
        await interface.up()
        await interface.start_echo()
        # Every buffer has then held a frame.
        verdict = await echo_and_judge(rig, interface, udp_frames([1000] * 2 * RING), watch)
        assert verdict.coherent, verdict
        yield rig, interface, watch


def with_a_lie(word: str) -> list[bytes]:
    """Forty frames; the one in the middle asks for the lie."""
    frames = udp_frames([200 + number for number in range(40)])
    frames[20] = frames[20][:60] + f"LIE:{word}!".encode() + frames[20][66 + len(word) - 1 :]
    return frames


LIES: tuple[tuple[str, Word], ...] = (
    ("lost", "lost"),
    ("duplicated", "duplicated"),
    ("reordered", "reordered"),
    ("truncated", "truncated"),
    ("cut-on-the-way-out", "truncated"),
    ("overrun", "overrun"),
    ("misdirected", "misdirected"),
    ("torn", "torn"),
    ("stale", "stale"),
    ("changed-under-device", "changed-under-device"),
    ("scribbled-on", "changed-under-device"),
    ("written-after-completion", "written-after-completion"),
)


@pytest.mark.xdist_group("lying")
@pytest.mark.parametrize(("lie", "word"), LIES)
async def test_a_card_that_lies_is_caught_with_the_right_word(
    lying: tuple[Rig, Interface, LiveVerdict], lie: str, word: Word
) -> None:
    rig, interface, watch = lying
    verdict = await echo_and_judge(rig, interface, with_a_lie(lie), watch)
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
    verdict, _ = await echoed(rig, "noncoherent=64:1", f"mutate={fault}")
    for finding in verdict.findings:
        print("\n".join(finding_text.report(finding)))
    assert set(verdict.counts) == {word}
