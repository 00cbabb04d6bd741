# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import numpy as np

from benchmarks.verifier_speed import PARTS, Recording, VerifierRound, VerifierSpeed, measure
from nicrig.recorder.call_sites import UNKNOWN_BUILD, CallSites
from nicrig.recorder.reader import RECORD
from nicrig.verifier.functions import BY_NAME
from nicrig.verifier.severity import Severity
from nicrig.verifier.verdict import Verdict


def recording(count: int) -> Recording:
    """`count` calls of NdisSetEvent at PASSIVE_LEVEL."""
    records = np.zeros(count, RECORD)
    records["sequence"] = np.arange(1, count + 1)
    records["function"] = BY_NAME["NdisSetEvent"].number
    sites = CallSites(Path(), UNKNOWN_BUILD)
    return Recording(records, {BY_NAME["NdisSetEvent"].number: "NdisSetEvent"}, sites)


def test_rates_are_medians_and_decoding_counts_towards_the_verdict() -> None:
    verdict = Verdict(events=100, calls=100, lost=3, found={("R88", Severity.ERROR): 2, ("R96", Severity.NOTE): 1})
    rounds = [VerifierRound(decoding=1.0, judging=4.0, counting=0.5)] * 2 + [
        VerifierRound(decoding=9.0, judging=9.0, counting=9.0)
    ]
    assert VerifierSpeed.of(100, verdict, rounds, 7, 8) == VerifierSpeed(
        records=100, lost=3, broken=3, to_verdict=20.0, judging=25.0, loop=200.0, peak_part=7, peak_whole=8
    )


def test_the_batches_are_all_records_in_order() -> None:
    made = recording(40_000)
    assert np.array_equal(np.concatenate(list(made.batches())), made.records)


def test_the_first_part_is_the_start_of_the_recording() -> None:
    assert recording(4 * PARTS).first(PARTS).records["sequence"].tolist() == [1, 2, 3, 4]


def test_every_record_is_judged() -> None:
    made = measure(recording(1000))
    assert (made.records, made.lost) == (1000, 0)
    assert min(made.to_verdict, made.judging, made.loop, made.peak_part) > 0
