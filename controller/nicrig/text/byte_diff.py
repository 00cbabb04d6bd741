# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows frames as bytes side by side, and marks the bytes that differ."""

ROW = 8
"""Bytes per row. Two hexadecimal columns then fit in 80 characters, three in 120."""
_ABSENT = "--"


def side_by_side(*frames: bytes, context: int = 2, most: int = 1000) -> list[str]:
    """Lines with an offset and the bytes of each frame. Brackets mark a differing byte, `<` a row that has one.

    Shows the differing rows with `context` equal rows around each, and at most `most` rows.
    """
    rows = range(0, max(map(len, frames)), ROW)
    differing = [at // ROW for at in rows if len({frame[at : at + ROW] for frame in frames}) > 1]
    near = {row + step for row in differing for step in range(-context, context + 1)}
    shown = sorted(near & set(range(len(rows))))
    lines = []
    for before, row in zip([-1, *shown], shown[:most], strict=False):
        if row != before + 1:
            lines.append("  ...")
        lines.append(_line(frames, row * ROW))
    if len(shown) > most:
        lines.append(f"  ... {len(shown) - most} rows more")
    return lines


def _line(frames: tuple[bytes, ...], at: int) -> str:
    columns = ["".join(_byte(frame, frames, i) for i in range(at, at + ROW)) for frame in frames]
    mark = " <" if len({frame[at : at + ROW] for frame in frames}) > 1 else ""
    return f"  {at:04x}  {'  |  '.join(columns)}{mark}"


def _byte(frame: bytes, frames: tuple[bytes, ...], at: int) -> str:
    values = {each[at : at + 1] for each in frames}
    text = "  " if values == {b""} else frame[at : at + 1].hex() or _ABSENT
    return f"[{text}]" if len(values) > 1 else f" {text} "
