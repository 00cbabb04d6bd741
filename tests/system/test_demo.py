# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `nicrig demo` as a user does, and checks its output, its exit codes and its clean-up."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from nicrig.verdict.legs import LEGS
from nicrig_interface.vocabulary import CardKind

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
COHERENCY = ROOT / "docs" / "coherency.md"
NICRIG = Path(sys.executable).with_name("nicrig")
SECONDS = 120
THOROUGH_SECONDS = 400
RUNNING = re.compile(rb"device\0--sockets\0[^\0]*/nicrig-run-|qemu-system-x86_64\0.*nicrig-run-", re.DOTALL)
FOLDER = re.compile(rb"/[^\0,]*/nicrig-run-[a-z0-9_]+")


def nicrig(
    *arguments: str, cwd: Path | None = None, seconds: float = SECONDS, **changed: str
) -> subprocess.CompletedProcess[str]:
    environment = {**plain_environment(), **changed}
    return subprocess.run(
        [NICRIG, *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=environment,
        cwd=cwd,
    )


def plain_environment() -> dict[str, str]:
    """The environment without options for nicrig."""
    own = {name: value for name, value in os.environ.items() if name.startswith("NICRIG_") and name != "NICRIG_CACHE"}
    return {name: value for name, value in os.environ.items() if name not in own}


def wait_until(holds: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)


def test_the_demo_ends_with_a_coherent_verdict() -> None:
    run = nicrig("demo")
    assert run.returncode == 0, run.stderr
    last = run.stdout.splitlines()[-1]
    assert last.startswith("verdict: coherent")
    assert "card kind then unkind:1" in last
    for count in ("injected 1000", "cpu 1000", "echoed 1000", "lost 0", "corrupted 0"):
        assert count in last
    if "tcg" in last:
        assert run.stderr.startswith("nicrig: NO KVM")


def test_the_demo_as_json() -> None:
    run = nicrig("demo", "--json", "--frames", "300")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["verdict"] == "coherent"
    assert result["accelerator"] in ("tcg", "kvm")
    assert result["frames"] == {"injected": 300, "cpu": 300, "echoed": 300, "lost": 0, "corrupted": 0}
    assert (result["violations"], result["minor"]) == ([], {})
    assert set(result["seconds"]) == {"setup", "boot", "traffic"}


@pytest.mark.parametrize(
    "kind",
    ["bus-master", *(pytest.param(kind, marks=pytest.mark.soak) for kind in ("subordinate", "non-dma"))],
)
def test_the_clean_driver_is_coherent_on_every_path(kind: CardKind) -> None:
    run = nicrig("demo", "--thorough", "--json", "--kind", kind, seconds=THOROUGH_SECONDS)
    assert run.returncode == 0, run.stdout + run.stderr
    result = json.loads(run.stdout)
    legs = {leg["name"]: leg for leg in result["legs"]}
    assert list(legs) == [leg.name for leg in LEGS if kind in leg.kinds]
    assert {leg["verdict"] for leg in legs.values()} == {"coherent"}
    assert (result["violations"], result["witnesses"]) == ([], [])
    assert set(result["minor"]) <= {"R10", "R47"}, "what the rules advise against in the older calls"
    assert legs["index-wrap"]["frames"]["echoed"] > 1 << 16
    assert {"kept", "sent"} <= legs["fragments"]["frames"].keys()
    for name in ("small-rings", "pauses", "card-errors"):
        assert legs[name]["frames"]["excused"], f"{name} cost no frame: it did not do what it says"


def commands(page: Path) -> list[str]:
    """The nicrig commands on a page."""
    return re.findall(r"^\$ \.venv/bin/nicrig (.*?) *(?:#.*)?$", page.read_text(), re.MULTILINE)


def test_the_mutants_command_of_the_coherency_page() -> None:
    # The whole matrix takes minutes. test_mutants.py runs samples of it.
    (command,) = (command for command in commands(COHERENCY) if command.startswith("mutants "))
    run = nicrig(*shlex.split(command))
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^mutants: (\d+) live, \1 killed, 0 survived; ", run.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", [command for command in commands(COHERENCY) if command.startswith("demo")])
def test_the_demo_commands_of_the_coherency_page(command: str) -> None:
    run = nicrig(*shlex.split(command))
    faulty = "mutate=" in command
    assert run.returncode == int(faulty), run.stdout + run.stderr
    assert ("violation R98: " in run.stdout) == faulty
    assert ("first stale frame" in run.stdout) == ("noncoherent=" in command)


def test_a_wrong_option_is_a_usage_error() -> None:
    assert nicrig("demo", "--accelerator", "warp").returncode == 2


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("noncoherent=63", "noncoherent=63: not LINE[:SEED] with a LINE of 32, 64 or 128 bytes"),
        (
            "mutate=NdisFlushBuffer:nosuch",
            "is not FUNCTION:OPERATOR[:A/B[:SEED]], or the function has no such operator",
        ),
        ("bogus=1", "unknown parameter 'bogus' ignored"),
    ],
)
def test_a_wrong_driver_parameter_is_reported_with_the_drivers_message(parameter: str, message: str) -> None:
    run = nicrig("demo", "--parameter", parameter)
    assert run.returncode == 125
    assert run.stderr.splitlines()[-1].endswith(message)


def test_an_unusable_cache_folder_is_a_one_line_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file instead of a folder")
    run = nicrig("demo", NICRIG_CACHE=str(tmp_path / "cache"))
    assert run.returncode == 125
    assert len(run.stderr.strip().splitlines()) == 1
    assert "NICRIG_CACHE" in run.stderr


def running(mark: str) -> dict[int, bytes]:
    """The command lines of the card and the QEMU that have `mark` in their environment, by pid."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes()
                if RUNNING.search(line) and mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = line
            except OSError:
                continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_demo_leaves_nothing_behind(number: signal.Signals) -> None:
    mark = f"MARK={uuid.uuid4()}"
    argv = ["env", mark, str(NICRIG), "demo"]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, env=plain_environment())
    try:
        wait_until(lambda: len(running(mark)) == 2, "card and QEMU to run", SECONDS)
        folders = {Path(name.decode()) for line in running(mark).values() for name in FOLDER.findall(line)}
        process.send_signal(number)
        assert process.wait(30) != 0
    finally:
        process.kill()
    wait_until(lambda: not running(mark), "card and QEMU to end", 10)
    if number is signal.SIGKILL:
        nicrig("demo", "--frames", "1")  # the next rig removes the folder of a killed one
    assert [folder.exists() for folder in folders] == [False]
