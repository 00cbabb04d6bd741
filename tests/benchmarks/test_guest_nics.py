# SPDX-License-Identifier: GPL-2.0-or-later
from benchmarks.guest_nics import Counts

OUTPUT = """12
NIC statistics:
     interrupts: 3
     pkts rx OOB: 5
     tx_queue_0_kicks: 7
     driver: none
"""


def test_counts_are_parsed_from_the_guests_output() -> None:
    assert Counts.parse(OUTPUT, drops=("pkts rx OOB",)) == Counts(
        12, 5, {"interrupts": 3, "pkts rx OOB": 5, "tx_queue_0_kicks": 7}
    )


def test_a_difference_has_the_growth_of_each_counter() -> None:
    assert Counts(9, 4, {"polls": 7}) - Counts(2, 1, {"polls": 5}) == Counts(7, 3, {"polls": 2})
