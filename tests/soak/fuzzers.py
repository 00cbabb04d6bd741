# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzzers of all tests, round after round, each with new examples."""

from __future__ import annotations

import subprocess
import sys

import trio

from tests.soak.diary import Diary, ViolationError

PYTEST = (sys.executable, "-m", "pytest", "-q", "-m", "hypothesis and not system", "--hypothesis-profile=new")


async def fuzz(diary: Diary) -> None:
    """Rounds until the time is over. The last one is ended in its middle."""
    while not diary.clock.over:
        seed = diary.draw.getrandbits(32)
        diary.note("fuzzers", f"seed {seed}")
        with trio.move_on_after(diary.clock.left):
            done = await trio.run_process(
                [*PYTEST, f"--hypothesis-seed={seed}"], capture_stdout=True, stderr=subprocess.STDOUT, check=False
            )
            if done.returncode:
                raise ViolationError(f"a fuzzer failed:\n{done.stdout.decode(errors='replace')[-4000:]}")
