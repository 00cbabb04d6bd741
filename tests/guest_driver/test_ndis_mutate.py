# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be mutated is what the miniport calls and is called by."""

from __future__ import annotations

import re

from tests.guest_driver.mutables import mutables, operators
from tests.guest_driver.sources import MINIPORT, NDIS, code, sources


def test_every_call_that_goes_to_a_trampoline_has_one() -> None:
    renamed = re.findall(r"#define (\w+) mutable_(\w+)", code(NDIS / "mutable.h"))
    assert [name for name, other in renamed if name != other] == []
    assert [name for name, _ in renamed] == [each.function for each in mutables() if each.function]


def test_every_operator_is_of_something() -> None:
    taken = {operator.rstrip("0123456789") for each in mutables() for operator in each.operators}
    assert taken == set(operators())


def test_the_miniport_has_what_can_be_mutated() -> None:
    text = "".join(code(path) for path in sources(MINIPORT))
    assert [each.name for each in mutables() if not re.search(rf"\b{each.name}\b", text)] == []
