# SPDX-License-Identifier: GPL-2.0-or-later
"""The declaration of the NDIS functions. tests/guest_driver/ compares it to the guest."""

from __future__ import annotations

from nicrig.verifier.functions import BY_NAME, DECLARED, FUNCTIONS


def test_each_function_is_declared_once() -> None:
    assert len({function.name for function in DECLARED}) == len(DECLARED)


def test_numbers_are_given_once_and_without_a_gap() -> None:
    """A new function takes the next one, wherever its entry stands."""
    assert sorted(function.number for function in FUNCTIONS) == list(range(1, len(FUNCTIONS) + 1))


def test_numbers_of_old_recordings_stand() -> None:
    first = ("DriverUnload", "ScatterGatherElement", "NdisAllocateMemory", "NdisFlushBuffer", "NdisStallExecution")
    assert [BY_NAME[name].number for name in first] == [1, 18, 19, 30, 98]
