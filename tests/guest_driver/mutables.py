# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest lets be mutated, as its sources declare it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.guest_driver.sources import NDIS, code

_CALL = re.compile(r'CALL\(\d, \w+, (\w+), (?:(\w+), )?((?:NDIS_MAY_\w+(?: \| )?)+), "(\w+)",')
_OPERATOR = re.compile(r'\{ "(\w+)", (\w+), "(\w*)" \}')


@dataclass(frozen=True)
class Mutable:
    """`name` as mutate= takes it, `function` as the miniport calls it (a handler has none), and its operators."""

    name: str
    function: str | None
    operators: frozenset[str]


def operators() -> dict[str, tuple[str, str]]:
    """What each operator is for: a way that a whole call may be treated, or letters of arguments."""
    return {name: (may, letters) for name, may, letters in _OPERATOR.findall(code(NDIS / "faults" / "mutate.c"))}


def mutables() -> list[Mutable]:
    """Every CALL of calls.h; its lines go on after a backslash."""
    declared = re.sub(r"\s*\\\n\s*", " ", code(NDIS / "faults" / "calls.h"))
    found = []
    for name, function, may, letters in _CALL.findall(declared):
        taken = {
            operator if way != "0" else f"{operator}{number}"
            for operator, (way, which) in operators().items()
            for number, letter in enumerate(letters, 1)
            if way in may.split(" | ") or letter in which
        }
        found.append(Mutable(name if function else f"Miniport{name}", function or None, frozenset(taken)))
    return found
