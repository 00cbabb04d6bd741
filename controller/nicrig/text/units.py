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


def span(seconds: float) -> str:
    """A time that a person waits, with three digits: 12.3 min."""
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{_digits(seconds / length)} {unit}"
    return f"{_digits(seconds)} s"


def _digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):g}"
