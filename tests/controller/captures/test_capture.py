# SPDX-License-Identifier: GPL-2.0-or-later
"""How a capture ends, with a real card that nobody drives; what is captured is shown in tests/contracts and system."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from nicrig.captures.capture import Sink
from nicrig.rundir.paths import RigPaths
from nicrig.scapy import ask
from tests.controller.card.test_fault_client import nicrig
from tests.fakes.card_process import CardProcess

NICRIG = str(Path(sys.executable).with_name("nicrig"))
SECONDS = 20.0


@pytest.fixture
def card() -> Iterator[tuple[CardProcess, RigPaths]]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name, CardProcess(Path(name), None) as process:
        yield process, RigPaths(Path(name))


@pytest.fixture
def capturing(card: tuple[CardProcess, RigPaths]) -> Iterator[subprocess.Popen[bytes]]:
    """`nicrig capture` into a pipe, begun."""
    argv = [NICRIG, "capture", str(card[1].folder), "-w", "-"]
    with subprocess.Popen(argv, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(4) == b"\n\r\r\n"
        try:
            yield process
        finally:
            process.kill()


def captures(paths: RigPaths) -> object:
    return ask(paths, "query-card")["capture"]


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Its exit code and what it said."""
    _, said = process.communicate(timeout=SECONDS)
    return process.returncode, said.decode()


@pytest.mark.real
def test_ctrl_c_is_how_it_ends_and_the_card_keeps_no_frame_any_more(
    card: tuple[CardProcess, RigPaths], capturing: subprocess.Popen[bytes]
) -> None:
    assert captures(card[1]) is True
    capturing.send_signal(signal.SIGINT)
    assert ended(capturing) == (0, "nicrig: captured 0 frames (in 0, out 0), lost 0\n")
    assert captures(card[1]) is False


@pytest.mark.real
def test_a_capture_that_was_killed_costs_the_card_nothing(
    card: tuple[CardProcess, RigPaths], capturing: subprocess.Popen[bytes]
) -> None:
    capturing.kill()
    capturing.wait(SECONDS)
    deadline = time.monotonic() + SECONDS
    while captures(card[1]) and time.monotonic() < deadline:
        pass
    assert captures(card[1]) is False


@pytest.mark.real
def test_the_cards_death_is_one_line_and_125(
    card: tuple[CardProcess, RigPaths], capturing: subprocess.Popen[bytes]
) -> None:
    os.kill(card[0].pid, signal.SIGKILL)
    assert ended(capturing) == (125, "nicrig: the card went away while its frames were captured\n")


@pytest.mark.real
def test_what_cannot_be_is_one_line_with_its_code_and_leaves_no_file(
    card: tuple[CardProcess, RigPaths], tmp_path: Path
) -> None:
    folder, file = str(card[1].folder), tmp_path / "a.pcapng"
    for code, said, arguments in (
        (2, "'uudp' is not one", [folder, "-w", str(file), "--filter", "uudp"]),
        (2, "No such file or directory: name a file that can be written", [folder, "-w", str(tmp_path / "no" / "a")]),
        (2, "no rig nobody", ["nobody", "-w", str(file)]),
        (125, "no card serves at", [str(tmp_path), "-w", "-"]),
        (125, "No space left on device: check that the disk has room", [folder, "-w", "/dev/full"]),
    ):
        done = nicrig("capture", *arguments)
        assert (done.exit_code, said in done.stderr, done.stderr.count("\n")) == (code, True, 1), done.stderr
    assert list(tmp_path.iterdir()) == []


async def _cancelled_write(ours: socket.socket) -> None:
    sink = Sink(ours.fileno())
    with trio.move_on_after(0.05) as scope:
        await sink.write(bytes(10 << 20))
    assert scope.cancelled_caught
    with trio.fail_after(1):
        await sink.write(b"the end")


def test_a_reader_that_stops_reading_does_not_keep_the_end_waiting() -> None:
    ours, theirs = socket.socketpair()
    trio.run(_cancelled_write, ours)
    theirs.close()  # the write that was given up ends
    ours.close()
