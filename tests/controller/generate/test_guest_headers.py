# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from nicrig.generate import guest_headers
from nicrig.generate.__main__ import stale
from nicrig.verifier.functions import DECLARED, FLAG, REPEAT, UNRECORDED, Detail, Irql, NdisFunction


def test_generated_files_are_up_to_date() -> None:
    found = [path.name for path, _ in stale()]
    assert found == [], "run `python -m nicrig.generate`"


def declare(monkeypatch: pytest.MonkeyPatch, function: NdisFunction) -> None:
    monkeypatch.setattr(guest_headers, "DECLARED", (*DECLARED, function))


def function(name: str) -> NdisFunction:
    return NdisFunction(UNRECORDED, name, "4.1", Irql.PASSIVE, Detail.ALLOCATIONS)


def test_an_argument_that_the_headers_do_not_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, function("NdisFreeMemory").mutable(REPEAT, Bytes=FLAG))
    with pytest.raises(ValueError, match="NdisFreeMemory has no argument Bytes, only VirtualAddress, Length, MemoryF"):
        guest_headers.calls()


def test_a_function_that_the_headers_do_not_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, function("NdisFreeMemories").mutable(REPEAT))
    with pytest.raises(ValueError, match="the NDIS headers have no function NdisFreeMemories"):
        guest_headers.calls()


def test_a_handler_is_found_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, function("MiniportCancelSendPackets").mutable(REPEAT, CancelId=FLAG))
    assert 'CALL(2, VOID, CancelSendPackets, NDIS_MAY_REPEAT, "hf", NDIS_HANDLE, ' in guest_headers.calls()


def test_a_handler_that_the_headers_do_not_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, function("MiniportHold").mutable(REPEAT))
    with pytest.raises(ValueError, match="the NDIS headers have no handler MiniportHold"):
        guest_headers.calls()
