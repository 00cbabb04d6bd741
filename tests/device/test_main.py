# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m nicrig_device` on the command line: its errors, and what it leaves behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.card_process import BUILT_LIBRARY, CHECKOUT, CardProcess

pytestmark = pytest.mark.real


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield Path(name)


def run_card(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nicrig_device", "--library", str(BUILT_LIBRARY), *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("mac", ["52:54:00:6e:69", "53:54:00:6e:69:63", "ether"])
def test_a_wrong_mac_address_is_a_usage_error_that_shows_a_right_one(folder: Path, mac: str) -> None:
    run = run_card("--sockets", str(folder), "--mac", mac)
    assert run.returncode == 2
    assert "52:54:00:6e:69:63" in run.stderr


def test_a_missing_library_is_one_line_with_the_remedy(folder: Path) -> None:
    run = run_card("--sockets", str(folder), "--library", str(folder / "libvfio-user.so"))
    assert run.returncode == 125
    assert run.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_folder_whose_name_is_too_long_for_sockets_is_refused(folder: Path) -> None:
    run = run_card("--sockets", str(folder / ("x" * 100)))
    assert run.returncode == 125
    assert "at most 107 bytes" in run.stderr


def test_a_second_card_in_one_folder_is_refused_and_the_first_goes_on(folder: Path) -> None:
    with CardProcess(folder) as card:
        run = run_card("--sockets", str(folder))
        assert run.returncode == 125
        assert "another card serves this folder" in run.stderr
        assert card.running()


def test_a_card_that_gets_sigterm_leaves_no_socket(folder: Path) -> None:
    with CardProcess(folder) as card:
        sockets = {path.name for path in folder.iterdir() if path.is_socket()}
        assert sockets == {"vfio-user.sock", "wire.sock", "monitor.sock"}
        assert card.close() == 0
        assert list(folder.iterdir()) == []


def test_a_part_that_cannot_be_made_takes_the_others_down(folder: Path) -> None:
    (folder / "vfio-user.sock").write_text("not a socket")
    run = run_card("--sockets", str(folder))
    assert run.returncode == 125
    assert "vfio-user.sock exists and is not a socket" in run.stderr
    assert [path.name for path in folder.iterdir()] == ["vfio-user.sock"]


def test_a_kind_that_there_is_not_is_a_usage_error_that_names_those_there_are(folder: Path) -> None:
    run = run_card("--sockets", str(folder), "--kind", "isa")
    assert run.returncode == 2
    assert "bus-master, subordinate, non-dma" in run.stderr.replace("'", "")  # quoted before Python 3.12


@pytest.mark.parametrize(
    ("source", "why"), [("none.py:act", "no Python file none.py"), (f"{__file__}:act", "has no function act")]
)
def test_a_behaviour_that_there_is_not_is_one_line_and_leaves_nothing(folder: Path, source: str, why: str) -> None:
    run = run_card("--sockets", str(folder / "new"), "--behaviour", source)
    assert run.returncode == 2
    assert why in run.stderr
    assert run.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []
