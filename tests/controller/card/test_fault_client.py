# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig faults`, through the command itself, on a real card's process."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nicrig.cli import app
from tests.fakes.card_process import CardProcess
from tests.pages import ROOT, Shell, steps

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The folder of a card that runs."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name, CardProcess(Path(name)):
        yield Path(name)


def nicrig(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def listed(folder: Path) -> dict[str, dict[str, object]]:
    done = nicrig("faults", folder, "--json")
    assert done.exit_code == 0, done.output
    return {fault["name"]: fault for fault in json.loads(done.stdout)}


def test_faults_are_listed_with_what_a_correct_driver_does(folder: Path) -> None:
    shown = nicrig("faults", folder).stdout
    assert re.findall(r"^([\w-]+): [A-Z].*\.$", shown, re.MULTILINE) == list(listed(folder))
    assert shown.count("\n    a correct driver: ") == shown.count("; fired 0\n") == len(listed(folder)) > 15


def test_a_fault_is_armed_and_cleared(folder: Path) -> None:
    assert (nicrig("faults", folder, "frame-lost", "--at", "7", "--count", "3").output) == ""
    lost = listed(folder)["frame-lost"]
    assert [lost[name] for name in ("armed", "at", "count", "passed", "fired")] == [True, 7, 3, 0, 0]
    assert "; armed at 7, count 3, 0 came by\n" in nicrig("faults", folder).stdout
    assert nicrig("faults", folder, "--clear").output == ""
    assert not any(fault["armed"] for fault in listed(folder).values())


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["FOLDER", "none"], 2, "a bus-master card has no fault none: frame-lost, "),
        (["FOLDER", "frame-lost", "--at", "0"], 2, "--at"),
        (["FOLDER", "frame-lost", "--count", str(1 << 33)], 2, "count"),
        (["FOLDER", "frame-lost", "--clear"], 2, "--clear"),
        (["no-such-rig"], 2, "no rig no-such-rig"),
        (["/tmp"], 125, "no card serves"),
    ],
)
def test_a_fault_that_cannot_be_armed_is_an_error_and_arms_nothing(
    folder: Path, arguments: list[str], code: int, why: str
) -> None:
    done = nicrig("faults", *(str(folder) if word == "FOLDER" else word for word in arguments))
    assert done.exit_code == code
    assert why in done.output
    assert not any(fault["armed"] for fault in listed(folder).values())


def test_the_page_s_commands_run(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    (tmp_path / "dev").symlink_to(folder)
    with Shell(tmp_path, {**os.environ, "NICRIG_RIGS": str(tmp_path)}) as shell:
        for step in steps((ROOT / "docs" / "faults.md").read_text()):
            shell.do(step)
    assert not any(fault["armed"] for fault in listed(folder).values())
