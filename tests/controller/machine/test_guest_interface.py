# SPDX-License-Identifier: GPL-2.0-or-later
from typing import cast

import pytest

from nicrig.errors import RigError
from nicrig.machine.guest_agent import CommandResult, GuestAgent
from nicrig.machine.guest_interface import Interface
from nicrig.text.printable import LINE_BYTES

pytestmark = pytest.mark.anyio


class Saying:
    """A guest whose commands all print the same."""

    def __init__(self, words: str) -> None:
        self.words = words

    async def run(self, argv: list[str], *, check: bool = True) -> CommandResult:
        return CommandResult(0, self.words, "")

    def as_guest(self) -> GuestAgent:
        return cast("GuestAgent", self)


@pytest.mark.parametrize("words", ["", "many", "-1", "1e9", "9" * 5000, "\x1b[2J", "1 2"])
async def test_a_count_that_is_no_number_is_one_printable_line(words: str) -> None:
    with pytest.raises(RigError, match="which is no number") as caught:
        await Interface(Saying(words).as_guest(), "eth0").received()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < LINE_BYTES + 200


@pytest.mark.parametrize("words", ["\x1b[2J", "e" * 16])
async def test_a_name_that_no_interface_has_is_one_printable_line(words: str) -> None:
    with pytest.raises(RigError, match="no name of an interface") as caught:
        await Interface.find(Saying(words).as_guest())
    assert str(caught.value).isprintable()


async def test_a_guest_without_the_interface_has_none() -> None:
    assert await Interface.find(Saying("\n").as_guest()) is None
    found = await Interface.find(Saying("eth0\n").as_guest())
    assert found is not None
    assert found.name == "eth0"
