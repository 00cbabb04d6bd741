# SPDX-License-Identifier: GPL-2.0-or-later
"""The questions that Wireshark asks an extcap program. tests/system tests the capture itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nicrig
import nicrig_interface
from nicrig.captures import extcap
from nicrig.rundir.directories import named_directory


@pytest.fixture(autouse=True)
def rigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NICRIG_RIGS", str(tmp_path))


def ask(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["nicrig-extcap", *arguments, "--extcap-version=4.0"])
    return extcap.answer()


def test_each_named_rig_is_an_interface(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with named_directory("dev"):
        assert ask(monkeypatch, "--extcap-interfaces") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"extcap {{version={nicrig.__version__}}}{{display=nicrig}}",
        "interface {value=nicrig-dev}{display=card of the nicrig rig dev}",
    ]


def test_without_a_rig_there_is_no_interface(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, "--extcap-interfaces") == 0
    assert "interface" not in capsys.readouterr().out


def test_its_frames_are_ethernet_and_it_has_no_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, "--extcap-interface", "nicrig-dev", "--extcap-dlts") == 0
    assert capsys.readouterr().out == "dlt {number=1}{name=EN10MB}{display=Ethernet}\n"
    assert ask(monkeypatch, "--extcap-interface", "nicrig-dev", "--extcap-config") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("expression", "code", "message"),
    [
        ("udp port 7", 0, ""),
        ("uudp", 2, "'uudp' is not valid"),
        ("inbound", 2, "'inbound' needs more than a frame's bytes"),
    ],
)
def test_without_a_fifo_the_filter_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], expression: str, code: int, message: str
) -> None:
    with named_directory("dev"):
        wanted = ("--extcap-interface", "nicrig-dev", "--extcap-capture-filter", expression)
        assert ask(monkeypatch, *wanted) == code
    errors = capsys.readouterr().err
    assert message in errors
    assert bool(errors) == bool(code)


def test_a_rig_that_no_longer_runs_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, "--extcap-interface", "nicrig-gone", "--capture", "--fifo", "/dev/null") == 2
    assert capsys.readouterr().err.startswith("nicrig: no rig gone: ")


@pytest.mark.parametrize("fifo", ["/none/fifo", "/proc/self/fd"])
def test_a_fifo_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fifo: str
) -> None:
    assert ask(monkeypatch, "--extcap-interface", "nicrig-dev", "--capture", "--fifo", fifo) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nicrig: {fifo}: ")


@pytest.mark.real
@pytest.mark.parametrize("question", [["--extcap-interfaces"], ["--extcap-interface", "nicrig-dev", "--extcap-dlts"]])
def test_an_output_without_room_is_one_line(question: list[str]) -> None:
    program = [sys.executable, "-c", "from nicrig.captures import extcap; extcap.main()", *question]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    message = "nicrig: standard output: No space left on device: name a file that has room\n"
    assert (done.returncode, done.stderr) == (125, message)


def test_no_option_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as caught:
        ask(monkeypatch)
    assert caught.value.code == 2


def test_listing_interfaces_imports_nothing_slow() -> None:
    """Wireshark asks each time it starts, and waits for the answer."""
    slow = "{'trio', 'typer', 'scapy', 'numpy', 'msgspec', 'cffi', 'dataclasses', 'inspect'}"
    run = "from nicrig.captures import extcap; extcap.show_interfaces()"
    packages = os.pathsep.join(str(Path(package.__path__[0]).parent) for package in (nicrig, nicrig_interface))
    code = f"import sys; {run}; print({slow} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": packages}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
