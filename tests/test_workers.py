# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that share a machine run in one worker, with the pytest and pytest-xdist that are installed here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import os
import pytest

pytestmark = pytest.mark.real

@pytest.mark.xdist_group("shared")
@pytest.mark.parametrize("number", range(6))
def test_it(number):
    print("WORKER", os.environ["PYTEST_XDIST_WORKER"])
"""


@pytest.mark.real
def test_a_group_of_tests_has_one_worker(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "xdist.plugin", "-rP", "-n", "2", "--dist", "loadgroup"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    workers = re.findall(r"^WORKER (\w+)$", run.stdout, re.MULTILINE)
    assert len(workers) == 6, run.stdout
    assert len(set(workers)) == 1
