# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
from collections import Counter

from nicrig.mutants.matrix import Mutant
from nicrig.mutants.outcome import MutantsOutcome
from nicrig.mutants.runner import MutantResult

FLUSH = Mutant("bus-master", "NdisFlushBuffer:skip", ("R96", "stale"))
FREE = Mutant("non-dma", "NdisFreeMemory:repeat", ("R41",))
LATER = Mutant("bus-master", "NdisFreePacket:swap", reason="a packet may be freed one call later")


def outcome(*results: MutantResult, clean: MutantResult | None = None) -> MutantsOutcome:
    return MutantsOutcome([LATER], list(results), [("bus-master", clean or MutantResult(None, 1000, mutated=0))], 12.3)


CAUGHT = MutantResult(FLUSH, 32, Counter({"stale": 30, "R96": 32, "lost": 0}), 64)
UNSEEN = MutantResult(FREE, 1000, Counter(), 4)
ELSEWHERE = MutantResult(FREE, 1000, Counter({"R27": 1}), 4)
NEVER = MutantResult(FREE, 1000, Counter({"R41": 1}), 0)


def test_the_table_has_what_was_expected_what_caught_the_mutant_and_when() -> None:
    lines = outcome(CAUGHT).lines()
    assert lines[0].split() == ["kind", "mutant", "expected", "caught", "by", "frames"]
    assert lines[1].split() == ["bus-master", "NdisFlushBuffer:skip", "R96", "stale", "R96", "stale", "32"]
    assert lines[-1] == ("mutants: 1 live, 1 killed, 0 survived; 1 equivalent; 0 reports on clean drivers (12s)")
    assert outcome(CAUGHT).good


def test_one_object_has_the_same() -> None:
    made = json.loads(outcome(CAUGHT, UNSEEN).json())
    assert (made["live"], made["killed"], made["clean_reports"], made["seconds"]) == (2, 1, 0, 12.3)
    assert made["survivors"] == [{"kind": "non-dma", "mutant": "NdisFreeMemory:repeat", "why": "nothing was reported"}]
    assert made["equivalent"] == [{"kind": "bus-master", "mutant": LATER.name, "reason": LATER.reason}]
    assert made["mutants"][0]["caught_by"] == ["R96", "stale"]
    assert made["mutants"][0]["reports"] == {"stale": 30, "R96": 32}


def test_a_mutant_that_nothing_reports_survives() -> None:
    judged = outcome(CAUGHT, UNSEEN)
    assert not judged.good
    assert "survived: non-dma NdisFreeMemory:repeat: nothing was reported" in judged.lines()


def test_one_that_is_reported_for_another_reason_survives() -> None:
    judged = outcome(ELSEWHERE)
    assert not judged.good
    assert "survived: non-dma NdisFreeMemory:repeat: reported for R27 1" in judged.lines()


def test_one_that_changed_no_call_survives_whatever_is_reported() -> None:
    judged = outcome(NEVER)
    assert not judged.good
    assert "survived: non-dma NdisFreeMemory:repeat: it changed no call" in judged.lines()


def test_a_report_on_a_clean_driver_is_as_bad() -> None:
    judged = outcome(CAUGHT, clean=MutantResult(None, 1000, Counter({"R98": 2}), 0))
    assert not judged.good
    assert judged.clean_reports == 2
    assert "a clean bus-master driver was reported: R98 2" in judged.lines()
