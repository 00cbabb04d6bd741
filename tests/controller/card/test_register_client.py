# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig registers`, through the command itself, on a real card's process of each kind."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nicrig.cli import app
from nicrig_device.models.catalogue import KINDS
from tests.fakes.card_process import CardProcess

pytestmark = pytest.mark.real

HAS = {"bus-master": "RX.RING_BASE_LOW", "subordinate": "TRANSFER.DONE", "non-dma": "TX_SLOT[63].STATUS"}


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield Path(name)


def nicrig(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def but_sleeping(shown: str) -> list[str]:
    """The card may have fallen asleep meanwhile, or not yet."""
    return [line for line in shown.splitlines() if "SLEEPING" not in line]


@pytest.mark.parametrize("kind", KINDS)
def test_registers_are_printed_with_their_fields_and_reading_changes_nothing(sockets: Path, kind: str) -> None:
    with CardProcess(sockets, kind=kind):
        shown = nicrig("registers", sockets).stdout
        assert but_sleeping(nicrig("registers", sockets).stdout) == but_sleeping(shown)
        listed = json.loads(nicrig("registers", sockets, "--json").stdout)
    lines = shown.splitlines()
    assert "CARD.VERSION" in shown.split()
    assert re.search(r"^CARD\.CONTROL +BAR0\+0x00018  RW      0x00000000  RESET=0 INTERRUPT=0 RECEIVE=0$", shown, re.M)
    assert re.search(r"^CARD\.KICK +BAR0\+0x00020  WO      -$", shown, re.M)
    assert [line.split()[0] for line in lines].count(HAS[kind]) == 1
    assert len(lines) == len(listed)
    assert all(register["doc"] for register in listed)
    assert max(map(len, lines)) <= 120


def test_without_a_card_there_is_one_line_that_says_so(sockets: Path) -> None:
    done = nicrig("registers", sockets)
    assert done.exit_code == 125
    assert "no card serves" in done.stderr
    assert done.stderr.count("\n") == 1
