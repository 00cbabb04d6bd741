# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig top` on a real card, with and without a terminal."""

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
"""The end of a card's screen on which no driver is."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield Path(name)


@pytest.fixture
def card(folder: Path) -> Iterator[CardProcess]:
    with CardProcess(folder, None) as process:
        yield process


def once(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS)


@pytest.mark.usefixtures("card")
def test_without_a_terminal_it_is_shown_once(folder: Path) -> None:
    for arguments in ([], ["--once"]):
        done = once(str(folder), *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("bus-master  52:54:00:6e:69:63  link up  not receiving  no QEMU\n")
        assert "\x1b" not in done.stdout


@pytest.mark.usefixtures("card")
def test_as_json_it_is_what_the_card_says(folder: Path) -> None:
    done = once(str(folder), "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert said["snapshot"]["card"]["kind"] == "bus-master"
    assert [ring["name"] for ring in said["snapshot"]["rings"]] == ["rx", "tx"]
    assert set(said["rates"]) == {"rx_frames", "rx_bits", "tx_frames", "tx_bits", "dropped", "interrupts"}
    assert (said["detail"], said["records"], said["violations"]) == ("off", 0, [])


def test_no_card_or_no_rig_is_one_line(folder: Path) -> None:
    for where, code, words in ((str(folder), 125, "no card serves"), (f"{folder}/none", 2, "no rig")):
        done = once(where)
        assert (done.returncode, done.stdout) == (code, "")
        assert re.fullmatch(r"nicrig: [^\n]+\n", done.stderr)
        assert words in done.stderr


class Terminal:
    """`nicrig top` on a terminal of its own."""

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
        """Wait until the screen was drawn so often."""
        deadline = time.monotonic() + SECONDS
        while self.screen.count(DRAWN) < times:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self._ours], [], [], left)[0], self.screen
            self.screen += os.read(self._ours, 65536)

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def end(self) -> tuple[int, str]:
        """Its exit code and its errors, when it has ended by itself; the terminal is as it was."""
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
def test_on_a_terminal_it_goes_on_until_q(folder: Path) -> None:
    terminal = Terminal(folder)
    terminal.wait_drawn(3)
    terminal.type(b"q")
    assert terminal.end() == (0, "")
    assert b"\x1b[32mlink up" in terminal.screen


@pytest.mark.usefixtures("card")
def test_ctrl_c_ends_it_too_and_no_color_is_heeded(folder: Path) -> None:
    terminal = Terminal(folder, NO_COLOR="1")
    terminal.wait_drawn()
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == (0, "")
    assert not re.search(rb"\x1b\[(\d+;)*3\dm", terminal.screen)


def test_a_card_that_goes_away_is_one_line(card: CardProcess, folder: Path) -> None:
    terminal = Terminal(folder)
    terminal.wait_drawn()
    card.close()
    code, errors = terminal.end()
    assert code == 125
    assert re.fullmatch(r"nicrig: the card's monitor: [^\n]+\n", errors)
