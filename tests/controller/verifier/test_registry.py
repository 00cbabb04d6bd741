# SPDX-License-Identifier: GPL-2.0-or-later
"""Which handlers are registered for which records."""

from typing import Any

import pytest

from nicrig.verifier.events import Enter, Event
from nicrig.verifier.groups import Chain, field_of, records_of
from nicrig.verifier.model.world import World
from nicrig.verifier.records import (
    RECORDS,
    MiniportHalt,
    NdisChainBufferAtBack,
    NdisChainBufferAtFront,
    NdisFreeMemory,
    NdisFreePacket,
)
from nicrig.verifier.registry import Handlers, Update


def chained(world: World, event: Chain) -> None:
    raise NotImplementedError


def entered(world: World, event: Enter) -> None:
    raise NotImplementedError


def untyped(world: World, event: int) -> None:
    raise NotImplementedError


def unknown(world: World, event: "NdisFreeNothing") -> None:  # type: ignore[name-defined]  # noqa: F821
    raise NotImplementedError


def test_the_annotation_says_which_records_a_handler_takes() -> None:
    on: Handlers[Update] = Handlers()
    assert on(chained) is chained
    assert on.at == {NdisChainBufferAtFront: [chained], NdisChainBufferAtBack: [chained]}


def test_a_base_stands_for_all_its_records() -> None:
    on: Handlers[Update] = Handlers()
    on(entered)
    assert on.at.keys() == {record for record in RECORDS.values() if issubclass(record, Enter)}


def test_among_takes_only_some_of_them() -> None:
    on: Handlers[Update] = Handlers()
    on.among([MiniportHalt, NdisFreeMemory])(entered)
    assert on.at == {MiniportHalt: [entered]}


@pytest.mark.parametrize(("handler", "error"), [(unknown, NameError), (untyped, TypeError)])
def test_an_unknown_record_fails_when_the_handler_is_registered(handler: Any, error: type[Exception]) -> None:
    on: Handlers[Update] = Handlers()
    with pytest.raises(error):
        on(handler)


def test_a_field_is_read_by_its_name_and_an_unknown_one_fails_at_once() -> None:
    event: Event = NdisFreePacket(1, "NdisFreePacket", 0, 0, 0, 0, 0, 0, 0x10, 0x20)
    assert [field_of(NdisFreePacket, name)(event) for name in ("packet", "head")] == [0x10, 0x20]
    with pytest.raises(AttributeError):
        field_of(NdisFreePacket, "buffer")


def test_records_of_no_event_are_refused() -> None:
    with pytest.raises(TypeError, match="is not a class of"):
        records_of(str)
