# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from nicrig_device import generate


def test_the_headers_and_the_pages_tables_are_fresh() -> None:
    stale = [path.name for path, _ in generate.stale()]
    assert stale == [], "run `python -m nicrig_device.generate`"


@pytest.mark.parametrize("page", generate.PAGES, ids=lambda page: page.name)
def test_a_page_that_lacks_a_table_is_refused(page: Path) -> None:
    made = generate.PAGES[page]()
    text = page.read_text().replace(f"<!-- table: {next(iter(made))} -->", "")
    with pytest.raises(ValueError, match="do not match"):
        generate.filled(page, text, made)


@pytest.mark.parametrize(
    ("page", "row", "edited"),
    [
        (generate.DATASHEET, "| 1 | DOORBELL |", "| 9 | DOORBELL |"),
        (generate.FAULTS_PAGE, "| `link-flap` | all |", "| `link-flap` | none |"),
        (generate.SOCKETS, "| `set-link` | up: bool |", "| `set-link` | down: bool |"),
    ],
    ids=("datasheet", "faults", "sockets"),
)
def test_an_edited_table_is_put_right(page: Path, row: str, edited: str) -> None:
    text = page.read_text()
    assert row in text
    assert generate.filled(page, text.replace(row, edited), generate.PAGES[page]()) == text
