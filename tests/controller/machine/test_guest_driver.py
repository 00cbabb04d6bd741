# SPDX-License-Identifier: GPL-2.0-or-later
from typing import cast

import pytest

from nicrig.errors import GuestCommandError
from nicrig.machine import guest_driver
from nicrig.machine.guest_agent import CommandResult, GuestAgent
from nicrig.text.printable import LINE_BYTES

pytestmark = pytest.mark.anyio

HOSTILE = "\x1b[2J\x1b]0;title\x07" + "x" * 1_200_000


@pytest.mark.parametrize("log", [f"[ 1.0] nicrig: {HOSTILE}", ""], ids=["the kernel's words", "modprobe's words"])
async def test_why_the_driver_did_not_load_is_printable_and_bounded(log: str) -> None:
    class Guest:
        async def run(self, argv: list[str], *, check: bool = True) -> CommandResult:
            return CommandResult(0, log, "") if argv == ["dmesg"] else CommandResult(1, "", HOSTILE)

    with pytest.raises(GuestCommandError, match=r"did not load with a=1: .*x1b\[2J") as caught:
        await guest_driver.load(cast("GuestAgent", Guest()), ["a=1"])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < LINE_BYTES + 200
