# SPDX-License-Identifier: GPL-2.0-or-later
"""Two frames as bytes side by side, the differing ones marked."""

ROW = 8
"""Bytes in a row: two hexadecimal columns then fit into 80 characters."""
_ABSENT = "--"


def side_by_side(left: bytes, right: bytes, *, context: int = 2) -> list[str]:
    """Lines with the offset, both frames' bytes, and `<` where they differ; a differing byte stands in brackets.

    Equal rows are left out but for `context` of them around each differing one.
    """
    rows = range(0, max(len(left), len(right)), ROW)
    differing = [at // ROW for at in rows if left[at : at + ROW] != right[at : at + ROW]]
    near = {row + step for row in differing for step in range(-context, context + 1)}
    shown = sorted(near & set(range(len(rows))))
    lines = []
    for before, row in zip([-1, *shown], shown, strict=False):
        if row != before + 1:
            lines.append("  ...")
        lines.append(_line(left, right, row * ROW))
    return lines


def _line(left: bytes, right: bytes, at: int) -> str:
    columns = [_column(one, other, at) for one, other in ((left, right), (right, left))]
    mark = " <" if left[at : at + ROW] != right[at : at + ROW] else ""
    return f"  {at:04x}  {columns[0]}  |  {columns[1]}{mark}"


def _column(one: bytes, other: bytes, at: int) -> str:
    return "".join(_byte(one[i : i + 1], other[i : i + 1]) for i in range(at, at + ROW))


def _byte(one: bytes, other: bytes) -> str:
    text = one.hex() or _ABSENT
    if not one and not other:
        text = "  "
    return f"[{text}]" if one != other else f" {text} "
