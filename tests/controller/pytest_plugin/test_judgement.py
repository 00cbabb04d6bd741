# SPDX-License-Identifier: GPL-2.0-or-later
from dataclasses import replace

from nicrig.pytest_plugin.judgement import Judgement

GOOD = Judgement(injected=3, received=2, faults={}, violations={}, broken={})
LOST = replace(GOOD, unseen=5, unknown="5 records were lost")


def test_a_verdict_says_what_moved() -> None:
    assert (GOOD.coherent, GOOD.lines()) == (True, ["<coherent: 3 frames in, 2 out>"])


def test_frames_that_the_card_dropped_by_contract_are_named_and_may_be_expected() -> None:
    dropped = replace(GOOD, dropped={"rx_too_short": 2})
    assert (dropped.coherent, dropped.lines()) == (False, ["<incoherent: dropped by contract: rx_too_short 2>"])
    assert replace(dropped, drops_expected=True).coherent
    assert not replace(dropped, drops_expected=True, faults={"lost": 1}).coherent


def test_lost_records_make_it_unknown_with_the_reason() -> None:
    assert (LOST.coherent, LOST.word) == (False, "unknown")
    assert LOST.lines() == ["<unknown: records unseen 5>", "5 records were lost"]


def test_no_records_make_it_unknown_with_the_reason() -> None:
    assert replace(GOOD, unknown="nothing was recorded").lines()[0] == "<unknown: nothing was recorded>"


def test_what_was_found_is_certain() -> None:
    assert replace(LOST, broken={"R01": 1}).word == "incoherent"


def test_a_driver_that_records_nothing_on_purpose_is_judged_by_the_wire() -> None:
    judged = replace(GOOD, recorded=False)
    assert judged.coherent
    assert "recorder=0" in judged.lines()[1]
