# SPDX-License-Identifier: GPL-2.0-or-later
"""How a capture ends, on a real card without a driver. tests/contracts and tests/system test what it captures."""

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

from nicrig.captures import capture_file, pcapng
from nicrig.captures.capture import Sink
from nicrig.rundir.paths import RigPaths
from nicrig.scapy import ask
from tests.controller.card.test_fault_client import nicrig
from tests.fakes.card_process import CardProcess

NICRIG = str(Path(sys.executable).with_name("nicrig"))
SECONDS = 20.0


@pytest.fixture
def card() -> Iterator[tuple[CardProcess, RigPaths]]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name, CardProcess(Path(name)) as process:
        yield process, RigPaths(Path(name))


@pytest.fixture
def capturing(card: tuple[CardProcess, RigPaths]) -> Iterator[subprocess.Popen[bytes]]:
    """`nicrig capture` into a pipe, after its first block and the line that it listens."""
    argv = [NICRIG, "capture", str(card[1].folder), "-w", "-"]
    with subprocess.Popen(argv, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(4) == b"\n\r\r\n"
        listening = f"nicrig: listening on {card[1].folder.name}; Ctrl-C ends the capture\n"
        assert process.stderr.readline() == listening.encode()
        try:
            yield process
        finally:
            process.kill()


def is_capturing(paths: RigPaths) -> object:
    return ask(paths, "query-card")["capture"]


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Its exit code and its standard error."""
    _, errors = process.communicate(timeout=SECONDS)
    return process.returncode, errors.decode()


@pytest.mark.real
def test_ctrl_c_ends_the_capture_and_the_card_stops_keeping_frames(
    card: tuple[CardProcess, RigPaths], capturing: subprocess.Popen[bytes]
) -> None:
    assert is_capturing(card[1]) is True
    capturing.send_signal(signal.SIGINT)
    assert ended(capturing) == (0, "nicrig: captured 0 frames (in 0, out 0), lost 0\n")
    assert is_capturing(card[1]) is False


@pytest.mark.real
def test_the_card_stops_capturing_when_the_capture_is_killed(
    card: tuple[CardProcess, RigPaths], capturing: subprocess.Popen[bytes]
) -> None:
    capturing.kill()
    capturing.wait(SECONDS)
    deadline = time.monotonic() + SECONDS
    while is_capturing(card[1]) and time.monotonic() < deadline:
        pass
    assert is_capturing(card[1]) is False


@pytest.mark.real
def test_the_end_of_the_card_is_one_line_and_exit_code_125(
    card: tuple[CardProcess, RigPaths], capturing: subprocess.Popen[bytes]
) -> None:
    os.kill(card[0].pid, signal.SIGKILL)
    assert ended(capturing) == (125, "nicrig: the card ended during the capture\n")


@pytest.mark.real
def test_an_error_is_one_line_with_its_exit_code_and_leaves_no_file(
    card: tuple[CardProcess, RigPaths], tmp_path: Path
) -> None:
    folder, file = str(card[1].folder), tmp_path / "a.pcapng"
    for code, message, arguments in (
        (2, "'uudp' is not valid", [folder, "-w", str(file), "--filter", "uudp"]),
        (2, "the filter 'not inbound' needs more than", [folder, "-w", str(file), "--filter", "not inbound"]),
        (2, "No such file or directory: name a file that can be written", [folder, "-w", str(tmp_path / "no" / "a")]),
        (2, "no rig missing", ["missing", "-w", str(file)]),
        (125, "no card serves at", [str(tmp_path), "-w", "-"]),
        (125, "No space left on device: check that the disk has room", [folder, "-w", "/dev/full"]),
    ):
        done = nicrig("capture", *arguments)
        assert (done.exit_code, message in done.stderr, done.stderr.count("\n")) == (code, True, 1), done.stderr
    assert list(tmp_path.iterdir()) == []


async def _cancelled_write(ours: socket.socket) -> None:
    sink = Sink(ours.fileno())
    with trio.move_on_after(0.05) as scope:
        await sink.write(bytes(10 << 20))
    assert scope.cancelled_caught
    with trio.fail_after(1):
        await sink.write(b"the end")


def test_a_reader_that_stops_reading_does_not_delay_the_end() -> None:
    ours, theirs = socket.socketpair()
    trio.run(_cancelled_write, ours)
    theirs.close()  # ends the cancelled write
    ours.close()


FILLING = """
import resource, sys, trio
from nicrig.captures import pcapng
from nicrig.captures import capture_file, pcapng
from nicrig.captures.capture import Sink

async def fill():
    sink = Sink(sys.stdout.fileno())
    await sink.write(pcapng.section("a card") + pcapng.interface("a", "b"))
    while True:
        await sink.write(b"".join(pcapng.packet(0, 7, bytes(100), "in") for _ in range(7)))

resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
trio.run(fill)
"""


def test_a_full_disk_leaves_a_file_of_whole_blocks(tmp_path: Path) -> None:
    """A limit on the size of a file is as a full disk is."""
    path = tmp_path / "capture.pcapng"
    with path.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", FILLING], stdout=file, stderr=subprocess.PIPE, text=True, check=False
        )
    assert "the capture ended early: File too large: check that the disk has room" in done.stderr
    head = len(pcapng.section("a card") + pcapng.interface("a", "b"))
    with capture_file.opened(path) as found:
        assert len(list(found)) == (10_000 - head) // len(pcapng.packet(0, 7, bytes(100), "in"))
        assert found.account.end == ""
