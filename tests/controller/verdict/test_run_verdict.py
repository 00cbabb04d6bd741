# SPDX-License-Identifier: GPL-2.0-or-later
from dataclasses import replace

import pytest

from nicrig.verdict.run_verdict import RunVerdict, Tally, combine, judge, unseen
from nicrig.verifier.functions import Detail
from nicrig.verifier.verdict import Verdict

FRAMES = [bytes([number]) * 60 for number in range(6)]
ONE, TWO, THREE, FOUR, FIVE, SIX = FRAMES
DAMAGED = THREE[:-1] + b"!"


def verdict(echoed: list[bytes], *, cpu: int = len(FRAMES), **counters: int) -> RunVerdict:
    return judge(FRAMES, echoed, cpu=cpu, counters=counters)


def counts(judged: RunVerdict) -> dict[str, int]:
    return {str(word): count for word, count in judged.counts.items()}


def shown(judged: RunVerdict) -> tuple[bytes | None, bytes | None]:
    """Of the only finding what was injected and what came back."""
    (finding,) = judged.findings
    views = {name: look.data for name, look in finding.views.items()}
    return views.get("injected"), views.get("echoed")


def test_the_same_frames_in_the_same_order_are_coherent() -> None:
    judged = verdict(list(FRAMES), refused_ring=0, rx_frames=6)
    assert judged.coherent
    assert judged.word == "coherent"
    assert (judged.injected, judged.cpu, judged.echoed, counts(judged)) == (6, 6, 6, {})


def test_a_missing_frame_is_lost_and_shown() -> None:
    judged = verdict([ONE, TWO, FOUR, FIVE, SIX])
    assert not judged.coherent
    assert counts(judged) == {"lost": 1}
    assert shown(judged) == (THREE, None)


def test_a_changed_byte_is_corruption_of_the_frame_whose_turn_it_was() -> None:
    judged = verdict([ONE, TWO, DAMAGED, FOUR, FIVE, SIX])
    assert counts(judged) == {"corrupted": 1}
    assert shown(judged) == (THREE, DAMAGED)


def test_a_loss_before_a_damaged_frame_is_counted_apart_from_it() -> None:
    assert counts(verdict([ONE, DAMAGED, FOUR, FIVE, SIX])) == {"corrupted": 1, "lost": 1}


def test_a_cut_frame_is_corruption() -> None:
    assert counts(verdict([ONE, TWO, THREE[:-1], FOUR, FIVE, SIX])) == {"corrupted": 1}


def test_a_frame_that_comes_twice_is_a_duplicate() -> None:
    assert counts(verdict([ONE, TWO, TWO, THREE, FOUR, FIVE, SIX])) == {"duplicated": 1}


def test_a_frame_that_was_overtaken_is_reordered() -> None:
    assert counts(verdict([ONE, THREE, TWO, FOUR, FIVE, SIX])) == {"reordered": 1}


def test_a_frame_that_was_not_injected_is_unexpected() -> None:
    assert counts(verdict([*FRAMES, b"guest's own" * 6])) == {"unexpected": 1}


def test_the_first_frame_of_each_word_is_kept() -> None:
    judged = verdict([ONE, TWO, DAMAGED, FOUR, FOUR, FIVE, FIVE])
    assert [finding.word for finding in judged.findings] == ["corrupted", "duplicated", "lost"]
    assert counts(judged) == {"corrupted": 1, "duplicated": 2, "lost": 1}


def test_frames_that_the_cpu_did_not_count_are_incoherent() -> None:
    assert not verdict(list(FRAMES), cpu=5).coherent


def test_what_the_ledger_found_is_a_violation() -> None:
    judged = verdict(list(FRAMES), ledger_outside=3, ledger_across_end=0, rx_frames=6)
    assert judged.violations == {"ledger_outside": 3}
    assert not judged.coherent


def test_refusals_of_the_card_are_violations_by_name() -> None:
    judged = verdict(list(FRAMES), refused_length=2, refused_ring=0, rx_frames=6)
    assert not judged.coherent
    assert judged.violations == {"length": 2}


def test_equal_frames_are_distinguished_by_their_order() -> None:
    assert judge([ONE, ONE, TWO], [ONE, ONE, TWO], cpu=3).coherent
    assert counts(judge([ONE, ONE, TWO], [ONE, TWO], cpu=3)) == {"lost": 1}


def test_a_run_that_was_not_seen_whole_is_unknown_unless_something_was_found() -> None:
    judged = replace(verdict(list(FRAMES)), unseen="5 records were lost")
    assert (judged.word, judged.coherent) == ("unknown", False)
    assert replace(verdict([]), unseen="5 records were lost").word == "incoherent"


@pytest.mark.parametrize(
    ("calls", "lost", "recorded", "words"),
    [
        (3, 0, Detail.BYTES, ""),
        (3, 2, Detail.BYTES, "2 records"),
        (0, 0, Detail.ALLOCATIONS, "the driver recorded nothing"),
        (0, 0, Detail.OFF, ""),
        (0, 9, Detail.OFF, "9 records"),
    ],
)
def test_only_a_driver_that_was_to_record_nothing_may_record_nothing(
    calls: int, lost: int, recorded: Detail, words: str
) -> None:
    reason = unseen(Verdict(calls, calls, lost, {}), recorded)
    assert reason.startswith(words)
    assert bool(reason) == bool(words)


@pytest.mark.parametrize(
    ("tally", "even"),
    [
        (Tally(9, 9, 9), True),
        (Tally(9, 8, 8), False),
        (Tally(9, 9, 10), False),
        (Tally(9, 9, 4, kept=5), True),
        (Tally(9, 9, 5, kept=5), False),
        (Tally(0, 0, 0, sent=7, came=7), True),
        (Tally(0, 0, 0, sent=7, came=6), False),
        (Tally(0, 0, 0, sent=7, came=6, excused=1), True),
        (Tally(9, 8, 7, excused=2), True),
        (Tally(9, 8, 6, excused=2), False),
    ],
)
def test_driver_and_wire_count_the_frames_that_they_should(tally: Tally, even: bool) -> None:
    assert tally.even == even


def test_one_part_that_is_uneven_or_has_a_finding_makes_the_whole_incoherent() -> None:
    good, few = verdict(list(FRAMES)), verdict(list(FRAMES), cpu=5)
    lost, ring = verdict(FRAMES[1:]), verdict(list(FRAMES), refused_ring=2)
    assert combine([good, good]).coherent
    assert not combine([good, few]).coherent
    whole = combine([lost, good, ring, lost])
    assert (whole.injected, whole.echoed, counts(whole), whole.violations) == (24, 22, {"lost": 2}, {"ring": 2})
    assert [finding.word for finding in whole.findings] == ["lost"]
