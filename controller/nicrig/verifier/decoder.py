# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes events: each record gets its class by its function and kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nicrig.verifier.events import CARD_EVENTS, Event, Undeclared
from nicrig.verifier.functions import BY_NAME, RecordKind
from nicrig.verifier.records import RECORDS, GrantRecord, RevokeRecord


class _Classes(dict[tuple[str, int], type[Event]]):
    """Bounded: what nothing declares is not kept."""

    def __missing__(self, key: tuple[str, int]) -> type[Event]:
        function, kind = key
        if function in CARD_EVENTS:
            return self[function, RecordKind.CALL]
        if function in BY_NAME and kind in (RecordKind.GRANT, RecordKind.REVOKE):
            return GrantRecord if kind == RecordKind.GRANT else RevokeRecord
        return Undeclared


CLASSES = _Classes(RECORDS)
"""The class of any function and kind."""


class Decoder:
    """Makes events from numbers of functions; `names` has the functions by number."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = _NumberNames(names)
        self._classes = _NumberClasses(self.names)

    def decode(self, kinds_of_functions: Iterable[int], rows: Iterable[tuple[Any, ...]]) -> Iterator[Event]:
        """Events of these rows, which have the fields in Event's order.

        `kinds_of_functions` are, for each row, the number of the function << 8 | the kind of the record.
        """
        return map(tuple.__new__, map(self._classes.__getitem__, kinds_of_functions), rows)


class _NumberNames(dict[int, str]):
    def __missing__(self, number: int) -> str:
        return f"#{number}"


class _NumberClasses(dict[int, type[Event]]):
    """Keeps only what is declared, so it is bounded."""

    def __init__(self, names: _NumberNames) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, key: int) -> type[Event]:
        found = CLASSES[self._names[key >> 8], key & 0xFF]
        if found is not Undeclared:
            self[key] = found
        return found


def make_event(*fields: Any, **named: Any) -> Event:
    """One event of these fields, as Event takes them."""
    event = Event(*fields, **named)
    return CLASSES[event.function, event.kind]._make(event)
