# SPDX-License-Identifier: GPL-2.0-or-later
"""Plots as SVG. The page's style gives each class its colours for light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from nicrig.report.latency import Latency
from nicrig.report.series import SLICES, Series, Span
from nicrig.text.units import duration, number

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 26, 24
INNER = WIDTH - LEFT - RIGHT
FLOOR = HEIGHT - BOTTOM
BINS_A_DECADE = 8
FASTEST = -7
"""Powers of ten: a shorter time is drawn as 100 ns."""


def over_time(title: str, unit: str, span: Span, series: Sequence[Series]) -> str:
    """A band from lowest to highest for each series, with a legend."""
    top = _round_up(max(each.most for each in series))
    parts = [_levels(top), _times(span), _legend([each.name for each in series])]
    for place, each in enumerate(series):
        parts.append(f'<path class="band s{place}" d="{_band(each, top)}"/>')
    parts.append(_tips(span, series, unit))
    return _svg(f"{title} ({unit})", parts)


def _band(series: Series, top: float) -> str:
    """The outline: along the highest of each slice and back along the lowest. A rate is one line."""
    step = INNER / SLICES
    high = [
        f"H{LEFT + place * step:.1f}V{_y(value, top)}H{LEFT + (place + 1) * step:.1f}"
        for place, value in enumerate(series.high)
    ]
    low = [
        f"H{LEFT + (place + 1) * step:.1f}V{_y(value, top)}H{LEFT + place * step:.1f}"
        for place, value in reversed(list(enumerate(series.low)))
    ]
    return f"M{LEFT} {_y(float(series.high[0]), top)}" + "".join(high) + "".join(low) + "Z"


def _tips(span: Span, series: Sequence[Series], unit: str) -> str:
    """The tooltip of each slice."""
    step = INNER / SLICES
    made = []
    for place in range(SLICES):
        values = ", ".join(f"{each.name} {_between(each, place)}" for each in series)
        when = duration(span.begin + (place + 0.5) * span.slice)
        made.append(
            f'<rect class="tip" x="{LEFT + place * step:.1f}" y="{TOP}" width="{step:.2f}" height="{FLOOR - TOP}">'
            f"<title>{escape(f'{when}: {values} ({unit})')}</title></rect>"
        )
    return "".join(made)


def _between(series: Series, place: int) -> str:
    low, high = number(float(series.low[place])), number(float(series.high[place]))
    return low if low == high else f"{low} to {high}"


def histogram(latency: Latency) -> str:
    """A histogram of durations on a logarithmic axis, with lines at p50 and p99."""
    powers = np.log10(np.maximum(latency.seconds, 10.0**FASTEST))
    first, last = math.floor(powers.min()), math.floor(powers.max()) + 1
    bins = (last - first) * BINS_A_DECADE
    counts, edges = np.histogram(powers, bins, (first, last))
    top = _round_up(float(counts.max()))
    step = INNER / bins
    bars = [
        f'<rect class="bar s0" x="{LEFT + place * step:.1f}" y="{_y(count, top)}" width="{max(step - 1, 0.5):.1f}" '
        f'height="{max(FLOOR - float(_y(count, top)), 0):.1f}"><title>{duration(10 ** edges[place])} to '
        f"{duration(10 ** edges[place + 1])}: {count}</title></rect>"
        for place, count in enumerate(counts.tolist())
        if count
    ]
    ticks = [
        _tick(LEFT + INNER * place / (last - first), duration(10.0 ** (first + place)))
        for place in range(last - first + 1)
    ]
    marks = [_percentile(latency, percent, first, last, row) for row, percent in enumerate((50, 99))]
    name = f"{latency.name}: {len(latency.seconds)}"
    return _svg(name, [_levels(top), *ticks, *bars, *marks])


def _percentile(latency: Latency, percent: int, first: int, last: int, row: int) -> str:
    value = latency.percentile(percent)
    x = LEFT + INNER * (math.log10(max(value, 10.0**FASTEST)) - first) / (last - first)
    end = x > WIDTH - 120
    return (
        f'<line class="percentile" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{FLOOR}"/>'
        f'<text class="strong" x="{x + (-4 if end else 4):.1f}" y="{TOP + 10 + 14 * row}"'
        f' text-anchor="{"end" if end else "start"}">p{percent} {duration(value)}</text>'
    )


def _svg(title: str, parts: Sequence[str]) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )


def _levels(top: float) -> str:
    """Horizontal lines, with their values."""
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(level, top)}" y2="{_y(level, top)}"/>'
        f'<text x="{LEFT - 5}" y="{float(_y(level, top)) + 4:.1f}" text-anchor="end">{number(level)}</text>'
        for level in (0.0, top / 2, top)
    )


def _times(span: Span) -> str:
    return "".join(
        _tick(LEFT + INNER * place / 4, duration(span.begin + (span.end - span.begin) * place / 4))
        for place in range(5)
    )


def _tick(x: float, text: str) -> str:
    anchor = "start" if x <= LEFT else "end" if x >= WIDTH - RIGHT - 1 else "middle"
    return f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{escape(text)}</text>'


def _legend(names: Sequence[str]) -> str:
    made, x = [], LEFT
    for place, name in enumerate(names):
        made.append(f'<rect class="key s{place}" x="{x}" y="6" width="16" height="8"/>')
        made.append(f'<text x="{x + 21}" y="14">{escape(name)}</text>')
        x += 45 + 7 * len(name)
    return "".join(made)


def _y(value: float, top: float) -> str:
    return f"{FLOOR - (FLOOR - TOP) * value / top:.1f}"


def _round_up(value: float) -> float:
    """The next larger of 1, 2, 5, 10, 20 and so on."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))
