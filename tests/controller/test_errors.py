# SPDX-License-Identifier: GPL-2.0-or-later
from nicrig.errors import ConnectionLostError, DeadlineError, PartDeathError, RigError, cause

DEATH = PartDeathError("QEMU ended")
LOST = ConnectionLostError("connection ended")
OTHER = ValueError("a mistake")


def test_a_death_explains_the_connection_that_it_broke() -> None:
    assert cause(ExceptionGroup("", [LOST, ExceptionGroup("", [DEATH])])) is DEATH


def test_ctrl_c_comes_before_what_it_broke() -> None:
    stop = KeyboardInterrupt()
    assert cause(BaseExceptionGroup("", [DEATH, stop])) is stop


def test_a_lone_exception_is_itself_however_deep() -> None:
    assert cause(ExceptionGroup("", [ExceptionGroup("", [OTHER])])) is OTHER
    assert cause(OTHER) is OTHER


def test_a_lost_connection_gives_way_to_any_other_error() -> None:
    assert cause(ExceptionGroup("", [LOST, OTHER])) is OTHER


def test_two_errors_of_equal_rank_are_both_told() -> None:
    group = ExceptionGroup("", [OTHER, KeyError("another")])
    assert cause(group) is group


def test_exit_codes() -> None:
    assert RigError("").exit_code == DEATH.exit_code == 125
    assert DeadlineError("").exit_code == 124


def test_parts_that_fail_for_one_reason_tell_it_once() -> None:
    full = RigError("the disk is full")
    assert cause(ExceptionGroup("", [full, RigError("the disk is full")])) is full
