# SPDX-License-Identifier: GPL-2.0-or-later
import json
from dataclasses import replace

from benchmarks.card_alone import CardSpeed
from benchmarks.overload import EventCounts, FloodResult
from benchmarks.results import Environment, Results
from benchmarks.round_trip import RoundTrip
from benchmarks.verifier_speed import VerifierSpeed

OURS = FloodResult("nicrig", 300, 200.0, (190, 200, 210), 1.0, 5.0, injected=9, received=6, dropped=3, missing=0)
PEER = replace(OURS, card="peer", rate=100.0, rates=(90, 100, 110))
RESULTS = Results(
    Environment("tcg", "a CPU", 2, "pinned so", "pinned otherwise"),
    alone=CardSpeed(card=12e6, loop=6e6),
    verifier=VerifierSpeed(500, 1, 2, to_verdict=3e5, judging=4e5, loop=8e6, peak_part=2 << 20, peak_whole=3 << 20),
    into_guest=[replace(OURS, offered=None), OURS, PEER],
    effort=EventCounts(frames=6, kicks=0, interrupts=1, polls=2),
    recorder=[
        replace(OURS, card="off"),
        replace(OURS, card="allocations", rate=190.0, vcpu_microseconds=5.5),
        replace(OURS, card="frames", rate=None, rates=(), missing=1, vcpu_microseconds=6.25),
    ],
    ledger=[
        replace(OURS, card="off", rate=100.0, rates=(100,)),
        replace(OURS, card="report", rate=90.0, rates=(90,)),
    ],
    round_trips=[RoundTrip("nicrig", 2400, 200.0, 150.0, 900.0), RoundTrip("peer", 2400, 50.0, 30.0, 170.0)],
)


def row(results: Results, *words: str) -> list[str]:
    """The cells after these words, in the only row that starts with them."""
    (cells,) = [cells for cells in map(str.split, results.lines()) if cells[: len(words)] == list(words)]
    return cells[len(words) :]


def test_ratios_compare_medians_at_equal_load() -> None:
    assert row(RESULTS, "peer", "300") == ["100", "90", "110", "2.00", "5.00", "100%"]
    assert row(RESULTS, "plain", "Python") == ["6,000,000", "nicrig", "/", "row", "2.00"]
    assert row(RESULTS, "peer", "50.0") == ["30.0", "170.0", "4.00"]


def test_a_miscounted_case_has_no_rate_and_no_ratio() -> None:
    lost = replace(PEER, rate=None, rates=(), missing=1)
    assert row(replace(RESULTS, into_guest=[OURS, lost]), "peer", "300") == ["miscounted", "5.00", "100%"]


def test_each_detail_of_the_recorder_is_compared_to_off_by_rate_and_by_cpu_time() -> None:
    lines = [line.split() for line in RESULTS.lines()]
    heading = next(index for index, cells in enumerate(lines) if cells[:1] == ["recorded"])
    off, allocations, frames = lines[heading + 1 : heading + 4]
    assert off == ["off", "200", "190", "210", "5.00", "100%"]
    assert allocations == ["allocations", "190", "190", "210", "0.95", "5.50", "100%", "0.91"]
    assert frames == ["frames", "miscounted", "6.25", "100%", "0.80"]


def test_each_policy_of_the_ledger_is_compared_to_off() -> None:
    assert row(RESULTS, "report", "90")[:3] == ["90", "90", "0.90"]


def test_the_verifiers_rates_and_peaks() -> None:
    assert row(RESULTS, "raw", "to", "verdict") == ["300,000"]
    assert row(RESULTS, "plain", "counting") == ["8,000,000", "judging", "/", "row", "0.05"]
    assert row(RESULTS, "peak", "memory")[0] == "2.0"
    assert row(RESULTS, "peak", "memory")[-1] == "1.50"


def test_only_measured_parts_are_shown() -> None:
    assert list(Results(RESULTS.setting).lines()) == ["tcg; a CPU, 2 cores"]


def test_the_json_has_every_part() -> None:
    made = json.loads(RESULTS.json())
    assert set(made) == {"setting", "alone", "verifier", "into_guest", "effort", "recorder", "ledger", "round_trips"}
    assert made["setting"]["accelerator"] == "tcg"
    assert made["into_guest"][0]["offered"] is None
    assert made["into_guest"][2]["rates"] == [90, 100, 110]
    assert made["effort"] == {"frames": 6, "kicks": 0, "interrupts": 1, "polls": 2}
    assert [case["card"] for case in made["recorder"]] == ["off", "allocations", "frames"]
    assert made["verifier"]["to_verdict"] == 300_000
    assert made["round_trips"][1]["median"] == 50.0
