# SPDX-License-Identifier: GPL-2.0-or-later
"""A million frames and a hundred loads of each clean miniport, every NDIS call of them judged as it is made."""

from __future__ import annotations

import pytest

from controller.card import Kind
from controller.demo import exchange
from controller.provision import Provision
from controller.rig import Options, open_rig
from controller.verifier.functions import Detail
from controller.watch import watching
from tests.system.conftest import KINDS, udp_frames

pytestmark = [pytest.mark.system, pytest.mark.anyio]

FRAMES, CHUNK, CYCLES = 1_000_000, 4_000, 100
"""A chunk makes fewer records than the recorder's ring holds; between two of them the judge catches up."""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_clean_miniport_breaks_no_rule(provision: Provision, kind: Kind) -> None:
    chunk = udp_frames([60] * CHUNK)
    async with open_rig(provision, Options(kind=kind, detail=Detail.FRAMES)) as rig:
        async with watching(rig, Detail.FRAMES) as watch:
            interface = await rig.load_driver()
            await interface.up()
            await interface.start_echo()
            for _ in range(FRAMES // CHUNK):
                assert await exchange(rig.wire, chunk, quiet=rig.deadlines.quiet * rig.deadlines.scale) == chunk
                await watch.catch_up()
            counters = await rig.counters()
            await rig.unload_driver()
            for _ in range(CYCLES):
                await rig.load_driver()
                await rig.unload_driver()
                await watch.catch_up()
    verdict = watch.verifier.verdict
    assert counters["rx_frames"] >= FRAMES
    assert watch.verifier.violations == []
    assert (verdict.lost, dict(verdict.counts)) == (0, {})
    assert verdict.events > 10 * FRAMES, "the recorder saw less than a frame makes"
