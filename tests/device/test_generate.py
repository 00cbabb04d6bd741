# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from device import generate


def test_the_header_and_the_datasheet_tables_are_fresh() -> None:
    stale = [path.name for path, _ in generate.stale()]
    assert stale == [], "run `python -m device.generate`"


def test_a_datasheet_that_lacks_a_table_is_refused() -> None:
    text = generate.DATASHEET.read_text().replace("<!-- table: refusals -->", "")
    with pytest.raises(ValueError, match="do not match"):
        generate.datasheet(text)


def test_an_edited_table_is_put_right() -> None:
    text = generate.DATASHEET.read_text()
    assert generate.datasheet(text.replace("| 1 | DOORBELL |", "| 9 | DOORBELL |")) == text
