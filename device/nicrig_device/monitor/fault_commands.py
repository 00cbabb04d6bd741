# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's commands for faults (docs/faults.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, TypeAlias

import msgspec

from nicrig_device.card import Card
from nicrig_device.faults.armed import FaultError, Faults
from nicrig_device.monitor.command_table import QmpError
from nicrig_interface.answers import FaultState

Number: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1 << 32)]


class FaultCommands:
    """Commands for the monitor's table."""

    def __init__(self, card: Card) -> None:
        self._faults = Faults(card)

    def query_faults(self) -> list[FaultState]:
        """The faults of this kind of card. Armed ones have `at`, `count` and `passed`."""
        return [self._state(name) for name in self._faults.known]

    def _state(self, name: str) -> FaultState:
        fault, trigger = self._faults.known[name], self._faults.armed(name)
        counted = (trigger.at, trigger.count, trigger.passed) if trigger is not None else ()
        texts = (fault.does, fault.driver, fault.counts)
        return FaultState(name, *texts, trigger is not None, self._faults.fired(name), *counted)

    def set_fault(self, name: str, at: Number = 1, count: Number = 1) -> None:
        """Arm a fault: it strikes `count` times, from number `at` on, counted from now."""
        try:
            self._faults.arm(name, at, count)
        except FaultError as error:
            raise QmpError(str(error)) from error

    def clear_faults(self) -> None:
        """Disarm all faults. What is already delayed still happens."""
        self._faults.clear()

    functions: ClassVar[tuple[Callable[..., object], ...]] = (query_faults, set_fault, clear_faults)
    """The functions that are commands."""
