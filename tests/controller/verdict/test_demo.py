# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from nicrig.errors import (
    ConnectionLostError,
    DeadlineError,
    GuestCommandError,
    GuestPanicError,
    PartDeathError,
    RigError,
)
from nicrig.verdict.demo import how_it_ended


@pytest.mark.parametrize(
    ("error", "loading", "running"),
    [
        (GuestPanicError("panic"), "guest-crashed", "guest-crashed"),
        (DeadlineError("late"), "load-failed", "guest-hung"),
        (GuestCommandError("modprobe"), "load-failed", None),
        (PartDeathError("QEMU"), None, None),
        (ConnectionLostError("card"), None, None),
    ],
)
def test_what_an_early_end_says_about_the_driver(error: RigError, loading: str | None, running: str | None) -> None:
    assert how_it_ended(error, loading=True) == loading
    assert how_it_ended(error, loading=False) == running
