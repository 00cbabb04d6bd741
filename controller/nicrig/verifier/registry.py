# SPDX-License-Identifier: GPL-2.0-or-later
"""Which handlers run at which event: each file of model/ and checks/ fills one table with decorators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.verifier.functions import BY_NAME, RecordKind
from nicrig.verifier.model.world import World
from nicrig.verifier.rules import Severity


class ReportViolation(Protocol):
    """How a check tells what it found: rule, one line with the numbers, and the events that show it."""

    def __call__(self, rule: str, text: str, *evidence: Event | None, severity: Severity | None = None) -> None: ...


Check = Callable[[World, Event, ReportViolation], None]
"""Judges one event, by the world as it was before."""
Update = Callable[[World, Event], None]
"""Moves the world on by one event."""
Handler = TypeVar("Handler", Check, Update)


class Handlers(Generic[Handler]):
    """Handlers by function and kind, in the order in which they were declared. An unknown name is a KeyError."""

    def __init__(self) -> None:
        self.at: defaultdict[tuple[str, RecordKind], list[Handler]] = defaultdict(list)

    def call(self, *functions: str) -> Callable[[Handler], Handler]:
        """The miniport called one of these functions."""
        return self._at(RecordKind.CALL, functions)

    def enter(self, *functions: str) -> Callable[[Handler], Handler]:
        """One of these handlers of the miniport is entered."""
        return self._at(RecordKind.ENTER, functions)

    def leave(self, *functions: str) -> Callable[[Handler], Handler]:
        """One of these handlers has returned."""
        return self._at(RecordKind.LEAVE, functions)

    def card(self, *events: str) -> Callable[[Handler], Handler]:
        """The card did this; its events have kind 0."""
        return self._at(RecordKind.CALL, events)

    def _at(self, kind: RecordKind, names: tuple[str, ...]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            for name in names:
                if name not in CARD_EVENTS:
                    BY_NAME[name]
                self.at[name, kind].append(handler)
            return handler

        return register
