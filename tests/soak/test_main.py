# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.soak.__main__ import MEMORY, SHARED, options_of
from tests.soak.diary import KEPT, Clock, Diary


def test_a_seed_decides_the_rigs_and_most_fits_beside_the_others() -> None:
    drawn = [[options_of(Random(f"{seed} rig"), SHARED) for seed in range(50)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert {options.memory for options in drawn[0]} == {each for each in MEMORY if each <= SHARED}
    assert MEMORY[-1] + 3 * SHARED < 16 << 10


def test_a_diary_keeps_the_last_actions(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counter[str]()
    diary = Diary("rig 0", Random(1), Clock(60), counts, aloud=False)
    for number in range(KEPT + 5):
        diary.note("kill", f"number {number}")
    assert capsys.readouterr().out == ""
    lines = diary.last().splitlines()
    assert (len(lines), counts) == (KEPT, {"kill": KEPT + 5})
    assert lines[-1].endswith(f" s  rig 0: kill number {KEPT + 4}")
