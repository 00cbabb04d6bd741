# SPDX-License-Identifier: GPL-2.0-or-later
"""The profiles of tests/conftest.py: the same examples, or new ones whose seed is printed and repeats a failure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

FAILS = """
from hypothesis import given
from hypothesis import strategies as st

@given(st.integers(0, 10**9))
def test_that_fails(number: int) -> None:
    print("example", number)
    assert number < 10**8
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tests = tmp_path / "tests"
    tests.mkdir()
    shutil.copy(Path(__file__).parent / "conftest.py", tests)
    (tests / "test_it.py").write_text(FAILS)
    return tmp_path


def run(folder: Path, *options: str) -> tuple[str, list[str]]:
    """The output of pytest, and the examples that it tried."""
    argv = [sys.executable, "-m", "pytest", "-p", "_hypothesis_pytestplugin", "-s", *options]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(argv, cwd=folder, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout, re.findall(r"^example (\d+)$", done.stdout, re.MULTILINE)


def test_without_a_seed_each_run_has_the_same_examples(folder: Path) -> None:
    assert run(folder, "tests")[1] == run(folder, "tests")[1]


def test_a_seed_is_printed_and_the_printed_command_repeats_the_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CI too, where hypothesis has the same examples each time unless a profile says otherwise."""
    monkeypatch.setenv("CI", "true")
    first, tried = run(folder, "--hypothesis-profile=new", "--hypothesis-seed=7", "tests")
    assert "examples of seed 7" in first
    (command,) = re.findall(r"^repeat it: \.venv/bin/pytest (.*)$", first, re.MULTILINE)
    shutil.rmtree(folder / ".cache" / "hypothesis", ignore_errors=True)
    assert run(folder, *command.split())[1] == tried
    assert run(folder, "--hypothesis-profile=new", "--hypothesis-seed=8", "tests")[1] != tried
