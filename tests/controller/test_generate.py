# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from nicrig import generate


def test_generated_files_are_up_to_date() -> None:
    stale = [path.name for path, _ in generate.stale()]
    assert stale == [], "run `python -m nicrig.generate`"
