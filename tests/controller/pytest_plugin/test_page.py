# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/packet-tests.md says what the examples do and what there is; the examples themselves are run."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nicrig.pytest_plugin.settings import SETTINGS
from nicrig.pytest_plugin.wanted import Wanted

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs" / "packet-tests.md").read_text()
EXAMPLES = sorted((CHECKOUT / "tests" / "examples").glob("test_*.py"))


def examples_in(path: Path) -> list[str]:
    """The source of each test there."""
    source = path.read_text()
    lines = source.splitlines()
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    starts = [min([node.lineno, *(mark.lineno for mark in node.decorator_list)]) for node in found]
    return ["\n".join(lines[start - 1 : node.end_lineno]) for start, node in zip(starts, found, strict=True)]


def test_the_snippets_are_the_examples() -> None:
    shown = [snippet.strip() for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)]
    there = [test for path in EXAMPLES for test in examples_in(path)]
    assert sorted(shown) == sorted(there)
    assert len(there) == 14


def test_the_page_lists_every_argument_of_the_marker_and_no_other() -> None:
    table = PAGE.partition("| argument |")[2].partition("\n\n")[0]
    told = re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)))
    assert sorted(told) == sorted(Wanted.__struct_fields__)


def test_the_page_lists_every_setting_and_no_other() -> None:
    told = re.findall(r"^\| `(--nicrig-[\w-]+)` \| `(\w+)` \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert told == [(each.option, each.key, each.variable) for each in SETTINGS]


COMMANDS = [line.partition("#")[0].strip() for line in re.findall(r"^\$ \.venv/bin/(pytest .*)$", PAGE, re.MULTILINE)]


@pytest.mark.real
@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_taken(command: str, tmp_path: Path) -> None:
    """Only collect: CI runs the examples. Their files go to another folder here."""
    words = [str(tmp_path / word) if word in ("kept", "junit.xml") else word for word in shlex.split(command)[1:]]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--collect-only", "-q"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "test_a_datagram_comes_back" in run.stdout
