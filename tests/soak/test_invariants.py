# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nicrig.recorder import recording
from nicrig.verifier.functions import Detail
from tests.controller.captures.test_pcapng import capture
from tests.soak.diary import ViolationError
from tests.soak.invariants import Footprint, accounted, check_capture, check_footprint, footprint, is_whole, users_of

SLEEP = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]


def test_a_process_that_names_the_folder_is_a_user_of_it_until_its_end(tmp_path: Path) -> None:
    with subprocess.Popen([*SLEEP, str(tmp_path)], stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        user.stdout.readline()
        assert users_of(tmp_path) == [user.pid]
        user.kill()
    assert users_of(tmp_path) == []


def test_a_footprint_counts_files_and_own_memory_and_growth_is_a_violation() -> None:
    first = footprint(os.getpid())
    held, files = bytearray(os.urandom(64 << 20)), [os.open("/dev/null", os.O_RDONLY) for _ in range(30)]
    now = footprint(os.getpid())
    for fd in files:
        os.close(fd)
    assert now.files - first.files == 30
    assert len(held) < (now.kib - first.kib + 1024) << 10
    for grown in (Footprint(first.files, now.kib), Footprint(now.files, first.kib)):
        with pytest.raises(ViolationError, match="the card grows"):
            check_footprint(first, grown)
    check_footprint(first, first)


@pytest.mark.parametrize("cut", [0, 1, 40, len(capture()) - 1, len(capture())])
def test_a_capture_that_is_cut_anywhere_is_not_torn(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "capture"
    path.write_bytes(capture()[:cut])
    check_capture(path)


def test_a_capture_with_other_bytes_in_it_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(capture()[:60] + b"torn" + capture()[60:])
    with pytest.raises(ViolationError, match="torn"):
        check_capture(path)


@pytest.mark.parametrize(("end", "whole"), [(recording.end(0), True), (recording.end(3), True), (b"", False)])
def test_a_recording_is_whole_with_its_end(tmp_path: Path, end: bytes, whole: bool) -> None:
    path = tmp_path / "recording"
    path.write_bytes(recording.header(Detail.FRAMES) + end)
    assert is_whole(path) is whole


def test_the_account_is_what_was_delivered_and_dropped() -> None:
    names = ("rx_frames", "rx_no_buffer", "rx_disabled", "rx_link_down", "rx_too_long", "rx_too_short", "rx_refused")
    assert accounted(dict.fromkeys(names, 1), dict.fromkeys(names, 3)) == 14
