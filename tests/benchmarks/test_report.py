# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json

from benchmarks.device_alone import Result
from benchmarks.overload import Effort, Overload
from benchmarks.report import Report, Setting
from benchmarks.round_trip import RoundTrip


def overload(card: str, rates: tuple[float, ...], dropped: int) -> Overload:
    return Overload(card, 250_000, rates, 1.0, 5.0, injected=1000, received=600, dropped=dropped)


def report(*cases: Overload) -> Report:
    trips = [RoundTrip.of("nicrig", [200_000] * 3), RoundTrip.of("virtio-net-pci", [100_000] * 3)]
    return Report(
        Setting("tcg", "a CPU", 2, "nothing pinned", "nothing pinned"),
        Result(2e7, 1e7),
        cases,
        Effort(600, 1, 2, 3),
        trips,
    )


def test_no_rate_is_told_when_the_account_does_not_close() -> None:
    leaky = overload("nicrig", (1.0, 2.0, 3.0), dropped=399)
    assert leaky.missing == 1
    assert leaky.rate is None
    said = report(leaky, overload("e1000e", (1.0,), dropped=400))
    assert json.loads(said.json())["into_guest"][0]["rate"] is None
    assert any("no account" in line for line in said.lines())


def test_ratios_are_of_medians() -> None:
    ours, theirs = overload("nicrig", (10.0, 300.0, 900.0), dropped=400), overload("e1000e", (100.0,), dropped=400)
    lines = "\n".join(report(ours, theirs).lines())
    assert "3.00" in lines
    assert "nicrig / it 2.00" in lines


def test_the_json_object_holds_every_measurement() -> None:
    said = json.loads(report(overload("nicrig", (1.0,), dropped=400)).json())
    assert set(said) == {"setting", "alone", "into_guest", "effort", "round_trips"}
    assert said["round_trips"][0] == {"card": "nicrig", "count": 3, "median": 200.0, "p1": 200.0, "p99": 200.0}
