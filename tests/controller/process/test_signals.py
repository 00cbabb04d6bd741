# SPDX-License-Identifier: GPL-2.0-or-later
import os
import signal

import pytest
import trio

from nicrig.errors import cause
from nicrig.process.signals import TerminationError, stop_on_sigterm

pytestmark = pytest.mark.anyio


async def test_the_result_is_returned() -> None:
    async def work() -> int:
        return 7

    assert await stop_on_sigterm(work) == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_work_and_its_clean_up_runs(number: signal.Signals) -> None:
    cleaned: list[bool] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await trio.sleep_forever()
        finally:
            cleaned.append(True)

    with pytest.raises(ExceptionGroup) as caught:
        await stop_on_sigterm(work)
    assert isinstance(cause(caught.value), TerminationError)
    assert cleaned == [True]
