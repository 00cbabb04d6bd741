# SPDX-License-Identifier: GPL-2.0-or-later
"""The faults of one card: arms them around its methods, and leaves no trace of them when they are over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nicrig_device.card import Card
from nicrig_device.faults.fault import Trigger, Wrap
from nicrig_device.faults.table import FAULTS

METHOD = object()
"""Stands for what the part's class has, and the part itself has not."""


class FaultError(ValueError):
    """There is no such fault for this card; the text says which there are."""


class Late:
    """What the card does only after a while. It wakes for it, and asks for nothing while there is none."""

    def __init__(self, card: Card, changed: Callable[[], None]) -> None:
        self._card = card
        self._changed = changed
        self._waiting: list[tuple[float, Callable[[], None]]] = []

    def add(self, act: Callable[[], None], seconds: float) -> None:
        self._waiting.append((time.monotonic() + seconds, act))
        if len(self._waiting) == 1:
            self._changed()

    def wraps(self) -> list[Wrap]:
        return [Wrap(self._card, "interrupt", self._around_interrupt)] if self._waiting else []

    def _around_interrupt(self, interrupt: Callable[[float], None]) -> Callable[[float], None]:
        def interrupt_and_be_late(now: float) -> None:
            self._run(now)
            interrupt(now)
            dues = [due for due, _ in self._waiting]
            if self._card.next_due is not None:
                dues.append(self._card.next_due)
            self._card.next_due = min(dues, default=None)

        return interrupt_and_be_late

    def _run(self, now: float) -> None:
        ready = [act for due, act in self._waiting if due <= now]
        self._waiting = [item for item in self._waiting if item[0] > now]
        for act in ready:
            act()
        if not self._waiting:
            self._changed()


class Faults:
    """Those that there are for the card's kind, armed by name."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._late = Late(card, self._rewrap)
        self._armed: dict[str, tuple[Trigger, list[Wrap]]] = {}
        self._honest: list[tuple[object, str, Any]] = []
        self.known = {name: fault for name, fault in FAULTS.items() if card.kind.name in fault.kinds}
        self._fired = dict.fromkeys(self.known, 0)

    def armed(self, name: str) -> Trigger | None:
        """The trigger of an armed fault."""
        return self._armed[name][0] if name in self._armed else None

    def fired(self, name: str) -> int:
        """How often it has struck since the card was started."""
        trigger = self.armed(name)
        return self._fired[name] + (trigger.fired if trigger else 0)

    def arm(self, name: str, at: int, count: int) -> None:
        """Have it strike `count` times, from number `at` on; anew, if it is armed. Raises FaultError."""
        fault = self.known.get(name)
        if fault is None:
            kind = self._card.kind.name
            raise FaultError(f"a {kind} card has no fault {name}: {', '.join(self.known)}")
        self._disarm(name)
        trigger = Trigger(at, count, self._late.add, lambda: self._over(name))
        self._armed[name] = trigger, fault.wraps(self._card, trigger)
        self._rewrap()

    def clear(self) -> None:
        """Disarm all; what is late still comes."""
        for name in list(self._armed):
            self._disarm(name)
        self._rewrap()

    def _over(self, name: str) -> None:
        self._disarm(name)
        self._rewrap()

    def _disarm(self, name: str) -> None:
        if name in self._armed:
            trigger, _ = self._armed.pop(name)
            self._fired[name] += trigger.fired

    def _rewrap(self) -> None:
        """Make the card honest, then put what is armed around its methods: they may end in any order."""
        for part, name, honest in reversed(self._honest):
            if honest is METHOD:
                delattr(part, name)
            else:
                setattr(part, name, honest)
        self._honest.clear()
        for wrap in [*self._late.wraps(), *(wrap for _, wraps in self._armed.values() for wrap in wraps)]:
            self._honest.append((wrap.part, wrap.name, vars(wrap.part).get(wrap.name, METHOD)))
            setattr(wrap.part, wrap.name, wrap.around(getattr(wrap.part, wrap.name)))
