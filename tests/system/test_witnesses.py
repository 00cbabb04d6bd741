# SPDX-License-Identifier: GPL-2.0-or-later
"""Each word of the verdict on a live machine: cards that lie, and what the witnesses say of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.demo import echo_and_judge
from controller.interface import Interface
from controller.provision import Provision
from controller.rig import Options, Rig, open_rig
from controller.verifier.functions import Detail
from controller.watch import Watch, watching
from controller.witnesses import report
from controller.witnesses.words import Word
from tests.system.conftest import udp_frames

pytestmark = [pytest.mark.system, pytest.mark.anyio]

LYING_CARD = Path(__file__).with_name("lying_card.py")
RING = 256


@pytest.fixture(scope="module")
async def lying(
    provision: Provision, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Rig, Interface, Watch]]:
    folder = tmp_path_factory.mktemp("lying")
    (folder / "sitecustomize.py").write_text(LYING_CARD.read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        async with open_rig(provision, Options(detail=Detail.BYTES)) as rig, watching(rig, Detail.BYTES) as watch:
            interface = await rig.load_driver(f"rx_ring_size={RING}")
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
    ("written-after-completion", "written-after-completion"),
)


@pytest.mark.parametrize(("lie", "word"), LIES)
async def test_a_card_that_lies_is_caught_with_the_right_word(
    lying: tuple[Rig, Interface, Watch], lie: str, word: Word
) -> None:
    rig, interface, watch = lying
    verdict = await echo_and_judge(rig, interface, with_a_lie(lie), watch)
    for finding in verdict.findings:
        print("\n".join(report.report(finding)))
    assert verdict.counts == {word: 1}
