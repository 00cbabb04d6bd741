# SPDX-License-Identifier: GPL-2.0-or-later
"""Where in the driver's source a call was made: a call site of the recorder as FILE:LINE.

`nicrig setup` makes the table from the module's debug information (`nicrig.provision.module_lines`). It lies beside
the guest's image, and the machine that boots the image puts it into the rig's folder, beside the recorder.
"""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

import msgspec

from nicrig.input_file import open_input
from nicrig.recorder import CALL_SITES_FILE
from nicrig.text.printable import printable

TABLE_BYTES = 16 << 20
"""The most that is read of a table. One of ours has an eighth of a MiB."""
UNKNOWN_BUILD = 0
"""The number of a driver whose lines nothing knows."""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """From this offset in .text on, up to the next row, the code is of this line; `file` is a place in Table.files."""

    offset: int
    file: int
    line: int


class Table(msgspec.Struct, frozen=True):
    """The lines of one build of the module. A line of 0 belongs to no source file."""

    build: int
    files: list[str]
    rows: list[Row]


class CallSites(dict[int, str]):
    """The call sites of a rig's driver as text, by the offset that a record has; "" for 0, which is none.

    An offset of a driver whose lines are not known is `module+0xOFFSET`.
    """

    def __init__(self, folder: Path, build: int) -> None:
        """`build` is what the driver has written into the recorder."""
        super().__init__({0: ""})
        self.build = build
        self._table = _read(folder / CALL_SITES_FILE, build)

    def __missing__(self, offset: int) -> str:
        made = self[offset] = self._line(offset) or f"module+{offset:#x}"
        return made

    def _line(self, offset: int) -> str:
        """The line of the call, whose last byte lies in front of the address to which it returns."""
        if self._table is None:
            return ""
        place = bisect_right(self._table.rows, offset - 1, key=lambda row: row.offset) - 1
        row = self._table.rows[place] if place >= 0 else Row(0, 0, 0)
        return printable(f"{self._table.files[row.file]}:{row.line}") if row.line else ""


def _read(path: Path, build: int) -> Table | None:
    """The table in this file, if it is this build's."""
    if build == UNKNOWN_BUILD:
        return None
    try:
        with open_input(path) as file:
            table = msgspec.json.decode(file.read(TABLE_BYTES), type=Table)
    except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors, and so is one of UTF-8
        return None
    return table if table.build == build and all(0 <= row.file < len(table.files) for row in table.rows) else None
