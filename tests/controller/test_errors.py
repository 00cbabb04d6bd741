# SPDX-License-Identifier: GPL-2.0-or-later
from nicrig.errors import ConnectionLostError, DeadlineError, PartDeathError, RigError, cause

DEATH = PartDeathError("QEMU ended")
LOST = ConnectionLostError("connection ended")
OTHER = ValueError("a mistake")


def test_a_death_explains_the_connection_that_it_broke() -> None:
    assert cause(ExceptionGroup("", [LOST, ExceptionGroup("", [DEATH])])) is DEATH


def test_ctrl_c_outranks_the_errors_that_it_causes() -> None:
    stop = KeyboardInterrupt()
    assert cause(BaseExceptionGroup("", [DEATH, stop])) is stop


def test_a_single_exception_is_found_at_any_depth() -> None:
    assert cause(ExceptionGroup("", [ExceptionGroup("", [OTHER])])) is OTHER
    assert cause(OTHER) is OTHER


def test_any_other_error_outranks_a_lost_connection() -> None:
    assert cause(ExceptionGroup("", [LOST, OTHER])) is OTHER


def test_two_errors_of_equal_rank_are_both_reported() -> None:
    group = ExceptionGroup("", [OTHER, KeyError("another")])
    assert cause(group) is group


def test_exit_codes() -> None:
    assert RigError("").exit_code == DEATH.exit_code == 125
    assert DeadlineError("").exit_code == 124


def test_the_same_error_from_two_parts_is_reported_once() -> None:
    full = RigError("the disk is full")
    assert cause(ExceptionGroup("", [full, RigError("the disk is full")])) is full
