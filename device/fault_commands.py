# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's commands for faults (docs/faults.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from device.card import Card
from device.faults.armed import FaultError, Faults

Number = Annotated[int, msgspec.Meta(ge=1, le=1 << 32)]


class QueryFaults(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of query-faults: none."""


class SetFault(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of set-fault: strike `count` times, from number `at` on, counted from now."""

    name: str
    at: Number = 1
    count: Number = 1


class ClearFaults(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of clear-faults: none."""


class FaultCommands:
    """A part of the monitor's table."""

    def __init__(self, card: Card) -> None:
        self._faults = Faults(card)
        self.table: dict[str, tuple[type[msgspec.Struct], Callable[[Any], object]]] = {
            "query-faults": (QueryFaults, self._query),
            "set-fault": (SetFault, self._set),
            "clear-faults": (ClearFaults, self._clear),
        }

    def _query(self, _: QueryFaults) -> list[dict[str, object]]:
        return [self._told(name) for name in self._faults.known]

    def _told(self, name: str) -> dict[str, object]:
        """`passed` is what came by since it was armed; `fired` how often it struck since the card was started."""
        fault, trigger = self._faults.known[name], self._faults.armed(name)
        told: dict[str, object] = {"name": name, "does": fault.does, "driver": fault.driver, "counts": fault.counts}
        told |= {"armed": trigger is not None, "fired": self._faults.fired(name)}
        if trigger is not None:
            told |= {"at": trigger.at, "count": trigger.count, "passed": trigger.passed}
        return told

    def _set(self, arguments: SetFault) -> dict[str, object]:
        try:
            self._faults.arm(arguments.name, arguments.at, arguments.count)
        except FaultError as error:
            raise msgspec.ValidationError(str(error)) from error
        return {}

    def _clear(self, _: ClearFaults) -> dict[str, object]:
        self._faults.clear()
        return {}
