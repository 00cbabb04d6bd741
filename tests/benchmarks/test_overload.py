# SPDX-License-Identifier: GPL-2.0-or-later
from benchmarks.guest_nics import Counts
from benchmarks.overload import EventCounts, FloodResult, FloodRound


def a_round(*, rate: int = 100, injected: int = 10, received: int = 6, dropped: int = 4) -> FloodRound:
    ethtool = {"card_kicks": 1, "card_interrupts": 2, "polls": 3}
    return FloodRound(rate, 0.5, injected, Counts(received, dropped, ethtool))


def test_the_rate_is_the_median_of_the_rounds() -> None:
    assert FloodResult.of("card", None, [a_round(rate=rate) for rate in (300, 100, 110)]).rate == 110


def test_the_counts_of_the_rounds_are_added() -> None:
    made = FloodResult.of("card", None, [a_round(), a_round(injected=9, received=5)])
    assert (made.injected, made.received, made.dropped, made.missing) == (19, 11, 8, 0)


def test_there_is_no_rate_when_one_round_is_miscounted() -> None:
    # One round has a frame too few, the other one too many, so the sum is right.
    made = FloodResult.of("card", None, [a_round(received=5), a_round(received=7)])
    assert made.missing == 0
    assert made.rate is None
    assert made.rates == ()


def test_the_cost_of_a_frame_counts_only_cpu_time() -> None:
    assert FloodResult.of("card", None, [a_round(rate=100_000)]).vcpu_microseconds == 5.0


def test_events_are_counted_over_all_rounds() -> None:
    assert EventCounts.of([a_round(), a_round()]) == EventCounts(frames=12, kicks=2, interrupts=4, polls=6)
