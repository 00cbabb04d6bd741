# SPDX-License-Identifier: GPL-2.0-or-later
"""A function can be made to fail if and only if the layer asks whether it is to."""

from __future__ import annotations

import re

from tests.guest_driver.sources import NDIS, code


def test_the_functions_that_may_be_named_are_those_that_ask() -> None:
    named = re.findall(r"SITE\((\w+)\),", code(NDIS / "faults" / "inject.c"))
    asking = [
        name for path in NDIS.rglob("*.c") for name in re.findall(r"\bndis_fail(?:_behind)?\((\w+), ", code(path))
    ]
    assert sorted(named) == sorted(asking)
