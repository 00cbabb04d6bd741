# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from nicrig.text.units import duration, number, span


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (7, "7"),
        (999.9, "1000"),
        (1000, "1k"),
        (12_345, "12.3k"),
        (2.5e6, "2.5M"),
        (3e9, "3G"),
    ],
)
def test_a_number_has_three_digits_and_a_letter(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 ns"), (2e-9, "2 ns"), (1e-6, "1 µs"), (0.0123456, "12.3 ms"), (1, "1 s"), (4321.0, "4320 s")],
)
def test_a_time_has_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 s"), (119, "119 s"), (150, "2.5 min"), (64800, "18 h"), (200_000, "2.31 days"), (1.33e9, "42.1 years")],
)
def test_a_long_time_has_a_long_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text
