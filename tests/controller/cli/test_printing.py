# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig recorder`, `verify` and `rules`, through the command itself."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nicrig.cli import app, printing
from nicrig.cli.app import COHERENT, RIG_FAILED, USAGE, VIOLATION
from nicrig.recorder import recording
from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import Event
from nicrig.verifier.functions import BY_NAME, Detail, Phase, RecordKind
from nicrig.verifier.rules import RULES
from nicrig_interface.answers import RecorderLayout
from tests.fakes.recorder import DETAIL, SETTLED, Rings

ENTER = make_event(1, "MiniportInitialize", RecordKind.ENTER, Phase.INITIALIZE, 0, 0, 0, 0, 0x5A17)
CLAIM = make_event(2, "NdisMInitializeScatterGatherDma", RecordKind.CALL, Phase.INITIALIZE, 0, 0, 0, 0, 1, 1514)
STALL = make_event(2, "NdisStallExecution", RecordKind.CALL, Phase.INITIALIZE, 0, 0, 0, 0, 51)
LINK = make_event(1, "card.link", RecordKind.CALL, 0, 0, 0, 0, 0, 1)
CLEAN, BROKEN = [LINK, ENTER], [ENTER, LINK, CLAIM]
"""CLAIM breaks R01 (E): it comes before NdisMSetAttributesEx. STALL breaks R132 (W)."""


MAIN = [sys.executable, "-c", "from nicrig.cli import main; main()"]


