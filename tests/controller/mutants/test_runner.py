# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner against a rig that behaves as a driver with, or without, the mutation that it was loaded with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from nicrig.errors import DeadlineError, GuestCommandError, PartDeathError, RigError
from nicrig.machine.guest_agent import CommandResult as Ended
from nicrig.mutants.matrix import Mutant
from nicrig.mutants.runner import BITE, TRIAL, MutantResult, run_all
from nicrig.process.deadlines import Deadlines
from nicrig.recorder.reader import Recorder
from nicrig.session.rig import Rig
from nicrig.traffic.generator import mixed
from tests.fakes.recorder import Rings

pytestmark = pytest.mark.anyio

FRAMES = mixed(320, seed=1)
DROPS, DOUBLES, LEAVES, REFUSED, FAILS, WRONG, HANGS, CRASHES, OOPSES = (
    Mutant("non-dma", f"Faulty:{does}", expected)
    for does, expected in (
        ("drops", ("lost",)),
        ("doubles", ("duplicated",)),
        ("leaves", ("R99",)),
        ("refused", ("length",)),
        ("fails", ("load-failed",)),
        ("wrong", ()),
        ("hangs", ("guest-hung",)),
        ("crashes", ("guest-crashed",)),
        ("oopses", ("guest-crashed",)),
    )
)


class FakeRig:
    """Plays guest, card and wire: it answers a command by its argv."""

    def __init__(self, folder: Path, clean: str) -> None:
        self.rings = Rings(folder)
        self.deadlines = Deadlines(0.1)
        self.loaded: list[tuple[str, ...]] = []
        self.unloads = 0
        self.card = self.guest = self.wire = self
        self._clean = self._does = clean
        self._made = 0
        self._send, self._receive = trio.open_memory_channel[list[bytes]](100)

    def recorder(self) -> Recorder:
        return Recorder(self.rings.layout)

    async def counters(self) -> dict[str, int]:
        return {"refused_length": self._made if self._does == "refused" else 0, "rx_frames": 7}

    async def run(self, argv: Sequence[str], *, check: bool = True, deadline: float | None = None) -> Ended:
        if argv[3:4] == ["load"]:
            return self._load(*argv[4:])
        if argv[0] == "cat":
            assert argv[1] == "/sys/module/nicrig/parameters/mutated"
            return Ended(0, f"{self._made}\n", "")
        assert "rmmod nicrig" in argv[2]
        return await self._unload()

    def _load(self, *parameters: str) -> Ended:
        self.loaded.append(parameters)
        mutated = [each for each in parameters if each.startswith("mutate=")]
        self._does, self._made = mutated[0].partition(":")[2] if mutated else self._clean, 0
        if self._does == "wrong":
            return Ended(1, "", "modprobe: Invalid argument")
        return Ended(3 if self._does == "fails" else 0, "", "")

    async def _unload(self) -> Ended:
        self.unloads += 1
        if self._does == "hangs":
            raise DeadlineError("waited for rmmod")
        if self._does == "oopses":
            raise GuestCommandError("rmmod ended with code 137")
        return Ended(0, "0\n" if not self._does else f"{self._made + 1}\n", "")

    async def send(self, frames: Sequence[bytes]) -> None:
        if self._does == "crashes":
            raise PartDeathError("the guest panicked")
        if self._does in ("drops", "refused"):
            self._made += 1
        await self._send.send(list(frames[1:] if self._does == "drops" else frames))
        if self._does == "doubles":
            await self._send.send(list(frames))
            await self._send.send(list(frames))

    async def receive(self) -> list[bytes]:
        return await self._receive.receive()


class Rigs:
    """Opens one after another; `opened` are those that were, `clean` is what a driver without a mutation does."""

    def __init__(self, folder: Path) -> None:
        self.opened: list[FakeRig] = []
        self.clean = ""
        self._folder = folder

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Rig]:
        folder = self._folder / str(len(self.opened))
        folder.mkdir()
        self.opened.append(FakeRig(folder, self.clean))
        yield cast("Rig", cast("Any", self.opened[-1]))


@pytest.fixture
def rigs(tmp_path: Path) -> Rigs:
    return Rigs(tmp_path)


async def results(rigs: Rigs, *mutants: Mutant) -> list[MutantResult]:
    found: list[MutantResult] = []
    await run_all(rigs.open, mutants, FRAMES, found.append)
    return found


async def test_clean_drivers_run_before_and_after_over_all_frames(rigs: Rigs) -> None:
    found = await results(rigs, DROPS)
    assert [each.mutant for each in found] == [None, DROPS, None]
    assert [found[0].frames, found[2].frames] == [len(FRAMES)] * 2
    assert [each.reports.total() for each in (found[0], found[2])] == [0, 0]
    (rig,) = rigs.opened
    assert [[each for each in load if "mutate" in each] for load in rig.loaded] == [[], ["mutate=Faulty:drops"], []]
    assert rig.unloads == 3


async def test_a_mutant_that_is_caught_gets_no_more_frames(rigs: Rigs) -> None:
    result = (await results(rigs, DROPS))[1]
    assert (result.frames, result.caught, result.killed) == (BITE, ["lost"], True)


async def test_what_a_mutant_sends_too_much_of_is_not_the_next_ones(rigs: Rigs) -> None:
    found = await results(rigs, DOUBLES)
    assert found[2].frames == len(FRAMES)
    assert not found[2].reports.total()


async def test_one_that_frames_do_not_reach_gets_few(rigs: Rigs) -> None:
    result = (await results(rigs, LEAVES))[1]
    assert (result.frames, result.caught, result.killed) == (TRIAL, [], False)


async def test_a_refusal_of_the_card_is_a_report(rigs: Rigs) -> None:
    result = (await results(rigs, REFUSED))[1]
    assert result.caught == ["length"]


async def test_a_driver_without_an_interface_is_unloaded_all_the_same(rigs: Rigs) -> None:
    found = await results(rigs, FAILS)
    assert (found[1].frames, found[1].caught) == (0, ["load-failed"])
    assert rigs.opened[0].unloads == 3


async def test_a_mutation_that_the_module_does_not_know_ends_it(rigs: Rigs) -> None:
    with pytest.raises(RigError, match=r"mutate=Faulty:wrong.*Invalid argument"):
        await results(rigs, WRONG)


@pytest.mark.parametrize("mutant", [HANGS, CRASHES, OOPSES], ids=lambda mutant: mutant.name)
async def test_a_machine_that_does_not_survive_is_replaced(rigs: Rigs, mutant: Mutant) -> None:
    found = await results(rigs, mutant, FAILS)
    assert [each.mutant for each in found] == [None, mutant, FAILS, None]
    assert found[1].killed
    assert len(rigs.opened) == 2


async def test_a_clean_driver_that_brings_the_machine_down_is_no_result(rigs: Rigs) -> None:
    rigs.clean = "crashes"
    with pytest.raises(PartDeathError):
        await results(rigs)
