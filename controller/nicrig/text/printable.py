# SPDX-License-Identifier: GPL-2.0-or-later
"""Text from a guest, a card or a file, made safe for a terminal, a log or a page: escaped and bounded."""

import os
from pathlib import Path

LINE_BYTES = 4000
"""The longest line that is shown, in bytes of UTF-8."""
LOG_LINES = 200
"""How many lines of a daemon's log say how it ended. A guest's panic takes about 90: console, then records."""
TAIL_BYTES = 64 * 1024
"""How much of a log's end is read."""


def printable(text: str | bytes, *, limit: int = LINE_BYTES) -> str:
    """One line: each character that is no letter, sign or space is escaped, and at most `limit` bytes are kept.

    What is cut is counted at the end. Control characters, line ends, surrogates and marks that turn the direction of
    the text all count as such characters.
    """
    # A character is at least one byte, and an escape is never shorter than what it stands for.
    shown = _escaped(text[:limit])
    data = shown.encode()
    if len(data) <= limit and len(text) <= limit:
        return shown
    kept = data[:limit].decode(errors="ignore")
    return f"{kept}... ({len(text)} {'bytes' if isinstance(text, bytes) else 'characters'} in all)"


def printable_lines(text: str | bytes, *, most: int = 1000, limit: int = LINE_BYTES) -> list[str]:
    """The last `most` lines, each as printable() shows it."""
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    lines = text.removesuffix("\n").split("\n") if text else []
    return [printable(line.removesuffix("\r"), limit=limit) for line in lines[-most:]]


def tail(log: Path, most: int, *, start: int = 0) -> list[str]:
    """The last `most` lines of a log behind byte `start`, as printable() shows them; none when there is no such file.

    At most TAIL_BYTES are read, however long the log is.
    """
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start, end - TAIL_BYTES))
            return printable_lines(file.read(TAIL_BYTES), most=most)
    except FileNotFoundError:
        return []


def _escaped(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each == "\t" else each.encode("unicode_escape").decode() for each in text
    )
