# SPDX-License-Identifier: GPL-2.0-or-later
from nicrig.session.status import RigState, show

COUNTERS = {"rx_frames": 1, "tx_frames": 2}


def test_what_a_card_says_about_itself_is_printable_and_bounded() -> None:
    hostile = {"link": True, "kind": "\x1b[2J\n" + "x" * 1_000_000}
    (line,) = show([RigState("dev", "/run/dev", None, hostile, COUNTERS)], json=False)
    assert line.startswith(r"dev: \x1b[2J\n")
    assert len(line) < 5000


def test_a_problem_is_one_line() -> None:
    (line,) = show([RigState("dev", "/run/dev", None, problem="gone\x1b[2J")], json=False)
    assert line == r"dev: dead: gone\x1b[2J"
