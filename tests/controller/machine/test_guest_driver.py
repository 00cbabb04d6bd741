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


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "[ 1.0] WARNING: CPU: 0\n[ 1.1]  </TASK>\n"
            "[ 1.2] nicrig 0000:00:02.0: MiniportInitialize failed with 0x80010004\n[ 1.3] eth0: other",
            "[ 1.2] nicrig 0000:00:02.0: MiniportInitialize failed with NDIS_STATUS_HARD_ERRORS (0x80010004)",
        ),
        ("[ 1.0] a\n[ 1.1] b", "[ 1.0] a\n[ 1.1] b"),
        (f"[ 1.0] nicrig: {HOSTILE}", None),
    ],
)
async def test_the_driver_s_last_words_name_the_status(log: str, words: str | None) -> None:
    class Guest:
        async def run(self, argv: list[str]) -> CommandResult:
            return CommandResult(0, log, "")

    said = await guest_driver.last_words(cast("GuestAgent", Guest()))
    assert said == words if words else said.isprintable() and len(said) < LINE_BYTES + 200
