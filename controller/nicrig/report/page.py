# SPDX-License-Identifier: GPL-2.0-or-later
"""The page: one file, which loads nothing and runs only its own script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from pathlib import Path

from nicrig.errors import UsageError
from nicrig.report import plot, sections, series
from nicrig.report.columns import Run, read_run
from nicrig.report.lanes import axis
from nicrig.report.latency import Latency, latencies
from nicrig.report.series import Series, Span
from nicrig.report.timeline import timeline
from nicrig.text.printable import printable
from nicrig.text.units import duration

HERE = Path(__file__).parent


def write(source: Path, output: Path | None) -> Path:
    """Write the page of a recording, beside it by default, and return its path. The file is complete or does not exist.

    Raises RecordingError for a file that is not a recording, UsageError when the page would overwrite the recording.
    """
    made = page(read_run(source))
    where = output or source.with_suffix(".html")
    if where.exists() and where.samefile(source):
        raise UsageError(f"{where} is the recording itself: name another file with -o")
    part = where.with_name(f".{where.name}.part")
    try:
        part.write_text(made, encoding="utf-8")
        part.replace(where)
    finally:
        part.unlink(missing_ok=True)
    return where


def page(run: Run) -> str:
    """The whole document."""
    span = series.traffic(run)
    style, script = ((HERE / name).read_text() for name in ("page.css", "page.js"))
    allowed = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_digest(script)}'"
    parts = {
        "Over time": f'<div class="plots">{_over_time(run, span)}</div>',
        "How long it took": _how_long(latencies(run), run),
        "Time axis": timeline(axis(run), series.driver(run), span),
        "Broken rules": sections.violations(run),
        "Faults of frames": sections.faults(run),
        "Records": sections.records(run),
    }
    body = "".join(f"<section><h2>{title}</h2>{part}</section>" for title, part in parts.items())
    name = escape(printable(run.path.name))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{allowed}">
<meta name="viewport" content="width=device-width"><title>{name} - nicrig report</title><style>{style}</style></head>
<body><h1>nicrig report <small>{name}</small></h1>{sections.verdict(run)}{sections.summary(run)}
{body}<script>{script}</script></body></html>
"""


def _digest(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


def _over_time(run: Run, span: Span) -> str:
    wanted: list[tuple[str, str, list[Series | None]]] = [
        ("Frames", "per second", [_rate(run, span, "in", "frame_in"), _rate(run, span, "out", "frame_out")]),
        (
            "Bytes",
            "bit/s",
            [_rate(run, span, "in", "frame_in", bits=True), _rate(run, span, "out", "frame_out", bits=True)],
        ),
        (
            "Signals",
            "per second",
            [_rate(run, span, "interrupts", "interrupt"), _rate(run, span, "doorbells", "doorbell")],
        ),
        (
            "Receive ring",
            "buffers",
            [
                series.posted("posted to the card", run, span, transmit=False),
                series.lent("lent to the protocol", run, span),
            ],
        ),
        (
            "Transmit ring",
            "descriptors, packets",
            [
                series.posted("posted to the card", run, span, transmit=True),
                series.outstanding("not completed", run, span),
            ],
        ),
    ]
    drawn = [(title, unit, [each for each in found if each is not None]) for title, unit, found in wanted]
    plots = [plot.over_time(title, unit, span, found) for title, unit, found in drawn if _shows(found)]
    slices = f"{series.SLICES} slices of {duration(span.slice)}"
    note = f'<p class="note">From the first frame to the last, in {slices}.</p>'
    return "".join([*plots, note]) if plots else "<p>None was recorded.</p>"


def _rate(run: Run, span: Span, name: str, event: str, *, bits: bool = False) -> Series:
    return series.rate(name, run, span, f"card.{event}", bits=bits)


def _shows(found: Sequence[Series]) -> bool:
    return any(each.most for each in found)


def _how_long(found: Sequence[Latency], run: Run) -> str:
    if not found:
        return "<p>None was recorded.</p>"
    made = [
        f'<div>{plot.histogram(each)}<p class="note">{escape(each.meaning)}.{_error(each, run)}</p></div>'
        for each in found
    ]
    return f'<div class="plots">{"".join(made)}</div>'


def _error(latency: Latency, run: Run) -> str:
    return f" To within {duration(run.clock.error / 1e9)}." if latency.both_clocks else ""
