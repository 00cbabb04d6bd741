# SPDX-License-Identifier: GPL-2.0-or-later
import json
from dataclasses import replace

from benchmarks.device_alone import Result
from benchmarks.overload import Effort, Overload
from benchmarks.report import Report, Setting
from benchmarks.round_trip import RoundTrip
from benchmarks.verifier import Judged

OURS = Overload("nicrig", 300, 200.0, (190, 200, 210), 1.0, 5.0, injected=9, received=6, dropped=3, missing=0)
PEER = replace(OURS, card="peer", rate=100.0, rates=(90, 100, 110))
REPORT = Report(
    Setting("tcg", "a CPU", 2, "pinned so", "pinned otherwise"),
    alone=Result(card=12e6, loop=6e6),
    verifier=Judged(500, 1, 2, to_verdict=3e5, judging=4e5, loop=8e6, peak_part=2 << 20, peak_whole=3 << 20),
    into_guest=[replace(OURS, offered=None), OURS, PEER],
    effort=Effort(frames=6, kicks=0, interrupts=1, polls=2),
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


def row(report: Report, *words: str) -> list[str]:
    """The cells of the only row that begins with these words."""
    (cells,) = [cells for cells in map(str.split, report.lines()) if cells[: len(words)] == list(words)]
    return cells[len(words) :]


def test_ratios_compare_medians_at_equal_load() -> None:
    assert row(REPORT, "peer", "300") == ["100", "90", "110", "2.00", "5.00", "100%"]
    assert row(REPORT, "plain", "Python") == ["6,000,000", "nicrig", "/", "it", "2.00"]
    assert row(REPORT, "peer", "50.0") == ["30.0", "170.0", "4.00"]


def test_no_rate_and_no_ratio_without_an_account() -> None:
    lost = replace(PEER, rate=None, rates=(), missing=1)
    assert row(replace(REPORT, into_guest=[OURS, lost]), "peer", "300") == ["no", "account", "5.00", "100%"]


def test_a_detail_of_the_recorder_is_compared_to_none_by_frames_and_by_time() -> None:
    lines = [line.split() for line in REPORT.lines()]
    heading = next(index for index, cells in enumerate(lines) if cells[:1] == ["recorded"])
    off, allocations, frames = lines[heading + 1 : heading + 4]
    assert off == ["off", "200", "190", "210", "5.00", "100%"]
    assert allocations == ["allocations", "190", "190", "210", "0.95", "5.50", "100%", "0.91"]
    assert frames == ["frames", "no", "account", "6.25", "100%", "0.80"]


def test_a_policy_of_the_ledger_is_compared_to_off() -> None:
    assert row(REPORT, "report", "90")[:3] == ["90", "90", "0.90"]


def test_the_verifiers_rates_and_peaks() -> None:
    assert row(REPORT, "raw", "to", "verdict") == ["300,000"]
    assert row(REPORT, "plain", "counting") == ["8,000,000", "judging", "/", "it", "0.05"]
    assert row(REPORT, "peak", "of", "memory")[0] == "2.0"
    assert row(REPORT, "peak", "of", "memory")[-1] == "1.50"


def test_only_what_was_measured_is_shown() -> None:
    assert list(Report(REPORT.setting).lines()) == ["tcg; a CPU, 2 cores"]


def test_the_same_as_json() -> None:
    made = json.loads(REPORT.json())
    assert set(made) == {"setting", "alone", "verifier", "into_guest", "effort", "recorder", "ledger", "round_trips"}
    assert made["setting"]["accelerator"] == "tcg"
    assert made["into_guest"][0]["offered"] is None
    assert made["into_guest"][2]["rates"] == [90, 100, 110]
    assert made["effort"] == {"frames": 6, "kicks": 0, "interrupts": 1, "polls": 2}
    assert [case["card"] for case in made["recorder"]] == ["off", "allocations", "frames"]
    assert made["verifier"]["to_verdict"] == 300_000
    assert made["round_trips"][1]["median"] == 50.0
