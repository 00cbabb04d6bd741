# SPDX-License-Identifier: GPL-2.0-or-later
import json
from dataclasses import replace

from benchmarks import judge
from benchmarks.device_alone import Result
from benchmarks.overload import Effort, Overload
from benchmarks.report import Report, Setting
from benchmarks.round_trip import RoundTrip

OURS = Overload("nicrig", 300, 200.0, (190, 200, 210), 1.0, 5.0, injected=9, received=6, dropped=3, missing=0)
PEER = replace(OURS, card="peer", rate=100.0, rates=(90, 100, 110))
REPORT = Report(
    Setting("tcg", "a CPU", 2, "pinned so", "pinned otherwise"),
    Result(card=12e6, loop=6e6),
    judge.Result(events=500e3, violations=0),
    [replace(OURS, offered=None), OURS, PEER],
    Effort(frames=6, kicks=0, interrupts=1, polls=2),
    [RoundTrip("nicrig", 2400, 200.0, 150.0, 900.0), RoundTrip("peer", 2400, 50.0, 30.0, 170.0)],
)


def row(report: Report, *words: str) -> list[str]:
    """The cells of the only row that begins with these words."""
    (cells,) = [cells for cells in map(str.split, report.lines()) if cells[: len(words)] == list(words)]
    return cells[len(words) :]


def test_ratios_compare_medians_at_equal_load() -> None:
    assert row(REPORT, "peer", "300") == ["100", "90", "110", "2.00", "5.00", "100%"]
    assert row(REPORT, "plain", "Python") == ["6,000,000", "nicrig", "/", "it", "2.00"]
    assert row(REPORT, "verifier", "500,000") == ["with", "0", "violations"]
    assert row(REPORT, "peer", "50.0") == ["30.0", "170.0", "4.00"]


def test_no_rate_and_no_ratio_without_an_account() -> None:
    lost = replace(PEER, rate=None, rates=(), missing=1)
    assert row(replace(REPORT, into_guest=[OURS, lost]), "peer", "300") == ["no", "account", "5.00", "100%"]


def test_the_same_as_json() -> None:
    made = json.loads(REPORT.json())
    assert set(made) == {"setting", "alone", "judge", "into_guest", "effort", "round_trips"}
    assert made["setting"]["accelerator"] == "tcg"
    assert made["into_guest"][0]["offered"] is None
    assert made["into_guest"][2]["rates"] == [90, 100, 110]
    assert made["effort"] == {"frames": 6, "kicks": 0, "interrupts": 1, "polls": 2}
    assert made["round_trips"][1]["median"] == 50.0
