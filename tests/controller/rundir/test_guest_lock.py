# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest
import trio

from nicrig.errors import DeadlineError
from nicrig.process.deadlines import Deadlines
from nicrig.rundir.guest_lock import GuestLock
from nicrig.rundir.paths import RigPaths

pytestmark = pytest.mark.anyio


async def test_one_after_the_other(tmp_path: Path) -> None:
    first, second = GuestLock(RigPaths(tmp_path)), GuestLock(RigPaths(tmp_path))
    await first.acquire(Deadlines())
    await first.acquire(Deadlines())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(second.acquire, Deadlines())
        first.release()
    second.release()


async def test_a_wait_that_is_too_long_ends_with_its_reason(tmp_path: Path) -> None:
    holder = GuestLock(RigPaths(tmp_path))
    await holder.acquire(Deadlines())
    with pytest.raises(DeadlineError, match=f"another command to finish with the guest of {tmp_path}"):
        await GuestLock(RigPaths(tmp_path)).acquire(Deadlines(command=0.1))
    holder.release()
    holder.release()
