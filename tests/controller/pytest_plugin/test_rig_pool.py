# SPDX-License-Identifier: GPL-2.0-or-later
"""Which rigs a run of tests keeps. tests/system tries real rigs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from nicrig.errors import RigError
from nicrig.pytest_plugin.rig_pool import Rigs
from nicrig.pytest_plugin.rig_thread import RigThread
from nicrig.session.options import Options

BUS_MASTER, SUBORDINATE, NON_DMA = Options(), Options(kind="subordinate"), Options(kind="non-dma")


@dataclass
class Machine:
    """Stands for a rig: what the pool uses of one."""

    options: Options
    clean: bool = True
    alive: bool = True
    closed: bool = False

    def close(self) -> None:
        assert not self.closed, "taken down twice"
        self.closed = True


@dataclass
class Pool(Rigs):
    """The pool, with machines that boot at once."""

    most: int
    started: list[Machine] = field(default_factory=list)
    broken: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.most)

    def boot(self) -> RigThread:
        if self.broken:
            raise RigError("no QEMU")
        self.started.append(Machine(BUS_MASTER))
        return cast(RigThread, self.started[-1])

    def _rig_thread(self, options: Options, *, fresh: bool) -> RigThread:
        return self.boot()


def test_the_same_options_get_the_same_rig() -> None:
    pool = Pool(2)
    assert pool.take(BUS_MASTER) is pool.take(BUS_MASTER)
    assert len(pool.started) == 1


def test_the_one_that_was_not_used_for_longest_goes_first() -> None:
    pool = Pool(2)
    for options in (BUS_MASTER, SUBORDINATE, BUS_MASTER, NON_DMA):
        pool.take(options)
    assert [machine.closed for machine in pool.started] == [False, True, False]
    pool.close_all()
    assert all(machine.closed for machine in pool.started)


@pytest.mark.parametrize("change", [{"clean": False}, {"alive": False}, {}], ids=["spoilt", "dead", "fresh is wanted"])
def test_a_rig_that_will_not_do_is_taken_down_for_another(change: dict[str, bool]) -> None:
    pool = Pool(2)
    pool.take(BUS_MASTER)
    for name, value in change.items():
        setattr(pool.started[0], name, value)
    pool.take(BUS_MASTER, fresh=not change)
    assert [machine.closed for machine in pool.started] == [True, False]


def test_a_rig_that_cannot_be_started_is_not_tried_again() -> None:
    pool = Pool(2, broken=True)
    for broken in (True, False):
        pool.broken = broken
        with pytest.raises(RigError, match="no QEMU"):
            pool.take(BUS_MASTER)
    assert pool.started == []
