# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `nicrig inject` and `replay` on a real card without a driver, which drops and counts every frame."""

from __future__ import annotations

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nicrig.captures import pcapng
from nicrig.rundir.paths import RigPaths
from tests.controller.captures.test_capture_file import interface, packet, section
from tests.controller.card.test_fault_client import nicrig
from tests.fakes.card_process import CardProcess
from tests.fakes.wire_peer import WirePeer

pytestmark = pytest.mark.real

NICRIG = str(Path(sys.executable).with_name("nicrig"))
PING = 'Ether()/IP(dst="10.0.0.2")/ICMP()'


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name, CardProcess(Path(name)):
        yield Path(name)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Three frames, a tenth of a second apart."""
    path = tmp_path / "three.pcapng"
    packets = [pcapng.packet(0, number * 100_000_000, bytes(60), "in") for number in range(3)]
    path.write_bytes(pcapng.section("") + pcapng.interface("a", "b") + b"".join(packets))
    return path


def test_every_sent_frame_is_counted(folder: Path) -> None:
    result = json.loads(nicrig("inject", folder, PING, "--count", "5000", "--json").stdout)
    assert (result["frames"], result["taken"], result["drops"], result["waiting"]) == (
        5000,
        0,
        {"rx_disabled": 5000},
        0,
    )
    done = nicrig("inject", folder, PING, "--count", "2")
    assert done.stdout.endswith("gave 0 to the driver, dropped by contract: rx_disabled 2\n")
    assert done.exit_code == 1
    assert nicrig("inject", folder, PING, "--expect-drops").exit_code == 0


def test_a_rate_is_kept(folder: Path) -> None:
    result = json.loads(nicrig("inject", folder, PING, "--count", "50", "--rate", "100", "--json").stdout)
    assert result["seconds"] >= 0.49


@pytest.mark.parametrize(
    ("options", "least", "frames"),
    [([], 0.2, 3), (["--rate", "20", "--times", "2"], 0.25, 6), (["--flat-out", "--times", "100"], 0, 300)],
)
def test_a_capture_is_replayed_at_the_given_pace(
    folder: Path, recorded: Path, options: list[str], least: float, frames: int
) -> None:
    result = json.loads(nicrig("replay", folder, recorded, *options, "--json").stdout)
    assert (result["frames"], result["drops"]) == (frames, {"rx_disabled": frames})
    assert result["seconds"] >= least


def mixed(order: str = "<") -> bytes:
    """Two frames, one of them cut, and between them 42 years and packets that are left out."""
    interfaces = interface(order, 9) + interface(order, 9, linktype=228)
    late = packet(order, 0, 42 * 31_557_600 * 10**9, bytes(40))
    cut = late[:24] + struct.pack(order + "I", 314) + late[28:]
    return (
        section(order)
        + interfaces
        + packet(order, 0, 0)
        + packet(order, 1, 1)
        + packet(order, 0, 2, bytes(150_000))
        + cut
    )


@pytest.mark.parametrize("order", "<>")
def test_what_is_not_sent_as_captured_is_said_first(folder: Path, tmp_path: Path, order: str) -> None:
    path = tmp_path / "mixed.pcapng.gz"
    path.write_bytes(gzip.compress(mixed(order)))
    done = nicrig("replay", folder, path, "--longest-gap", "0.1", "--expect-drops", "--json")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines() == [
        f"nicrig: {path}: {line}"
        for line in (
            "not sent: 1 packet of link type 228, not Ethernet (1)",
            "not sent: a packet of 150000 bytes is longer than the 131072 of a card's wire (it ends at byte 150300)",
            "1 frame was captured only in part, and will be sent so",
            "gaps longer than 0.1 s: 1, the longest 42 years: waiting 0.1 s in each; --longest-gap sets another limit",
        )
    ]
    result = json.loads(done.stdout)
    assert (result["frames"], result["drops"]) == (2, {"rx_disabled": 2})
    assert result["capture"] == {"not_ethernet": 1, "too_long": 1, "cut": 1}
    assert 0.1 <= result["seconds"] < 5


def test_a_long_replay_says_how_long_it_takes_before_it_begins(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "slow.pcapng"
    path.write_bytes(section("<") + interface("<", 9) + packet("<", 0, 0) + packet("<", 0, 9 * 10**9))
    argv = [NICRIG, "replay", str(folder), str(path), "--times", "10"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == (
            f"nicrig: {path}: this takes 3 min; --rate and --flat-out set another pace\n"
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_a_capture_that_is_cut_is_replayed_up_to_there(folder: Path, recorded: Path) -> None:
    recorded.write_bytes(recorded.read_bytes()[:-10])
    done = nicrig("replay", folder, recorded, "--flat-out", "--expect-drops", "--json")
    assert (done.exit_code, json.loads(done.stdout)["frames"]) == (0, 2), done.stderr
    assert "the file ends in the middle of a block: sending the 2 frames before it\n" in done.stderr


def test_all_of_python_needs_an_option(folder: Path) -> None:
    expression = "[Ether()/Raw(bytes(n)) for n in range(60, 63)]"
    assert "--python allows all of Python" in nicrig("inject", folder, expression).stderr
    assert json.loads(nicrig("inject", folder, "--python", expression, "--json").stdout)["frames"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["inject", "FOLDER", "Ether()/IP("], 2, "column 11: '(' was never closed"),
        (["inject", "FOLDER", 'IP(dst="10.0.0.2")'], 2, "put Ether()/ before it"),
        (["inject", "FOLDER", "open('/etc/passwd')"], 2, "column 1: name 'open' is not defined"),
        (["inject", "no-such-rig", PING], 2, "no rig no-such-rig"),
        (["inject", "EMPTY", PING], 125, "no card serves at"),
        (["replay", "FOLDER", __file__], 2, "byte 0: the file is neither pcap nor pcapng"),
        (["replay", "FOLDER", "FOREIGN"], 2, "1 packet of link type 113, not Ethernet (1): name another capture"),
        (["replay", "FOLDER", "NO_PACKETS"], 2, "it holds no packets, so there is nothing to replay"),
        (["replay", "FOLDER", "/dev/null"], 2, "/dev/null is a device, not a file: name a pcap or pcapng file"),
        (["replay", "FOLDER", "/dev/zero"], 2, "/dev/zero is a device, not a file"),
        (["replay", "FOLDER", "/"], 2, "/ is a folder, not a file"),
        (["replay", "FOLDER", "/no/such/file"], 2, "No such file or directory: name a pcap or pcapng file"),
    ],
)
def test_an_error_is_one_line_with_its_exit_code(
    folder: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    named = {"FOLDER": str(folder), "EMPTY": str(tmp_path)}
    files = {
        "FOREIGN": section("<") + interface("<", 9, linktype=113) + packet("<", 0, 0),
        "NO_PACKETS": section("<") + interface("<", 9),
    }
    for name, data in files.items():
        named[name] = str(tmp_path / name)
        (tmp_path / name).write_bytes(data)
    done = nicrig(*(named.get(argument, argument) for argument in arguments))
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    assert message in done.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("--rate", "nan"), ("--rate", "-1"), ("--longest-gap", "-1"), ("--longest-gap", "nan"), ("--times", "0")],
)
def test_a_number_out_of_range_is_a_usage_error(folder: Path, recorded: Path, option: str, value: str) -> None:
    done = nicrig("replay", folder, recorded, option, value)
    assert (done.exit_code, option in done.stderr) == (2, True), done.stderr


def test_a_card_that_closes_the_wire_is_an_error_and_no_account() -> None:
    """It closes that of a ninth peer."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name, CardProcess(Path(name)), ExitStack() as peers:
        for _ in range(8):
            peers.enter_context(WirePeer(RigPaths(Path(name)).wire))
        done = nicrig("inject", name, PING)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (125, "", 1), done.stderr
    assert "the card closed the wire" in done.stderr


def test_two_paces_are_a_usage_error(folder: Path, recorded: Path) -> None:
    done = nicrig("replay", folder, recorded, "--rate", "1", "--flat-out")
    assert done.exit_code == 2
    assert "give --rate or --flat-out, not both" in done.stderr


def test_the_sockets_of_a_killed_card_are_a_one_line_error() -> None:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        with CardProcess(Path(name)) as card:
            os.kill(card.pid, signal.SIGKILL)
        done = nicrig("inject", name, PING)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (125, "", 1), done.stderr
    assert "monitor.sock" in done.stderr
