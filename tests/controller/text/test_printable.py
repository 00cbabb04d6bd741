# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig.text.printable import LINE_BYTES, TAIL_BYTES, printable, printable_lines, tail

NOTE = 60
"""More bytes than the note of what was cut takes."""


@given(st.text() | st.binary(), st.integers(0, 300))
def test_whatever_comes_is_one_bounded_line_without_control_characters(text: str | bytes, limit: int) -> None:
    shown = printable(text, limit=limit)
    assert all(each.isprintable() or each == "\t" for each in shown)
    assert len(shown.encode()) <= limit + NOTE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, naïve and 網卡\twith a tab", "plain text, naïve and 網卡\twith a tab"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("one\r\ntwo", r"one\r\ntwo"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\ud800", r"\ud800"),
        (b"\xff\x00ok", r"\xff\x00ok"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str | bytes, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_line_says_how_long_it_was() -> None:
    shown = printable("x" * 1_200_000)
    assert shown == "x" * LINE_BYTES + "... (1200000 characters in all)"


def test_lines_stay_lines_and_the_last_ones_are_kept() -> None:
    assert printable_lines("one\r\ntwo\n\x1bthree\n", most=2) == ["two", r"\x1bthree"]
    assert printable_lines("") == []


def test_of_a_log_only_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "serial.log"
    assert tail(log, 5) == []
    log.write_bytes(b"a" * TAIL_BYTES + b"\nlast\x1b\n")
    lines = tail(log, 5)
    assert lines[-1] == r"last\x1b"
    assert sum(map(len, lines)) < 2 * LINE_BYTES
    assert tail(log, 5, start=TAIL_BYTES + 1) == [r"last\x1b"]
