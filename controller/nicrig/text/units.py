# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes numbers and times with three digits and a unit."""


def number(value: float) -> str:
    """Three digits and a letter: 12.3k."""
    for power, letter in ((9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 10**power:
            return f"{_digits(value / 10**power)}{letter}"
    return _digits(value)


def duration(seconds: float) -> str:
    """Three digits and the unit that fits: 12.3 ms."""
    for power, unit in ((0, "s"), (-3, "ms"), (-6, "µs")):
        if seconds >= 10.0**power:
            return f"{_digits(seconds / 10.0**power)} {unit}"
    return f"{_digits(seconds * 1e9)} ns"


def _digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):g}"
