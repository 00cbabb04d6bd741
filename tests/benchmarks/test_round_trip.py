# SPDX-License-Identifier: GPL-2.0-or-later
from benchmarks.round_trip import RoundTrip


def test_nanoseconds_become_percentiles_in_microseconds() -> None:
    made = RoundTrip.of("card", [1000 * number for number in range(101)])
    assert made == RoundTrip("card", count=101, median=50.0, p1=1.0, p99=99.0)
