# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from nicrig.top.snapshot import Snapshot, drops, rates

NAMES = ("rx_frames", "rx_bytes", "rx_no_buffer", "rx_link_down", "tx_frames", "tx_bytes", "tx_no_peer", "interrupts")


def snapshot(when: float, *counts: int) -> Snapshot:
    return Snapshot(when, {}, [], dict(zip(NAMES, counts, strict=True)), {})


def test_rates_are_growth_divided_by_time() -> None:
    made = rates(snapshot(10.0, 100, 1000, 1, 0, 5, 50, 0, 7), snapshot(10.5, 300, 2000, 2, 1, 6, 100, 3, 9))
    assert (made.rx_frames, made.rx_bits) == (400, 16_000)
    assert (made.tx_frames, made.tx_bits) == (2, 800)
    assert (made.dropped, made.interrupts) == (10, 4)


def test_drops_are_the_counters_other_than_frames_and_bytes() -> None:
    counters = snapshot(0, *range(8)).counters
    assert drops(counters) == ["rx_no_buffer", "rx_link_down", "tx_no_peer"]
    assert drops(counters, "tx_") == ["tx_no_peer"]
