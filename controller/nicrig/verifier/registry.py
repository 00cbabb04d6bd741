# SPDX-License-Identifier: GPL-2.0-or-later
"""Which handlers run at which event. Each file of model/ and checks/ fills one table, with a decorator."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

from nicrig.verifier.events import Event
from nicrig.verifier.groups import records_of
from nicrig.verifier.model.world import World
from nicrig.verifier.severity import Severity


class ReportViolation(Protocol):
    """How a check says what it found: the rule, one line with the numbers, and the events that show it."""

    def __call__(self, rule: str, text: str, *evidence: Event | None, severity: Severity | None = None) -> None: ...


Check = Callable[[World, Any, ReportViolation], None]
"""Judges one event, by the world as it was before."""
Update = Callable[[World, Any], None]
"""Updates the world by one event."""
Acceptance = Callable[[World, Any], bool]
"""Whether the NDIS layer carries out a release."""
Handler = TypeVar("Handler", Check, Update, Acceptance)


class Handlers(Generic[Handler]):
    """Handlers by the class of their event, in the order in which they were declared.

    The handler's annotation of `event` says which: a class of `records`, a base of such classes, or a union.
    """

    def __init__(self) -> None:
        self.at: defaultdict[type[Event], list[Handler]] = defaultdict(list)

    def __call__(self, handler: Handler) -> Handler:
        """Register a handler. Raises NameError for an unknown class, TypeError for one that is not of `records`."""
        for record in records_of(get_type_hints(handler)["event"]):
            self.at[record].append(handler)
        return handler

    def among(self, records: Iterable[type[Event]]) -> Callable[[Handler], Handler]:
        """Register a handler for some of the classes that its annotation means."""

        def register(handler: Handler) -> Handler:
            for record in records_of(get_type_hints(handler)["event"]).intersection(records):
                self.at[record].append(handler)
            return handler

        return register