def nicrig(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def save(folder: Path, events: list[Event], end: bytes = recording.end(0)) -> Path:
    path = folder / "recording"
    path.write_bytes(recording.header(Detail.FRAMES) + b"".join(map(recording.line, events)) + end)
    return path


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield Path(name)


@pytest.mark.parametrize(("last", "shown"), [(0, BROKEN), (1, BROKEN[2:]), (9, BROKEN)])
def test_recorder_prints_a_recording_or_its_end(tmp_path: Path, last: int, shown: list[Event]) -> None:
    done = nicrig("recorder", save(tmp_path, BROKEN), "--last", str(last))
    assert done.exit_code == COHERENT
    assert done.stdout.splitlines() == [recording.text(event) for event in shown]


def test_recorder_s_json_is_a_recording(tmp_path: Path) -> None:
    path = save(tmp_path, BROKEN)
    assert nicrig("recorder", path, "--json").stdout_bytes == path.read_bytes()


def test_verify_finds_a_clean_recording_clean(tmp_path: Path) -> None:
    done = nicrig("verify", save(tmp_path, CLEAN))
    assert (done.exit_code, done.stdout) == (COHERENT, "clean: records 2 lost 0 broken 0\n")


def test_verify_shows_what_is_broken_and_the_records_that_show_it(tmp_path: Path) -> None:
    done = nicrig("verify", save(tmp_path, BROKEN))
    lines = done.stdout.splitlines()
    assert done.exit_code == VIOLATION
    assert any(line.startswith("R01 E: ") for line in lines)
    assert f"  | {recording.text(CLAIM)}" in lines
    assert re.fullmatch(r"violations: records 3 lost 0 broken [1-9]", lines[-1])


def test_verify_shows_the_first_violation_of_a_rule_whole_and_counts_the_others(tmp_path: Path) -> None:
    stalls = [STALL._replace(sequence=number) for number in range(2, 9)]
    lines = nicrig("verify", save(tmp_path, [ENTER, *stalls])).stdout.splitlines()
    shown = lines.index(f"  | {recording.text(stalls[0])}")
    assert lines[shown - 1].startswith("R132 W: ")
    assert lines[shown + 1 :] == [
        "  6 more of R132",
        "not counted, as --fail-on says: R132 7",
        "clean: records 8 lost 0 broken 0",
    ]


@pytest.mark.parametrize(
    ("fail_on", "code", "said"),
    [
        ([], COHERENT, ["not counted, as --fail-on says: R132 1", "clean: records 3 lost 0 broken 0"]),
        (["--fail-on", "F"], COHERENT, ["not counted, as --fail-on says: R132 1", "clean: records 3 lost 0 broken 0"]),
        (["--fail-on", "w"], VIOLATION, ["violations: records 3 lost 0 broken 1"]),
    ],
)
def test_verify_fails_from_the_chosen_severity_on(
    tmp_path: Path, fail_on: list[str], code: int, said: list[str]
) -> None:
    path = save(tmp_path, [*CLEAN, STALL])
    done = nicrig("verify", path, *fail_on)
    lines = done.stdout.splitlines()
    assert (done.exit_code, lines[2:]) == (code, said)
    assert lines[0].startswith("R132 W: ")
    judged = json.loads(nicrig("verify", path, "--json", *fail_on).stdout)
    assert (judged["clean"], judged["counts"]) == (code == COHERENT, {"R132": 1})
    assert judged["minor"] == ({"R132": 1} if code == COHERENT else {})


@pytest.mark.parametrize(("events", "code"), [(CLEAN, COHERENT), (BROKEN, VIOLATION), ([], VIOLATION)])
def test_verify_s_json_says_the_same(tmp_path: Path, events: list[Event], code: int) -> None:
    done = nicrig("verify", save(tmp_path, events), "--json")
    judged = json.loads(done.stdout)
    assert done.exit_code == code
    assert (judged["clean"], judged["events"], judged["lost"]) == (code == COHERENT, len(events), 0)
    assert sum(judged["counts"].values()) == len(judged["violations"])
    assert ("R01" in judged["counts"]) == (events is BROKEN)
    assert judged["verdict"] == {id(CLEAN): "clean", id(BROKEN): "violations"}.get(id(events), "unknown")
    assert bool(judged["unseen"]) == (judged["verdict"] == "unknown")
    assert {violation["rule"] for violation in judged["violations"]} == set(judged["counts"])
    assert {group["rule"]: group["count"] for group in judged["sites"]} == judged["counts"]


def test_verify_groups_by_rule_and_call_site(tmp_path: Path) -> None:
    stalls = [STALL._replace(sequence=STALL.sequence + more, site="miniport/send.c:50") for more in range(3)]
    path = save(tmp_path, [*CLEAN, *stalls])
    lines = nicrig("verify", path).stdout.splitlines()
    assert lines[0].endswith(" (at miniport/send.c:50)")
    assert lines[2] == "  2 more of R132 at miniport/send.c:50"
    judged = json.loads(nicrig("verify", path, "--json").stdout)
    assert judged["sites"] == [{"rule": "R132", "site": "miniport/send.c:50", "count": 3}]
    assert {violation["site"] for violation in judged["violations"]} == {"miniport/send.c:50"}


def test_an_error_is_printed_without_control_characters(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    done = nicrig("verify", "\x1b]0;title\x07")
    assert done.exit_code == USAGE
    assert done.stderr.startswith(r"nicrig: \x1b]0;title\x07: No such file")


@pytest.mark.parametrize(
    ("events", "end", "words"),
    [([], recording.end(0), "nothing"), (CLEAN, recording.end(3), "3 records"), (CLEAN, b"", "is cut")],
)
def test_verify_finds_a_recording_that_lacks_records_unknown(
    tmp_path: Path, events: list[Event], end: bytes, words: str
) -> None:
    path = save(tmp_path, events, end)
    done = nicrig("verify", path)
    reason, verdict = done.stdout.splitlines()
    assert words in reason
    assert verdict.startswith("unknown: records ")
    assert done.exit_code == VIOLATION


@pytest.mark.anyio
@pytest.mark.parametrize("asleep", [True, False])
async def test_verify_takes_a_running_rig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asleep: bool
) -> None:
    rings = Rings(tmp_path)
    rings.guest.set_word(DETAIL, Detail.FRAMES)

    async def layout(folder: Path) -> RecorderLayout:
        return rings.layout

    monkeypatch.setattr(printing, "_layout", layout)
    monkeypatch.setattr(printing, "REST_SECONDS", 0.2)
    rings.guest.write(function=BY_NAME["MiniportInitialize"].number, kind=RecordKind.ENTER, phase=Phase.INITIALIZE)
    rings.guest.write(function=BY_NAME["NdisMMapIoSpace"].number, phase=Phase.INITIALIZE, a=0xFE000000, b=0x1000)
    if not asleep:  # a frame that the driver may still take
        rings.card.write(function=11, a=0, b=0x1000, c=60, d=rings.card.keep(bytes(60)), result=2)
        rings.card.set_word(SETTLED, 2)
    assert not await printing.verify_card(tmp_path, json=False)
    shown = capsys.readouterr().out
    assert "R01 E: NdisMMapIoSpace" in shown
    assert "lost 0 broken" in shown.splitlines()[-1]
    assert "first lost frame" not in shown


@pytest.mark.parametrize(
    ("events", "end", "words"),
    [([], recording.end(0), "no records"), (CLEAN, recording.end(3), "3 records"), (CLEAN, b"", "is cut")],
)
@pytest.mark.parametrize("json", [True, False])
def test_recorder_says_what_is_missing(tmp_path: Path, events: list[Event], end: bytes, words: str, json: bool) -> None:
    path = save(tmp_path, events, end)
    done = nicrig("recorder", path, *(["--json"] if json else []))
    assert done.exit_code == VIOLATION
    assert done.stderr.startswith("nicrig: unknown: ")
    assert words in done.stderr
    assert not json or done.stdout_bytes == path.read_bytes()


def test_rules_lists_every_rule() -> None:
    shown = nicrig("rules").stdout
    assert re.findall(r"^(R\d+) [FEWI] ", shown, re.MULTILINE) == list(RULES)


def test_rules_as_json_say_which_test_shows_each_or_why_none_can() -> None:
    done = nicrig("rules", "--json")
    listed = json.loads(done.stdout)
    assert done.exit_code == COHERENT
    assert [rule["id"] for rule in listed] == list(RULES)
    for rule in listed:
        assert rule["observable"] == (rule["reason"] == "") == (rule["test"] != ""), rule["id"]
        assert rule["text"]
        assert rule["severity"] in "FEWI"


@pytest.mark.parametrize(
    "arguments", [["recorder"], ["recorder", "x", "--last", "-1"], ["verify"], ["verify", "a", "b"], ["rules", "extra"]]
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str]) -> None:
    assert nicrig(*arguments).exit_code == USAGE


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["verify", "none"], USAGE, "none: No such file"),
        (["verify", "."], RIG_FAILED, "no card serves at"),
        (["verify", "/dev/zero"], USAGE, "/dev/zero is a device, not a file"),
        (["recorder", "/dev/zero"], USAGE, "/dev/zero is a device, not a file"),
        (["verify", "bad"], USAGE, "bad: line 3 is not a record"),
        (["recorder", "none"], USAGE, "none: No such file"),
        (["recorder", "bad", "--last", "1"], USAGE, "bad: line 3 is not a record"),
        (["recorder", "."], RIG_FAILED, "no card serves at"),
        (["recorder", "gone"], RIG_FAILED, "the card's monitor"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_its_exit_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(folder)
    Path("bad").write_bytes(recording.header(Detail.FRAMES) + recording.line(LINK) + b"no record\n")
    Path("gone").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:  # its file stays behind
        dead.bind("gone/monitor.sock")
    done = nicrig(*arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert re.fullmatch(r"nicrig: [^\n]+\n", done.stderr)
    assert words in done.stderr


@pytest.mark.real
@pytest.mark.parametrize(
    ("command", "count"),
    [
        (["recorder", "F"], 1),  # shorter than the buffer: noticed at the end
        (["recorder", "F"], 2000),
        (["recorder", "F", "--json"], 2000),
        (["verify", "F"], 2000),
        (["rules"], 0),
        (["--help"], 0),
        (["report", "F"], 1),
    ],
)
def test_a_closed_pipe_is_no_error(tmp_path: Path, command: list[str], count: int) -> None:
    events = [ENTER, *(CLAIM._replace(sequence=number) for number in range(2, count + 2))]
    arguments = [str(save(tmp_path, events)) if word == "F" else word for word in command]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*MAIN, *arguments], check=False, stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == (VIOLATION if command[0] == "verify" else COHERENT)


@pytest.mark.real
@pytest.mark.parametrize(
    "command", [["recorder", "F"], ["verify", "F"], ["rules", "--json"], ["--help"], ["report", "F"]]
)
def test_a_full_device_is_one_line_and_exit_code_125(tmp_path: Path, command: list[str]) -> None:
    file = str(save(tmp_path, [ENTER, CLAIM]))
    arguments = [file if word == "F" else word for word in command]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*MAIN, *arguments], check=False, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.stderr == b"nicrig: standard output: No space left on device: name a file that has room\n"
    assert done.returncode == RIG_FAILED


@pytest.mark.real
def test_a_full_device_for_errors_changes_no_exit_code() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*MAIN, "verify", "no-such-file"], check=False, stderr=full, timeout=60)
    assert done.returncode == USAGE


@pytest.mark.real
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_outputs_change_no_exit_code(closed: str) -> None:
    argv = ["sh", "-c", f'exec "$@" {closed}', "sh", *MAIN, "rules"]
    done = subprocess.run(argv, check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (COHERENT, b"")
