# SPDX-License-Identifier: GPL-2.0-or-later
"""The faults of one card: arms them as hooks, and removes the hooks when they are over."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from nicrig_device.card import Card
from nicrig_device.faults.fault import Trigger
from nicrig_device.faults.table import FAULTS
from nicrig_device.hooks import Hook, guarded


class FaultError(ValueError):
    """This card has no such fault; the text says which it has."""


class Late(Hook):
    """What the card does after a delay. The card wakes up for it."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed` is called when the first thing is added and when the last one is done."""
        self._changed = changed
        self._waiting: list[tuple[float, Callable[[], None]]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, act: Callable[[], None], seconds: float) -> None:
        self._waiting.append((time.monotonic() + seconds, act))
        if len(self._waiting) == 1:
            self._changed()

    def due(self, now: float) -> float | None:
        ready = [act for due, act in self._waiting if due <= now]
        self._waiting = [item for item in self._waiting if item[0] > now]
        for act in ready:
            act()
        if not self._waiting:
            self._changed()
        return min((due for due, _ in self._waiting), default=None)


class Faults:
    """The faults of the card's kind, armed by name."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._late = Late(self._hook)
        self._armed: dict[str, tuple[Trigger, Hook]] = {}
        self._hooked: tuple[Hook, ...] = ()
        self.known = {name: fault for name, fault in FAULTS.items() if fault.fits(type(card.kind))}
        self._fired = dict.fromkeys(self.known, 0)

    def armed(self, name: str) -> Trigger | None:
        """The trigger of an armed fault."""
        return self._armed[name][0] if name in self._armed else None

    def fired(self, name: str) -> int:
        """How often it has struck since the card started."""
        trigger = self.armed(name)
        return self._fired[name] + (trigger.fired if trigger else 0)

    def arm(self, name: str, at: int, count: int) -> None:
        """Strike `count` times, from number `at` on. A fault that is armed starts again. Raises FaultError."""
        fault = self.known.get(name)
        if fault is None:
            kind = self._card.kind.name
            raise FaultError(f"a {kind} card has no fault {name}: {', '.join(self.known)}")
        self._disarm(name)
        trigger = Trigger(at, count, self._late.add, self._over)
        self._armed[name] = trigger, guarded(fault.hook(self._card, trigger), partial(self._over, trigger))
        self._hook()

    def clear(self) -> None:
        """Disarm all. What is already delayed still happens."""
        for name in list(self._armed):
            self._disarm(name)
        self._hook()

    def _over(self, trigger: Trigger) -> None:
        """The fault with this trigger is over, if it has not been armed again since."""
        for name in [name for name, (armed, _) in self._armed.items() if armed is trigger]:
            self._disarm(name)
        self._hook()

    def _disarm(self, name: str) -> None:
        if name in self._armed:
            trigger, _ = self._armed.pop(name)
            self._fired[name] += trigger.fired

    def _hook(self) -> None:
        """Give the card the hooks of what is armed and delayed now, behind the hooks that are not faults."""
        others = tuple(hook for hook in self._card.hooks.armed if hook not in self._hooked)
        late = (self._late,) if self._late else ()
        self._hooked = (*late, *(hook for _, hook in self._armed.values()))
        self._card.hooks.armed = (*others, *self._hooked)
