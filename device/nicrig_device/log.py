# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's log. A guest or a client can cause lines without end, so a kind of line is cut off and then counted."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

LINES_PER_SECOND = 10
ONCE = {"lines": 1}
"""Give this as `extra` for a line of which one a second is enough."""
TEXT_MAX = 200


@dataclass(slots=True)
class Kind:
    """The lines of one kind in the current second. Their kind is their text before the arguments are put in."""

    until: float = 0.0
    passed: int = 0
    left_out: int = 0
    level: int = logging.NOTSET


class Flood(logging.Filter):
    """Passes LINES_PER_SECOND lines of each kind, and leaves out and counts the rest of that second."""

    def __init__(self) -> None:
        super().__init__()
        self.clear()

    def clear(self) -> None:
        """Forget all lines."""
        self._kinds: dict[str, Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        lines = getattr(record, "lines", LINES_PER_SECOND)
        if lines is math.inf:
            return True
        kind = self._kinds.setdefault(record.msg, Kind())
        now = time.monotonic()
        if now >= kind.until:
            self._say(record.msg, kind)
            kind.until, kind.passed = now + 1.0, 0
        if kind.passed < lines:
            kind.passed += 1
            return True
        kind.left_out += 1
        kind.level = record.levelno
        return False

    def due(self, now: float) -> float | None:
        """Write the counts of the seconds that are over. Returns when the next is (monotonic clock), or None."""
        waiting = [(text, kind) for text, kind in self._kinds.items() if kind.left_out]
        for text, kind in waiting:
            if now >= kind.until:
                self._say(text, kind)
        return min((kind.until for _, kind in waiting if kind.left_out), default=None)

    def _say(self, text: str, kind: Kind) -> None:
        left_out, kind.left_out = kind.left_out, 0
        if left_out:
            log.log(kind.level, "%d more lines within a second like: %s", left_out, text, extra={"lines": math.inf})


def brief(error: BaseException) -> str:
    """An exception's type and the first line of its text, at most TEXT_MAX characters of it."""
    try:
        text = str(error)
    except BaseException:
        text = "its text cannot be read"
    first = text.partition("\n")[0]
    return f"{type(error).__name__}: {first[:TEXT_MAX]}"


def traced(error: BaseException) -> str:
    """The same, with file and line of the statement that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})" if trace is not None else ""
    return f"{brief(error)}{place}"


flood = Flood()
log = logging.getLogger("nicrig_device")
log.addFilter(flood)
