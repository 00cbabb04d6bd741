# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix in itself; that it has all of what the guest offers: tests/guest_driver/test_ndis_mutate.py."""

from __future__ import annotations

from nicrig.mutants.matrix import KINDS, MATRIX, chosen
from nicrig.verdict.guest_trouble import GUEST_HUNG, LOAD_FAILED
from nicrig.verifier.rules import RULES
from nicrig.witnesses.words import WORDS
from nicrig_device.spec.descriptors import Refusal

OWN = {LOAD_FAILED, GUEST_HUNG}
AIM = 120


def test_a_mutant_is_expected_to_be_reported_or_has_a_reason_why_not() -> None:
    assert [str(each) for each in MATRIX if bool(each.expected) == bool(each.reason)] == []


def test_what_is_expected_can_be_reported() -> None:
    rules = {rule for rule, declared in RULES.items() if declared.observable}
    known = rules | set(WORDS) | OWN | {refusal.name.lower() for refusal in Refusal}
    assert {name for each in MATRIX for name in each.expected} <= known


def test_a_failed_load_is_enough_only_where_initialize_must_fail() -> None:
    """Never a second choice for a fault that a rule names."""
    both = [str(each) for each in MATRIX if LOAD_FAILED in each.expected and len(each.expected) > 1]
    assert both == ["non-dma NdisRawWritePortUlong:long2"]


def test_there_are_enough_of_each_kind() -> None:
    live = {kind: sum(each.live for each in MATRIX if each.kind == kind) for kind in KINDS}
    assert all(count >= AIM for count in live.values()), live


def test_mutants_are_chosen_by_kind_and_name() -> None:
    found = chosen("bus-master", "NdisFlushBuffer:s*")
    assert [each.name for each in found] == ["NdisFlushBuffer:skip", "NdisFlushBuffer:swap", "NdisFlushBuffer:stale1"]
    assert {each.kind for each in chosen(None, "MiniportHalt:*")} == set(KINDS)
    assert chosen(None, "NdisFlushBuffers") == []
