# SPDX-License-Identifier: GPL-2.0-or-later
"""What a card's monitor answers, through the commands that ask it: used, or one line and an exit code."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from nicrig.card.monitor import DROPS
from nicrig.cli import app
from nicrig.witnesses.words import DROPPED
from nicrig_device.spec.counters import COUNTERS
from nicrig_interface.answers import CardState, FaultState, FieldState, LedgerState, RegisterState, RingState
from tests.fakes.answering_monitor import AnsweringMonitor
from tests.fakes.recorder import Rings
from tests.strategies import distorted

SOUND: dict[str, object] = {
    "query-card": CardState("bus-master", "msix", "52:54:00:00:00:01", True, True, "1", 1, 0, True, False, []),
    "query-counters": dict.fromkeys(COUNTERS, 0),
    "query-rings": [RingState("rx", 0, True, 0x1000, 64, 1, 2, 3)],
    "query-ledger": LedgerState("report", None, 1, 2, 3, 4, {"stray": 0}),
    "query-faults": [FaultState("frame-lost", "Loses.", "Nothing.", "frames", True, 0, 1, 1, 1)],
    "query-registers": [
        RegisterState("card", 0, "ID", 0, 0, 32, "ro", 7, [FieldState("VERSION", 0, 8, 1)], "Identity.")
    ],
}
VERBS = {
    "faults": ["query-faults"],
    "registers": ["query-registers"],
    "status": ["query-card", "query-counters"],
    "top": ["query-card", "query-counters", "query-rings", "query-ledger", "query-recorder"],
    "recorder": ["query-recorder"],
    "inject": ["query-card"],
    "qemu-args": ["query-card"],
}
WORDS = {"top": ["--once"], "inject": ["Ether()"]}
PAIRS = [(verb, command) for verb, commands in VERBS.items() for command in commands]
NONSENSE: list[object] = [None, 7, "\x1b[2J" * 1000, [], [7], [{}], {"kind": "none"}, {"head": "x", "policy": 3}]


@pytest.fixture(scope="module")
def monitor() -> Iterator[tuple[Path, AnsweringMonitor]]:
    """A folder, and the monitor of the card that serves there."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name, AnsweringMonitor(Path(name)) as served:
        SOUND["query-recorder"] = Rings(Path(name)).layout
        yield Path(name), served


def ask(monitor: tuple[Path, AnsweringMonitor], verb: str, changed: dict[str, object]) -> Result:
    folder, served = monitor
    served.answers = msgspec.to_builtins(SOUND) | changed
    return CliRunner().invoke(app, [verb, str(folder), *WORDS.get(verb, [])])


def check_one_line(done: Result) -> None:
    """The command ended as a command does that could not use an answer."""
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 125
    (line,) = done.output.splitlines()
    assert line.isprintable()
    assert len(line.encode()) < 4100


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "inject"])
def test_sound_answers_are_used(monitor: tuple[Path, AnsweringMonitor], verb: str) -> None:
    done = ask(monitor, verb, {})
    assert done.exit_code == (1 if verb == "recorder" else 0), done.output  # it has no records


def test_each_counter_of_dropped_frames_is_a_word_of_the_witnesses() -> None:
    assert set(DROPS) == set(DROPPED)


@pytest.mark.parametrize(("verb", "command"), PAIRS)
@pytest.mark.parametrize("answer", NONSENSE)
def test_an_answer_that_makes_no_sense_is_one_line(
    monitor: tuple[Path, AnsweringMonitor], verb: str, command: str, answer: object
) -> None:
    if answer == [] and isinstance(SOUND[command], list):
        assert ask(monitor, verb, {command: answer}).exit_code == 0  # a card may have none
        return
    done = ask(monitor, verb, {command: answer})
    if verb == "status":
        assert (done.exit_code, done.output.count("\n")) == (125, 1)
        assert ": dead: " in done.output
    else:
        check_one_line(done)


@given(st.sampled_from(PAIRS), st.data())
def test_whatever_a_card_answers_is_used_or_one_line(
    monitor: tuple[Path, AnsweringMonitor], pair: tuple[str, str], data: st.DataObject
) -> None:
    verb, command = pair
    done = ask(monitor, verb, {command: data.draw(distorted(msgspec.to_builtins(SOUND[command])))})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (0, 1, 2, 125)
    assert all(line.isprintable() for line in done.output.splitlines())
