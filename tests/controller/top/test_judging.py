# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from nicrig.recorder.reader import Recorder
from nicrig.top.judging import Judging
from nicrig.verifier.functions import BY_NAME, Detail, Phase, RecordKind
from tests.fakes.recorder import DETAIL, Rings

pytestmark = pytest.mark.anyio


@pytest.fixture
def rings(tmp_path: Path) -> Rings:
    return Rings(tmp_path, capacity=64)


def claim_too_early(rings: Rings) -> None:
    """Breaks R01: scatter-gather is asked for before NdisMSetAttributesEx."""
    for name, kind in (("MiniportInitialize", RecordKind.ENTER), ("NdisMInitializeScatterGatherDma", RecordKind.CALL)):
        rings.guest.write(function=BY_NAME[name].number, kind=kind, phase=Phase.INITIALIZE, a=1, b=1514)


async def test_records_are_judged_as_they_arrive(rings: Rings) -> None:
    judging = Judging(Recorder(rings.layout))
    await judging.catch_up()
    assert (judging.records, judging.detail) == (0, Detail.OFF)
    rings.guest.set_word(DETAIL, Detail.FRAMES)
    claim_too_early(rings)
    for _ in range(2):  # the second call finds nothing new
        await judging.catch_up()
        assert (judging.records, judging.lost, judging.detail) == (2, 0, Detail.FRAMES)
        assert judging.counts["R01"] == 1
        assert [violation.rule for violation in judging.last] == list(judging.counts)


async def test_a_new_detail_starts_a_new_verifier_and_keeps_the_old_counts(rings: Rings) -> None:
    judging = Judging(Recorder(rings.layout))
    for detail in (Detail.FRAMES, Detail.ALLOCATIONS, Detail.OFF):
        rings.guest.set_word(DETAIL, detail)
        await judging.catch_up()
        if detail:
            claim_too_early(rings)
            await judging.catch_up()
    assert (judging.records, judging.counts["R01"]) == (4, 2)
