# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be mutated is what the miniport calls and is called by, and the matrix has all of it."""

from __future__ import annotations

import re

import pytest

from nicrig.mutants.matrix import KINDS, MATRIX
from tests.guest_driver.mutables import mutables, operators
from tests.guest_driver.sources import MINIPORT, NDIS, code, sources


def test_every_call_that_goes_to_a_trampoline_has_one() -> None:
    renamed = re.findall(r"#define (\w+) mutable_(\w+)", code(NDIS / "faults" / "mutable.h"))
    assert [name for name, other in renamed if name != other] == []
    assert [name for name, _ in renamed] == [each.function for each in mutables() if each.function]


def test_every_operator_is_of_something() -> None:
    taken = {operator.rstrip("0123456789") for each in mutables() for operator in each.operators}
    assert taken == set(operators())


def test_the_miniport_has_what_can_be_mutated() -> None:
    text = "".join(code(path) for path in sources(MINIPORT))
    assert [each.name for each in mutables() if not re.search(rf"\b{each.name}\b", text)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_matrix_has_every_mutant_once(kind: str) -> None:
    declared = [each.name for each in MATRIX if each.kind == kind]
    whole = {name.removesuffix(":*") for name in declared if name.endswith(":*")}
    possible = {
        f"{each.name}:{operator}" for each in mutables() if each.name not in whole for operator in each.operators
    }
    exact = [name for name in declared if not name.endswith(":*")]
    assert len(set(exact)) == len(exact)
    assert {":".join(name.split(":")[:2]) for name in exact} == possible
    assert whole <= {each.name for each in mutables()}
