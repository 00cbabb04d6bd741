# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from tests.device.monitor.conftest import Client


def test_faults_are_listed_armed_and_cleared(ready: Client) -> None:
    told = {fault["name"]: fault for fault in ready.returned("query-faults")}
    assert len(told) >= 15
    assert not any(fault["armed"] or fault["fired"] for fault in told.values())
    assert ready.returned("set-fault", name="frame-lost", at=3, count=2) == {}
    (lost,) = [fault for fault in ready.returned("query-faults") if fault["armed"]]
    assert [lost[name] for name in ("name", "at", "count", "passed", "fired")] == ["frame-lost", 3, 2, 0, 0]
    assert ready.returned("clear-faults") == {}
    assert not any(fault["armed"] for fault in ready.returned("query-faults"))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"name": "none"}, "a bus-master card has no fault none: frame-lost, "),
        ({"name": "frame-lost", "at": 0}, "at"),
        ({"name": "frame-lost", "count": 1 << 33}, "count"),
        ({"at": 1}, "name"),
    ],
)
def test_a_fault_that_cannot_be_armed_is_refused_and_none_is(
    ready: Client, arguments: dict[str, object], why: str
) -> None:
    kind, text = ready.refused("set-fault", **arguments)
    assert kind == "GenericError"
    assert why in text
    assert not any(fault["armed"] for fault in ready.returned("query-faults"))
