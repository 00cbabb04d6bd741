# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from nicrig import generate


def test_what_is_generated_is_fresh() -> None:
    stale = [path.name for path, _ in generate.stale()]
    assert stale == [], "run `python -m nicrig.generate`"
