# SPDX-License-Identifier: GPL-2.0-or-later
from nicrig.text.byte_diff import side_by_side


def test_the_differing_byte_is_marked_on_both_sides() -> None:
    assert side_by_side(b"abc", b"aXc", context=0) == [
        "  0000   61 [62] 63                       |   61 [58] 63                      <",
    ]


def test_equal_frames_make_no_lines() -> None:
    assert side_by_side(bytes(60), bytes(60)) == []


def test_only_rows_near_a_difference_are_shown() -> None:
    left = bytes(80)
    right = bytearray(left)
    right[40] = 1
    lines = side_by_side(left, bytes(right), context=1)
    assert [line.split()[0] for line in lines] == ["...", "0020", "0028", "0030"]
    assert [line.endswith("<") for line in lines] == [False, False, True, False]


def test_missing_bytes_are_dashes() -> None:
    (line,) = side_by_side(b"ab", b"a", context=0)
    assert "[62]" in line
    assert "[--]" in line
