# SPDX-License-Identifier: GPL-2.0-or-later
import os
from pathlib import Path

import pytest
import trio

from nicrig.rundir.directories import named_directory
from nicrig.rundir.paths import paths_named
from nicrig.session.daemon import Description, describe
from nicrig.session.status import RigState, look, show

COUNTERS = {"rx_frames": 1, "tx_frames": 2}


def test_what_a_card_says_about_itself_is_printable_and_bounded() -> None:
    hostile = {"link": True, "kind": "\x1b[2J\n" + "x" * 1_000_000}
    (line,) = show([RigState("dev", "/run/dev", "running", None, hostile, COUNTERS)], json=False)
    assert line.startswith(r"dev: \x1b[2J\n")
    assert len(line) < 5000


def test_a_problem_is_one_line() -> None:
    (line,) = show([RigState("dev", "/run/dev", "dead", None, problem="gone\x1b[2J")], json=False)
    assert line == r"dev: dead: gone\x1b[2J"


def state() -> tuple[str, str | None]:
    (found,) = trio.run(look, [paths_named("dev")])
    return found.state, found.problem


@pytest.fixture
def rigs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("NICRIG_RIGS", str(tmp_path))
    return tmp_path


def test_a_rig_that_starts_is_not_dead(rigs: Path) -> None:
    with named_directory("dev") as paths:
        assert state() == ("starting", None)
        (line,) = show(trio.run(look, [paths]), json=False)
        assert line == f"dev: starting, {rigs}/dev"


def test_a_rig_whose_card_does_not_answer_is_silent_while_its_process_runs(rigs: Path) -> None:
    with named_directory("dev") as paths:
        describe(paths, Description(os.getpid(), 0.0, "bus-master", "msix"))
        assert state() == ("silent", f"no card serves at {rigs}/dev: start one with nicrig serve --sockets {rigs}/dev")


def test_what_a_killed_rig_left_is_dead(rigs: Path) -> None:
    folder = rigs / "nicrig-run-dead"
    folder.mkdir(mode=0o700)
    (folder / "lock").touch()
    (rigs / "dev").symlink_to(folder.name)
    assert state()[0] == "dead"
