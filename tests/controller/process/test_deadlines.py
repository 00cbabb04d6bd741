# SPDX-License-Identifier: GPL-2.0-or-later
import pytest
import trio
import trio.testing

from nicrig.errors import DeadlineError
from nicrig.process.deadlines import Deadlines


@pytest.mark.anyio
async def test_a_missed_deadline_names_what_was_awaited() -> None:
    with pytest.raises(DeadlineError, match="waited 0 s for the guest"), Deadlines().limit(0, "the guest"):
        await trio.sleep_forever()


def test_the_scale_lengthens_a_deadline() -> None:
    async def wait() -> None:
        with Deadlines(scale=5).limit(10, "it"):
            await trio.sleep(49)
        with pytest.raises(DeadlineError, match="waited 50 s"), Deadlines(scale=5).limit(10, "it"):
            await trio.sleep(51)

    trio.run(wait, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_deadline_without_a_scale_is_as_long_as_it_says() -> None:
    async def wait() -> None:
        with pytest.raises(DeadlineError, match="waited 10 s"), Deadlines().limit(10, "it"):
            await trio.sleep(11)

    trio.run(wait, clock=trio.testing.MockClock(autojump_threshold=0))
