# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's commands for faults (docs/faults.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, TypeAlias

import msgspec

from nicrig_device.card import Card
from nicrig_device.faults.armed import FaultError, Faults
from nicrig_device.monitor.command_table import CommandError

Number: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1 << 32)]


class FaultState(msgspec.Struct, omit_defaults=True):
    """A fault; `fired` is how often it struck since the card was started, `passed` what came by since it was armed."""

    name: str
    does: str
    driver: str
    counts: str
    armed: bool
    fired: int
    at: int | None = None
    count: int | None = None
    passed: int | None = None


class FaultCommands:
    """A part of the monitor's table."""

    def __init__(self, card: Card) -> None:
        self._faults = Faults(card)

    def query_faults(self) -> list[FaultState]:
        """The faults that this kind of card can make; `at`, `count` and `passed` of those that are armed."""
        return [self._state(name) for name in self._faults.known]

    def _state(self, name: str) -> FaultState:
        fault, trigger = self._faults.known[name], self._faults.armed(name)
        state = FaultState(name, fault.does, fault.driver, fault.counts, trigger is not None, self._faults.fired(name))
        if trigger is not None:
            state.at, state.count, state.passed = trigger.at, trigger.count, trigger.passed
        return state

    def set_fault(self, name: str, at: Number = 1, count: Number = 1) -> None:
        """Have a fault strike `count` times, from number `at` on, counted from now."""
        try:
            self._faults.arm(name, at, count)
        except FaultError as error:
            raise CommandError(str(error)) from error

    def clear_faults(self) -> None:
        """Disarm all faults; what is late still comes."""
        self._faults.clear()

    functions: ClassVar[tuple[Callable[..., object], ...]] = (query_faults, set_fault, clear_faults)
    """Those that are commands."""
