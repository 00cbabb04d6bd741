# SPDX-License-Identifier: GPL-2.0-or-later
"""Words for statuses, levels and phases in a violation's line."""

from __future__ import annotations

from nicrig.verifier.constants import STATUS_NAMES
from nicrig.verifier.functions import Irql, Phase

_LEVELS = {level.value: f"{level.name}_LEVEL" for level in Irql}
_PHASES = {
    Phase.NONE: "without an adapter",
    Phase.INITIALIZE: "in MiniportInitialize",
    Phase.RUN: "at run time",
    Phase.HALT: "in MiniportHalt",
    Phase.SHUTDOWN: "in MiniportShutdown",
    Phase.PROTOCOL: "in the protocol",
}


def status(value: int) -> str:
    return STATUS_NAMES.get(value, f"status {value:#x}")


def level(value: int) -> str:
    return _LEVELS.get(value, f"level {value}")


def phase(value: int) -> str:
    return next((text for known, text in _PHASES.items() if known == value), f"in phase {value}")


def plural(count: int, thing: str) -> str:
    return f"1 {thing}" if count == 1 else f"{count} {thing}s"
