# SPDX-License-Identifier: GPL-2.0-or-later
import trio
import trio.testing

from nicrig.process.polling import until


def test_it_checks_until_there_is_a_result() -> None:
    answers = iter([None, None, 0])

    async def check() -> int | None:
        return next(answers)

    async def main() -> int:
        return await until(check)

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == 0
