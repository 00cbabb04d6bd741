# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `nicrig top` on a real card, with and without a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.card_process import CardProcess

pytestmark = pytest.mark.real

COMMAND = (sys.executable, "-m", "nicrig.cli", "top")
SECONDS = 30.0
DRAWN = b"nothing to judge"
"""The end of the screen for a card without a driver."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield Path(name)


@pytest.fixture
def card(folder: Path) -> Iterator[CardProcess]:
    with CardProcess(folder) as process:
        yield process


def once(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS)


@pytest.mark.usefixtures("card")
def test_without_a_terminal_it_prints_the_card_once(folder: Path) -> None:
    for arguments in ([], ["--once"]):
        done = once(str(folder), *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("bus-master  52:54:00:6e:69:63  link up  not receiving  no QEMU\n")
        assert "\x1b" not in done.stdout


@pytest.mark.usefixtures("card")
def test_the_json_has_the_cards_answers(folder: Path) -> None:
    done = once(str(folder), "--json")
    view = json.loads(done.stdout)
    assert done.returncode == 0
    assert view["snapshot"]["card"]["kind"] == "bus-master"
    assert [ring["name"] for ring in view["snapshot"]["rings"]] == ["rx", "tx"]
    assert set(view["rates"]) == {"rx_frames", "rx_bits", "tx_frames", "tx_bits", "dropped", "interrupts"}
    assert (view["detail"], view["records"], view["violations"]) == ("off", 0, [])


def test_no_card_or_no_rig_is_a_one_line_error(folder: Path) -> None:
    for target, code, message in ((str(folder), 125, "no card serves"), (f"{folder}/none", 2, "no rig")):
        done = once(target)
        assert (done.returncode, done.stdout) == (code, "")
        assert re.fullmatch(r"nicrig: [^\n]+\n", done.stderr)
        assert message in done.stderr


class Terminal:
    """`nicrig top` in a new pseudo-terminal."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.screen = b""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.process = subprocess.Popen(
            [*COMMAND, str(folder)],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env=os.environ | {"TERM": "xterm-256color"} | environment,
        )

    def wait_drawn(self, times: int = 1) -> None:
        """Wait until the screen was drawn `times` times."""
        deadline = time.monotonic() + SECONDS
        while self.screen.count(DRAWN) < times:
            remaining = max(0.0, deadline - time.monotonic())
            assert select.select([self._ours], [], [], remaining)[0], self.screen
            self.screen += os.read(self._ours, 65536)

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def end(self) -> tuple[int, str]:
        """Wait for its end. Returns exit code and standard error; checks that the terminal's settings are restored."""
        try:
            _, errors = self.process.communicate(timeout=SECONDS)
            assert termios.tcgetattr(self._theirs) == self.before
            return self.process.returncode, errors.decode()
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._ours)
            os.close(self._theirs)


@pytest.mark.usefixtures("card")
def test_in_a_terminal_it_runs_until_q(folder: Path) -> None:
    terminal = Terminal(folder)
    terminal.wait_drawn(3)
    terminal.type(b"q")
    assert terminal.end() == (0, "")
    assert b"\x1b[32mlink up" in terminal.screen


@pytest.mark.usefixtures("card")
def test_ctrl_c_ends_it_and_no_color_is_respected(folder: Path) -> None:
    terminal = Terminal(folder, NO_COLOR="1")
    terminal.wait_drawn()
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == (0, "")
    assert not re.search(rb"\x1b\[(\d+;)*3\dm", terminal.screen)


def test_the_end_of_the_card_is_a_one_line_error(card: CardProcess, folder: Path) -> None:
    terminal = Terminal(folder)
    terminal.wait_drawn()
    card.close()
    code, errors = terminal.end()
    assert code == 125
    assert re.fullmatch(r"nicrig: the card's monitor: [^\n]+\n", errors)
