# SPDX-License-Identifier: GPL-2.0-or-later
"""fail= takes exactly the functions that ask ndis_fail()."""

from __future__ import annotations

import re

from tests.guest_driver.sources import NDIS, code


def test_the_functions_that_may_be_named_are_those_that_ask() -> None:
    listed = code(NDIS / "faults" / "calls.h").partition("#define NDIS_FAILING_CALLS")[2].partition("#define")[0]
    named = re.findall(r"^CALL\((\w+)\)", listed, re.MULTILINE)
    asking = [
        name for path in NDIS.rglob("*.c") for name in re.findall(r"\bndis_fail(?:_behind)?\((\w+), ", code(path))
    ]
    assert sorted(named) == sorted(asking)
