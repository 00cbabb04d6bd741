# SPDX-License-Identifier: GPL-2.0-or-later
"""Refusals (docs/datasheet.md section 9): counted, logged, shown in FAULT."""

from __future__ import annotations

from collections.abc import Callable

from nicrig_device.log import log
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.registers import FAULT


class Refusals:
    """Keeps the last refusal for the FAULT register, and calls `announce` for each new one."""

    def __init__(self, counters: Counters, announce: Callable[[int, int, bool], None]) -> None:
        self._counters = counters
        self._announce = announce
        self.fault = 0

    def clear(self) -> None:
        self.fault = 0

    def refuse(self, refusal: Refusal, text: str, *, transmit: bool = False, index: int = 0, times: int = 1) -> None:
        """Count `times` refusals with one code. `text` says what was wrong with the first."""
        self._counters.add(f"refused_{refusal.name.lower()}", times)
        self.fault = FAULT.pack(CODE=refusal, TRANSMIT=transmit, INDEX=index & 0xFFFF)
        more = f" ({times} times)" if times > 1 else ""
        log.warning("refused %s: %s%s", refusal.name, text, more)
        self._announce(refusal, index & 0xFFFF, transmit)
