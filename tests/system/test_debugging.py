# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the commands of docs/debugging.md in order on one guest, and opens the resulting page in a browser."""

from __future__ import annotations

import re
import shlex
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.browser import Shown, show
from tests.system.test_demo import commands, nicrig
from tests.test_readme import CHECKOUT

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("debugging")]

Runs = dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def runs(folder: Path) -> Runs:
    """The completed commands of the page, by verb."""
    made: Runs = {}
    try:
        for command in commands(CHECKOUT / "docs" / "debugging.md"):
            words = shlex.split(command)
            made[words[0]] = nicrig(*words, cwd=folder, NICRIG_RIGS=str(folder / "rigs"))
    finally:
        if "down" not in made:
            nicrig("down", "dev", NICRIG_RIGS=str(folder / "rigs"))
    return made


@pytest.fixture(scope="module")
def shown(runs: Runs, folder: Path) -> Shown:
    assert runs["report"].returncode == 0
    return show(folder / "run.html")


def test_every_command_of_the_page_works(runs: Runs) -> None:
    assert [*runs] == ["up", "demo", "top", "verify", "rules", "recorder", "report", "capture", "status", "down"]
    assert {verb: run.stderr for verb, run in runs.items() if run.returncode} == {}
    assert re.search(r"^clean: records \d{4,} lost 0 broken 0$", runs["verify"].stdout, re.MULTILINE)
    assert len(runs["recorder"].stdout.splitlines()) >= 20
    assert runs["report"].stdout == "run.html\n"


def test_top_shows_the_card_of_the_rig(runs: Runs) -> None:
    lines = runs["top"].stdout.splitlines()
    assert "QEMU connected" in lines[0]
    words = [line.split() for line in lines]
    (receive,) = (row for row in words if row[:1] == ["receive"])
    assert int(receive[3]) >= 500
    assert any(re.match(r"rules: \d+ records at detail \w+: none broken|rules: nothing", line) for line in lines)


def test_the_report_is_complete_in_a_browser(shown: Shown) -> None:
    assert shown.console == []
    assert re.search(r'id="view">[\d.]+ m?s of [\d.]+ m?s<', shown.html), "the script has not run"
    assert re.search(r'<div id="ticks"><span>', shown.html)
    assert "no rule is broken" in shown.html


def test_the_plots_have_marks(shown: Shown) -> None:
    titles = re.findall(r'<svg class="plot"[^>]* aria-label="([^"]*)"', shown.html)
    names = ["Frames", "Bytes", "Signals", "Receive", "Transmit", "turn-around:", "send:", "doorbell:", "interrupt:"]
    assert [title.split()[0] for title in titles] == names
    assert "turn-around: 500" in titles
    for plot in re.findall(r'<svg class="plot".*?</svg>', shown.html, re.DOTALL):
        bands = re.findall(r'<path class="band[^>]* d="([^"]*)"', plot)
        heights = [set(re.findall(r"V([\d.]+)", band)) for band in bands]
        assert any(len(each) > 1 for each in heights) or plot.count('class="bar') > 1
    lanes = re.findall(r'<path class="lane \w+" d="([^"]*)"', shown.html)
    assert len(lanes) > 8
    assert sum(lane.count("v") for lane in lanes) > 2000


def test_the_report_is_small_and_not_blank(shown: Shown, folder: Path) -> None:
    assert (folder / "run.html").stat().st_size < 3_000_000
    assert colours(shown.picture) > 100


def colours(png: bytes) -> int:
    """The number of different bytes in a picture's pixels. A blank picture has few."""
    offset, data = 8, b""
    while offset < len(png):
        length, kind = struct.unpack_from(">I4s", png, offset)
        data += png[offset + 8 : offset + 8 + length] if kind == b"IDAT" else b""
        offset += 12 + length
    return len(set(zlib.decompress(data)))
