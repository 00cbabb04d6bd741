# SPDX-License-Identifier: GPL-2.0-or-later
"""The classes of records agree with the declaration, and each event gets its class."""

import ast
from pathlib import Path
from typing import Any

import pytest

from nicrig.generate.record_classes import is_handler
from nicrig.verifier.decoder import CLASSES, make_event
from nicrig.verifier.events import CARD_EVENTS, PACKED, CardEvent, Enter, Event, Leave, Undeclared, column_of
from nicrig.verifier.functions import FUNCTIONS, RecordKind
from nicrig.verifier.records import (
    RECORDS,
    CardFrameIn,
    GrantRecord,
    LeaveMiniportHalt,
    NdisFreeMemory,
    NdisMStartBufferPhysicalMapping,
    RevokeRecord,
)

CONTROLLER = Path(__file__).parents[3] / "controller" / "nicrig"
DECODES = {"verifier/events.py"}
"""The files that may use arguments by position."""


def numbered(function: str, kind: RecordKind) -> Event:
    """An event whose arguments are 1, 2, 3 and 4."""
    return make_event(1, function, kind, 0, 0, 0, 0, 0, 1, 2, 3, 4)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: str(function.name))
def test_each_function_has_its_arguments_by_name(function: Any) -> None:
    event = numbered(function.name, RecordKind.ENTER if is_handler(function.name) else RecordKind.CALL)
    assert type(event).__name__ == function.name
    assert isinstance(event, Enter) == is_handler(function.name)
    assert [getattr(event, name) for name in function.arguments] == [1, 2, 3, 4][: len(function.arguments)]


@pytest.mark.parametrize("name", CARD_EVENTS)
def test_each_event_of_the_card_has_its_arguments_by_name(name: str) -> None:
    event = numbered(name, RecordKind.CALL)
    assert isinstance(event, CardEvent)
    assert [getattr(event, argument) for argument in CARD_EVENTS[name]] == [1, 2, 3, 4][: len(CARD_EVENTS[name])]


def test_the_return_of_a_handler_and_the_grants_of_any_function_have_classes() -> None:
    assert type(numbered("MiniportHalt", RecordKind.LEAVE)) is LeaveMiniportHalt
    assert issubclass(LeaveMiniportHalt, Leave)
    assert type(numbered("NdisFlushBuffer", RecordKind.GRANT)) is GrantRecord
    assert type(numbered("NdisFlushBuffer", RecordKind.REVOKE)) is RevokeRecord


@pytest.mark.parametrize(
    ("function", "kind"), [("NdisFreeMemory", RecordKind.ENTER), ("MiniportHalt", RecordKind.CALL), ("#999", 3)]
)
def test_what_nothing_declares_has_no_names(function: str, kind: RecordKind) -> None:
    event = numbered(function, kind)
    assert type(event) is Undeclared
    assert event.arguments == (1, 2, 3, 4)
    assert (function, kind) not in CLASSES


def test_packed_arguments_are_taken_apart() -> None:
    mapping = NdisMStartBufferPhysicalMapping._make(numbered("NdisMStartBufferPhysicalMapping", RecordKind.CALL))
    assert [mapping._replace(b=7 << 1 | write).index for write in (0, 1)] == [7, 7]
    assert [mapping._replace(b=7 << 1 | write).write for write in (0, 1)] == [0, 1]
    frame = CardFrameIn._make(numbered("card.frame_in", RecordKind.CALL))._replace(a=3 << 16 | 0xFFFE)
    assert (frame.queue, frame.index) == (3, 0xFFFE)


def test_every_packed_argument_is_declared() -> None:
    declared = {name for function in FUNCTIONS for name in function.arguments} | {
        name for arguments in CARD_EVENTS.values() for name in arguments
    }
    assert set(PACKED) <= declared


def test_a_field_has_the_column_of_its_argument() -> None:
    assert [column_of(NdisFreeMemory, name) for name in ("address", "length", "flags", "beyond")] == list("abcd")
    with pytest.raises(KeyError):
        column_of(NdisFreeMemory, "physical")


def positions(path: Path) -> list[int]:
    """The lines that read an argument by its position."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return [node.lineno for node in nodes if isinstance(node, ast.Attribute) and node.attr in set("abcd")]


def test_nothing_but_the_decoder_takes_arguments_by_position() -> None:
    found = {str(path.relative_to(CONTROLLER)) for path in CONTROLLER.rglob("*.py") if positions(path)}
    assert found == DECODES
    assert len(RECORDS) == len(set(RECORDS.values()))
