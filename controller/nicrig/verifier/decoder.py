# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes events: each record gets its class by its function and kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from nicrig.verifier.events import CARD_EVENTS, Event, Undeclared
from nicrig.verifier.functions import BY_NAME, RecordKind
from nicrig.verifier.records import RECORDS, Grant, Revoke


class _Classes(dict[tuple[str, int], type[Event]]):
    """Bounded: what nothing declares is not kept."""

    def __missing__(self, key: tuple[str, int]) -> type[Event]:
        function, kind = key
        if function in CARD_EVENTS:
            return self[function, RecordKind.CALL]
        if function in BY_NAME and kind in (RecordKind.GRANT, RecordKind.REVOKE):
            return Grant if kind == RecordKind.GRANT else Revoke
        return Undeclared


CLASSES = _Classes(RECORDS)
"""The class of any function and kind."""


def decode(functions: Iterable[str], kinds: Iterable[int], rows: Iterable[tuple[Any, ...]]) -> Iterator[Event]:
    """Events of these functions and kinds; each row has all fields of one, in Event's order."""
    return map(tuple.__new__, map(CLASSES.__getitem__, zip(functions, kinds, strict=True)), rows)


def make_event(*fields: Any, **named: Any) -> Event:
    """One event of these fields, as Event takes them."""
    event = Event(*fields, **named)
    return CLASSES[event.function, event.kind]._make(event)
